"""What a comparison comes to: its facts, and the files that they are written into."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness_tasks.files import json_text
from harness_tasks.outputs import write_outputs

if TYPE_CHECKING:
    from report.facts.schema.compared import ComparedModels

COMPARE_MANIFEST = "compare_files.json"
"""Names the files that a comparison wrote into its folder."""


def compare_results(
    results: Sequence[Path],
    *,
    output: Path | None = None,
    gates: Sequence[str] = (),
    clusters: Sequence[str] = (),
    strict: bool = False,
) -> "ComparedModels":
    """Returns the facts of a comparison, after writing it to ``output`` where that is given.

    Raises:
        UserError: see `report.compare.comparison_facts.comparison_facts`.
    """
    # Here, because scipy and numpy take longer to load than `--help` may.
    from report.compare.comparison_facts import comparison_facts
    from report.compare.comparison_page import comparison_files

    facts = comparison_facts(results, gates, clusters=clusters, strict=strict)
    if output is not None:
        write_outputs(
            output, {"compare.json": json_text(facts.as_json()), **comparison_files(facts)}, manifest=COMPARE_MANIFEST
        )
    return facts


def file_names(facts: "ComparedModels") -> list[str]:
    """Returns the names of the files that are written for ``facts``."""
    figures = [board.figure for task in facts.tasks for board in task.boards if board.figure]
    figures += [figure.path for task in facts.tasks for figure in task.cost_figures]
    return ["compare.json", "compare.md", "compare.html", *(str(figure.value) for figure in figures)]
