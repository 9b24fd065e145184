"""Formulas of metrics as functions of sums over items, so that deleting or exchanging a cluster is a subtraction.

A mean is sum / count; precision, recall and F1 are ratios of counts; MCC is a function of a confusion matrix's cells,
corpus BLEU one of n-gram counts, and the expected calibration error one of each bin's surplus of right answers. Every
``value`` takes sums of shape (..., D): a thousand draws or left-out clusters cost one call. numpy only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

BLEU_ORDERS = 4
ECE_BINS = 10


class Labels(NamedTuple):
    """The labels that the items have, gold or predicted, in ascending order; and which of them is the positive one."""

    known: NDArray[Any]
    positive: int


@dataclass(frozen=True)
class ListItem:
    """What an item is that is a list: so many numbers, which ``fit``; ``fault``: what is said of those that do not.

    ``fit``: numbers (items, width), whether each fits, (items, width).
    """

    width: int
    fit: Callable[[Array], NDArray[np.bool_]]
    fault: str


@dataclass(frozen=True)
class Formula:
    """A metric as a function of sums, from ``lowest`` to 1.

    ``made_of``: the lists that its items are; None where they are numbers. ``encode``: items to an array (items, D), to
    be summed over items; it holds nothing that the metric does not use. ``value``: sums of shape (..., D) to scores of
    shape (...); 0 where a denominator is 0. ``support``: sums by cluster (G, D) to the number of clusters that the
    score rests on; 0 where it is undefined, for the reason ``undefined``. ``note``: what to add to the name of the
    method of an interval. ``trials``: of a proportion of independent items, which ones; their sum is column 1.
    """

    made_of: ListItem | None
    encode: Callable[[Sequence[Any], Labels], Array]
    value: Callable[[Array], Array]
    support: Callable[[Array], int]
    undefined: str
    lowest: float = 0.0
    note: str = ""
    trials: str = ""


def check_items(metric: str, made_of: ListItem, items: Sequence[Any]) -> None:
    """Raises ValueError where not every item of ``metric`` is the list that it is ``made_of``."""
    if not set(map(type, items)) <= {list, tuple} or set(map(len, items)) != {made_of.width}:
        raise ValueError(f"{metric}: some items are no lists of {made_of.width} numbers")
    values = np.array(items, dtype=float)
    fits = made_of.fit(values) & np.isfinite(values)
    if not fits.all():
        wrong = items[int(np.flatnonzero(~fits.all(axis=1))[0])]
        raise ValueError(f"{metric}: an item's {made_of.fault}: {', '.join(map(str, wrong))}")


# --- means and ratios ---


def _encode_numbers(items: Sequence[float], labels: Labels) -> Array:
    return np.column_stack([np.asarray(items, dtype=float), np.ones(len(items))])


def _encode_ratio(items: Sequence[Sequence[int]], labels: Labels, *, ratio: str) -> Array:
    """Returns (items, 2): what the item adds above and below the line of TP/(TP+FP), TP/(TP+FN) or 2TP/(2TP+FP+FN)."""
    gold, predicted = (np.array(items) == labels.positive).astype(float).T
    right = gold * predicted
    if ratio == "f1":
        return np.column_stack([2 * right, gold + predicted])
    return np.column_stack([right, predicted if ratio == "precision" else gold])


def _encode_counted(items: Sequence[Sequence[int]], labels: Labels) -> Array:
    return np.array(items, dtype=float)


def _ratio(sums: Array) -> Array:
    """Returns above / below, and 0 where below is 0."""
    above, below = sums[..., 0], sums[..., 1]
    return np.divide(above, below, out=np.zeros(above.shape), where=below > 0)


def _ratio_support(by_cluster: Array) -> int:
    return int(np.count_nonzero(by_cluster[:, -1]))


# --- Matthews' correlation ---


def _encode_matrix(items: Sequence[Sequence[int]], labels: Labels) -> Array:
    """Returns (items, K × K): a one in the item's cell of the confusion matrix, gold by row."""
    gold, predicted = np.searchsorted(labels.known, np.array(items)).T
    cells = np.zeros((len(items), len(labels.known) ** 2))
    cells[np.arange(len(items)), gold * len(labels.known) + predicted] = 1
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


# --- macro-F1 ---


def _encode_labels(items: Sequence[Sequence[int]], labels: Labels) -> Array:
    """Returns (items, 3 × K): for each label its true positives, gold items and predicted items."""
    gold, predicted = (np.array(items)[:, [side]] == labels.known for side in (0, 1))
    return np.column_stack([gold & predicted, gold, predicted]).astype(float)


