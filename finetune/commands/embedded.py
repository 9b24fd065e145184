"""`aftertune embedded`: the embedded base model, unpacked."""

from pathlib import Path
from typing import Annotated

import typer

from harness_tasks.errors import exit_on_user_error


def embedded(
    output: Annotated[Path, typer.Option(help="Folder for the model.")] = Path("build/base"),
) -> None:
    """Unpack the embedded base model (SmolLM2-135M-Instruct) into a safetensors folder."""
    with exit_on_user_error():
        from finetune.embedded import write_embedded

        print(write_embedded(output))
