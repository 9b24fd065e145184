"""Metrics as functions of sums over items, so that deleting or exchanging a cluster is a subtraction.

A mean is sum / count; precision, recall and F1 are ratios of counts; MCC is a function of a confusion matrix's cells,
corpus BLEU one of n-gram counts, and the expected calibration error one of each bin's surplus of right answers. Every
``value`` takes sums of shape (..., D): a thousand draws or left-out clusters cost one call. numpy only.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
# A score; a [gold, predicted] pair; BLEU's ten counts; [confidence, correct]; or None: this item has no such metric.
Item = float | Sequence[float] | None

# Metrics whose items are no numbers, and why each may be undefined (its value is then 0, as scikit-learn has it).
UNDEFINED = {
    "precision": "no item was predicted positive",
    "recall": "no item is positive",
    "f1": "no item is positive or was predicted positive",
    "mcc": "all items have one label, or were given one",
    "bleu": "there are no words, neither in the answers nor in the references",
    "ece": "there are no items",
}
# A difference below this share of the scale is rounding: a sum of a million doubles errs by less.
ROUNDING = 1e-12
BLEU_ORDERS = 4
ECE_BINS = 10


@dataclass(frozen=True)
class SumStatistic:
    """A metric as a function of sums.

    ``encode``: items to an array of (items, D), to be summed over items; it holds nothing the metric does not use.
    ``value``: sums of shape (..., D) to scores of shape (...); 0 where a denominator is 0.
    ``support``: sums by cluster (G, D) to the number of clusters that the score rests on; 0 where it is undefined.
    ``low``, ``high``: the range of the score. ``note``: what to add to the name of the method of an interval of it.
    """

    encode: Callable[[Sequence[Any]], Array]
    value: Callable[[Array], Array]
    support: Callable[[Array], int]
    low: float
    high: float
    note: str = ""


@dataclass(frozen=True)
class Encoded:
    """One sample, or two on the same items, ready to be summed.

    ``values``: each sample's items that have the metric, encoded (items, D). ``codes``: their clusters as 0 to G − 1.
    ``of_lists``: whether the items are lists, not numbers.
    """

    statistic: SumStatistic
    values: list[Array]
    codes: NDArray[np.intp]
    of_lists: bool

    @property
    def clusters(self) -> int:
        return int(self.codes.max()) + 1

    @property
    def changed(self) -> bool:
        """Whether the two samples differ in anything that the metric uses."""
        return not np.array_equal(self.values[0], self.values[-1])

    def all_or_nothing(self, scale: float) -> bool:
        """Returns whether every item is a number that is 0 or ``scale``: right or wrong."""
        return not self.of_lists and all(np.isin(values[:, 0], (0.0, scale)).all() for values in self.values)

    def by_cluster(self) -> Array:
        """Returns (samples, G, D): the sums by cluster."""
        return np.stack([sum_by(self.codes, values) for values in self.values])


def encoded(
    metric: str,
    samples: Sequence[Sequence[Item]],
    clusters: Sequence[Hashable] | None,
    scale: float | None,
    positive_label: int = 1,
) -> Encoded:
    """Returns one or two samples of the same items, encoded; items that are None are left out.

    Raises ValueError where no item has the metric, where two samples do not pair (lengths, a metric on one side only),
    for cluster names that are missing, for a score outside 0 to ``scale``, and for items the metric cannot be of.
    """
    first, last = samples[0], samples[-1]
    if len(first) != len(last):
        raise ValueError(f"{metric}: {len(first)} items before and {len(last)} after do not pair")
    if clusters is not None and len(clusters) != len(first):
        raise ValueError(f"{metric}: {len(first)} items but {len(clusters)} cluster names")
    if clusters is not None and None in clusters:
        raise ValueError(f"{metric}: an item without a cluster name; give one to each, or to none")
    kept = samples
    if any(None in sample for sample in samples):
        lacking = [[place for place, item in enumerate(sample) if item is None] for sample in samples]
        if lacking[0] != lacking[-1]:
            raise ValueError(f"{metric}: an item has the metric on one side only, so the two do not pair")
        kept = [[item for item in sample if item is not None] for sample in samples]
        if clusters is not None:
            clusters = [cluster for item, cluster in zip(first, clusters, strict=True) if item is not None]
    if not kept[0]:
        raise ValueError(f"{metric}: no item has this metric, so there is no score")
    statistic = _statistic(metric, [item for sample in kept for item in sample], scale, positive_label)
    values, codes = [statistic.encode(sample) for sample in kept], codes_of(clusters, len(kept[0]))
    return Encoded(statistic, values, codes, isinstance(kept[0][0], list | tuple))


def codes_of(clusters: Sequence[Hashable] | None, n: int) -> NDArray[np.intp]:
    """Returns each item's cluster as 0 to G − 1, in order of first appearance; not to be written to.

    >>> codes_of(["film b", "film a", "film b"], 3).tolist()
    [0, 1, 0]
    """
    return np.arange(n) if clusters is None else _codes(tuple(clusters))


@lru_cache(maxsize=16)  # the same items are encoded for every metric and every checkpoint
def _codes(clusters: tuple[Hashable, ...]) -> NDArray[np.intp]:
    order: dict[Hashable, int] = {}
    codes = np.array([order.setdefault(cluster, len(order)) for cluster in clusters], dtype=np.intp)
    codes.flags.writeable = False
    return codes


def sum_by(codes: NDArray[np.intp], values: Array) -> Array:
    """Returns (G, D): the sums of ``values`` (items, D) by cluster."""
    return np.stack([np.bincount(codes, weights=column) for column in values.T], axis=1)


def _statistic(metric: str, items: list[Any], scale: float | None, positive_label: int) -> SumStatistic:
    """Returns the metric's statistic, in units of its scale; raises ValueError for items it cannot score."""
    unit = scale or 1.0
    of_lists = [issubclass(kind, list | tuple) for kind in set(map(type, items))]
    if not any(of_lists):
        return _mean(metric, items, scale)
    if metric not in UNDEFINED:
        raise ValueError(f"{metric}: its items are lists, and of lists only {', '.join(UNDEFINED)} are known")
    check_lists(metric, items)
    if metric == "bleu":
        return SumStatistic(_encode_bleu, lambda sums: unit * bleu(sums), _bleu_support, 0.0, unit)
    if metric == "ece":
        note = ", of the binned estimate, which is biased upwards"
        return SumStatistic(
            _encode_calibration, lambda sums: unit * _calibration(sums), _ratio_support, 0.0, unit, note
        )
    if metric == "mcc":
        matrix = partial(_encode_matrix, labels=np.unique(np.array(items)))
        return SumStatistic(matrix, lambda sums: unit * _mcc(sums), _mcc_support, -unit, unit)
    ratio = partial(_encode_ratio, metric=metric, positive_label=positive_label)
    return SumStatistic(ratio, lambda sums: unit * _ratio(sums), _ratio_support, 0.0, unit)


