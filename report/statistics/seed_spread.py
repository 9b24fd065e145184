"""The spread of a score over training seeds, which is another uncertainty than that of having scored few items."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from report.statistics.intervals import Estimate


@dataclass(frozen=True)
class SeedEstimate(Estimate):
    """A score's mean over seeds: ``n`` and ``clusters`` count seeds.

    ``deviation``: the seeds' standard deviation, with n − 1 below the line; None for one seed.
    """

    deviation: float | None = None


def spread(values: Sequence[float], confidence: float = 0.95) -> SeedEstimate:
    """Returns the mean of ``values``, one score a seed, with its t interval; it is not clipped to the metric's range.

    One seed has no spread, and seeds that all gave the same score have no interval: it would claim certainty.
    Raises ValueError for no seed, and for a score that is not a finite number.

    >>> found = spread([0.91, 0.92, 0.95])
    >>> round(found.value, 4), round(found.deviation, 4), round(found.lower, 4), round(found.upper, 4)
    (0.9267, 0.0208, 0.875, 0.9784)
    """
    if not values or not all(math.isfinite(value) for value in values):
        raise ValueError(f"the scores of the seeds are {list(values)}: needs at least one, and finite numbers")
    n, mean = len(values), math.fsum(values) / len(values)
    if n == 1:
        return SeedEstimate(mean, None, None, "no interval: one seed", n, n, confidence)
    if max(values) == min(values):
        reason = "no interval: all seeds gave the same score"
        return SeedEstimate(values[0], None, None, reason, n, n, confidence, deviation=0.0)
    from scipy.special import stdtrit

    deviation = statistics.stdev(values)
    error = deviation / math.sqrt(n)
    half = float(stdtrit(n - 1, 0.5 + confidence / 2)) * error
    return SeedEstimate(mean, mean - half, mean + half, "mean over seeds, t(n−1)", n, n, confidence, error, deviation)
