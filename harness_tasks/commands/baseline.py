"""`aftertune baseline` answers a task's items by a bag of words."""

from pathlib import Path
from typing import Annotated

import typer

from harness_tasks import TASKS_PATH
from harness_tasks.commands.options import IncludePath, Metadata, Task
from harness_tasks.errors import exit_on_user_error


def baseline(
    task: Task,
    samples: Annotated[Path, typer.Option(help="lm_eval's sample file of the task (JSON lines).")],
    training_rows: Annotated[Path, typer.Option(help="The train_rows.jsonl of a checkpoint.")],
    output: Annotated[Path, typer.Option(help="JSON file to write: the answer to each item, its scores, the recipe.")],
    metadata: Metadata = None,
    include_path: IncludePath = TASKS_PATH,
) -> None:
    """Train a bag of words on a checkpoint's training rows, and answer the scored items by it.

    TF-IDF and logistic regression; the task's choices must be the same for each item.
    """
    from harness_tasks.bag_of_words import bag_of_words
    from harness_tasks.files import write_json
    from harness_tasks.loading import parse_metadata

    with exit_on_user_error():
        found = bag_of_words(
            task,
            samples=samples,
            training_rows=training_rows,
            metadata=parse_metadata(metadata),
            include_path=include_path,
        )
        write_json(output, found)
        print(
            f"{task}: a bag of words ({found['vocabulary']:,} words and pairs) learned from "
            f"{found['training_rows']:,} training rows, and answered {len(found['doc_ids']):,} items"
        )
