"""Replicates of metrics made again from the sample rows: of aggregations of lm_eval's that are a line of arithmetic.

What a task's own function gave, to a cluster left out or to a trivial answer, is taken as it is recorded: it is no
matter of a page's to run a task's code. The values are bound to the samples by hash, and must be of the recorded score.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness_tasks.errors import UserError
from report.reading.results import Scores, read_scores
from report.verify.problems import Problem
from report.verify.rescore import same

Array = NDArray[np.float64]


def _weighted(items: Array) -> float:
    """Returns the weighted mean of (value, weight)."""
    above, below = items.sum(axis=0)
    return float(above / below)


_BY_NAME: dict[str, Callable[[Array], float]] = {
    "perplexity": lambda items: math.exp(-items.mean()),
    "weighted_perplexity": lambda items: math.exp(-_weighted(items)),
    "bits_per_byte": lambda items: -_weighted(items) / math.log(2),
    "median": lambda items: float(np.sort(items)[len(items) // 2]),
    "nanmean": lambda items: float(np.nanmean(items)),
}
"""lm_eval's aggregations, by the names that a task calls them by."""
_USUAL = {"perplexity": "perplexity", "bits_per_byte": "bits_per_byte"}
_USUAL |= dict.fromkeys(("word_perplexity", "byte_perplexity"), "weighted_perplexity")
"""The one that lm_eval takes for a metric where the task names none."""


class Replicated(NamedTuple):
    """What is wrong with a study's replicates, and those that could not be made again."""

    problems: list[Problem]
    taken: list[str]


def replicates_again(folder: Path) -> Replicated:
    """Returns what is wrong with the replicates in ``folder``, a study's results, and which are taken as recorded."""
    problems, taken = list[Problem](), list[str]()
    for path in sorted(folder.glob("scores/*/*/replicates.json")):
        home = path.parent
        try:
            scores = read_scores(folder, home.parent.name, home.name)
        except UserError:  # it is said where the facts are computed again
            continue
        if scores is None or scores.replicates is None:
            continue
        if scores.replicates.content.get("baselines"):
            taken.append(f"trivial baselines of {scores.replicates.file}")
        for said in scores.replicates.content["metrics"]:
            if "absent" in said:
                continue
            function = _function(scores, said["metric"])
            if function is None:
                taken.append(f"{said['metric']} of {scores.replicates.file}")
                continue
            by = Scores(scores.task, scores.results, scores.samples, said["filter"], scores.replicates)
            problems += _differing(by, said, function)
    return Replicated(problems, taken)


def _function(scores: Scores, metric: str) -> Callable[[Array], float] | None:
    listed = scores.configuration.get("metric_list") or ()
    entry: Mapping[str, Any] = next((one for one in listed if one.get("metric") == metric), {})
    return _BY_NAME.get(entry.get("aggregation") or _USUAL.get(metric, ""))


def _differing(scores: Scores, said: Mapping[str, Any], function: Callable[[Array], float]) -> Iterator[Problem]:
    assert scores.replicates is not None
    rows, names = scores.having(said["metric"]), scores.replicates.content["clusters"]
    place = f"{scores.replicates.file}, {said['metric']}"
    try:
        items = np.array([row[said["metric"]] for row in rows], dtype=float)
        codes = _codes(names, scores, rows)
        expected = [function(items[codes != code]) if (codes == code).any() else None for code in range(len(names))]
        value: Any = function(items)
    except (ValueError, TypeError, LookupError, ArithmeticError, UserError) as error:  # items of any shape
        yield Problem(place, "values that the samples do not give again", str(error))
        return
    if not same(value, said["value"]):
        yield Problem(place, str(said["value"]), f"{value} from the samples")
    for name, one, other in zip(names, said["left_out"], expected, strict=True):
        if not same(one, other):
            yield Problem(f"{place} without {name}", str(one), f"{other} from the samples")


def _codes(names: Sequence[str], scores: Scores, rows: Sequence[Mapping[str, Any]]) -> NDArray[np.intp]:
    """Returns for each of ``rows`` which of the clusters, which have ``names``, it is in."""
    clusters = scores.clusters(list(rows))  # type: ignore[arg-type]
    if clusters is not None:
        places = {name: place for place, name in enumerate(names)}
        return np.array([places[name] for name in clusters])
    waiting: dict[str, list[int]] = {}
    for place in range(len(names) - 1, -1, -1):
        waiting.setdefault(names[place], []).append(place)
    return np.array([waiting[row["doc_hash"]].pop() for row in rows])
