"""`aftertune baseline` answers a task's items by a simpler means than a language model."""

from pathlib import Path
from typing import Annotated

import typer

from harness_tasks import TASKS_PATH
from harness_tasks.commands.options import IncludePath, Metadata, Task
from harness_tasks.errors import exit_on_user_error


def baseline(
    task: Task,
    samples: Annotated[Path, typer.Option(help="lm_eval's sample file of the task (JSON lines).")],
    output: Annotated[Path, typer.Option(help="JSON file to write: the answer to each item, its scores, the recipe.")],
    training_rows: Annotated[
        Path | None, typer.Option(help="The train_rows.jsonl of a checkpoint, which a bag of words learns from.")
    ] = None,
    metadata: Metadata = None,
    include_path: IncludePath = TASKS_PATH,
) -> None:
    """Answer a task's scored items by a simpler means than a language model.

    With --training-rows by a bag of words that learns from them: TF-IDF and logistic regression; the task's choices
    must be the same for each item. Without, of questions on a passage, by the nearest sentence: the shortest name or
    numeral in the sentence that has most of the question's words.
    """
    from harness_tasks.files import write_json
    from harness_tasks.loading import parse_metadata

    with exit_on_user_error():
        given = parse_metadata(metadata)
        if training_rows is None:
            from harness_tasks.nearest_sentence import nearest_sentence

            found = nearest_sentence(task, samples=samples, metadata=given, include_path=include_path)
            done = "the passage's nearest sentence answered"
        else:
            from harness_tasks.bag_of_words import bag_of_words

            found = bag_of_words(
                task, samples=samples, training_rows=training_rows, metadata=given, include_path=include_path
            )
            done = (
                f"a bag of words ({found['vocabulary']:,} words and pairs) learned from {found['training_rows']:,} "
                "training rows, and answered"
            )
        write_json(output, found)
        print(f"{task}: {done} {len(found['doc_ids']):,} items")
