"""`aftertune compare RESULTS...`: a leaderboard of any results of lm_eval and other harnesses, ours or others'."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness_tasks.errors import exit_on_user_error
from harness_tasks.files import json_text
from report.compare.output import compare_results, file_names

if TYPE_CHECKING:
    from report.facts.schema.compared import Regression


def compare(
    results: Annotated[
        list[Path],
        typer.Argument(
            help="folders or files of results (lm_eval, Inspect, lighteval, Every Eval Ever), or study folders; the "
            "baseline first"
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(help="folder for compare.json, compare.md, compare.html and figures; default: Markdown on stdout"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
    fail_on_regression: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TASK:METRIC",
            help="exit with code 1 if the whole interval of later minus baseline is on the worse side of 0; repeatable",
        ),
    ] = None,
    cluster: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TASK:FIELD",
            help="the field of a task's items that names their clusters, such as a film; repeatable",
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="exit with code 2 if a file cannot be used, instead of skipping it")
    ] = False,
) -> None:
    """Compare models: scores with intervals, rank confidence sets, pairwise comparisons, cost against quality.

    Two folders of one study also show what changed between its versions. Exit codes: 0; 1 for a regression; 2 for wrong
    input.
    """
    with exit_on_user_error():
        facts = compare_results(
            results, output=output, gates=fail_on_regression or (), clusters=cluster or (), strict=strict
        )
        for passed in facts.passed_over:
            print(f"passed over {passed.file.value}: {passed.why.value}", file=sys.stderr)
        if as_json:
            print(json_text(facts.as_json()), end="")
        elif output is not None:
            print("\n".join(str(output / name) for name in file_names(facts)))
        else:
            # Here, because what renders pages takes longer to load than `--help` may.
            from report.compare.comparison_page import comparison_markdown

            print(comparison_markdown(facts), end="")
        regressed = [row for row in facts.regressions if row.regressed]
        for row in regressed:
            print(regression_line(row), file=sys.stderr)
        if regressed:
            raise typer.Exit(1)


def regression_line(row: "Regression") -> str:
    """Returns one line that names the regression and its smallest size."""
    from report.page import formats

    change, interval = (formats.FILTERS[name](row.difference) for name in ("difference", "difference_interval"))
    models = f"{row.candidate.value} minus {row.baseline.value}"
    return f"regression on {row.task.value}, {row.metric.value}: {models} is {change} {interval}"
