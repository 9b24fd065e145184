"""`aftertune verify REPORT`: whether a page is what its facts give, down to the sample files."""

import json
from pathlib import Path
from typing import Annotated

import typer

from harness_tasks.errors import exit_on_user_error

_MOST_PROBLEMS = 100
"""Problems that are printed."""


def verify(
    report: Annotated[
        Path,
        typer.Argument(
            help="report.html, report.md, report.tex, compare.html, compare.md, a model card, or a copy of one"
        ),
    ],
    results: Annotated[
        list[Path] | None, typer.Argument(help="for a page of `compare`: what was compared, in the same order")
    ] = None,
    facts: Annotated[
        Path | None,
        typer.Option(help="facts.json in the study's folder, or compare.json; default: beside the page"),
    ] = None,
    page_only: Annotated[
        bool,
        typer.Option(
            "--page-only", help="check the page against its facts only: for a copy without the study's results"
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the problems as JSON")] = False,
) -> None:
    """Check that the facts follow from the result files, and the page from the facts; exit with code 1 if not.

    Each response is scored again, the facts are computed again from the sample files, and the page is made again.
    """
    with exit_on_user_error():
        # Here, because what renders pages takes longer to load than `--help` may.
        from report.verify.report import verify_report

        verdict = verify_report(report, results or (), facts=facts, page_only=page_only)
    if as_json:
        print(json.dumps([problem.as_dict() for problem in verdict.problems], ensure_ascii=False, indent=2))
    elif verdict.problems:
        print("\n".join(map(str, verdict.problems[:_MOST_PROBLEMS])))
        if (more := len(verdict.problems) - _MOST_PROBLEMS) > 0:
            print(f"and {more:,} more, which --json lists")
        print(f"{len(verdict.problems)} {'problem' if len(verdict.problems) == 1 else 'problems'}")
    else:
        again = "the facts were not computed again" if page_only else f"{verdict.facts:,} facts recomputed"
        print(f"everything on the page is what its facts give: {verdict.numerals:,} numerals, {again}")
        if verdict.own:
            print("said by the study's own templates, and checked by nothing:")
            print("\n".join(f"- {text}" for text in verdict.own))
        if verdict.taken:
            print("taken as recorded, since only the task's own functions give it:")
            print("\n".join(f"- {text}" for text in verdict.taken))
    if verdict.problems:
        raise typer.Exit(1)
