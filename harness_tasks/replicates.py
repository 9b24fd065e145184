"""A task's own aggregations with each cluster left out: what intervals of any metric are made of (Tukey's jackknife).

A mean needs none of it, nor do the metrics of this package, which a page counts as functions of sums. Any other
aggregation, such as a kappa or a corpus metric of somebody's own, only the task knows: its values are computed where
the task is loaded, and written beside the samples; so is what trivial answers score, by the task's own functions.
Imports lm_eval only when called.
"""

import math
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file, write_json
from harness_tasks.messages import first_line
from harness_tasks.trivial_answers import trivial_answers

BUDGET_S = 60.0
"""Seconds that the replicates of one task may take, the quickest metrics first."""
Aggregation = Callable[[list[Any]], Any]
_OURS = "harness_tasks."


class ItemValues(NamedTuple):
    """What one item gives to the metrics of one filter. ``key`` tells its cluster from others, which is called so."""

    filter: str
    key: Hashable
    cluster: str
    values: Mapping[str, Any]


class _Metric(NamedTuple):
    """One metric by one filter: its function, what each item gives to it, and each item's cluster as a number."""

    name: str
    filter: str
    aggregate: Aggregation
    values: list[Any]
    codes: list[int]


class _Unusable(Exception):
    """Why an aggregation has no replicates."""


def write_replicates(
    samples: Path,
    task: Any,
    rows: Sequence[Mapping[str, Any]],
    cluster_field: str | None,
    *,
    budget_s: float = BUDGET_S,
) -> None:
    """Writes beside the sample file ``samples`` what `replicates` returns of its ``rows``, and of trivial answers.

    ``task`` is an object of lm_eval. The file's name is the sample file's with `replicates` in the place of `samples`,
    and `.json`. Nothing is written where nothing needs it. Raises UserError as `items_of` does.
    """
    begun = time.perf_counter()
    aggregations, items = task.aggregation(), items_of(rows, cluster_field)
    found = replicates(aggregations, items, budget_s=budget_s)
    first = [row for row in rows if row["filter"] == rows[0]["filter"]]
    asked = {metric for row in rows for metric in row["metrics"]}
    baselines = []
    for answers in trivial_answers(task, [row["doc"] for row in first]):
        values = [{name: value for name, value in one.items() if name in asked} for one in answers.values]
        said = [{**row, "metrics": list(one), **one} for row, one in zip(first, values, strict=True)]
        left = max(0.0, budget_s - (time.perf_counter() - begun))
        made = replicates(aggregations, items_of(said, cluster_field), budget_s=left)["metrics"]
        by_metric = {name: [_plain(one.get(name)) for one in values] for name in sorted(set().union(*values))}
        baselines.append({"name": answers.name, "values": by_metric, "metrics": made})
    if found["metrics"] or baselines:
        output = samples.with_name(f"replicates{samples.stem.removeprefix('samples')}.json")
        of_items = {"doc_ids": [row["doc_id"] for row in first], "baselines": baselines}
        write_json(output, {"samples_sha256": sha256_file(samples), **found, **of_items})


def _plain(value: Any) -> Any:
    """Returns a value of an item as JSON has it: numpy's numbers and arrays as Python's."""
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value.tolist() if hasattr(value, "tolist") else value


def items_of(rows: Iterable[Mapping[str, Any]], cluster_field: str | None) -> list[ItemValues]:
    """Returns what lm_eval's sample rows give to their metrics; without ``cluster_field`` an item is its own cluster.

    Raises UserError where a row's document lacks the field.
    """
    found = []
    for row in rows:
        key: Hashable = ("item", row["doc_id"])
        name = row["doc_hash"]
        if cluster_field is not None:
            if cluster_field not in row["doc"]:
                raise UserError(
                    f"item {row['doc_id']} has no field {cluster_field!r}, which its task names as its cluster",
                    "an interval is made by leaving out one cluster after another",
                    "give every row of the task's data that field, or take `cluster` out of the task's metadata",
                )
            key = name = str(row["doc"][cluster_field])
        found.append(ItemValues(row["filter"], key, name, {metric: row[metric] for metric in row["metrics"]}))
    return found


