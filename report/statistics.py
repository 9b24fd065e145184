"""Intervals for scores and for paired differences, with the right method for the metric and for clustered items.

A metric is a function of sums over items: a mean is sum / count; precision, recall and F1 are ratios of counts; MCC is
a function of a confusion matrix's cells. Deleting a cluster is then a subtraction, so the delete-one-cluster jackknife
costs one pass, for every metric alike, and for the difference of two scores on the same items as well. Its interval is
estimate ± t(G − 1) × SE with G clusters; its measured coverage is 93.3 to 94.9 % for 24 to 200 clusters at a nominal
95 %, where a percentile bootstrap over clusters has 92.2 to 94.7 % (1,500 simulated data sets a design).

Wilson, E. B. (1927), JASA 22, 209-212; Tukey, J. W. (1958), Ann. Math. Stat. 29, 614 (abstract); Cameron, A. C. and
Miller, D. L. (2015), J. Human Resources 50, 317-372, on t with G − 1 degrees of freedom.

Imports numpy, and scipy where a quantile is needed; never torch.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Item = float | Sequence[int] | None  # a score, a [gold, predicted] pair, or None: this item has no such metric
Direction = Literal["higher", "lower", "no clear difference", "equal"]

# Metrics of [gold, predicted] pairs, and why each may be undefined (its value is then 0, as scikit-learn has it).
UNDEFINED = {
    "precision": "no item was predicted positive",
    "recall": "no item is positive",
    "f1": "no item is positive or was predicted positive",
    "mcc": "all items have one label, or were given one",
}
# A difference below this share of the scale is rounding: a sum of a million doubles errs by less.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Interval:
    """A score or a difference with its uncertainty, all in the metric's own scale.

    ``lower`` and ``upper`` are None where no interval can be given; ``method`` then says why.
    ``n``: items that have the metric. ``clusters``: clusters with such an item. ``confidence``: 0 to 1.
    """

    value: float
    lower: float | None
    upper: float | None
    method: str
    n: int
    clusters: int
    confidence: float


@dataclass(frozen=True)
class SumStatistic:
    """A metric as a function of sums.

    ``encode``: items to an array of (items, D), to be summed over items; it holds nothing the metric does not use.
    ``value``: sums of shape (..., D) to scores of shape (...); 0 where a denominator is 0.
    ``support``: sums by cluster (G, D) to the number of clusters that the score rests on; 0 where it is undefined.
    ``low``, ``high``: the range of the score.
    """

    encode: Callable[[Sequence[Any]], Array]
    value: Callable[[Array], Array]
    support: Callable[[Array], int]
    low: float
    high: float


def wilson(successes: float, n: int, confidence: float = 0.95) -> Interval:
    """Returns the proportion ``successes`` / ``n`` (0 to 1) with Wilson's score interval, which holds at 0 and 1 too.

    >>> interval = wilson(802, 872)
    >>> round(interval.lower, 4), round(interval.upper, 4)
    (0.8998, 0.936)
    """
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} successes among {n} items: needs at least one item, and 0 to n successes")
    return Interval(successes / n, *_wilson_ends(successes / n, n, confidence), "Wilson", n, n, confidence)


def jackknife(
    values: Array,
    clusters: Sequence[Hashable] | None,
    statistic: Callable[[Array], Array],
    confidence: float = 0.95,
) -> Interval:
    """Returns ``statistic`` of the summed ``values`` with its delete-one-cluster jackknife interval.

    ``values``: (items, D). ``clusters``: one name an item, None for independent items.
    ``statistic``: sums of shape (..., D) to (...). The interval is not clipped to the statistic's range.
    """
    return _jackknife([values], clusters, lambda sums: statistic(sums[0]), confidence)


def paired_jackknife(
    before: Array,
    after: Array,
    clusters: Sequence[Hashable] | None,
    statistic: Callable[[Array], Array],
    confidence: float = 0.95,
) -> Interval:
    """Returns ``statistic(after) - statistic(before)`` with its interval; a cluster is deleted from both at once."""
    return _jackknife([before, after], clusters, lambda sums: statistic(sums[1]) - statistic(sums[0]), confidence)


def level(
    metric: str,
    items: Sequence[Item],
    clusters: Sequence[Hashable] | None = None,
    *,
    scale: float | None = 1.0,
    positive_label: int = 1,
    confidence: float = 0.95,
) -> Interval:
    """Returns the score on ``items`` and its interval, clipped to the metric's range.

    ``metric``: the name; it matters only for [gold, predicted] pairs (precision, recall, f1, mcc). Numbers are
    averaged, whatever their name. Items that are None do not have the metric and are skipped, as are clusters of them.
    ``clusters``: one name an item; None: items are independent.
    ``scale``: the upper end of the metric (1 or 100); None: unknown, nothing is clipped and no fall-back is possible.

    The method is the first of these that fits: none where the score is undefined (its value is then 0); Wilson for a
    proportion of independent items (for precision and recall: of the predicted or the gold positives); none for one
    cluster; the jackknife; and where all clusters are alike, so that the jackknife would claim certainty, Wilson with
    clusters for items.

    Raises ValueError where no item has the metric, for a score outside 0 to ``scale``, and for an unknown metric of
    pairs.
    """
    (kept,), groups = _kept(metric, [items], clusters)
    statistic = _statistic(metric, kept, scale, positive_label)
    values = statistic.encode(kept)
    codes = _codes(groups, len(values))
    n, count = len(values), int(codes.max()) + 1
    sums = values.sum(axis=0)
    value = _exact(float(statistic.value(sums)), scale)
    support = statistic.support(_sum_by(codes, values))
    if not support:
        return Interval(value, None, None, f"no interval: {UNDEFINED[metric]}", n, count, confidence)
    trials = _trials(metric, kept, sums, scale) if count == n else None
    if trials is not None:
        ends = _wilson_ends(value / (scale or 1.0), trials, confidence)
        over = {"precision": " over the predicted positives", "recall": " over the gold positives"}
        name = "Wilson" + (over.get(metric, "") if _is_pair(kept[0]) else "")
        return _between(ends, value, 0.0, scale or 1.0, name, n, count, confidence)
    found = jackknife(values, groups, statistic.value, confidence)
    return _finish(found, value, statistic.low, statistic.high, support, bounded=scale is not None)


def difference(
    metric: str,
    before_items: Sequence[Item],
    after_items: Sequence[Item],
    clusters: Sequence[Hashable] | None = None,
    *,
    scale: float | None = 1.0,
    positive_label: int = 1,
    confidence: float = 0.95,
) -> Interval:
    """Returns the score on ``after_items`` minus that on ``before_items``, the same items in the same order.

    Arguments as for `level`. One undefined score counts as 0, as it does in the table; two give no interval.
    Where no item that bears on the metric changed, the difference is 0 and so are both ends; else the method is the
    paired jackknife, none for one cluster, and where all clusters changed alike Wilson with clusters for items and
    the range of differences stretched over 0 to 1.

    Raises ValueError where the two do not pair (different lengths, a metric missing on one side only), and as `level`.
    """
    if len(before_items) != len(after_items):
        raise ValueError(f"{metric}: {len(before_items)} items before and {len(after_items)} after do not pair")
    (before_kept, after_kept), groups = _kept(metric, [before_items, after_items], clusters)
    statistic = _statistic(metric, before_kept + after_kept, scale, positive_label)
    before, after = statistic.encode(before_kept), statistic.encode(after_kept)
    codes = _codes(groups, len(before))
    n, count = len(before), int(codes.max()) + 1
    if np.array_equal(before, after):
        return Interval(0.0, 0.0, 0.0, "no item changed", n, count, confidence)
    value = _exact(float(statistic.value(after.sum(axis=0)) - statistic.value(before.sum(axis=0))), scale)
    supports = [support for values in (before, after) if (support := statistic.support(_sum_by(codes, values)))]
    if not supports:
        return Interval(value, None, None, f"no interval: {UNDEFINED[metric]}", n, count, confidence)
    found = paired_jackknife(before, after, groups, statistic.value, confidence)
    span = statistic.high - statistic.low
    return _finish(found, value, -span, span, min(supports), bounded=scale is not None)


def direction(difference: Interval) -> Direction:
    """Returns what may be said of a difference: a direction only where its interval excludes 0.

    "equal" means that the two scores are the same number.
    """
    if difference.value == 0:
        return "equal"
    if difference.lower is not None and difference.lower > 0:
        return "higher"
    return "lower" if difference.upper is not None and difference.upper < 0 else "no clear difference"


def _wilson_ends(share: float, n: int, confidence: float) -> tuple[float, float]:
    from scipy.special import ndtri

    z = float(ndtri(0.5 + confidence / 2))
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))) / (1 + z * z / n)
    # at 0 and 1 one end is the share itself, which rounding would miss
    return (0.0 if share == 0 else centre - half), (1.0 if share == 1 else centre + half)


def _jackknife(
    samples: list[Array],
    clusters: Sequence[Hashable] | None,
    statistic: Callable[[Array], Array],
    confidence: float,
) -> Interval:
    """The jackknife interval of a statistic of the sums of one or two samples: (samples, ..., D) to (...)."""
    from scipy.special import stdtrit

    n = len(samples[0])
    codes = _codes(clusters, n)
    by_cluster = np.stack([_sum_by(codes, values) for values in samples])  # (samples, G, D)
    count = by_cluster.shape[1]
    totals = by_cluster.sum(axis=1)
    value = float(statistic(totals))
    if count < 2:
        return Interval(value, None, None, "no interval: one cluster", n, count, confidence)
    left_out = statistic(totals[:, None] - by_cluster)  # (G,)
    error = float(np.sqrt((count - 1) / count * np.sum((left_out - left_out.mean()) ** 2)))
    if np.ptp(left_out) <= ROUNDING * max(1.0, float(np.abs(left_out).max())):
        error = 0.0  # what the subtraction lost must not pass for variation
    half = float(stdtrit(count - 1, 0.5 + confidence / 2)) * error
    method = f"delete-one-{'item' if count == n else 'cluster'} jackknife, t(G−1)"
    return Interval(value, value - half, value + half, method, n, count, confidence)


def _finish(found: Interval, value: float, low: float, high: float, support: int, *, bounded: bool) -> Interval:
    """Clips a jackknife interval to the range, or replaces one of width 0, which would claim certainty."""
    n, count, confidence = found.n, found.clusters, found.confidence
    if found.lower is None or found.upper is None:
        return Interval(value, None, None, found.method, n, count, confidence)
    if found.lower < found.upper:
        lower, upper = min(value, max(low, found.lower)), max(value, min(high, found.upper))
        return Interval(value, lower, upper, found.method, n, count, confidence)
    unit = "item" if count == n else "cluster"
    if not bounded:
        return Interval(value, None, None, f"no interval: every {unit} is alike", n, count, confidence)
    ends = _wilson_ends(min(1.0, max(0.0, (value - low) / (high - low))), support, confidence)
    return _between(ends, value, low, high, f"Wilson over {unit}s, as all are alike", n, count, confidence)


def _between(
    ends: tuple[float, float], value: float, low: float, high: float, method: str, n: int, clusters: int, level: float
) -> Interval:
    """Stretches ends within 0 to 1 to the range ``low`` to ``high``; the value is inside, whatever rounding says."""
    lower, upper = (low + (high - low) * end for end in ends)
    return Interval(value, min(value, lower), max(value, upper), method, n, clusters, level)


def _exact(value: float, scale: float | None) -> float:
    """Returns ``value``, or 0 where it differs from 0 by rounding only."""
    return 0.0 if abs(value) <= ROUNDING * (scale or 1.0) else value


def _kept(
    metric: str, samples: list[Sequence[Item]], clusters: Sequence[Hashable] | None
) -> tuple[list[list[Any]], list[Hashable] | None]:
    """Returns the samples without the items that lack the metric, and the clusters of those kept."""
    if clusters is not None and len(clusters) != len(samples[0]):
        raise ValueError(f"{metric}: {len(samples[0])} items but {len(clusters)} cluster names")
    if clusters is not None and any(cluster is None for cluster in clusters):
        raise ValueError(f"{metric}: an item without a cluster name; give one to each, or to none")
    present = [[item is not None for item in sample] for sample in samples]
    if any(other != present[0] for other in present):
        raise ValueError(f"{metric}: an item has the metric on one side only, so the two do not pair")
    indices = [index for index, has in enumerate(present[0]) if has]
    if not indices:
        raise ValueError(f"{metric}: no item has this metric, so there is no score")
    kept = [[sample[index] for index in indices] for sample in samples]
    return kept, None if clusters is None else [clusters[index] for index in indices]


def _codes(clusters: Sequence[Hashable] | None, n: int) -> NDArray[np.intp]:
    """Returns each item's cluster as 0 to G − 1, in order of first appearance."""
    if clusters is None:
        return np.arange(n)
    order: dict[Hashable, int] = {}
    return np.array([order.setdefault(cluster, len(order)) for cluster in clusters], dtype=np.intp)


