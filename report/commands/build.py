"""`aftertune build STUDY`: facts.json, and the pages and exports made of it, from what a study left behind."""

from pathlib import Path
from typing import Annotated

import typer

from harness_tasks.errors import exit_on_user_error


def build(
    study: Annotated[Path, typer.Argument(help="the study's YAML file")],
    output: Annotated[
        Path | None, typer.Option(help="folder of the study's results and of the page; default: build/<study>")
    ] = None,
    facts_only: Annotated[bool, typer.Option("--facts-only", help="write only facts.json")] = False,
    redact_text: Annotated[
        bool,
        typer.Option(
            "--redact-text",
            help="show only the first words (at most 8, or half) and a hash of a row's text, unless the task's licence "
            "lets anybody pass it on",
        ),
    ] = False,
    copy_to: Annotated[
        Path | None,
        typer.Option(help="write facts, page and exports into this folder, to be committed; implies --redact-text"),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="write nothing; exit with code 1 if a file differs from what the facts.json beside it gives"
        ),
    ] = False,
) -> None:
    """Write facts.json, report.md and report.html (one file, no network) from a study's results.

    Facts are computed again only after a change of a result, the study or this program. No model is loaded.
    """
    # Here, because what renders pages takes longer to load than `--help` may.
    from report.page.build import build_report

    with exit_on_user_error():
        if check:
            from report.verify.made import stale_files

            stale = stale_files(study, output=output)
            print("\n".join(map(str, stale)) or "every file is what its facts give")
            raise typer.Exit(1 if stale else 0)
        for path in build_report(study, output=output, facts_only=facts_only, redact_text=redact_text, copy_to=copy_to):
            print(path)