def replicates(
    aggregations: Mapping[str, Aggregation],
    items: Sequence[ItemValues],
    *,
    budget_s: float = BUDGET_S,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Any]:
    """Returns the names of the clusters of ``items``, and what each metric is with each of them left out.

    ``aggregations``: the task's functions of a list of items' values, by metric. Nothing is said of a metric that a
    plain mean or a function of ours aggregates. ``left_out`` stands in the order of ``clusters``, None for one without
    an item that has the metric. ``absent`` says why a metric has none: its function would take longer than is left of
    ``budget_s``, fails on a part of the items, or has another value each time. ``n``: items that have the metric.
    """
    names, metrics = _metrics(aggregations, items)
    tried = []
    for metric in metrics:
        begun = clock()
        try:
            tried.append((metric, _value(metric), (clock() - begun) / 2, ""))
        except _Unusable as error:
            tried.append((metric, 0.0, 0.0, str(error)))
    said, spent = dict[tuple[str, str], dict[str, Any]](), 0.0
    for metric, value, seconds, why in sorted(tried, key=lambda one: one[2]):
        begun = clock()
        outcome: dict[str, Any] = {"absent": why}
        if not why:
            try:
                outcome = {"value": value, "left_out": _left_out(metric, len(names), seconds, budget_s - spent, clock)}
            except _Unusable as error:
                outcome = {"absent": str(error)}
        spent += clock() - begun
        place = {"metric": metric.name, "filter": metric.filter, "n": len(metric.values)}
        said[metric.name, metric.filter] = {**place, **outcome}
    return {"clusters": names, "metrics": [said[metric.name, metric.filter] for metric in metrics]}


def _metrics(aggregations: Mapping[str, Aggregation], items: Sequence[ItemValues]) -> tuple[list[str], list[_Metric]]:
    """Returns the names of the clusters, and the metrics that need replicates, each with its items."""
    codes, names = dict[Hashable, int](), list[str]()
    found = dict[tuple[str, str], _Metric]()
    for item in items:
        if item.key not in codes:
            codes[item.key] = len(names)
            names.append(item.cluster)
        for name, value in item.values.items():
            if (aggregate := aggregations.get(name)) is None or _is_known(aggregate):
                continue
            metric = found.setdefault((name, item.filter), _Metric(name, item.filter, aggregate, [], []))
            metric.values.append(value)
            metric.codes.append(codes[item.key])
    return names, list(found.values())


def _is_known(aggregate: Aggregation) -> bool:
    """Returns whether a page counts with the items themselves: lm_eval's mean, or a function of this package."""
    from lm_eval.api.metrics import bypass_agg, mean

    return aggregate in (mean, bypass_agg) or (getattr(aggregate, "__module__", None) or "").startswith(_OURS)


def _value(metric: _Metric) -> float:
    """Returns the metric of all its items; raises _Unusable where the function does not give one number each time."""
    first, again = (_number(metric.aggregate, metric.values, "all items") for _ in range(2))
    if first != again:
        raise _Unusable(f"its aggregation gives another value each time, such as {first:.6g} and {again:.6g}")
    return first


def _left_out(
    metric: _Metric, clusters: int, seconds: float, budget_s: float, clock: Callable[[], float]
) -> list[float | None]:
    """Returns the metric with each cluster left out; raises _Unusable where it takes longer than ``budget_s``."""
    members: dict[int, set[int]] = {}
    for place, code in enumerate(metric.codes):
        members.setdefault(code, set()).add(place)
    if len(members) < 2:
        raise _Unusable("all items that have it are of one cluster")
    begun = clock()
    too_slow = (
        f"its aggregation takes {seconds:.2g} s, and {len(members):,} times that is more than what was left of the "
        f"{BUDGET_S:.0f} s for the replicates of a task"
    )
    if seconds * len(members) > budget_s:
        raise _Unusable(too_slow)
    found: list[float | None] = [None] * clusters
    for code, places in members.items():
        if clock() - begun > 2 * budget_s:  # an estimate from one call may be far off
            raise _Unusable(too_slow)
        rest = [value for place, value in enumerate(metric.values) if place not in places]
        found[code] = _number(metric.aggregate, rest, f"all items but {len(places):,}")
    return found


def _number(aggregate: Aggregation, values: list[Any], what: str) -> float:
    try:
        found = float(aggregate(list(values)))
    except Exception as error:  # a function of somebody's own raises anything
        raise _Unusable(f"its aggregation fails on {what} ({first_line(error)})") from None
    if not math.isfinite(found):
        raise _Unusable(f"its aggregation gives no number for {what}")
    return found