def _macro_f1(sums: Array) -> Array:
    """Returns the mean over labels of 2TP/(2TP+FP+FN), of the labels that occur in these sums, gold or predicted.

    That is scikit-learn's convention: a label that is only gold or only predicted has F1 0, one that is neither, which
    a sample without some clusters may lack, does not count.
    """
    right, gold, predicted = np.split(sums, 3, axis=-1)
    below = gold + predicted
    each = np.divide(2 * right, below, out=np.zeros(below.shape), where=below > 0)
    return np.asarray(each.sum(axis=-1) / np.maximum((below > 0).sum(axis=-1), 1))


def _macro_f1_support(by_cluster: Array) -> int:
    """Returns in how many clusters the rarest gold label occurs, as for MCC."""
    gold = np.split(by_cluster, 3, axis=1)[1]
    return int(min(np.count_nonzero(column) for column in gold.T if column.any()))


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


def _encode_bleu(items: Sequence[Sequence[float]], labels: Labels) -> Array:
    return np.array(items, dtype=float)


def _bleu_support(by_cluster: Array) -> int:
    """Returns how many clusters have words to answer with or to be matched; an answer that is missing scores 0."""
    return int(np.count_nonzero(by_cluster[:, :2].any(axis=1)))


# --- calibration ---


def _encode_calibration(items: Sequence[Sequence[float]], labels: Labels) -> Array:
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


# --- the formulas ---

LABEL_PAIR = ListItem(2, lambda values: (values >= 0) & (np.floor(values) == values), "labels are no whole numbers")
"""[gold label, predicted label]."""
CONFIDENCE_PAIR = ListItem(
    2,
    lambda values: np.column_stack([values[:, 0] <= 1, np.isin(values[:, 1], (0, 1))]) & (values >= 0),
    "confidence is not between 0 and 1, or its correctness is neither",
)
"""[confidence, correct], from 0 to 1, and 0 or 1."""
COUNTED_PAIR = ListItem(
    2,
    lambda values: np.column_stack([values[:, 0] <= values[:, 1], values[:, 1] <= 1]) & np.isin(values, (0, 1)),
    "counts are not 0 or 1, or one is right that is not counted",
)
"""[right, counted], each 0 or 1: of one class's precision whether the item was given it, of its recall has it."""
BLEU_COUNTS = ListItem(2 + 2 * BLEU_ORDERS, lambda values: values >= 0, "counts are not all 0 or more")
"""BLEU's ten counts, as `bleu` takes their sums."""

MEAN = Formula(None, _encode_numbers, _ratio, _ratio_support, "there are no items")
PRECISION = Formula(
    LABEL_PAIR,
    partial(_encode_ratio, ratio="precision"),
    _ratio,
    _ratio_support,
    "no item was predicted positive",
    trials=" over the predicted positives",
)
RECALL = Formula(
    LABEL_PAIR,
    partial(_encode_ratio, ratio="recall"),
    _ratio,
    _ratio_support,
    "no item is positive",
    trials=" over the gold positives",
)
F1 = Formula(
    LABEL_PAIR,
    partial(_encode_ratio, ratio="f1"),
    _ratio,
    _ratio_support,
    "no item is positive or was predicted positive",
)
CLASS_PRECISION = Formula(
    COUNTED_PAIR, _encode_counted, _ratio, _ratio_support, "no item was predicted to be of the class",
    trials=" over the items predicted to be of the class",
)  # fmt: skip
CLASS_RECALL = Formula(
    COUNTED_PAIR, _encode_counted, _ratio, _ratio_support, "no item is of the class",
    trials=" over the items of the class",
)  # fmt: skip
MCC = Formula(LABEL_PAIR, _encode_matrix, _mcc, _mcc_support, "all items have one label, or were given one", lowest=-1)
MACRO_F1 = Formula(LABEL_PAIR, _encode_labels, _macro_f1, _macro_f1_support, "there are no items")
BLEU = Formula(
    BLEU_COUNTS,
    _encode_bleu,
    bleu,
    _bleu_support,
    "there are no words, neither in the answers nor in the references",
)
ECE = Formula(
    CONFIDENCE_PAIR,
    _encode_calibration,
    _calibration,
    _ratio_support,
    "there are no items",
    note=", of the binned estimate, which is biased upwards",
)
