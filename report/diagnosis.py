"""What is measured of the answers themselves, and what a score without a model would be.

Only this may stand as a cause in the analysis: a lean to one label, or how often no answer was given.
"""

from typing import Any

from harness_tasks.metrics import confusion
from report import statistics
from report.facts import Fact, fact, missing
from report.measured import Measured, abstains, counted, gold_answers, interval_fact, kind_of, pairs_of, unit_of
from report.results import Item


def diagnosis(measured: Measured) -> dict[str, Any]:
    """Returns what is measured about the answers themselves: predicted labels, or how often none was given."""
    kind = kind_of(measured)
    if kind == "classification":
        return {"classification": _classification(measured)}
    return {"extraction": _extraction(measured)} if kind == "extraction" else {}


def _classification(measured: Measured) -> dict[str, Any]:
    scores, pairs = measured.scores, pairs_of(measured)
    source, clusters = scores.samples.source(), scores.clusters(scores.rows)
    counts = confusion(pairs)
    predicted, gold = [float(pair[1] == 1) for pair in pairs], [float(pair[0] == 1) for pair in pairs]
    wrong = counts.false_positive + counts.false_negative
    return {
        **{name: fact(number, "count", source, n=len(pairs)) for name, number in counts._asdict().items()},
        "wrong": fact(wrong, "count", source, n=len(pairs)),
        "predicted_share": interval_fact(statistics.level("acc", predicted, clusters), "share", source),
        "gold_share": interval_fact(statistics.level("acc", gold, clusters), "share", source),
        "bias": interval_fact(statistics.difference("acc", gold, predicted, clusters), "share", source),
    }


def _extraction(measured: Measured) -> dict[str, Any]:
    scores = measured.scores
    source = scores.samples.source()
    parts = {"abstained": scores.rows, "abstained_answerable": [], "abstained_unanswerable": []}
    for row in scores.rows:
        parts["abstained_answerable" if gold_answers(row) else "abstained_unanswerable"].append(row)
    shares: dict[str, Any] = {}
    for name, rows in parts.items():
        gone = [float(abstains(row)) for row in rows]
        shares[name] = (
            interval_fact(statistics.level("acc", gone, scores.clusters(rows)), "share", source)
            if gone
            else missing("no scored question is of this kind")
        )
    return shares | {
        "answerable": fact(len(parts["abstained_answerable"]), "count", source),
        "unanswerable": fact(len(parts["abstained_unanswerable"]), "count", source),
    }


def floor(measured: Measured) -> dict[str, Any]:
    """Returns the score that needs no model: its kind, and what it comes to."""
    scores, items = measured.scores, _floor_items(measured)
    if items is None or scores.primary is None:
        return {"score": missing("none is defined for this task's primary metric"), "kind": "none"}
    interval = counted(statistics.level, measured, scores.primary, items, scores.clusters(scores.rows))
    kind = "majority" if kind_of(measured) == "classification" else "abstain"
    score = interval_fact(interval, unit_of(measured, scores.primary), scores.samples.source())
    return {"score": score, "kind": kind}


def above_floor(measured: Measured) -> Fact:
    """Returns the paired difference between the checkpoint and the floor, on the primary metric."""
    scores, primary, without = measured.scores, measured.scores.primary, _floor_items(measured)
    items = measured.items(primary) if primary and without else None
    if without is None or primary is None or items is None or len(items) != len(without):
        return missing("this task has no floor")
    interval = counted(statistics.difference, measured, primary, without, items, scores.clusters(scores.rows))
    return interval_fact(interval, unit_of(measured, primary), scores.samples.source())


def _floor_items(measured: Measured) -> list[Item] | None:
    """Returns what the primary metric gives each item without a model: the majority class, or always abstaining."""
    kind, primary = kind_of(measured), measured.scores.primary
    if kind == "classification" and primary == "acc":
        golds = [gold for gold, _ in pairs_of(measured)]
        majority = max(sorted(set(golds), reverse=True), key=golds.count)
        return [float(gold == majority) for gold in golds]
    if kind == "extraction" and primary in ("exact", "f1"):
        gone = [0.0 if gold_answers(row) else measured.scale or 1.0 for row in measured.scores.rows]
        return list(gone) if any(gone) else None
    return None
