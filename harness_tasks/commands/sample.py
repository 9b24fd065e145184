"""`aftertune sample` draws the rows that a limited run scores."""

from pathlib import Path
from typing import Annotated

import typer

from harness_tasks import TASKS_PATH
from harness_tasks.commands.options import IncludePath, Metadata, Task
from harness_tasks.errors import exit_on_user_error


def sample(
    task: Task,
    limit: Annotated[int, typer.Option(help="Most rows to take; whole clusters only.")],
    output: Annotated[Path, typer.Option(help="JSON file to write, for lm_eval's --samples.")],
    seed: Annotated[int, typer.Option(help="Seed of the draw of clusters.")] = 1,
    metadata: Metadata = None,
    include_path: IncludePath = TASKS_PATH,
) -> None:
    """Draw the rows of a task that a limited run scores: whole clusters, with a seed."""
    from harness_tasks.files import write_json
    from harness_tasks.loading import load_task, parse_metadata
    from harness_tasks.sampling import sample_by_cluster

    with exit_on_user_error():
        loaded = load_task(task, include_path=include_path, metadata=parse_metadata(metadata))
        cluster = (loaded.config.metadata or {}).get("cluster")
        docs = loaded.eval_docs
        indices = sample_by_cluster(docs, cluster, limit, seed)
        write_json(output, {task: indices})
        print(f"{len(indices):,} of {len(docs):,} rows of {task}, {output}")
