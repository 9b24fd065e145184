"""`aftertune train`: a checkpoint, and the record of how it was made."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from finetune.options import run_of, with_run_options
from harness_tasks.errors import UserError, exit_on_user_error


@with_run_options
def train(
    values: dict[str, Any],
    output: Annotated[
        Path | None,
        typer.Option(help="Folder for the checkpoint; written when the run is complete.", show_default="needed"),
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(help="One run per seed, joined by commas, into OUTPUT-seed1 and so on.")
    ] = None,
) -> None:
    """Fine-tune a model on a task's training rows; after an interruption the same command resumes."""
    with exit_on_user_error():
        run = run_of({**values, "output": output} if output else values)
        runs = [run]
        if seeds:
            numbers = _numbers(seeds)
            runs = [replace(run, seed=seed, output=_seeded(run.output, seed), scratch=None) for seed in numbers]
        from finetune.train import train as run_training

        for each in runs:
            written = run_training(each)
            if os.environ.get("RANK", "0") == "0":  # under torchrun every process comes here
                print(written, flush=True)


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise UserError(
            f"--seeds is {text!r}", "each seed is a whole number", "write for example --seeds 1,2,3"
        ) from None


def _seeded(output: Path, seed: int) -> Path:
    return output.with_name(f"{output.name}-seed{seed}")
