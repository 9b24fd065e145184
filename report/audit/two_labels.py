"""Whether macro or weighted averages over two labels can come from one confusion matrix, by trying all that remain."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from report.audit.averages import ScoreName
from report.audit.figures import Bounds
from report.audit.outcome import Matrix

MOST_MATRICES = 50_000_000
"""Matrices that are tried at most: a second or two, where a core is free."""
# Double precision decides nothing that lies so near to an end: it is left possible.
_SLACK = 1e-9


def averages_of_two_labels(
    n: int, ranges: Mapping[ScoreName, Bounds], *, weighted: bool, positives: int | None = None
) -> Matrix | bool | None:
    """Returns a confusion matrix over ``n`` items whose averages lie in ``ranges``; None where there is none.

    False: more matrices would have to be tried than `MOST_MATRICES`. F1 is the mean of the two labels' F1, or that of
    the averaged precision and recall; a score without a denominator counts as 0.
    """
    low, high = ranges.get("accuracy", (Fraction(0), Fraction(1)))
    least_errors, most_errors = max(0, -(-n * (1 - high).numerator // (1 - high).denominator)), int(n * (1 - low))
    if least_errors > most_errors:
        return None
    sizes = range(n + 1) if positives is None else (positives,)
    if len(sizes) * (most_errors - least_errors + 1) * (most_errors + 1) > MOST_MATRICES:
        return False
    ends = {score: (float(low) - _SLACK, float(high) + _SLACK) for score, (low, high) in ranges.items()}
    for size in sizes:
        for tp, fp, fn, tn in _fitting(n, size, (least_errors, most_errors), ends, weighted):
            return Matrix(tp, fp, fn, tn)
    return None


def _fitting(n: int, positives: int, errors: tuple[int, int], ends: Any, weighted: bool) -> Iterator[tuple[int, ...]]:
    """Yields the matrices with so many positive items, and errors from the least to the most, whose averages fit."""
    import numpy as np

    missed, wrong = np.arange(min(positives, errors[1]) + 1)[:, None], np.arange(errors[0], errors[1] + 1)[None]
    is_matrix = (wrong >= missed) & (wrong - missed <= n - positives)
    fn = np.broadcast_to(missed, is_matrix.shape)[is_matrix]
    fp = (wrong - missed)[is_matrix]
    if not fn.size:
        return
    tp, tn = positives - fn, n - positives - fp
    first_share = np.full(fn.shape, positives / n)
    if not weighted:  # over the labels that occur at all, as scikit-learn has it
        is_there = [(tp + fn + fp > 0).astype(float), (tn + fn + fp > 0).astype(float)]
        first_share = is_there[0] / (is_there[0] + is_there[1])

    def divided(above: Any, below: Any) -> Any:
        return np.divide(above, below, out=np.zeros(above.shape), where=below > 0)

    def averaged(first: Any, second: Any) -> Any:
        return first_share * first + (1 - first_share) * second

    precision = averaged(divided(tp, tp + fp), divided(tn, tn + fn))
    recall = averaged(divided(tp, tp + fn), divided(tn, tn + fp))
    f1 = averaged(divided(2 * tp, 2 * tp + fp + fn), divided(2 * tn, 2 * tn + fp + fn))
    of_averages = divided(2 * precision * recall, precision + recall)
    fits = np.full(fn.shape, True)
    for score, values in (("precision", [precision]), ("recall", [recall]), ("F1", [f1, of_averages])):
        if score in ends:
            low, high = ends[score]
            fits &= np.any([(value >= low) & (value <= high) for value in values], axis=0)
    for place in np.flatnonzero(fits):
        yield tuple(int(counts[place]) for counts in (tp, fp, fn, tn))
