"""How the cost of scoring grows with rows, few-shot examples and questions a passage, by `hf-shared` and by `hf`.

python -m benchmarks.scaling --model build/base --data-dir DIR
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from benchmarks.evaluation import CASES, Case, measure, squad_set
from harness_tasks.errors import exit_on_user_error

app = typer.Typer(add_completion=False)

ROWS, SHOTS, QUESTIONS = (109, 218, 436, 872), (0, 2, 8), (1, 5, 10)
SHOT_ROWS = 200
"""Rows behind each number of few-shot examples."""


@app.command()
def main(
    data_dir: Annotated[str, typer.Option(help="Folder with the official SST-2 and SQuAD files.")],
    model: Annotated[str, typer.Option(help="Base model: Hub id or folder.")] = "build/base",
    dtype: Annotated[str, typer.Option(help="Of the weights.")] = "bfloat16",
    pairs: Annotated[int, typer.Option(min=1, help="Runs of each contender, in turns.")] = 1,
    output: Annotated[Path | None, typer.Option(help="JSON file for the numbers.")] = None,
) -> None:
    """Prints the seconds in the model of both contenders, and the tokens that hf-shared read, point by point."""
    from harness_tasks.files import write_json

    numbers: list[dict[str, Any]] = []
    with exit_on_user_error():
        for what, value, case in points():
            hf, ours = measure(case, data_dir, model=model, dtype=dtype, pairs=pairs)
            found = {"what": what, "value": value, "rows": len(ours.rows), **ours.counts}
            found |= {"hf": median(hf.inference), "hf-shared": median(ours.inference)}
            numbers.append(found)
            print(
                f"{what} {value}: {found['rows']} rows, hf {found['hf']:.1f} s, hf-shared {found['hf-shared']:.1f} s, "
                f"{found['tokens_read']:,} tokens read",
                flush=True,
            )
        if output:
            write_json(output, numbers)


def points() -> Iterator[tuple[str, int, Case]]:
    """Yields what grows, how far, and the case."""
    for rows in ROWS:
        yield "rows", rows, replace(CASES["sst2"], places=partial(_first, rows))
    for shots in SHOTS:
        case = replace(CASES["sst2-8-shots"], options=("--num_fewshot", str(shots)))
        yield "shots", shots, replace(case, places=partial(_first, SHOT_ROWS))
    for questions in QUESTIONS:
        places = partial(squad_set, questions=questions, of=max(QUESTIONS))
        yield "questions a passage", questions, replace(CASES["squad"], places=places)


def _first(rows: int, data_dir: Path) -> list[int]:
    return list(range(rows))


if __name__ == "__main__":
    sys.exit(app())
