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
            help="NAMESPACE, or NAMESPACE/NAME; where there are several checkpoints, each gets NAME-<checkpoint>. "
            "Unset: the study's `hub: namespace:`, else the token's account; and <base model>-<checkpoint>"
        ),
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="a repository that is made is private")] = False,
    create_pr: Annotated[bool, typer.Option("--create-pr", help="propose the files as a pull request")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="print cards and lists of files; no network, no token, nothing written")
    ] = False,
    space: Annotated[
        str | None, typer.Option(help="push the report too, as a static Space of that name: NAME or NAMESPACE/NAME")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="folder with the study's results; unset: build/<study>")] = None,
) -> None:
    """Push each checkpoint to the Hugging Face Hub, with a card made of the study's facts; a second time does nothing.

    What was pushed stands in hub.json, from which `aftertune build` takes its links. The token is that of
    `hf auth login` or HF_TOKEN. Exit codes: 0; 1 where the Hub or the network failed; 2 for what you can mend.
    """
    # Here, because templates and the Hub's client take longer to load than `--help` may.
    from report.hub.push import push_study

    with exit_on_user_error():
        for line in push_study(
            study, repo=repo, private=private, create_pr=create_pr, dry_run=dry_run, space=space, output=output
        ):
            print(line, flush=True)
