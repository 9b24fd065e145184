"""`aftertune template list|copy`: the templates of a page, and copies of them for a study to change."""

from pathlib import Path
from typing import Annotated

import typer

from harness_tasks.errors import exit_on_user_error

template = typer.Typer(no_args_is_help=True, help="List the templates of a page, and copy them for you to change.")

_STUDY = "the study's YAML file: its own templates lie in the folder templates/ beside it"


@template.command("list")
def list_(study: Annotated[Path | None, typer.Argument(help=_STUDY)] = None) -> None:
    """List the templates that a study may replace, and this study's own."""
    from report.page.template.own import listed

    with exit_on_user_error():
        print("\n".join(listed(study)))


@template.command("copy")
def copy(
    study: Annotated[Path, typer.Argument(help=_STUDY)],
    names: Annotated[list[str], typer.Argument(help="templates, as `template list` names them")],
) -> None:
    """Copy templates into the study's own folder, where they are looked up first; existing ones are kept."""
    from report.page.template.own import copied

    with exit_on_user_error():
        for path in copied(study, names):
            print(path)
