"""The standard error that lm_eval recorded, believed only where nothing beside it contradicts it.

A group's was wrong in lm_eval 0.4.0 and 0.4.1 (a variance of items, not of their mean); that of a group that weighs its
tasks alike was for long the size-weighted mean's. Where the tasks' own errors stand beside it, it is computed again
from them: of independent parts with weights w, it is the root of the sum of (w × error)². A score between 0 and 1 of n
items has no larger error than √(score × (1 − score) / (n − 1)), which is that of right and wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isclose, sqrt

from report.reading.lm_eval_results import LARGEST_SCORE
from report.statistics import intervals
from report.statistics.intervals import Estimate
from report.statistics.metrics import metric_of

CONFIDENCE = 0.95
TOLERANCE = 0.02
"""How far, relatively, a recorded error may be from what its parts give."""


@dataclass(frozen=True)
class GroupPart:
    """One task of a group: its score, the standard error of it, and its number of items."""

    value: float
    stderr: float | None
    n: int | None


@dataclass(frozen=True)
class Recorded:
    """A standard error that may be used, or None, with what must be said: how it was made, or why it is not used."""

    stderr: float | None
    said: str = ""


def checked_error(
    metric: str, value: float, stderr: float | None, n: int | None, parts: Sequence[GroupPart]
) -> Recorded:
    """Returns the standard error of a recorded score; ``parts``: of a group, its tasks that have the score.

    >>> checked_error("acc", 0.5, 0.2, 100, []).said
    'the recorded standard error, 0.2, is above 0.05025, the largest that 100 items can have'
    """
    if stderr is not None and 0 < stderr < 1 / LARGEST_SCORE:
        return Recorded(None, "the recorded standard error is as good as 0")
    if stderr is not None and stderr < 0:
        return Recorded(None, f"the recorded standard error, {stderr:.4g}, is below 0")
    if parts:
        return _of_group(metric, value, stderr, parts)
    if stderr is None or not metric_of(metric).is_share or n == 1 or not 0 <= value <= 1:
        return Recorded(stderr)
    largest = sqrt(value * (1 - value) / ((n or 2) - 1))
    if stderr > largest * (1 + TOLERANCE) + 1e-12:
        told = f"is above {largest:.4g}, the largest that {f'{n:,}' if n else 'any'} items can have"
        return Recorded(None, f"the recorded standard error, {stderr:.4g}, {told}")
    return Recorded(stderr)


def recorded_interval(metric: str, value: float, error: Recorded, n: int | None, why: str) -> Estimate:
    """Returns the interval of a score of which only number, standard error and number of items are known.

    The standard error of a share is a function of the share: where lm_eval's is that, the items were right or wrong,
    and the interval is Wilson's. Else it is normal. Without a standard error there is none.

    >>> recorded_interval("f1", 0.9, Recorded((0.09 / 99) ** 0.5), 100, "").method
    'Wilson, from the recorded score and number of items; no samples'
    """
    reason, count, stderr = why or "no samples", n or 0, error.stderr
    inside = 0 < value < 1 or (metric_of(metric).is_share and value in (0.0, 1.0))
    if count > 1 and inside and stderr is not None and isclose(stderr, _of_share(value, count), rel_tol=1e-6):
        found = intervals.wilson(value * count, count, CONFIDENCE)
        method = f"Wilson, from the recorded score and number of items; {reason}"
        return replace(found, value=value, method=method)
    if stderr is None or not stderr > 0:
        told = error.said or ("no standard error is recorded" if stderr is None else "the recorded standard error is 0")
        return Estimate(value, None, None, f"no interval: {told}; {reason}", count, count, CONFIDENCE)
    half = normal_quantile(CONFIDENCE) * stderr
    method = f"normal, from {error.said or 'the recorded standard error'}; {reason}"
    return Estimate(value, value - half, value + half, method, count, count, CONFIDENCE, stderr)


def normal_quantile(confidence: float) -> float:
    """Returns how many standard errors each arm of a normal interval is long."""
    from scipy.special import ndtri

    return float(ndtri(0.5 + confidence / 2))


def _of_share(value: float, n: int) -> float:
    return sqrt(value * (1 - value) / (n - 1))


def _of_group(metric: str, value: float, stderr: float | None, parts: Sequence[GroupPart]) -> Recorded:
    known = (part.stderr for part in parts if part.stderr is not None)
    errors = [error for error in known if error == 0 or error >= 1 / LARGEST_SCORE]
    if len(errors) < len(parts) or not any(errors):
        return Recorded(stderr)
    found = _from_parts(metric, value, parts)
    told = "none is recorded" if stderr is None else f"the recorded one, {stderr:.4g}, contradicts them"
    if found is not None:
        if stderr is not None and isclose(stderr, found, rel_tol=TOLERANCE):
            return Recorded(stderr)
        return Recorded(found, f"the standard errors of its {len(parts)} tasks ({told})")
    # Whatever the weights, the error of a mean lies between these two; of something else than a mean nobody knows.
    values = [part.value for part in parts]
    least, most = sqrt(1 / sum(error**-2 for error in errors)) if all(errors) else 0.0, max(errors)
    if stderr is None or not min(values) <= value <= max(values):
        return Recorded(stderr)
    if least * (1 - TOLERANCE) <= stderr <= most * (1 + TOLERANCE):
        return Recorded(stderr)
    return Recorded(
        None,
        f"the recorded standard error, {stderr:.4g}, contradicts those of its {len(parts)} tasks, by which it is "
        f"between {least:.4g} and {most:.4g}",
    )


def _from_parts(metric: str, value: float, parts: Sequence[GroupPart]) -> float | None:
    """Returns the standard error of the mean of ``parts``, by size or alike, whichever gives ``value``; else None."""
    sizes = [known for part in parts if (known := _size(metric, part))]
    weightings = []
    if len(sizes) == len(parts):
        weightings.append([size / sum(sizes) for size in sizes])
    # Where all parts have one score, any weights give it, so that it does not tell them.
    if weightings or len({part.value for part in parts}) > 1:
        weightings.append([1 / len(parts)] * len(parts))
    for weights in weightings:
        mean = sum(weight * part.value for weight, part in zip(weights, parts, strict=True))
        if isclose(mean, value, rel_tol=1e-6, abs_tol=1e-9):
            return sqrt(sum((weight * (part.stderr or 0.0)) ** 2 for weight, part in zip(weights, parts, strict=True)))
    return None


def _size(metric: str, part: GroupPart) -> int | None:
    """Returns a part's number of items: as recorded, else as the standard error of right and wrong tells it."""
    if part.n or not metric_of(metric).is_share or not part.stderr or not 0 < part.value < 1:
        return part.n
    found = part.value * (1 - part.value) / part.stderr**2 + 1
    return round(found) if found > 1.5 and isclose(found, round(found), rel_tol=1e-6) else None
