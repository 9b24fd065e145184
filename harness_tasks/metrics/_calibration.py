"""How far a model's probabilities can be believed: Brier score, expected calibration error, reliability bins.

A choice's probability is the softmax of the choices' log-likelihoods. An item of the last two is [confidence, correct]:
the largest probability, and 1.0 where that choice was right, else 0.0.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import NamedTuple

BINS = 10
"""Bins of equal width of the confidence; a bin holds its upper edge (Guo et al. 2017)."""

_EDGES = [i / BINS for i in range(1, BINS)]


class Bin(NamedTuple):
    """The ``n`` items whose confidence is above ``lower`` and at most ``upper``; all values from 0 to 1."""

    lower: float
    upper: float
    n: int
    confidence: float
    accuracy: float


def probabilities(log_likelihoods: Sequence[float]) -> list[float]:
    """Returns the choices' probabilities given that one of them is right.

    >>> probabilities([0.0, 0.0])
    [0.5, 0.5]
    """
    highest = max(log_likelihoods)
    weights = [math.exp(value - highest) for value in log_likelihoods]
    return [weight / sum(weights) for weight in weights]


def brier(gold: int, probabilities: Sequence[float]) -> float:
    """Returns half the squared distance between the probabilities and the truth, 0 to 1, lower better (Brier 1950).

    Half, so that for two choices it is the squared error of either one's probability.

    >>> brier(1, [0.25, 0.75])
    0.0625
    """
    return sum((p - (choice == gold)) ** 2 for choice, p in enumerate(probabilities)) / 2


def reliability(items: Iterable[Sequence[float]]) -> list[Bin]:
    """Returns the bins that hold items, in order: their mean confidence beside their accuracy.

    >>> reliability([[0.5, 1.0], [0.9, 1.0], [0.9, 0.0]])
    [Bin(lower=0.4, upper=0.5, n=1, confidence=0.5, accuracy=1.0), Bin(lower=0.8, upper=0.9, n=2, confidence=0.9, \
accuracy=0.5)]
    """
    bins: list[list[Sequence[float]]] = [[] for _ in range(BINS)]
    for item in items:
        bins[bisect_left(_EDGES, item[0])].append(item)
    return [
        Bin(i / BINS, (i + 1) / BINS, len(held), *(sum(column) / len(held) for column in zip(*held, strict=True)))
        for i, held in enumerate(bins)
        if held
    ]


def expected_calibration_error(items: Iterable[Sequence[float]]) -> float:
    """Returns the mean distance between confidence and accuracy of the bins, weighted by their items; 0 to 1.

    It is biased upward when items are few. ValueError where there is none.

    >>> round(expected_calibration_error([[0.5, 1.0], [0.9, 1.0], [0.9, 0.0]]), 6)
    0.433333
    """
    bins = reliability(items)
    if not bins:
        raise ValueError("there is no item to be calibrated on")
    return sum(b.n * abs(b.accuracy - b.confidence) for b in bins) / sum(b.n for b in bins)
