"""Fine-tuning beside TRL's `SFTTrainer` and beside padding to one length: equal losses, and rows a second.

python -m benchmarks.finetune --model build/base --dtype float32
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from harness_tasks.errors import exit_on_user_error

if TYPE_CHECKING:
    from benchmarks.contenders import Kind
    from benchmarks.equality import Equality
    from benchmarks.turns import Measured

app = typer.Typer(add_completion=False)

SHORT_TASK = "reviews_demo"
"""Its rows share nothing with each other; on it the targets must be met."""
TARGETS: dict["Kind", float] = {"trl": 3.0, "script": 2.5}
"""How many times more rows a second ours must train on."""


@app.command()
def main(
    model: Annotated[str, typer.Option(help="Base model: Hub id or folder.")] = "build/base",
    task: Annotated[list[str], typer.Option(help="Task to train on; may be repeated.")] = [SHORT_TASK, "passages_demo"],  # noqa: B006
    dtype: Annotated[
        Literal["float32", "bfloat16"], typer.Option(help="Of the frozen base; LoRA's matrices are in float32.")
    ] = "float32",
    batch_size: Annotated[int, typer.Option(min=1, help="Rows per optimiser step.")] = 16,
    rows: Annotated[int, typer.Option(min=1, help="Rows of a pass.")] = 320,
    passes: Annotated[
        int,
        typer.Option(
            min=0, help="Timed passes over rows of reviews_demo (over other rows: one); 0: compare losses only."
        ),
    ] = 5,
    equal_steps: Annotated[int, typer.Option(min=0, help="Steps on the same batches; 0: compare speed only.")] = 10,
    output: Annotated[Path | None, typer.Option(help="JSON file for the numbers.")] = None,
) -> None:
    """Prints whether ours and TRL's learn the same from the same batches, and how fast each trains in its own way.

    Exit code 1: the losses differ by more than 0.001, or ours is not as many times faster as it is to be.
    """
    from benchmarks.contenders import KINDS, TRL_VERSION, check_trl
    from benchmarks.equality import compare
    from benchmarks.turns import measure
    from finetune.machine import versions
    from finetune.recipe import Recipe
    from finetune.run import Run

    with exit_on_user_error():
        check_trl()
        ok = True
        numbers: dict[str, Any] = {
            "versions": {**versions(), "trl": TRL_VERSION},
            "dtype": dtype,
            "model": model,
            "equality": [],
            "speed": {},
        }
        for name in task:
            run = Run(model, name, Path("unused"), recipe=Recipe(batch_size=batch_size), dtype=dtype, train_rows=rows)
            if equal_steps:
                equality = compare(run, steps=equal_steps)
                ok &= equality.holds
                numbers["equality"].append(equality.as_json())
                print(equality_text(equality), flush=True)
            if passes:
                measured = (
                    measure(run, passes=passes) if name == SHORT_TASK else measure(run, passes=1, kinds=KINDS[:3])
                )
                ok &= name != SHORT_TASK or not missed(measured)
                numbers["speed"][name] = [asdict(one) for one in measured]
                print(speed_text(measured, task=name, dtype=dtype), flush=True)
        if output:
            from harness_tasks.files import write_json

            write_json(output, numbers)
    raise typer.Exit(0 if ok else 1)


def equality_text(equality: "Equality") -> str:
    """Returns both loss curves side by side, and whether they are equal."""
    lines = [
        f"{equality.task}, the same batches of {equality.rows_per_step:.1f} rows on average, float32",
        f"{'step':>6}{'Aftertune':>12}{'TRL':>12}{'difference':>14}",
    ]
    pairs = zip(equality.losses, equality.trl_losses, strict=True)
    for step, (ours, theirs) in enumerate(pairs, 1):
        lines.append(f"{step:>6}{ours:>12.6f}{theirs:>12.6f}{ours - theirs:>14.1e}")
    verdict = "equal" if equality.holds else "NOT equal"
    lines.append(
        f"The losses are {verdict} to 0.001: they differ by {equality.largest_difference:.1e} at most. "
        f"The trained weights differ by {equality.weight_difference:.1e} of what training changed."
    )
    return "\n".join(lines) + "\n"


def speed_text(measured: Sequence["Measured"], *, task: str, dtype: str) -> str:
    """Returns a line a contender: its speed, what it puts into a step, and how many times faster ours is."""
    ours = measured[0]
    lines = [
        f"{task}, {ours.passes[0].rows} rows, {len(ours.passes)} passes, {dtype}; medians over the passes",
        f"{'':<34}{'rows/s':>8}{'rows/step':>11}{'learnt tokens/step':>20}{'tokens/row':>12}"
        "  Aftertune is (lowest to highest)",
    ]
    for one in measured:
        total = one.total
        beside = "" if one is ours else f"  {ratio_text(ours.ratios(one))} times faster"
        lines.append(
            f"{label(one):<34}{one.rows_a_second:>8.2f}{total.rows / total.steps:>11.1f}"
            f"{total.supervised_tokens / total.steps:>20.1f}{total.positions / total.rows:>12.1f}{beside}"
        )
    if task == SHORT_TASK:
        found = missed(measured)
        lines += [f"MISSED: {line}" for line in found] or ["Ours is as many times faster as it is to be."]
    return "\n".join(lines) + "\n"


def missed(measured: Sequence["Measured"]) -> list[str]:
    """Returns a line for each contender that ours is not as many times faster than as it is to be."""
    ours = measured[0]
    found = []
    for one in measured[1:]:
        target = TARGETS.get(one.kind, 0.0)
        ratio = median(ours.ratios(one))
        if ratio < target:
            found.append(f"{ratio:.2f} times faster than {label(one)}, to be {target}")
    return found


def label(one: "Measured") -> str:
    """Returns what the table calls a contender."""
    return {
        "aftertune": "Aftertune",
        "trl": "TRL's SFTTrainer",
        "script": f"padded to {one.width}, scripts' default",
        "longest": f"padded to {one.width}, longest row",
    }[one.kind]


def ratio_text(ratios: Sequence[float]) -> str:
    """Returns the median of some ratios, with the lowest and the highest.

    >>> ratio_text([3.9, 4.25, 4.1])
    '4.10 (3.90 to 4.25)'
    """
    return f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


if __name__ == "__main__":
    app()
