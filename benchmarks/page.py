"""docs/benchmarks.md and its picture, from the numbers that the benchmarks wrote; no number is typed in.

python -m benchmarks.page --numbers build/bench
"""

import json
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from harness_tasks.files import write_text

app = typer.Typer(add_completion=False)

NAMES = {
    "squad": "SQuAD v1.1, 205 questions on 41 passages",
    "squad-500": "SQuAD v1.1, the first 500 questions",
    "sst2": "SST-2, 872 sentences",
    "sst2-8-shots": "SST-2 with 8 few-shot examples",
    "demo": "both demo tasks",
    "fine-tuned": "SQuAD v1.1, fine-tuned",
    "adapters": "both demo tasks, base and two adapters",
}
"""How the page calls a case."""
COLUMNS: tuple[str, ...] = (
    "case",
    "rows",
    "batch",
    "pairs",
    "in the model",
    "times faster",
    "whole",
    "times faster",
    "first forward",
)
COLUMNS += ("peak GB", "answers that differ (scores)")
"""The columns of the table of cases."""
HF, OURS = "#b7791f", "#2b6cb0"
"""The colours of the two contenders."""


@app.command()
def main(
    numbers: Annotated[Path, typer.Option(help="Folder with the JSON files.")] = Path("build/bench"),
    output: Annotated[Path, typer.Option(help="The page; its picture is put beside it.")] = Path("docs/benchmarks.md"),
) -> None:
    """Writes the page and its picture."""
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(numbers.glob("*.json"))}
    cases = cases_of(found)
    picture(cases, found.get("scaling", []), output.with_suffix(".svg"))
    write_text(output, "\n".join(lines(cases, found, output.with_suffix(".svg").name)) + "\n")
    print(output)


def cases_of(found: dict[str, Any]) -> dict[str, Any]:
    """Returns the timed cases by name; those with adapters have names of their own."""
    cases = dict(found.get("evaluation", {}))
    for name in ("fine-tuned", "adapters"):
        if name in found:
            (cases[name],) = found[name].values()
    return cases


def lines(cases: dict[str, Any], found: dict[str, Any], image: str) -> Iterator[str]:
    """Yields the page's lines."""
    yield "# Benchmarks"
    yield ""
    yield f"Written by `python -m benchmarks.page` on {datetime.now(UTC):%Y-%m-%d}: {machine()}."
    yield "Compare ratios; seconds are this machine's. What is measured, and how to repeat it, is in"
    yield "[benchmarks/README.md](../benchmarks/README.md)."
    yield ""
    yield f"![How many times faster hf-shared is than hf, and how both grow]({image})"
    yield ""
    yield "## Scoring: `hf-shared` beside lm_eval's `hf`"
    yield ""
    yield "The same rows, prompts and weights (the embedded base, bfloat16), in turns; medians, and the lowest and the"
    yield "highest ratio of the pairs. *In the model* is the time in the model class's answering methods, *whole* that"
    yield "of the command: `lm_eval run --model hf`, and `aftertune score --model hf-shared`."
    yield ""
    yield from table(
        COLUMNS,
        [_case(name, case) for name, case in cases.items()],
    )
    yield "In each cell `hf` comes first. In bfloat16 the order of sums decides rounding, so answers differ where two"
    yield "tokens are close: the last column counts them, and those among them whose score is another one."
    yield ""
    if exact := found.get("float32"):
        yield "## The same answers in float32"
        yield ""
        yield from table(
            ("case", "rows", "choices or texts that differ", "largest difference of a log-likelihood"),
            [_exact(name, case["rows"], case["differences"]) for name, case in exact.items()],
        )
    if roofline := found.get("roofline"):
        yield from _roofline(roofline)
    if scaling := found.get("scaling"):
        yield "## How cost grows"
        yield ""
        yield "Seconds in the model; shots on 200 rows of SST-2, questions on those passages of SQuAD's first 41"
        yield "articles that have ten."
        yield ""
        rows = [_grown(at) for at in scaling]
        yield from table(("", "rows", "`hf` s", "`hf-shared` s", "times faster", "tokens read by `hf-shared`"), rows)
    if peers := found.get("peers"):
        yield from _peers(peers)
    if statistics := found.get("statistics"):
        yield from _statistics(statistics)


def machine() -> str:
    """Returns the processor, its cores, and the versions that count."""
    names = (line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name"))
    cpu = next(names, platform.processor())
    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "lm_eval"))
    return f"{cpu}, {os.cpu_count()} cores, {libraries}"


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _case(name: str, case: dict[str, Any]) -> tuple[str, ...]:
    hf, ours, differences = case["hf"], case["hf-shared"], case["differences"]
    return (
        NAMES.get(name, name),
        f"{case['rows']:,}",
        f"{case['batch']['hf']}, {case['batch']['hf-shared']}",
        str(len(hf["whole"])),
        f"{median(hf['inference']):.1f} s, {median(ours['inference']):.1f} s",
        ratio(case["inference_ratios"]),
        f"{median(hf['whole']):.1f} s, {median(ours['whole']):.1f} s",
        ratio(case["whole_ratios"]),
        f"{median(hf['start']):.1f} s, {median(ours['start']):.1f} s",
        f"{max(hf['peak']) / 1e9:.1f}, {max(ours['peak']) / 1e9:.1f}",
        f"{differences['answers']} ({differences['scores']})",
    )


