"""`aftertune merge-shards` joins what `aftertune score --shard K/N` scored."""

from pathlib import Path
from typing import Annotated

import typer

from harness_tasks import TASKS_PATH
from harness_tasks.commands.options import IncludePath, Metadata
from harness_tasks.errors import exit_on_user_error


def merge_shards(
    folders: Annotated[list[Path], typer.Argument(help="The --output_path of each shard's run.")],
    output: Annotated[Path, typer.Option(help="Folder for results.json and samples.jsonl.")],
    metadata: Metadata = None,
    include_path: IncludePath = TASKS_PATH,
) -> None:
    """Join the shards of `aftertune score --shard K/N`: all sample rows, with every score computed anew."""
    from harness_tasks.loading import parse_metadata
    from harness_tasks.shards.merging import merge

    with exit_on_user_error():
        merged = merge(folders, output=output, include_path=include_path, metadata=parse_metadata(metadata))
        print(f"{merged.items:,} items of {merged.task} from {merged.shards} shards, {output}")