def check_lists(metric: str, items: Sequence[Any]) -> None:
    """Raises ValueError where not every item is the list that ``metric`` is made of: [gold, predicted], whole numbers;
    for ece [confidence, correct], from 0 to 1 and 0 or 1; for BLEU its counts, from 0.
    """
    width = 2 + 2 * BLEU_ORDERS if metric == "bleu" else 2
    if not set(map(type, items)) <= {list, tuple} or set(map(len, items)) != {width}:
        raise ValueError(f"{metric}: some items are no lists of {width} numbers")
    values = np.array(items, dtype=float)
    if metric == "bleu":
        fits, what = values >= 0, "counts are not all 0 or more"
    elif metric == "ece":
        fits = np.column_stack([values[:, 0] <= 1, np.isin(values[:, 1], (0, 1))]) & (values >= 0)
        what = "confidence is not between 0 and 1, or its correctness is neither"
    else:
        fits, what = (values >= 0) & (np.floor(values) == values), "labels are no whole numbers"
    fits &= np.isfinite(values)
    if not fits.all():
        wrong = items[int(np.flatnonzero(~fits.all(axis=1))[0])]
        raise ValueError(f"{metric}: an item's {what}: {', '.join(map(str, wrong))}")


# --- means and ratios ---


def _mean(metric: str, items: list[Any], scale: float | None) -> SumStatistic:
    scores = np.array(items, dtype=float)
    if not np.isfinite(scores).all():
        raise ValueError(f"{metric}: an item's score is not a finite number")
    if scale is None:
        return SumStatistic(_encode_numbers, _ratio, _ratio_support, -np.inf, np.inf)
    outside = (scores < 0) | (scores > scale)
    if outside.any():
        raise ValueError(f"{metric}: an item scores {scores[outside][0]}, outside 0 to {scale}")
    return SumStatistic(_encode_numbers, _ratio, _ratio_support, 0.0, scale)


