"""The confusion matrices of two labels whose scores lie in given ranges, found by an exact search.

With Q = TP + FP predicted and P = TP + FN actual positives, precision is TP / Q, recall TP / P, F1 2 TP / (Q + P), and
accuracy counts n less the errors, Q + P − 2 TP. So for every TP each printed figure bounds Q, P or their sum, and the
whole numbers within these bounds are counted by a formula: the search takes n steps, not n³. A score without a
denominator (precision where nothing is predicted positive) counts as 0, as scikit-learn has it.
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from report.audit.averages import ScoreName
from report.audit.figures import Bounds
from report.audit.outcome import Matrix

HANDFUL = 5
"""As many matrices at most are all shown; of more, the one with the fewest true positives, a middle and the last."""

# Small enough that a sum of counts stays below 2^63 at the greatest n that a claim may have.
_BLOCK = 65_536


class MatrixSearch(NamedTuple):
    """How many matrices give the figures, and those that are shown."""

    number: int
    matrices: tuple[Matrix, ...]


def confusion_matrices(n: int, ranges: Mapping[ScoreName, Bounds], *, positives: int | None = None) -> MatrixSearch:
    """Returns the confusion matrices over ``n`` items whose scores lie in ``ranges`` (closed, 0 to 1).

    ``positives``: how many items are positive, where that is known.

    >>> half, most = Fraction(1, 2), Fraction(3, 4)
    >>> confusion_matrices(4, {"accuracy": (most, most), "recall": (half, half)})
    MatrixSearch(number=1, matrices=(Matrix(true_positive=1, false_positive=0, false_negative=1, true_negative=2),))
    """
    import numpy as np  # here, because it takes longer to load than `--help` may

    search = _Search(n, {score: attainable(range_, 2 * n) for score, range_ in ranges.items()}, positives)
    if any(low > high for low, high in search.ranges.values()):
        return MatrixSearch(0, ())
    total = 0
    blocks = []
    for start in range(0, n + 1, _BLOCK):
        true_positives = np.arange(start, min(start + _BLOCK, n + 1), dtype=np.int64)
        counts = search.counts(true_positives)
        total += int(counts.sum())
        blocks.append(true_positives[counts > 0])
    possible = np.concatenate(blocks)
    if total <= HANDFUL:
        shown = [matrix for tp in possible for matrix in search.matrices(int(tp))]
    else:
        some = dict.fromkeys(int(possible[place]) for place in (0, len(possible) // 2, -1))
        rows = [search.matrices(tp) for tp in some]
        shown = [next(row) for row in rows] + list(itertools.islice(rows[0], 3 - len(rows)))
    return MatrixSearch(total, tuple(shown))


@dataclass(frozen=True)
class _Search:
    n: int
    ranges: Mapping[ScoreName, Bounds]
    positives: int | None

    def counts(self, tp: Any) -> Any:
        """Returns for each number of true positives how many matrices there are; arrays of whole numbers."""
        import numpy as np

        possible, (q_low, q_high), (p_low, p_high), (s_low, s_high) = self._bounds(tp)
        possible &= (q_low <= q_high) & (p_low <= p_high) & (s_low <= s_high)
        width, height = q_high - q_low + 1, p_high - p_low + 1

        def triangle(side: Any) -> Any:
            side = np.maximum(side, -1)
            return (side + 1) * (side + 2) // 2

        def up_to(total: Any) -> Any:  # pairs of the rectangle whose sum is at most `total`
            rest = total - q_low - p_low
            return triangle(rest) - triangle(rest - width) - triangle(rest - height) + triangle(rest - width - height)

        return np.where(possible, up_to(s_high) - up_to(s_low - 1), 0)

    def matrices(self, tp: int) -> Iterator[Matrix]:
        """Yields the matrices with ``tp`` true positives."""
        import numpy as np

        _, *bounds = self._bounds(np.array([tp]))
        (q_low, q_high), (p_low, p_high), (s_low, s_high) = ([int(end[0]) for end in ends] for ends in bounds)
        for q in range(max(q_low, s_low - p_high), min(q_high, s_high - p_low) + 1):
            for p in range(max(p_low, s_low - q), min(p_high, s_high - q) + 1):
                yield Matrix(tp, q - tp, p - tp, self.n - q - p + tp)

    def _bounds(self, tp: Any) -> Any:
        """Returns which ``tp`` are possible, and the least and greatest Q, P and Q + P for each."""
        import numpy as np

        n = self.n
        possible = np.full(tp.shape, True)
        predicted, actual, both = (tp, np.full(tp.shape, n)), (tp, np.full(tp.shape, n)), (2 * tp, n + tp)
        if self.positives is not None:
            actual = (np.maximum(tp, self.positives), np.full(tp.shape, self.positives))
        if "accuracy" in self.ranges:
            low, high = self.ranges["accuracy"]
            both = _within(both, 2 * tp + n - math.floor(high * n), 2 * tp + n - math.ceil(low * n))

        def ratio(score: ScoreName, times: int, bounds: Any) -> Any:
            """Tightens the bounds of a denominator, so that times × TP over it lies in the score's range."""
            if score not in self.ranges:
                return bounds
            low, high = self.ranges[score]
            nonlocal possible
            if low > 0:
                possible = possible & (tp > 0)
                bounds = _within(bounds, bounds[0], times * tp * low.denominator // low.numerator)
            if high > 0:
                return _within(bounds, -(-times * tp * high.denominator // high.numerator), bounds[1])
            possible = possible & (tp == 0)
            return bounds

        predicted = ratio("precision", 1, predicted)
        actual = ratio("recall", 1, actual)
        both = ratio("F1", 2, both)
        return possible, predicted, actual, both


def _within(bounds: Any, low: Any, high: Any) -> Any:
    import numpy as np

    return np.maximum(bounds[0], low), np.minimum(bounds[1], high)


def attainable(range_: Bounds, largest: int) -> Bounds:
    """Returns the least and greatest fraction within ``range_`` whose denominators are at most ``largest``.

    The range is empty where there is none. No score has a denominator over 2n. The ends being such fractions, products
    with them stay exact in 64 bits.
    """
    low, high = max(range_[0], Fraction(0)), min(range_[1], Fraction(1))
    return _least_at_least(low, largest), -_least_at_least(-high, largest)


def _least_at_least(value: Fraction, largest: int) -> Fraction:
    """Returns the least fraction that is at least ``value`` and has no denominator over ``largest``.

    >>> _least_at_least(Fraction(33, 100), 10), _least_at_least(Fraction(34, 100), 10)
    (Fraction(1, 3), Fraction(3, 8))
    """
    near = value.limit_denominator(largest)
    if near >= value:
        return near
    # The next one of the Farey sequence: a/b and c/d are neighbours where b·c − a·d = 1, d as large as may be.
    a, b = near.numerator, near.denominator
    d = largest - (largest - pow(-a, -1, b)) % b
    return Fraction((a * d + 1) // b, d)
