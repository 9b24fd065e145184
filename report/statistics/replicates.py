"""Intervals and tests of a metric of which only its value without each cluster is known, and no function of items.

The values are what the task's own aggregation gave (`harness_tasks.replicates`); the jackknife is that of
`report.statistics.intervals`, which for a mean gives the same interval from its sums.
"""

from dataclasses import dataclass, replace

from report.statistics.formulas import Array
from report.statistics.intervals import Estimate, jackknife
from report.statistics.paired_tests import EquivalenceTest, PairedTest, equivalence_of

UNCHANGED = "the two are the same, with each cluster left out too"
JACKKNIFE = "t test on the paired jackknife, t(G−1)"


@dataclass(frozen=True)
class Replicates:
    """A score of ``n`` items: its ``value``, and ``left_out`` (G,), what it is without each of its clusters.

    ``highest``: the upper end of the metric's range; None: unknown.
    """

    value: float
    left_out: Array
    n: int
    highest: float | None = None


def level(found: Replicates, *, confidence: float = 0.95) -> Estimate:
    """Returns the score with its jackknife interval, cut at the upper end of its range; none where all are alike."""
    made = _with_variation(jackknife(found.value, found.left_out, found.n, confidence))
    if made.upper is None or found.highest is None:
        return made
    return replace(made, upper=max(found.value, min(made.upper, found.highest)))


def difference(before: Replicates, after: Replicates, *, confidence: float = 0.95) -> Estimate:
    """Returns the score of ``after`` minus that of ``before``, by the paired jackknife.

    Both are of the same clusters in the same order. Where the two are the same, with all clusters and without any one,
    the difference is 0 and so are both ends.
    """
    value, left_out = after.value - before.value, after.left_out - before.left_out
    if value == 0 and not left_out.any():
        return Estimate(0.0, 0.0, 0.0, UNCHANGED, after.n, len(left_out), confidence)
    return _with_variation(jackknife(value, left_out, after.n, confidence))


def paired_test(difference: Estimate) -> PairedTest:
    """Returns the t test of a paired ``difference``; exchanging clusters would need the metric's function."""
    if difference.method == UNCHANGED:
        return PairedTest(1.0, UNCHANGED, observed=0.0)
    if not difference.standard_error:
        return PairedTest(None, f"no p-value: {difference.method.removeprefix('no interval: ')}")
    from scipy.special import stdtr

    p = 2 * float(stdtr(difference.clusters - 1, -abs(difference.value) / difference.standard_error))
    return PairedTest(p, JACKKNIFE, observed=abs(difference.value))


def equivalence(before: Replicates, after: Replicates, *, margin: float, alpha: float = 0.05) -> EquivalenceTest:
    """Returns what `report.statistics.paired_tests.equivalence` does; where nothing changed, it cannot be told."""
    found = difference(before, after, confidence=1 - 2 * alpha)
    if found.method == UNCHANGED:
        found = replace(found, lower=None, upper=None, method=f"no interval: {UNCHANGED}")
    return equivalence_of(found, margin=margin, alpha=alpha)


def _with_variation(made: Estimate) -> Estimate:
    if made.lower is None or made.lower != made.upper:
        return made
    alike = f"no interval: every {'item' if made.clusters == made.n else 'cluster'} is alike"
    return replace(made, lower=None, upper=None, method=alike, standard_error=None)
