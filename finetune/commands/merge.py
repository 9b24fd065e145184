"""`aftertune merge`: an adapter added to its base model's weights."""

from pathlib import Path
from typing import Annotated

import typer

from harness_tasks.errors import exit_on_user_error


def merge(
    adapter: Annotated[Path, typer.Argument(help="Checkpoint folder with an adapter.")],
    output: Annotated[Path, typer.Option(help="Folder for the merged model.")],
    base: Annotated[
        str | None, typer.Option(help="Base model, if the path that the adapter names does not exist.")
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option(help="Only warn if this guard of scoring fails; repeatable.")
    ] = None,
) -> None:
    """Merge an adapter into its base model's weights."""
    with exit_on_user_error():
        from finetune.merge import merge as merge_adapter
        from harness_tasks.guards import check_allowed

        check_allowed(allow or [])
        print(merge_adapter(adapter, output=output, base=base, allowed=allow or []))
