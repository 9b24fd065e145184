"""`aftertune check` loads a task's data and renders its first rows."""

from pathlib import Path
from typing import Annotated

import typer

from harness_tasks import TASKS_PATH
from harness_tasks.commands.options import IncludePath, Metadata, Task
from harness_tasks.errors import exit_on_user_error


def check(
    task: Task,
    num_fewshot: Annotated[int, typer.Option(min=0, help="Few-shot examples in the rendered prompt.")] = 0,
    training: Annotated[bool, typer.Option("--training", help="Require training rows too.")] = False,
    output: Annotated[Path | None, typer.Option(help="JSON file to write the findings to.")] = None,
    allow: Annotated[
        list[str] | None, typer.Option(help="Only warn if this guard of scoring fails; repeatable.")
    ] = None,
    metadata: Metadata = None,
    include_path: IncludePath = TASKS_PATH,
) -> None:
    """Load a task's data and render a row of each split that is needed; no model is loaded."""
    from harness_tasks.files import write_json
    from harness_tasks.guards import check_allowed, enforce
    from harness_tasks.guards.shots import shots
    from harness_tasks.loading import check_task, parse_metadata

    with exit_on_user_error():
        check_allowed(allow or [])
        loaded = check_task(
            task,
            include_path=include_path,
            metadata=parse_metadata(metadata),
            num_fewshot=num_fewshot,
            training=training,
        )
        enforce([shots(loaded, task, num_fewshot or None)], allow or [])
        found = {"task": task, "scored_rows": len(loaded.eval_docs)}
        if loaded.has_training_docs():
            found["training_rows"] = len(loaded.training_docs())
        compared = ((loaded.config.metadata or {}).get("data") or {}).get("compared_with") or {}
        if output:
            write_json(output, found | ({"compared_with": compared} if compared else {}))
        print(", ".join(f"{key.replace('_', ' ')} {value}" for key, value in found.items()))
        for split, words in compared.items():
            print(f"{split}: compared with {words}")
