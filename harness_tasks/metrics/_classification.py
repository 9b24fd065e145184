"""Precision, recall, F1 and Matthews' correlation of two classes, macro-F1 of any, from [gold, predicted] pairs.

The pairs are the sample rows' own values; of two classes labels 0 and 1 with 1 positive. A score whose denominator is
0 is 0.0, as scikit-learn's ``zero_division=0`` has it. All scores but MCC lie between 0 and 1; MCC between -1 and 1.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Confusion(NamedTuple):
    """How many items had which gold and predicted label."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int


def confusion(pairs: Iterable[Sequence[int]]) -> Confusion:
    """Returns the four counts of ``pairs``; raises ValueError on a label other than 0 and 1.

    >>> confusion([[1, 1], [1, 0], [0, 0], [0, 0]])
    Confusion(true_positive=1, false_positive=0, false_negative=1, true_negative=2)
    """
    counts = {(1, 1): 0, (0, 1): 0, (1, 0): 0, (0, 0): 0}
    for gold, predicted in pairs:
        if (gold, predicted) not in counts:
            raise ValueError(f"labels are 0 and 1, not gold {gold!r}, predicted {predicted!r}")
        counts[gold, predicted] += 1
    return Confusion(*counts.values())


def precision(pairs: Iterable[Sequence[int]]) -> float:
    """Returns the share of predicted positives that are positive; 0.0 where nothing was predicted positive.

    >>> precision([[1, 1], [0, 1]])
    0.5
    """
    counts = confusion(pairs)
    return _ratio(counts.true_positive, counts.true_positive + counts.false_positive)


def recall(pairs: Iterable[Sequence[int]]) -> float:
    """Returns the share of positives that were predicted positive; 0.0 where there is no positive.

    >>> recall([[1, 1], [1, 0], [0, 0]])
    0.5
    """
    counts = confusion(pairs)
    return _ratio(counts.true_positive, counts.true_positive + counts.false_negative)


def f1(pairs: Iterable[Sequence[int]]) -> float:
    """Returns the positive class's F1; 0.0 where nothing is positive and nothing was predicted so.

    >>> f1([[1, 1], [1, 0], [0, 1]])
    0.5
    """
    counts = confusion(pairs)
    wrong = counts.false_positive + counts.false_negative
    return _ratio(2 * counts.true_positive, 2 * counts.true_positive + wrong)


def mcc(pairs: Iterable[Sequence[int]]) -> float:
    """Returns Matthews' correlation coefficient; 0.0 where the golds or the predictions are all alike.

    >>> mcc([[1, 1], [0, 0]])
    1.0
    """
    tp, fp, fn, tn = confusion(pairs)
    return _ratio(tp * tn - fp * fn, math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)))


def macro_f1(pairs: Iterable[Sequence[int]]) -> float:
    """Returns the unweighted mean of every label's F1, of any number of labels; 0.0 where there is no pair.

    As scikit-learn's ``f1_score(average="macro")``: a label counts where an item has it or was given it, so one that is
    only gold, or only predicted, has F1 0 and lowers the mean, and one that occurs on neither side is left out.

    >>> macro_f1([[0, 0], [1, 1], [2, 1]])  # F1 1, 2/3 and 0
    0.5555555555555555
    """
    found = Counter((gold, predicted) for gold, predicted in pairs)
    ends = Counter[int]()
    for (gold, predicted), n in found.items():
        ends[gold] += n
        ends[predicted] += n
    return _ratio(math.fsum(2 * found[label, label] / n for label, n in ends.items()), len(ends))


PAIR_SCORES = {"precision": precision, "recall": recall, "f1": f1, "mcc": mcc, "macro_f1": macro_f1}
"""By the metric's name, what gives it of [gold, predicted] pairs: for an `aggregation` of a task, too."""


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else 0.0
