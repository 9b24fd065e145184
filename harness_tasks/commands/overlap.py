"""`aftertune overlap` grades the resemblance of scored rows to training rows."""

from pathlib import Path
from typing import Annotated

import typer

from harness_tasks import TASKS_PATH
from harness_tasks.commands.options import IncludePath, Metadata, Task
from harness_tasks.errors import exit_on_user_error


def overlap(
    task: Task,
    samples: Annotated[
        Path | None,
        typer.Option(help="lm_eval's sample file of the task (JSON lines).", show_default="its whole scored split"),
    ] = None,
    training_rows: Annotated[
        Path | None,
        typer.Option(help="A checkpoint's train_rows.jsonl.", show_default="the task's whole training split"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="JSON lines file to write: a header, then a row for each item.")
    ] = None,
    metadata: Metadata = None,
    include_path: IncludePath = TASKS_PATH,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Find scored items that overlap with training rows, in three grades; with --samples, score both parts."""
    import json

    from harness_tasks.files import write_jsonl
    from harness_tasks.loading import parse_metadata
    from harness_tasks.overlap import overlap as grade_overlap

    with exit_on_user_error():
        found = grade_overlap(
            task,
            samples=samples,
            training_rows=training_rows,
            metadata=parse_metadata(metadata),
            include_path=include_path,
        )
        if output:
            write_jsonl(output, [found.header, *found.items])
        print(json.dumps(found.as_json(), indent=2) if json_ else found.as_text())