def _sum_by(codes: NDArray[np.intp], values: Array) -> Array:
    """Returns (G, D): the sums of ``values`` (items, D) by cluster."""
    return np.stack([np.bincount(codes, weights=column) for column in values.T], axis=1)


def _trials(metric: str, items: list[Any], sums: Array, scale: float | None) -> int | None:
    """Returns of how many independent trials the score is a proportion, None where it is none."""
    if scale is None:
        return None
    if _is_pair(items[0]):
        return int(sums[1]) if metric in ("precision", "recall") else None
    return len(items) if all(item in (0, scale) for item in items) else None


def _is_pair(item: Any) -> bool:
    return isinstance(item, list | tuple)


def _statistic(metric: str, items: list[Any], scale: float | None, positive_label: int) -> SumStatistic:
    """Returns the metric's statistic, in units of its scale; raises ValueError for items it cannot score."""
    unit = scale or 1.0
    pairs = sum(_is_pair(item) for item in items)
    if not pairs:
        if not all(np.isfinite(item) for item in items):
            raise ValueError(f"{metric}: an item's score is not a finite number")
        outside = [item for item in items if scale is not None and not 0 <= item <= scale]
        if outside:
            raise ValueError(f"{metric}: an item scores {outside[0]}, outside 0 to {scale}")
        low, high = (-np.inf, np.inf) if scale is None else (0.0, scale)
        return SumStatistic(_encode_numbers, _ratio, _ratio_support, low, high)
    if metric not in UNDEFINED:
        raise ValueError(f"{metric}: its items are pairs, and of pairs only {', '.join(UNDEFINED)} are known")
    if pairs < len(items):
        raise ValueError(f"{metric}: some items are numbers and some are [gold, predicted] pairs")
    if metric == "mcc":
        labels = sorted({label for pair in items for label in pair})
        return SumStatistic(
            lambda pairs: _encode_matrix(pairs, labels), lambda sums: unit * _mcc(sums), _mcc_support, -unit, unit
        )
    return SumStatistic(
        lambda pairs: _encode_ratio(metric, pairs, positive_label),
        lambda sums: unit * _ratio(sums),
        _ratio_support,
        0.0,
        unit,
    )


