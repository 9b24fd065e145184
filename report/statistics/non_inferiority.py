"""Whether a loss is shown to be smaller than a margin, or to be one at all: one-sided tests of a paired difference.

Non-inferiority (Blackwelder, W. C. (1982), Controlled Clinical Trials 3, 345-353): the hypothesis that the loss is at
least the margin is refuted where the gain plus the margin lies far enough above 0, by t with clusters − 1 degrees of
freedom on the paired jackknife's standard error. For binary items in 30 clusters with an intraclass correlation of 0.2
and a true loss of exactly the margin, it says "kept" in at most 5 % of data sets (``test_non_inferiority.py``).
"""

from dataclasses import dataclass

from report.statistics.intervals import Estimate

POWER = 0.8
"""How often the test of `items_needed` would decide."""


@dataclass(frozen=True)
class Retained:
    """The p-value of each of two one-sided tests; both None where ``why`` says that there is none.

    ``kept``: of the hypothesis that the loss is at least the margin. ``lost``: that there is no loss.
    """

    kept: float | None
    lost: float | None
    why: str = ""


def retained(difference: Estimate, margin: float, *, higher_is_better: bool) -> Retained:
    """Returns both tests of ``difference`` (after − before), with a ``margin`` above 0 in the metric's scale."""
    if is_unchanged(difference):
        return Retained(None, None, difference.method)
    if not difference.standard_error:
        return Retained(None, None, difference.method.removeprefix("no interval: "))
    from scipy.special import stdtr

    gain, freedom = difference.value if higher_is_better else -difference.value, difference.clusters - 1
    kept, lost = (float(stdtr(freedom, distance / difference.standard_error)) for distance in (-(gain + margin), gain))
    return Retained(kept, lost)


def is_unchanged(difference: Estimate) -> bool:
    """Returns whether nothing changed in any item, so that there is nothing to test."""
    return difference.value == 0 and difference.lower == 0 == difference.upper


def items_needed(
    difference: Estimate, margin: float, *, higher_is_better: bool, tests: int, level: float = 0.05
) -> int | None:
    """Returns about how many items would decide, were the true difference the one found; None without standard error.

    So many that one of the two tests, at ``level`` / ``tests`` (Bonferroni), refutes its hypothesis with probability
    `POWER`: n × ((z(1 − level / tests) + z(power)) × standard error / distance)², where the distance is that from the
    nearer decision: the gain plus the margin, or the loss. The standard error shrinks with the root of the items.
    """
    if not difference.standard_error:
        return None
    from scipy.special import ndtri

    gain = difference.value if higher_is_better else -difference.value
    distance = max(gain + margin, -gain)  # the two sum to the margin: one of them is at least its half
    steps = float(-ndtri(level / tests) + ndtri(POWER)) * difference.standard_error / distance
    return round(difference.n * steps**2)
