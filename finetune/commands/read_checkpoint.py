"""`aftertune read-checkpoint`: a checkpoint that another program trained, read for a report."""

from pathlib import Path
from typing import Annotated

import typer

from harness_tasks.errors import exit_on_user_error


def read_checkpoint(
    checkpoint: Annotated[str, typer.Argument(help="The checkpoint's folder or Hub id: an adapter or a whole model.")],
    base: Annotated[str, typer.Option(help="The base model's folder or Hub id.")],
    output: Annotated[Path, typer.Option(help="Folder for finetune.json and tensors.json.")],
    base_revision: Annotated[str | None, typer.Option(help="Revision of the base on the Hub.")] = None,
    revision: Annotated[str | None, typer.Option(help="Revision of the checkpoint on the Hub.")] = None,
    name: Annotated[
        str | None, typer.Option(help="The checkpoint's name.", show_default="the last part of its path or id")
    ] = None,
    tasks: Annotated[
        str | None,
        typer.Option(help="Tasks that it is to be scored on, joined by commas: a classifier's labels are compared."),
    ] = None,
    include_path: Annotated[
        Path | None, typer.Option(help="Folder of task YAML files.", show_default="harness_tasks/")
    ] = None,
    trained_on: Annotated[str | None, typer.Option(help="Task that it was trained on, if you know.")] = None,
    training_rows: Annotated[
        Path | None, typer.Option(help="JSON lines file of its training rows, each with `text` and `cluster`.")
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option(help="Only warn if this check fails (other-base); repeatable.")
    ] = None,
) -> None:
    """Read a checkpoint that another program trained: what its files record, and what changed in the weights.

    Nothing of it is run, and no pickled file is opened.
    """
    with exit_on_user_error():
        from finetune.elsewhere.reading import Asked
        from finetune.elsewhere.reading import read_checkpoint as read
        from harness_tasks.loading import parse_tasks

        asked = Asked(
            checkpoint=checkpoint,
            base=base,
            revision=revision,
            base_revision=base_revision,
            name=name,
            tasks=tuple(parse_tasks(tasks)),
            include_path=include_path,
            trained_on=trained_on,
            training_rows=training_rows,
            allow=tuple(allow or ()),
        )
        print(read(asked, output))