def _grown(at: dict[str, Any]) -> tuple[str, ...]:
    seconds = (f"{at['hf']:.1f}", f"{at['hf-shared']:.1f}", f"{at['hf'] / at['hf-shared']:.2f}")
    return f"{at['what']}: {at['value']}", f"{at['rows']:,}", *seconds, f"{at['tokens_read']:,}"


def _exact(name: str, rows: int, found: dict[str, Any]) -> tuple[str, ...]:
    return NAMES[name], f"{rows:,}", str(found["answers"]), f"{found['log_likelihood']:.1e}"


def ratio(values: Sequence[float]) -> str:
    """Returns a median with the lowest and the highest.

    >>> ratio([3.1, 2.9, 3.04])
    '**3.04** (2.90 to 3.10)'
    """
    return f"**{median(values):.2f}** ({min(values):.2f} to {max(values):.2f})"


def _roofline(found: dict[str, Any]) -> Iterator[str]:
    one = next(iter(found.values()))
    yield "## How close to the machine"
    yield ""
    speed = f"{one['operations_a_second'] / 1e9:.0f} GFLOP/s here with {one['threads']} threads"
    yield f"A product of two square matrices in bfloat16 reaches {speed}."
    yield "Counted of a run are two operations a weight and token read, and a weight of the vocabulary's matrix and"
    yield "logit made; what attention multiplies is left out. The other columns are the shares of a profiled run."
    yield ""
    groups = list(one["profile"])
    rows = []
    for name, case in found.items():
        shares = [case["profile"][group] / case["profiled_seconds"] for group in groups]
        rows.append((NAMES[name], f"**{case['share']:.0%}**", *(f"{share:.0%}" for share in shares)))
    yield from table(("case", "of that speed", *groups), rows)


def _peers(found: dict[str, Any]) -> Iterator[str]:
    yield "## Beside other harnesses"
    yield ""
    yield "The prompts that `hf` was asked, in turns with `hf-shared`; how many times faster `hf-shared` is, and how"
    yield "many answers are other ones than those of `hf`."
    yield ""
    rows = []
    for name, case in found.items():
        for peer, installed in case["versions"].items():
            side = case[peer]
            rows.append(
                (
                    NAMES[name],
                    f"{peer} {installed}",
                    str(case["batch"][peer]),
                    str(len(side["whole"])),
                    ratio(side["inference_ratios"]),
                    ratio(side["whole_ratios"]),
                    f"{len(side['differ'])} of {case['rows']}",
                )
            )
    yield from table(("case", "peer", "batch", "pairs", "in the model", "whole", "answers that differ"), rows)


def _statistics(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "## Statistics, facts and comparisons"
    yield ""
    yield "On made-up result files of true form, one thread; seconds of the processor and of the clock, peak memory."
    yield ""
    rows = []
    for row in found:
        more = [f"{key} {value:g}" for key, value in row.items() if key not in ("what", "cpu_s", "wall_s", "peak_mb")]
        seconds = (f"{row['cpu_s']:.1f}", f"{row['wall_s']:.1f}")
        rows.append((row["what"], *seconds, f"{row['peak_mb']:,.0f}", ", ".join(more)))
    yield from table(("what", "CPU s", "clock s", "peak MB", "of which"), rows)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yields the lines of a Markdown table and an empty one."""
    yield "| " + " | ".join(columns) + " |"
    yield "|" + "---|" * len(columns)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def picture(cases: dict[str, Any], scaling: Sequence[dict[str, Any]], path: Path) -> None:
    """Draws the ratios of the cases, and beside them the growth with rows, shots and questions."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams |= {"svg.hashsalt": "aftertune", "font.size": 9}
    from matplotlib import pyplot

    kinds = list(dict.fromkeys(at["what"] for at in scaling))
    widths = [1.8, *[1] * len(kinds)]
    figure, panels = pyplot.subplots(
        1, len(widths), figsize=(7.5 + 2.4 * len(kinds), 3.4), width_ratios=widths, layout="constrained", squeeze=False
    )
    bars, *grown = panels[0]
    names = list(cases)[::-1]
    drawn = ((0.2, "inference_ratios", "in the model", OURS), (-0.2, "whole_ratios", "whole command", HF))
    for offset, what, label, colour in drawn:
        values = [median(cases[name][what]) for name in names]
        bars.barh([at + offset for at in range(len(names))], values, 0.38, label=label, color=colour)
    bars.set_yticks(range(len(names)), [NAMES.get(name, name) for name in names])
    bars.axvline(1, color="0.4", linewidth=0.8)
    bars.set_xlabel("times faster than hf")
    figure.legend(*bars.get_legend_handles_labels(), loc="outside upper left", ncols=2, frameon=False, fontsize=8)
    for axes, kind in zip(grown, kinds, strict=True):
        points = [at for at in scaling if at["what"] == kind]
        reached = [at["value"] for at in points]
        for contender, colour in (("hf", HF), ("hf-shared", OURS)):
            axes.plot(reached, [at[contender] for at in points], "o-", color=colour, label=contender)
        axes.set_xlabel(kind)
        axes.set_ylim(bottom=0)
    if grown:
        grown[0].set_ylabel("seconds in the model")
        grown[0].legend(frameon=False, fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


if __name__ == "__main__":
    sys.exit(app())
