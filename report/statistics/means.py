"""The unweighted mean of the scores of several tasks, and the difference of two such means, with intervals.

Tasks share no item, so the variance of the mean of k scores is the sum of their variances over k². Each is the
jackknife's over the task's own clusters; t has the degrees of freedom of Satterthwaite (1946, Biometrics Bulletin 2,
110-114), which are few where one task of few clusters has most of the variance.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from report.statistics.intervals import NO_CHANGE, Estimate, jackknife
from report.statistics.sums import ROUNDING, Encoded

METHOD = "sum of the tasks' jackknife variances, t with Satterthwaite's degrees of freedom"


def level(samples: Sequence[Encoded], *, confidence: float = 0.95) -> Estimate:
    """Returns the mean of the scores of samples of different tasks, and its interval, clipped to the metric's range.

    There is no interval where one of them has none, for an undefined score or a single cluster, nor where within each
    task all clusters are alike.
    """
    low, high = (float(np.mean([getattr(one.statistic, end) for one in samples])) for end in ("low", "high"))
    return _mean([_jackknife(sample, confidence) for sample in samples], low, high)


def difference(pairs: Sequence[Encoded], *, confidence: float = 0.95) -> Estimate:
    """Returns the mean score of the second samples minus that of the first; both ends are 0 where no item changed."""
    span = float(np.mean([pair.statistic.high - pair.statistic.low for pair in pairs]))
    found = _mean([_jackknife(pair, confidence) for pair in pairs], -span, span)
    if not any(pair.changed for pair in pairs):
        return replace(found, lower=0.0, upper=0.0, method=NO_CHANGE)
    is_rounding = abs(found.value) <= ROUNDING * (pairs[0].scale or 1.0)
    return replace(found, value=0.0) if is_rounding else found


def _mean(parts: Sequence[Estimate], low: float, high: float) -> Estimate:
    """Returns the mean of jackknifed scores of different tasks, with an interval within ``low`` to ``high``."""
    from scipy.special import stdtrit

    value = float(np.mean([part.value for part in parts]))
    n, clusters, confidence = sum(part.n for part in parts), sum(part.clusters for part in parts), parts[0].confidence
    without = next((part.method for part in parts if part.standard_error is None), None)
    variances = np.array([part.standard_error or 0.0 for part in parts]) ** 2
    total = float(variances.sum())
    if without or not total:
        why = without or "no interval: within each task all clusters are alike"
        return Estimate(value, None, None, why, n, clusters, confidence)
    freedom = total**2 / float(np.sum(variances**2 / np.array([part.clusters - 1 for part in parts])))
    error = float(np.sqrt(total)) / len(parts)
    half = float(stdtrit(freedom, 0.5 + confidence / 2)) * error
    ends = max(low, value - half), min(high, value + half)
    return Estimate(value, *ends, METHOD, n, clusters, confidence, error)


def _jackknife(sample: Encoded, confidence: float) -> Estimate:
    """Returns the score of one sample, or the second's of two minus the first's, with the jackknife's standard error.

    It has none where every score is undefined.
    """
    statistic, by_cluster, n = sample.statistic, sample.by_cluster(), len(sample.codes)
    totals = by_cluster.sum(axis=1)
    value, left_out = (
        statistic.value(sums[-1]) - (statistic.value(sums[0]) if len(sums) > 1 else 0.0)
        for sums in (totals, totals[:, None] - by_cluster)
    )
    if not any(map(statistic.support, by_cluster)):
        why = f"no interval: {statistic.formula.undefined}"
        return Estimate(float(value), None, None, why, n, sample.clusters, confidence)
    return jackknife(float(value), left_out, n, confidence)