def _encode_numbers(items: Sequence[float]) -> Array:
    return np.column_stack([np.asarray(items, dtype=float), np.ones(len(items))])


def _encode_ratio(metric: str, items: Sequence[Sequence[int]], positive_label: int) -> Array:
    """Returns (items, 2): what the item adds above and below the line of TP/(TP+FP), TP/(TP+FN) or 2TP/(2TP+FP+FN)."""
    gold, predicted = (np.array(items) == positive_label).astype(float).T
    right = gold * predicted
    if metric == "f1":
        return np.column_stack([2 * right, gold + predicted])
    return np.column_stack([right, predicted if metric == "precision" else gold])


def _encode_matrix(items: Sequence[Sequence[int]], labels: list[int]) -> Array:
    """Returns (items, K × K): a one in the item's cell of the confusion matrix, gold by row."""
    place = {label: index for index, label in enumerate(labels)}
    cells = np.zeros((len(items), len(labels) ** 2))
    cells[np.arange(len(items)), [place[gold] * len(labels) + place[predicted] for gold, predicted in items]] = 1
    return cells


def _ratio(sums: Array) -> Array:
    """Returns above / below, and 0 where below is 0."""
    above, below = sums[..., 0], sums[..., 1]
    return np.divide(above, below, out=np.zeros(above.shape), where=below > 0)


