"""A page of `aftertune compare`: whether it is what compare.json gives, and that what the compared results give."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness_tasks.errors import UserError
from report.compare.comparison_facts import comparison_facts
from report.compare.comparison_page import comparison_files
from report.facts.schema.compared import COMPARED_SCHEMA, ComparedModels
from report.verify.differences import differences
from report.verify.made import file_shown_by, makeable
from report.verify.pieces import count_numerals
from report.verify.problems import PageVerdict
from report.verify.recount import count_facts, differing_facts


def is_comparison(recorded: Any) -> bool:
    """Returns whether what a file of facts holds is the facts of a comparison."""
    return isinstance(recorded, dict) and recorded.get("schema") == COMPARED_SCHEMA


def verify_comparison(
    page_file: Path, page: str, source: Path, recorded: Mapping[str, Any], results: Sequence[Path], *, page_only: bool
) -> PageVerdict:
    """Returns what is wrong with the text ``page`` of a comparison's page, and with the facts that ``source`` holds.

    Raises:
        UserError: ``results`` are not named, or cannot be compared.
    """
    if not results and not page_only:
        raise UserError(
            f"{source} does not say where the results lie that it compares: paths are not published",
            "the facts are computed again from them",
            f"name them in their order: verify {page_file} RESULTS..., or leave the facts as they are: --page-only",
        )
    problems = []
    if not page_only:
        again = comparison_facts(results, _gates(recorded), clusters=_clusters(recorded)).as_json()
        problems = list(differing_facts(recorded, again, name=source.name))
    if not problems:
        with makeable(source):
            made = comparison_files(ComparedModels.model_validate(recorded))
        problems = list(differences(page, made[file_shown_by(made, page_file, page)]))
    return PageVerdict(problems, 0 if problems else count_numerals(page), 0 if page_only else count_facts(recorded))


def _gates(recorded: Mapping[str, Any]) -> list[str]:
    """Returns the gates, as `TASK:METRIC`, that the recorded facts were computed with."""
    try:
        gates = [f"{row['task']['value']}:{row['metric']['value']}" for row in recorded["regressions"]]
    except (LookupError, TypeError):
        return []  # then the facts differ, and that is said of the regressions
    return list(dict.fromkeys(gates))


def _clusters(recorded: Mapping[str, Any]) -> list[str]:
    """Returns the fields of clusters, as `TASK:FIELD`, that the recorded facts were computed with."""
    try:
        return [f"{task['key']}:{task['cluster']['value']}" for task in recorded["tasks"] if task["cluster"]]
    except (LookupError, TypeError):
        return []  # then the facts differ, and that is said of the tasks
