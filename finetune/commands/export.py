"""`aftertune export`: a checkpoint as a file that other programs run."""

from pathlib import Path
from typing import Annotated

import typer

from finetune.export.gguf_file import Quantisation
from harness_tasks.errors import exit_on_user_error


def export(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint folder: an adapter or a whole language model.")],
    gguf: Annotated[
        Quantisation,
        typer.Option(help="How weights are kept: 32 or 16 bits, or in blocks of 32 with 8 or 4 bits each."),
    ],
    output: Annotated[
        Path | None, typer.Option(help="The file; unset: CHECKPOINT-GGUF.gguf.", show_default=False)
    ] = None,
    base: Annotated[
        str | None, typer.Option(help="Base model, if the path that an adapter names does not exist.")
    ] = None,
) -> None:
    """Write a checkpoint as one GGUF file, with tokenizer and chat template, for llama.cpp and transformers."""
    with exit_on_user_error():
        from finetune.export.gguf_file import export_gguf

        done = export_gguf(
            checkpoint, output or checkpoint.with_name(f"{checkpoint.name}-{gguf}.gguf"), gguf, base=base
        )
        print(
            f"{done.path}: {done.size_bytes / 1e6:,.1f} MB; read back, logits differ by {done.difference:.2g} at most"
        )
        if done.kept:
            what = "matrix" if len(done.kept) == 1 else "matrices"
            print(
                f"in 16 bits, as their rows are no multiple of 32 long: {len(done.kept)} {what}, such as {done.kept[0]}"
            )