def _encode_numbers(items: Sequence[float]) -> Array:
    return np.column_stack([np.asarray(items, dtype=float), np.ones(len(items))])


def _encode_ratio(items: Sequence[Sequence[int]], *, metric: str, positive_label: int) -> Array:
    """Returns (items, 2): what the item adds above and below the line of TP/(TP+FP), TP/(TP+FN) or 2TP/(2TP+FP+FN)."""
    gold, predicted = (np.array(items) == positive_label).astype(float).T
    right = gold * predicted
    if metric == "f1":
        return np.column_stack([2 * right, gold + predicted])
    return np.column_stack([right, predicted if metric == "precision" else gold])


def _ratio(sums: Array) -> Array:
    """Returns above / below, and 0 where below is 0."""
    above, below = sums[..., 0], sums[..., 1]
    return np.divide(above, below, out=np.zeros(above.shape), where=below > 0)


def _ratio_support(by_cluster: Array) -> int:
    return int(np.count_nonzero(by_cluster[:, -1]))


# --- Matthews' correlation ---


def _encode_matrix(items: Sequence[Sequence[int]], labels: NDArray[Any]) -> Array:
    """Returns (items, K × K): a one in the item's cell of the confusion matrix, gold by row."""
    gold, predicted = np.searchsorted(labels, np.array(items)).T
    cells = np.zeros((len(items), len(labels) ** 2))
    cells[np.arange(len(items)), gold * len(labels) + predicted] = 1
    return cells


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


# --- corpus BLEU ---


def bleu(sums: Array) -> Array:
    """Returns corpus BLEU, 0 to 1, of sums (..., 10): answer length, reference length, 4 matched and 4 possible counts.

    As sacrebleu computes it with ``smooth_method="exp"`` and ``effective_order=True``: orders of which the answers hold
    no n-gram are left out (so a perfect one-word corpus scores 1), the k-th order without a match counts as half as
    many again, 1 / (2^k × possible); 0 where nothing matches, and so where there is no answer at all.
    Papineni et al. (2002); Chen and Cherry (2014), smoothing 3; Post (2018).

    >>> float(bleu(np.array([1.0, 1, 1, 0, 0, 0, 1, 0, 0, 0])))
    1.0
    """
    answer, reference = sums[..., 0], sums[..., 1]
    matched, possible = sums[..., 2 : 2 + BLEU_ORDERS], sums[..., 2 + BLEU_ORDERS :]
    used = np.logical_and.accumulate(possible > 0, axis=-1)
    unmatched = used & (matched == 0)
    counts = np.where(unmatched, 0.5 ** np.cumsum(unmatched, axis=-1), matched)
    logs = np.log(np.divide(counts, possible, out=np.ones(counts.shape), where=used))
    mean = logs.sum(axis=-1) / np.maximum(used.sum(axis=-1), 1)
    shortfall = np.divide(reference, answer, out=np.ones(answer.shape), where=answer > 0)
    brevity = np.exp(np.minimum(0.0, 1 - shortfall))
    return np.where(matched.any(axis=-1), brevity * np.exp(mean), 0.0)


def _encode_bleu(items: Sequence[Sequence[float]]) -> Array:
    return np.array(items, dtype=float)


def _bleu_support(by_cluster: Array) -> int:
    """Returns how many clusters have words to answer with or to be matched; an answer that is missing scores 0."""
    return int(np.count_nonzero(by_cluster[:, :2].any(axis=1)))


# --- calibration ---


def _encode_calibration(items: Sequence[Sequence[float]]) -> Array:
    """Returns (items, 11): correct − confidence in the column of the item's bin, and a one to count it."""
    confidence, correct = np.array(items, dtype=float).T
    # a bin holds its upper edge, and the first one 0 as well (Guo et al. 2017)
    place = np.searchsorted(np.arange(1, ECE_BINS) / ECE_BINS, confidence, side="left")
    columns = np.zeros((len(items), ECE_BINS + 1))
    columns[np.arange(len(items)), place] = correct - confidence
    columns[:, -1] = 1
    return columns


def _calibration(sums: Array) -> Array:
    """Returns the expected calibration error, 0 to 1: each bin's |right answers − confidence|, over all items."""
    gap, count = np.abs(sums[..., :-1]).sum(axis=-1), sums[..., -1]
    return np.divide(gap, count, out=np.zeros(gap.shape), where=count > 0)