def _ratio_support(by_cluster: Array) -> int:
    return int(np.count_nonzero(by_cluster[:, 1]))


def _mcc(sums: Array) -> Array:
    """Returns Matthews' correlation of K × K matrices (Gorodkin 2004), 0 where undefined."""
    above, gold_spread, predicted_spread = _mcc_parts(sums)
    below = np.sqrt(gold_spread * predicted_spread)
    return np.divide(above, below, out=np.zeros(above.shape), where=below > 0)


def _mcc_support(by_cluster: Array) -> int:
    """Returns in how many clusters the rarest gold label occurs: a perfect score rests on that label most thinly."""
    _, gold_spread, predicted_spread = _mcc_parts(by_cluster.sum(axis=0))
    if not gold_spread * predicted_spread > 0:
        return 0
    size = round(by_cluster.shape[1] ** 0.5)
    gold = by_cluster.reshape(-1, size, size).sum(axis=2)  # (G, K)
    return int(min(np.count_nonzero(column) for column in gold.T if column.any()))


def _mcc_parts(sums: Array) -> tuple[Array, Array, Array]:
    size = round(sums.shape[-1] ** 0.5)
    matrix = sums.reshape(*sums.shape[:-1], size, size)
    total, right = matrix.sum(axis=(-2, -1)), np.trace(matrix, axis1=-2, axis2=-1)
    gold, predicted = matrix.sum(axis=-1), matrix.sum(axis=-2)
    above = right * total - (gold * predicted).sum(axis=-1)
    return above, total**2 - (gold**2).sum(axis=-1), total**2 - (predicted**2).sum(axis=-1)
