"""Whether scores that are averages over labels, or that name no number of items, can be: bounds that hold for any data.

F1 of a label is the harmonic mean of its precision P and recall R. It is at most their mean, and at least P + R − 1,
because (1 − P)(1 − R) ≥ 0. Both bounds are sums, so they hold for every average over labels too: macro, weighted, and
the harmonic mean of two averages.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Literal

from report.audit.figures import Bounds, Printed, decimal
from report.audit.outcome import Outcome, Word

ScoreName = Literal["accuracy", "precision", "recall", "F1"]
Average = Literal["binary", "macro", "weighted", "micro"]
"""scikit-learn's names: of one label; the labels' mean; that by their numbers of items; all labels' items together."""
ScoreBounds = Mapping[ScoreName, Bounds]
_ALL: Bounds = (Fraction(0), Fraction(1))


def audit_one_label(figures: Mapping[ScoreName, Printed], widest: ScoreBounds, rounded: ScoreBounds) -> Outcome:
    """Returns whether scores of one label, or micro averages, agree, whatever the number of items.

    ``widest``, ``rounded``: what each figure may be, 0 to 1.
    """
    if _is_open(figures):
        return _nothing_to_check(figures)
    listed = ", ".join(f"{score} {figure.text}" for score, figure in figures.items())
    sums = _sums(figures, widest)
    if not _agree(widest):
        return Outcome("impossible", f"No number of items gives {listed}. {sums}")
    exactly = (
        "" if _agree(rounded) else " Not all of them are rounded: digits were cut off, or the arithmetic was coarse."
    )
    word: Word = "cannot be told" if exactly else "holds"
    return Outcome(word, f"{sums} They agree. How many items there were is not said.{exactly}")


def audit_average(figures: Mapping[ScoreName, Printed], widest: ScoreBounds, average: Average | None) -> Outcome:
    """Returns whether scores can be averages over some labels; None: any of them.

    `holds` is said where an identity binds the figures; bounds alone leave it open.
    """
    named = f"{average} averages" if average else "averages over labels"
    p, r, f = (widest.get(score, _ALL) for score in ("precision", "recall", "F1"))
    least, most = max(Fraction(0), p[0] + r[0] - 1), (p[1] + r[1]) / 2
    text = (
        f"Of {named}, F1 lies from precision + recall − 1 to half their sum: "
        f"from {decimal(least, 4)} to {decimal(most, 4)}."
    )
    if "F1" in figures and not (f[0] <= most and least <= f[1]):
        return Outcome("impossible", f"{text} F1 is given as {figures['F1'].text}.")
    if average == "weighted" and {"accuracy", "recall"} <= set(figures):
        same = "The recall weighted by the labels' numbers of items is the accuracy"
        pair = f"{figures['recall'].text} and {figures['accuracy'].text}"
        if not _meet(widest["accuracy"], widest["recall"]):
            return Outcome("impossible", f"{same}: {pair} differ.")
        return Outcome("holds", f"{same}: {pair} agree. {text}")
    return Outcome("cannot be told", f"{text} The figures allow it; the labels and their matrix are not known.")


def audit_micro(figures: Mapping[ScoreName, Printed], widest: ScoreBounds, rounded: ScoreBounds) -> Outcome:
    """Returns whether scores can be micro averages, of which F1 is the harmonic mean of precision and recall."""
    outcome = audit_one_label(
        {score: figure for score, figure in figures.items() if score != "accuracy"},
        {score: range_ for score, range_ in widest.items() if score != "accuracy"},
        {score: range_ for score, range_ in rounded.items() if score != "accuracy"},
    )
    if outcome.verdict == "impossible" or len(figures) < 2:
        return outcome
    same = "Where each item has one label, and no label is left out, micro averages are all the accuracy"
    texts = " and ".join(figure.text for figure in figures.values())
    if all(_meet(first, second) for first in widest.values() for second in widest.values()):
        return Outcome("holds", f"{same}: {texts} agree.")
    return Outcome("cannot be told", f"{same}: {texts} differ, so some label is left out or items have several.")


def _agree(ranges: ScoreBounds) -> bool:
    """Returns whether real numbers of items exist that give scores within ``ranges``.

    Accuracy counts the true negatives too, so it is at least TP / (TP + FP + FN) = F1 / (2 − F1).
    """
    least, most = _f1(ranges)
    low, high = ranges.get("F1", _ALL)
    if not (least <= high and low <= most):
        return False
    return ranges.get("accuracy", _ALL)[1] >= _share_of_errors(max(least, low))


def _sums(figures: Mapping[ScoreName, Printed], ranges: ScoreBounds) -> str:
    least, most = _f1(ranges)
    parts = []
    if {"precision", "recall"} <= set(figures):
        between = f"lies from {decimal(least, 4)} to {decimal(most, 4)}"
        parts.append(f"F1 = 2 × precision × recall / (precision + recall) of the printed figures {between}.")
    elif "F1" in figures and {"precision", "recall"} & set(figures):
        parts.append(f"With that figure F1 is at most 2x / (1 + x) = {decimal(most, 4)}.")
    if "accuracy" in figures and len(figures) > 1:
        bound = _share_of_errors(max(least, ranges.get("F1", _ALL)[0]))
        parts.append(f"Accuracy is at least F1 / (2 − F1), here {decimal(bound, 4)}.")
    return " ".join(parts)


def _f1(ranges: ScoreBounds) -> Bounds:
    """Returns the least and greatest F1 of the precision and recall; it grows with either."""
    p, r = ranges.get("precision", _ALL), ranges.get("recall", _ALL)
    return _harmonic(p[0], r[0]), _harmonic(p[1], r[1])


def _harmonic(p: Fraction, r: Fraction) -> Fraction:
    return 2 * p * r / (p + r) if p > 0 and r > 0 else Fraction(0)


def _share_of_errors(f1: Fraction) -> Fraction:
    return f1 / (2 - f1)


def _is_open(figures: Mapping[ScoreName, Printed]) -> bool:
    """Returns whether nothing binds the figures: one alone, or precision and recall."""
    return len(figures) < 2 or set(figures) == {"precision", "recall"}


def _nothing_to_check(figures: Mapping[ScoreName, Printed]) -> Outcome:
    listed = " and ".join(f"{score} {figure.text}" for score, figure in figures.items())
    return Outcome("cannot be told", f"{listed}: without the number of items there is nothing to check it against.")


def _meet(first: Bounds, second: Bounds) -> bool:
    return first[0] <= second[1] and second[0] <= first[1]
