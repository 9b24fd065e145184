"""Scoring by `hf-shared` beside lm_eval's own command with `hf`: in turns, what each took, and what they answered.

python -m benchmarks.evaluation --model build/base --data-dir DIR
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from benchmarks.finetune import ratio_text
from harness_tasks import TASKS_PATH
from harness_tasks.errors import exit_on_user_error

app = typer.Typer(add_completion=False)

_HERE = Path(__file__).resolve().parent
ARTICLES, QUESTIONS = 41, 5
"""The SQuAD set: of so many articles in file order the first passage that has so many questions, those first ones."""


@dataclass(frozen=True)
class Case:
    """What is scored, and the batch size that suits each contender best."""

    tasks: str
    hf_rows: int
    our_rows: int
    options: tuple[str, ...] = ()
    include: Path = TASKS_PATH
    places: Callable[[Path], list[int]] | None = None
    """Returns which rows are scored, of the data in a folder; None: all."""


def squad_set(data_dir: Path, questions: int = QUESTIONS, *, of: int = QUESTIONS) -> list[int]:
    """Returns which questions of SQuAD v1.1's development file are timed, by their places in it, in order.

    Of each of the first `ARTICLES` articles that has one, the first ``questions`` of the first passage with ``of``.
    """
    articles = json.loads((data_dir / "squad1" / "dev-v1.1.json").read_text(encoding="utf-8"))["data"]
    at, chosen = 0, list[int]()
    for number, article in enumerate(articles):
        is_found = number >= ARTICLES
        for passage in article["paragraphs"]:
            if not is_found and len(passage["qas"]) >= of:
                chosen += range(at, at + questions)
                is_found = True
            at += len(passage["qas"])
    return chosen


CASES = {
    "squad": Case("squad_v1_llama", 32, 64, places=squad_set),
    "squad-500": Case("squad_v1_llama", 32, 64, places=lambda data_dir: list(range(500))),
    "sst2": Case("sst2_llama_glue", 32, 32),
    "sst2-8-shots": Case("sst2_first8", 16, 64, ("--num_fewshot", "8"), _HERE / "tasks"),
    "demo": Case("reviews_demo,passages_demo", 32, 64),
}
"""By name: the cases that can be timed."""


@dataclass
class Side:
    """One contender's runs of a case, each a list with an entry a turn.

    Seconds in the model, of the whole command, and until the first forward; the peak of memory in bytes; the last
    turn's sample rows, and what `benchmarks.timed` counted in it.
    """

    inference: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    start: list[float] = field(default_factory=list)
    peak: list[int] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


@app.command()
def main(
    data_dir: Annotated[str, typer.Option(help="Folder with the official SST-2 and SQuAD files.")],
    model: Annotated[str, typer.Option(help="Base model: Hub id or folder.")] = "build/base",
    adapter: Annotated[
        list[str] | None, typer.Option(help="Adapter to score it with; several: the base and each of them.")
    ] = None,
    case: Annotated[list[str] | None, typer.Option(help=f"Of {', '.join(CASES)}; may be repeated.")] = None,
    dtype: Annotated[str, typer.Option(help="Of the weights.")] = "bfloat16",
    pairs: Annotated[int, typer.Option(min=1, help="Runs of each contender, in turns.")] = 5,
    hf_rows: Annotated[int | None, typer.Option(help="Batch size of hf, instead of the case's.")] = None,
    our_rows: Annotated[int | None, typer.Option(help="Batch size of hf-shared, instead of the case's.")] = None,
    output: Annotated[Path | None, typer.Option(help="JSON file for the numbers.")] = None,
) -> None:
    """Prints how many times faster hf-shared is than hf, in the model and as a whole command, and where they differ."""
    numbers: dict[str, Any] = {}
    with exit_on_user_error():
        for name in case or ["squad", "sst2", "sst2-8-shots"]:
            own = CASES[name]
            chosen = replace(own, hf_rows=hf_rows or own.hf_rows, our_rows=our_rows or own.our_rows)
            hf, ours = measure(chosen, data_dir, model=model, adapters=adapter or (), dtype=dtype, pairs=pairs)
            batch = {"hf": chosen.hf_rows, "hf-shared": chosen.our_rows}
            numbers[name] = {"batch": batch, **_told(name, batch, hf, ours)}
        if output:
            from harness_tasks.files import write_json

            write_json(output, numbers)


def measure(
    case: Case, data_dir: str, *, model: str, adapters: Sequence[str] = (), dtype: str, pairs: int
) -> tuple[Side, Side]:
    """Returns what `hf` and `hf-shared` took for a case, in ``pairs`` turns.

    Of several ``adapters`` each is scored, and the base: by `hf` in as many commands, by `hf-shared` in one.
    """
    worn: list[str | None] = [*adapters] if len(adapters) == 1 else [None, *adapters]
    rows = {"hf": case.hf_rows, "hf-shared": case.our_rows}
    sides = {contender: Side() for contender in rows}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(pairs):
            # Whoever goes second meets a warmer machine: they take turns in that, too.
            for contender in sorted(rows, reverse=bool(turn % 2)):
                each = [worn] if contender == "hf-shared" else [[one] for one in worn]
                commands = [arguments(case, contender, rows[contender], data_dir, model, some, dtype) for some in each]
                _run(commands, Path(folder) / f"{contender}-{turn}", sides[contender])
    return sides["hf"], sides["hf-shared"]


def arguments(
    case: Case, contender: str, rows: int, data_dir: str, model: str, adapters: Sequence[str | None], dtype: str
) -> list[str]:
    """Returns the arguments of lm_eval, but the one that names the output; ``rows``: the batch size."""
    worn = adapters[0] if len(adapters) == 1 else list(adapters)
    model_args = {"pretrained": model, "dtype": dtype} | ({"peft": worn} if worn else {})
    words = ["--model", contender, "--model_args", json.dumps(model_args), "--tasks", case.tasks, "--device", "cpu"]
    words += ["--batch_size", str(rows), "--log_samples", "--include_path", str(case.include)]
    words += ["--metadata", json.dumps({"data_dir": data_dir}), *case.options]
    if case.places:
        words += ["--samples", json.dumps({case.tasks: case.places(Path(data_dir))})]
    return words


def run(words: Sequence[str]) -> None:
    """Runs `benchmarks.timed` with these words; ends the process with its last lines where it fails."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    command = [sys.executable, "-m", "benchmarks.timed", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr[-4000:]}")


