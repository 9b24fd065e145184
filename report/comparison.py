"""Facts of scores: each checkpoint on each task, before and after fine-tuning, paired item by item."""

from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from harness_tasks.errors import UserError
from harness_tasks.rendering import render_from_results, render_hash
from report import statistics
from report.diagnosis import above_floor, diagnosis, floor
from report.facts import Fact, fact, is_known, missing, recorded
from report.measured import (
    PAIR_METRICS,
    Measured,
    abstains,
    counted,
    interval_fact,
    kind_of,
    label_of,
    positive_name,
    unit_of,
)
from report.results import Scores, read_scores

AGREEMENT = 1e-9
"""Largest difference between a recorded score and our recount of it, relative to the scale."""


def task_facts(folder: Path, task: str, checkpoints: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Returns the scores of ``task``: of the base model, and beside it those of each checkpoint.

    ``checkpoints`` are the facts of the checkpoints that the page sets beside the base on this task.
    """
    base = _measure(read_scores(folder, "base", task))
    after = {c["name"]["value"]: _measure(read_scores(folder, c["name"]["value"], task)) for c in checkpoints}
    known = next((found for found in (base, *after.values()) if found), None)
    if known is None:
        return {"task": task, "absent": missing(f"it has not been scored: there is no scores/base/{task}")}
    unscored = missing(f"the base model has not been scored on it: there is no scores/base/{task}")
    return _about(known) | {
        "task": task,
        "before": _side(base) if base else {"absent": unscored},
        "floor": floor(base or known),
        "comparisons": [_comparison(base, after[c["name"]["value"]], c, task) for c in checkpoints],
    }


def overlapping(folder: Path, trained_on: str, scored_on: str) -> bool:
    """Returns whether either task's metadata says that it `overlaps_with` the other (a name, or a pattern)."""
    for declaring, other in ((trained_on, scored_on), (scored_on, trained_on)):
        for results in sorted(folder.glob(f"scores/*/{declaring}")):
            scores = read_scores(folder, results.parent.name, declaring)
            patterns = scores.metadata.get("overlaps_with") or [] if scores else []
            if any(fnmatch(other, str(pattern)) for pattern in patterns):
                return True
    return False


def _measure(scores: Scores | None) -> Measured | None:
    scale = scores.metadata.get("scale") if scores else None
    return Measured(scores, float(scale) if scale else None) if scores else None


def _about(measured: Measured) -> dict[str, Any]:
    """Returns what the task says of itself, and how much of it was scored."""
    scores, results = measured.scores, measured.scores.results
    at = ("configs", scores.task, "metadata")
    rows, available = len(scores.rows), (scores.per_task("n-samples") or {}).get("original")
    source, shots = scores.samples.source(), scores.per_task("n-shot") or 0
    data = scores.metadata.get("data") or {}
    return {
        "name": fact(scores.task, "text", results.source("results", scores.task)),
        "about": recorded(results, *at, "about", unit="text", absent="the task does not describe itself"),
        "version": recorded(results, "versions", scores.task, unit="setting"),
        "setting": fact("zero-shot" if not shots else f"{shots}-shot", "text", results.source("n-shot", scores.task)),
        "cluster": recorded(results, *at, "cluster", unit="text", absent="none declared: items count as independent"),
        "clustered": scores.metadata.get("cluster") is not None,
        "primary": fact(label_of(measured, scores.primary or ""), "text", results.source(*at, "primary")),
        "scored": fact(rows, "count", source),
        "available": recorded(results, "n-samples", scores.task, "original", unit="count"),
        "limited": available is not None and available > rows,
        "kind": kind_of(measured),
        "positive": positive_name(measured),
        "data": {
            **{key: recorded(results, *at, "data", key, unit="text") for key in ("source", "name")},
            "revision": recorded(results, *at, "data", "revision", unit="text", absent="no revision of its own"),
            "splits": [
                {
                    "split": fact(split, "text", results.source(*at, "data", "fingerprint", split)),
                    "fingerprint": recorded(results, *at, "data", "fingerprint", split, unit="text"),
                    "rows": recorded(results, *at, "data", "rows", split, unit="count"),
                }
                for split in data.get("fingerprint") or {}
            ],
        },
    }


def _side(measured: Measured) -> dict[str, Any]:
    """Returns what concerns one checkpoint alone: its diagnosis, its distance from the floor, how it was scored."""
    results = measured.scores.results
    return {
        "diagnosis": diagnosis(measured),
        "above_floor": above_floor(measured),
        "dtype": recorded(results, "config", "model_dtype", unit="text"),
    }


def _comparison(base: Measured | None, after: Measured | None, checkpoint: dict[str, Any], task: str) -> dict[str, Any]:
    """Returns the scores of one checkpoint beside the base's, metric by metric."""
    name = checkpoint["name"]["value"]
    unscored = missing(f"it has not been scored: there is no scores/{name}/{task}")
    not_base = missing("the base model has not been scored")
    refused = refusal(base, after, checkpoint) if base and after else None
    known = after or base
    assert known is not None  # task_facts leaves a task out that nothing was scored on
    metrics = list(dict.fromkeys([*(base.scores.metrics if base else []), *(after.scores.metrics if after else [])]))
    scores = []
    for metric in metrics:
        before_fact = _level(base, metric) if base else not_base
        after_fact = _level(after, metric) if after else unscored
        difference = missing(refused or "one of the two scores is missing")
        if base and after and not refused and is_known(before_fact) and is_known(after_fact):
            difference = _difference(base, after, metric)
        scores.append(
            {
                "metric": metric,
                "label": fact(label_of(known, metric), "text", known.scores.results.source("configs", task)),
                "primary": metric == known.scores.primary,
                "higher_is_better": (known.scores.per_task("higher_is_better") or {}).get(metric) is not False,
                "before": before_fact,
                "after": after_fact,
                "difference": difference,
            }
        )
    paired = base and after and not refused
    return {
        "checkpoint": checkpoint["name"],
        "trained_on": checkpoint["task"],
        "scores": scores,
        "methods": _methods(scores),
        "after": _side(after) if after else {"absent": unscored},
        "refused": missing(refused) if refused else None,
        "transitions": _transitions(base, after, metrics) if paired and base and after else None,
        "shift": _shift(base, after) if paired and base and after else None,
    }


def _methods(scores: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns which interval was made in which way, metrics of one way together."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for side, name in (("before", "base"), ("after", "fine-tuned"), ("difference", "difference")):
        for score in scores:
            known = score[side]
            if not is_known(known):
                continue
            method = known["interval"]["method"] if "interval" in known else known["no_interval"]
            told = {key: fact(text, "text", known["source"]) for key, text in (("side", name), ("method", method))}
            rows.setdefault((side, method), told | {"labels": []})["labels"].append(score["label"])
    return list(rows.values())


def refusal(base: Measured, after: Measured, checkpoint: dict[str, Any]) -> str | None:
    """Returns why the two may not be compared; None where they may.

    The same items, asked with the same rendered prompts of the same task version, and trained on prompts rendered in
    that way: otherwise the difference mixes what fine-tuning did with what the prompt did.
    """
    one, two = base.scores, after.scores
    if one.per_task("versions") != two.per_task("versions"):
        return (
            f"the task's version differs: {one.per_task('versions')} for the base model, "
            f"{two.per_task('versions')} for the checkpoint"
        )
    rendered = [render_hash(render_from_results(scores.results.content, scores.task)) for scores in (one, two)]
    if rendered[0] != rendered[1]:
        return "the prompts were rendered in different ways before and after fine-tuning"
    trained = checkpoint.get("render_hash", {}).get("value")
    if trained is not None and checkpoint["task"]["value"] == one.task and trained != rendered[0]:
        return "the checkpoint was trained on prompts rendered in another way than the scored ones"
    before, later = (Counter(row["doc_hash"] for row in scores.rows) for scores in (one, two))
    if before != later:
        shared = sum((before & later).values())
        return (
            f"the scored items differ: {shared} are the same, of {before.total()} before and {later.total()} after "
            "fine-tuning"
        )
    pairs = zip(one.rows, aligned(one, two.rows), strict=True)
    changed = sum(a.get("prompt_hash") != b.get("prompt_hash") for a, b in pairs)
    return f"the prompts of {changed} items differ before and after fine-tuning" if changed else None


def aligned(base: Scores, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns ``rows`` in the order of the base's items, paired by `doc_hash` (`doc_id` is an order, no name)."""
    waiting: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        waiting.setdefault(row["doc_hash"], []).append(row)
    return [waiting[row["doc_hash"]].pop(0) for row in base.rows if waiting.get(row["doc_hash"])]


def _level(measured: Measured, metric: str) -> Fact:
    """Returns the recorded score with its interval; raises UserError where our recount differs."""
    scores = measured.scores
    if metric not in scores.metrics:
        return missing(f"{scores.results.file} does not hold it")
    value, source = scores.recorded(metric)
    unit, rows = unit_of(measured, metric), scores.having(metric)
    items = measured.items(metric)
    if items is None or (isinstance(items[0], tuple) and metric not in PAIR_METRICS):
        return fact(value, unit, source, n=len(rows) or None, no_interval="no interval: not a known function of items")
    interval = counted(statistics.level, measured, metric, items, scores.clusters(rows))
    if abs(interval.value - value) > AGREEMENT * (measured.scale or 1.0):
        raise UserError(
            f"{source['file']} says {metric} = {value}, its samples give {interval.value}",
            "the results and the samples are not from the same run, or one was edited",
            f"delete {Path(source['file']).parent} and run the study again",
        )
    return interval_fact(interval, unit, source, also=[scores.samples.source()], value=value)


def _difference(base: Measured, after: Measured, metric: str) -> Fact:
    """Returns the paired difference, fine-tuned minus base."""
    rows = base.scores.having(metric)
    later = aligned(base.scores, after.scores.rows)
    before_items, after_items = base.items(metric), after.items(metric, [row for row in later if metric in row])
    if before_items is None or after_items is None or len(before_items) != len(after_items):
        return missing("the samples do not hold it item by item, so the two cannot be paired")
    if isinstance(before_items[0], tuple) and metric not in PAIR_METRICS:
        return missing("it is not a known function of the items")
    interval = counted(statistics.difference, base, metric, before_items, after_items, base.scores.clusters(rows))
    also = [base.scores.samples.source()]
    return interval_fact(interval, unit_of(base, metric), after.scores.samples.source(), also=also)


def _transitions(base: Measured, after: Measured, metrics: list[str]) -> dict[str, Any] | None:
    """Returns how many items went from wrong to right and so on, by the first metric that is right or wrong an item."""
    for metric in metrics:
        before, later = base.items(metric), after.items(metric, aligned(base.scores, after.scores.rows))
        if before is None or later is None or not {*before, *later} <= {0.0, base.scale or 1.0}:
            continue
        counts = Counter((a > 0, b > 0) for a, b in zip(before, later, strict=True))  # type: ignore[operator]
        source, also = after.scores.samples.source(), [base.scores.samples.source()]
        names = {"fixed": (False, True), "broken": (True, False)}
        names |= {"both_right": (True, True), "both_wrong": (False, False)}
        return {
            "label": fact(label_of(base, metric), "text", source),
            **{name: fact(counts[key], "count", source, also=also, n=len(before)) for name, key in names.items()},
        }
    return None


def _shift(base: Measured, after: Measured) -> dict[str, Any] | None:
    """Returns how the answers changed as such: the share that say positive, or the share left unanswered."""
    kind, source, also = kind_of(base), after.scores.samples.source(), [base.scores.samples.source()]
    rows, later = base.scores.rows, aligned(base.scores, after.scores.rows)
    if kind == "classification":
        metric = next(metric for metric in base.scores.metrics if base.pairs(metric))
        before_items, after_items = ([float(row[metric][1] == 1) for row in side] for side in (rows, later))
        what = f"answers that say {positive_name(base)['value']}"
    elif kind == "extraction":
        before_items, after_items = ([float(abstains(row)) for row in side] for side in (rows, later))
        what = "questions left unanswered"
    else:
        return None
    interval = statistics.difference("share", before_items, after_items, base.scores.clusters(rows))
    return {"what": fact(what, "text", source), "change": interval_fact(interval, "share", source, also=also)}
