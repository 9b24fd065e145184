"""`python -m report verify REPORT`: whether everything on a page is backed, down to the sample files."""

import json
from pathlib import Path
from typing import Annotated

import typer

from harness_tasks.errors import exit_on_user_error
from report.verify.report import verify_report


def verify(
    report: Annotated[Path, typer.Argument(help="the page: report.md, report.html or a copy under any name")],
    facts: Annotated[
        Path | None, typer.Option(help="facts.json, in the folder with the study's results; unset: beside the page")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the problems as JSON")] = False,
) -> None:
    """Check that every number, comparison and quotation on a page is backed; exit 1 and list what is not.

    The page is read as text and set beside the facts, and the facts are computed again from the sample files.
    """
    with exit_on_user_error():
        verdict = verify_report(report, facts=facts)
    if as_json:
        print(json.dumps([problem.as_dict() for problem in verdict.problems], ensure_ascii=False, indent=2))
    elif verdict.problems:
        print("\n".join(map(str, verdict.problems)))
        print(f"{len(verdict.problems)} {'problem' if len(verdict.problems) == 1 else 'problems'}")
    else:
        print(
            f"everything on the page is backed: {verdict.numerals:,} numerals, {verdict.sentences:,} sentences, "
            f"{verdict.facts:,} facts recomputed"
        )
        if verdict.own:
            print("said by the study's own templates, and checked by nothing:")
            print("\n".join(f"- {text}" for text in verdict.own))
    if verdict.problems:
        raise typer.Exit(1)