def _run(commands: Sequence[Sequence[str]], place: Path, side: Side) -> None:
    """Runs commands one after another; notes what they took together and what they answered."""
    taken = []
    side.rows = []
    whole = 0.0
    for number, words in enumerate(commands):
        folder = place / str(number)
        folder.mkdir(parents=True)
        at, began = time.time(), time.perf_counter()
        run([str(folder / "taken.json"), *words, "--output_path", str(folder)])
        whole += time.perf_counter() - began
        taken.append(json.loads((folder / "taken.json").read_text(encoding="utf-8")))
        if number == 0:
            side.start.append(taken[0]["first_forward"] - at)
        side.rows += _samples(folder)
    side.whole.append(whole)
    side.inference.append(sum(one["seconds"] for one in taken))
    side.peak.append(max(one["peak_bytes"] for one in taken))
    side.counts = {name: taken[0][name] for name in ("tokens_read", "logits_made") if name in taken[0]}


def _samples(folder: Path) -> list[dict[str, Any]]:
    """Returns the sample rows that a command wrote, each with the number of its run on its task."""
    files: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.rglob("samples_*.jsonl"), key=lambda path: path.stat().st_mtime_ns):
        files[path.name.rpartition("_")[0]].append(path)
    texts = (
        path.read_text(encoding="utf-8")
        for number in range(len(next(iter(files.values()))))
        for path in (files[task][number] for task in sorted(files))
    )
    return [json.loads(line) for text in texts for line in text.splitlines()]


def _told(name: str, batch: dict[str, int], hf: Side, ours: Side) -> dict[str, Any]:
    """Prints the ratios of a case and returns its numbers."""
    told: dict[str, Any] = {"rows": len(hf.rows), "hf": _taken(hf), "hf-shared": _taken(ours), **ours.counts}
    print(f"{name}, {len(hf.rows)} rows, batches of {batch['hf']} (hf) and {batch['hf-shared']} (hf-shared)")
    for what in ("inference", "whole", "start"):
        one, other = getattr(hf, what), getattr(ours, what)
        ratios = [slow / fast for slow, fast in zip(one, other, strict=True)]
        told[f"{what}_ratios"] = ratios
        label = {"inference": "in the model", "whole": "whole command", "start": "first forward"}[what]
        print(f"  {label:<14} {median(one):7.1f} s  {median(other):7.1f} s  {ratio_text(ratios)} times faster")
    print(f"  {'peak memory':<14} {max(hf.peak) / 1e9:6.1f} GB  {max(ours.peak) / 1e9:6.1f} GB")
    told["differences"] = _differences(hf.rows, ours.rows)
    print("  answers that differ: {answers}; of them {scores} change a score".format(**told["differences"]), flush=True)
    return told


def _taken(side: Side) -> dict[str, Any]:
    return {name: getattr(side, name) for name in ("inference", "whole", "start", "peak")}


def _differences(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns how many rows have another choice or another text, how many another score, and which rows."""
    answers, scores, largest = list[int](), 0, 0.0
    for row, its in zip(one, other, strict=True):
        assert row["doc_hash"] == its["doc_hash"]
        said, told = row["filtered_resps"], its["filtered_resps"]
        if isinstance(said[0], list):
            values = [[float(value) for value, _ in side] for side in (said, told)]
            largest = max([largest, *(abs(a - b) for a, b in zip(*values, strict=True))])
            said, told = (max(range(len(side)), key=side.__getitem__) for side in values)
        if said != told:
            answers.append(row["doc_id"])
            scores += any(row[metric] != its[metric] for metric in row["metrics"])
    return {"answers": len(answers), "scores": scores, "rows": answers, "log_likelihood": largest}


if __name__ == "__main__":
    app()
