"""`aftertune push STUDY`: each checkpoint to a repository of its own on the Hugging Face Hub."""

from pathlib import Path
from typing import Annotated

import typer

from harness_tasks.errors import exit_on_user_error


def push(
    study: Annotated[Path, typer.Argument(help="the study's YAML file")],
    repo: Annotated[
        str | None,
        typer.Option(
            help="NAMESPACE or NAMESPACE/NAME; several checkpoints are named NAME-<checkpoint>. "
            "Unset: the study's `hub: namespace:`, else the token's account; and <base model>-<checkpoint>"
        ),
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="create private repositories")] = False,
    create_pr: Annotated[bool, typer.Option("--create-pr", help="open a pull request with the files")] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="print cards and lists of files; needs no network and no token, writes nothing"),
    ] = False,
    space: Annotated[
        str | None, typer.Option(help="also push the report, as a static Space: NAME or NAMESPACE/NAME")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="folder of the study's results; default: build/<study>")] = None,
) -> None:
    """Push each checkpoint to the Hugging Face Hub, with a card made of the study's facts; unchanged ones are skipped.

    hub.json records what was pushed; `aftertune build` takes its links from there. The token is that of
    `hf auth login` or HF_TOKEN. Exit codes: 0; 1 if the Hub or the network failed; 2 for wrong input.
    """
    # Here, because templates and the Hub's client take longer to load than `--help` may.
    from report.hub.push import push_study

    with exit_on_user_error():
        for line in push_study(
            study, repo=repo, private=private, create_pr=create_pr, dry_run=dry_run, space=space, output=output
        ):
            print(line, flush=True)
