"""`aftertune plan-training`: what a run would do, before any weight is loaded."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from finetune.options import run_of, with_run_options
from harness_tasks.errors import exit_on_user_error


@with_run_options
def plan(
    values: dict[str, Any],
    output: Annotated[Path, typer.Option(help="Folder for the checkpoint; nothing is written.")] = Path(
        "build/planned"
    ),
    probe: Annotated[bool, typer.Option("--probe", help="Load the model and time three steps.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print what a training run would do: parameters, memory, time, a rendered row, each guard's verdict.

    No weights are loaded, unless --probe is given.
    """
    with exit_on_user_error():
        run = run_of({"output": output, **values})
        from finetune.plan import plan as make_plan

        found = make_plan(run, probe=probe)
        print(json.dumps(found.as_json(), indent=2) if json_ else found.as_text(colour=sys.stdout.isatty()))
        if found.failed:
            raise typer.Exit(1)
