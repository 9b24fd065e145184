"""Trivial baselines that were scored with the task's own function of an item, as they stand beside its samples."""

from typing import Any

from report.facts.measured import Measured
from report.facts.replicated import ReplicatedScore, of_clusters
from report.reading.results import ItemScore

Values = dict[str, list[ItemScore | None]]
"""What each item, in the order of the rows, gives to each metric; None where it does not have the metric."""


def recorded_baselines(measured: Measured) -> dict[str, Values]:
    """Returns the baselines by how the page names each, `GOLD` among them; none where nothing was recorded."""
    found: dict[str, Values] = {}
    for one in _recorded(measured):
        by_metric: Values = {}
        for metric, values in one["values"].items():
            by_item = dict(zip(_doc_ids(measured), values, strict=True))
            given = [by_item.get(row["doc_id"]) for row in measured.scores.rows]
            if any(value is not None for value in given):
                by_metric[metric] = [tuple(value) if isinstance(value, list) else value for value in given]
        found[one["name"]] = by_metric
    return found


def replicated_baseline(measured: Measured, name: str, metric: str) -> ReplicatedScore | None:
    """Returns the score of the baseline ``name`` in a metric that only the task can compute; None where not known."""
    document = measured.scores.replicates
    for one in _recorded(measured):
        for said in one["metrics"] if one["name"] == name else ():
            if document is not None and said["metric"] == metric and "absent" not in said:
                return of_clusters(document, said, said["value"], measured.scale)
    return None


def _recorded(measured: Measured) -> list[dict[str, Any]]:
    document = measured.scores.replicates
    return list(document.content.get("baselines", [])) if document else []


def _doc_ids(measured: Measured) -> list[int]:
    document = measured.scores.replicates
    return list(document.content.get("doc_ids", [])) if document else []
