"""The scores of this folder's task, a classification, as its YAML file names them. It needs nothing but Python.

An item's value is a number, or a tuple that a score of all items is made of: lm_eval 0.5 takes a list for repeats.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

Pair = Sequence[int]
BINS = 10
"""Bins of equal width of the confidence; a bin holds its upper edge (Guo et al. 2017)."""

_CLASSES = Path(__file__).resolve().parent / "classes.json"
CLASSES: list[str] = json.loads(_CLASSES.read_text(encoding="utf-8")) if _CLASSES.is_file() else []
"""What the metrics of each class are called by, in the order of the choices; none where there are too many to tell."""


def process_results(
    doc: Mapping[str, Any], results: Sequence[tuple[float, bool]], classes: Sequence[str] = tuple(CLASSES)
) -> dict[str, Any]:
    """Returns one item's scores; ``results`` holds a choice's log-likelihood and whether it is the greedy output.

    The first of equally likely choices is taken. ``mcc`` and ``macro_f1`` are (gold, predicted), ``ece`` is
    (confidence, correct), ``precision_of_…`` and ``recall_of_…`` are (right, counted), each 0 or 1.
    """
    log_likelihoods = [value for value, _ in results]
    highest = max(log_likelihoods)
    weights = [math.exp(value - highest) for value in log_likelihoods]
    chances = [weight / sum(weights) for weight in weights]
    gold, predicted = int(doc["label"]), log_likelihoods.index(highest)
    correct = float(gold == predicted)
    scores: dict[str, Any] = {
        "acc": correct,
        "macro_f1": (gold, predicted),
        "mcc": (gold, predicted),
        "brier": sum((p - (choice == gold)) ** 2 for choice, p in enumerate(chances)) / 2,
        "ece": (max(chances), correct),
    }
    for label, name in enumerate(classes):
        right = int(gold == predicted == label)
        scores[f"precision_of_{name}"] = (right, int(predicted == label))
        scores[f"recall_of_{name}"] = (right, int(gold == label))
    return scores


def process_two_labels(doc: Mapping[str, Any], results: Sequence[tuple[float, bool]]) -> dict[str, Any]:
    """Returns one item's scores where the second of two labels is the positive one: its own are pairs as `mcc`'s."""
    scores = process_results(doc, results)
    return scores | dict.fromkeys(("precision", "recall", "f1"), scores["mcc"])


def precision(pairs: Iterable[Pair]) -> float:
    """Returns the share of the items predicted positive that are; 0.0 where none is predicted so."""
    right, predicted, _ = _positives(pairs)
    return _over(right, predicted)


def recall(pairs: Iterable[Pair]) -> float:
    """Returns the share of the positive items that are predicted so; 0.0 where none is positive."""
    right, _, gold = _positives(pairs)
    return _over(right, gold)


def f1(pairs: Iterable[Pair]) -> float:
    """Returns the harmonic mean of precision and recall; 0.0 where no item is positive or predicted so."""
    right, predicted, gold = _positives(pairs)
    return _over(2 * right, predicted + gold)


def _positives(pairs: Iterable[Pair]) -> tuple[int, int, int]:
    """Returns how many items are positive and predicted so, predicted so, and positive."""
    found = list(pairs)
    right = sum(gold == predicted == 1 for gold, predicted in found)
    return right, sum(predicted == 1 for _, predicted in found), sum(gold == 1 for gold, _ in found)


def macro_f1(pairs: Iterable[Pair]) -> float:
    """Returns the mean F1 of the labels that occur, gold or predicted, as scikit-learn's ``average="macro"``."""
    found = Counter((gold, predicted) for gold, predicted in pairs)
    ends = Counter[int]()
    for (gold, predicted), n in found.items():
        ends[gold] += n
        ends[predicted] += n
    return _over(math.fsum(2 * found[label, label] / n for label, n in ends.items()), len(ends))


def mcc(pairs: Iterable[Pair]) -> float:
    """Returns Matthews' correlation of any number of labels (Gorodkin 2004); 0.0 where one side is all alike."""
    found = [(gold, predicted) for gold, predicted in pairs]
    golds, predictions = (Counter(pair[side] for pair in found) for side in (0, 1))
    total, right = len(found), sum(gold == predicted for gold, predicted in found)
    above = right * total - sum(n * predictions[label] for label, n in golds.items())
    gold_spread, predicted_spread = (total**2 - sum(n**2 for n in counts.values()) for counts in (golds, predictions))
    return _over(above, math.sqrt(gold_spread * predicted_spread))


def ratio(items: Iterable[Pair]) -> float:
    """Returns the share of right ones of those counted: a class's precision or recall; 0.0 where none is counted."""
    found = list(items)
    return _over(sum(right for right, _ in found), sum(counted for _, counted in found))


def expected_calibration_error(items: Iterable[Sequence[float]]) -> float:
    """Returns the mean distance of confidence and accuracy of the bins, weighted by their items (Guo et al. 2017)."""
    bins: list[list[Sequence[float]]] = [[] for _ in range(BINS)]
    count = 0
    for confidence, correct in items:
        edge = next((i for i in range(BINS - 1) if confidence <= (i + 1) / BINS), BINS - 1)
        bins[edge].append((confidence, correct))
        count += 1
    gaps = (abs(sum(right for _, right in held) - sum(sure for sure, _ in held)) for held in bins)
    return _over(math.fsum(gaps), count)


def _over(above: float, below: float) -> float:
    return above / below if below else 0.0
