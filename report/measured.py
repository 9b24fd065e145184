"""A checkpoint's scores on one task, with what is needed to count with them and to name what was counted."""

from dataclasses import dataclass
from math import isfinite
from typing import Any

from harness_tasks.errors import UserError
from harness_tasks.metrics import normalise, prediction_text
from report.facts import Fact, Unit, fact
from report.results import Item, Scores, item

PAIR_METRICS = ("precision", "recall", "f1", "mcc")
"""The metrics of (gold, predicted) pairs that can be counted again."""

_LABELS = {
    "acc": "accuracy",
    "mcc": "Matthews correlation",
    "exact": "exact match",
    "HasAns_exact": "answerable exact match",
    "HasAns_f1": "answerable token F1",
    "NoAns_exact": "unanswerable exact match",
    "NoAns_f1": "unanswerable token F1",
}


@dataclass(frozen=True)
class Measured:
    """A checkpoint's scores with what is needed to count with them."""

    scores: Scores
    scale: float | None
    """The upper end of the task's metrics; None where the task does not say."""

    def items(self, metric: str, rows: list[dict[str, Any]] | None = None) -> list[Item] | None:
        """Returns what each item gives to ``metric``; None where that cannot be counted with."""
        values = [item(row, metric) for row in (self.scores.having(metric) if rows is None else rows)]
        known = [value for value in values if value is not None]
        return known if known and len(known) == len(values) else None

    def pairs(self, metric: str) -> list[tuple[int, int]]:
        """Returns the (gold, predicted) pairs of ``metric``; none where its items are no pairs."""
        return [value for value in self.items(metric) or [] if isinstance(value, tuple)]


def kind_of(measured: Measured) -> str:
    """Returns `classification`, `extraction` or `other`, by what the sample rows hold."""
    labels = {label for pair in pairs_of(measured) for label in pair}
    if labels:
        return "classification" if labels <= {0, 1} else "other"
    answers = measured.scores.rows[0]["doc"].get("answers")
    return "extraction" if isinstance(answers, dict) and "text" in answers else "other"


def pairs_of(measured: Measured) -> list[tuple[int, int]]:
    """Returns the (gold, predicted) pairs of every item; none where no metric is made of pairs."""
    return next((pairs for metric in measured.scores.metrics if (pairs := measured.pairs(metric))), [])


def positive_name(measured: Measured) -> Fact:
    """Returns what the task calls its positive label."""
    metadata, source = measured.scores.metadata, measured.scores.results.source("configs", measured.scores.task)
    labels = metadata.get("labels") or []
    return fact(str(labels[1]) if len(labels) == 2 else "positive", "text", source)


def label_of(measured: Measured, metric: str) -> str:
    """Returns how the page calls ``metric``."""
    if metric == "f1":
        return "F1" if kind_of(measured) == "classification" else "token F1"
    return _LABELS.get(metric, metric.replace("_", " "))


def unit_of(measured: Measured, metric: str) -> Unit:
    """Returns the unit in which ``metric`` is shown."""
    if metric == "mcc":
        return "coefficient"
    return "points" if measured.scale == 100 else "proportion"


def gold_answers(row: dict[str, Any]) -> list[str]:
    """Returns the accepted answers of a question; none where the passage does not answer it."""
    return list(row["doc"]["answers"]["text"])


def abstains(row: dict[str, Any]) -> bool:
    """Returns whether the model gave no answer, or said that there is none."""
    answer = row["filtered_resps"][0]
    while isinstance(answer, list):
        answer = answer[0] if answer else ""
    return normalise(prediction_text(str(answer))) == ""


def counted(function: Any, measured: Measured, metric: str, *items: Any) -> Any:
    """Returns the interval that ``function`` of `report.statistics` gives; its complaints in three parts."""
    try:
        return function(metric, *items, scale=measured.scale)
    except ValueError as error:
        raise UserError(
            f"{measured.scores.samples.file}: {error}",
            "the items do not fit what the task says of its metrics",
            "correct `scale` in the task's metadata, or the metric that gives such items",
        ) from None


def interval_fact(
    interval: Any, unit: Unit, source: dict[str, str], *, also: list[Any] | None = None, value: float | None = None
) -> Fact:
    bounds = (interval.lower, interval.upper)
    known = all(bound is not None and isfinite(bound) for bound in bounds)
    shown = {"lower": bounds[0], "upper": bounds[1], "confidence": interval.confidence, "method": interval.method}
    return fact(
        interval.value if value is None else value,
        unit,
        source,
        interval=shown if known else None,
        no_interval=None if known else interval.method,
        n=interval.n,
        clusters=interval.clusters,
        also=also,
    )
