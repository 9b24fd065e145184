"""Arguments and options that several verbs take."""

from pathlib import Path
from typing import Annotated

import typer

Task = Annotated[str, typer.Argument(help="A task of ours, or one that lm_eval ships.")]
Metadata = Annotated[str | None, typer.Option(help="JSON object for the task, as lm_eval's --metadata.")]
IncludePath = Annotated[Path, typer.Option(help="Folder that is searched for tasks first.")]
