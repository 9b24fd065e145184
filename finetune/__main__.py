"""The command line of the room: `python -m finetune train|plan|merge|embedded`."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from finetune.options import run_of, with_run_options
from harness_tasks.errors import UserError, exit_on_user_error

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Makes checkpoints, and says how they were made.")


@app.command()
@with_run_options
def train(
    values: dict[str, Any],
    output: Annotated[
        Path | None,
        typer.Option(help="Folder for the checkpoint; it appears when the run is whole.", show_default="needed"),
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(help="A run for each of these seeds, joined by commas, into OUTPUT-seed1 and so on.")
    ] = None,
) -> None:
    """Fine-tunes a model on a task's training rows; interrupted, the same command goes on where it was."""
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


@app.command()
@with_run_options
def plan(
    values: dict[str, Any],
    output: Annotated[Path, typer.Option(help="Folder for the checkpoint; nothing is written.")] = Path(
        "build/planned"
    ),
    probe: Annotated[bool, typer.Option("--probe", help="Load the model and time three steps.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Says what a run would do, without weights: parameters, memory, time, a rendered row, every guard's verdict."""
    import json

    with exit_on_user_error():
        run = run_of({"output": output, **values})
        from finetune.plan import plan as make_plan

        found = make_plan(run, probe=probe)
        print(json.dumps(found.as_json(), indent=2) if json_ else found.as_text(colour=sys.stdout.isatty()))
        if found.failed:
            raise typer.Exit(1)


@app.command()
def merge(
    adapter: Annotated[Path, typer.Argument(help="Checkpoint folder with an adapter.")],
    output: Annotated[Path, typer.Option(help="Folder for the merged model.")],
    base: Annotated[str | None, typer.Option(help="Base model, where the adapter's own path is not found.")] = None,
    allow: Annotated[list[str] | None, typer.Option(help="Go on where this guard of scoring fails.")] = None,
) -> None:
    """Writes the base model's weights with the adapter's added."""
    with exit_on_user_error():
        from finetune.merge import merge as merge_adapter
        from harness_tasks.guards import check_allowed

        check_allowed(allow or [])
        print(merge_adapter(adapter, output=output, base=base, allowed=allow or []))


@app.command()
def embedded(
    output: Annotated[Path, typer.Option(help="Folder for the model.")] = Path("build/base"),
) -> None:
    """Unpacks the embedded base model (SmolLM2-135M-Instruct) into a safetensors folder."""
    with exit_on_user_error():
        from finetune.embedded import write_embedded

        print(write_embedded(output))


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise UserError(
            f"--seeds is {text!r}", "each seed is a whole number", "write for example --seeds 1,2,3"
        ) from None


def _seeded(output: Path, seed: int) -> Path:
    return output.with_name(f"{output.name}-seed{seed}")


if __name__ == "__main__":
    app()
