"""`aftertune diff BASE TUNED... --tasks T`: a page on what changed from one model to others."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from harness_tasks.errors import exit_on_user_error


def diff(
    base: Annotated[str, typer.Argument(metavar="BASE", help="The base model: a folder or a Hub id.")],
    tuned: Annotated[
        list[str],
        typer.Argument(
            metavar="TUNED...",
            help="Fine-tuned checkpoints of it, however they were trained: folders or Hub ids of whole "
            "models, PEFT adapters, classifiers or span readers.",
        ),
    ],
    tasks: Annotated[str, typer.Option(help="Tasks to score them on, joined by commas.")],
    output: Annotated[
        Path | None,
        typer.Option(help="Folder for the study, its results and its page.", show_default="build/BASE-and-TUNED"),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Items to score of each task, by whole clusters.", show_default="all")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Choose the limit so that it takes about five minutes here.")
    ] = False,
    training_rows: Annotated[
        str | None,
        typer.Option(help="JSON-lines file with the rows (`text`) that they were trained on, for the overlap."),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(help="Only warn if this check of the pair fails (other-base, labels); repeatable."),
    ] = None,
    base_revision: Annotated[str | None, typer.Option(help="Commit, branch or tag of the base model.")] = None,
    include_path: Annotated[str | None, typer.Option(help="A folder with tasks of your own.")] = None,
    metadata: Annotated[
        str | None, typer.Option(help='JSON object given to the tasks, such as \'{"data_dir": "DIR"}\'.')
    ] = None,
    num_fewshot: Annotated[int, typer.Option(min=0, help="Few-shot examples before each item.")] = 0,
    apply_chat_template: Annotated[
        bool, typer.Option("--apply-chat-template", help="Render prompts with the chat template.")
    ] = False,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Batch size of scoring.", show_default="32")] = None,
    dtype: Annotated[str | None, typer.Option(help="float32, bfloat16 or auto.", show_default="auto")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or mps.", show_default="a GPU if there is one")] = None,
    cores: Annotated[int | None, typer.Option(min=1, help="Processor cores to use.", show_default="all")] = None,
    dry_run: Annotated[bool, typer.Option(help="Write the study, and list its steps.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show all output of Snakemake and the steps.")
    ] = False,
) -> None:
    """Compare fine-tuned checkpoints with their base model: scores, parameters, weights and settings, on one page.

    It writes a study file, which can be edited and run again, checks that the models belong together before any weight
    is loaded, and runs the study. Exit codes: 0; 1 if a step failed; 2 for wrong input.
    """
    # Here, because what runs a study takes longer to load than `--help` may.
    from harness_tasks.loading import parse_metadata, parse_tasks
    from workflow.diff import Asked, write_study
    from workflow.run import run_steps

    with exit_on_user_error():
        settings = {
            "include_path": include_path,
            "metadata": parse_metadata(metadata) or None,
            "num_fewshot": num_fewshot or None,
            "apply_chat_template": apply_chat_template or None,
            "batch_size": batch_size,
            "dtype": dtype,
            "device": device,
        }
        asked = Asked(
            base, base_revision, tuned, parse_tasks(tasks), limit, quick, allow or [], training_rows,
            {key: value for key, value in settings.items() if value is not None},
        )  # fmt: skip
        file = write_study(asked, output, told=lambda line: print(line, file=sys.stderr))
        run_steps(str(file), cores=cores, dry_run=dry_run, profile="local", verbose=verbose)
