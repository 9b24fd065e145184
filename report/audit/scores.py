"""Whether printed scores can come from one confusion matrix of two labels, found by an exact search.

With Q = TP + FP predicted and P = TP + FN actual positives, precision is TP / Q, recall TP / P, F1 2 TP / (Q + P), and
accuracy counts n less the errors, Q + P − 2 TP. So for every TP each printed figure bounds Q, P or their sum, and the
whole numbers within these bounds are counted by a formula: the search takes n steps, not n³. A score without a
denominator (precision where nothing is predicted positive) counts as 0, as scikit-learn has it.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from report.audit.figures import Printed, Range, decimal
from report.audit.outcome import Matrix, Outcome

Score = Literal["accuracy", "precision", "recall", "F1"]
HANDFUL = 5
"""As many matrices at most are all shown; of more, the one with the fewest true positives, a middle and the last."""

# Small enough that a sum of counts stays below 2^63 at the greatest n that a claim may have.
_BLOCK = 65_536


class Found(NamedTuple):
    """How many matrices give the figures, and those that are shown."""

    number: int
    matrices: tuple[Matrix, ...]


def confusion_matrices(n: int, ranges: Mapping[Score, Range], *, positives: int | None = None) -> Found:
    """Returns the confusion matrices over ``n`` items whose scores lie in ``ranges`` (closed, 0 to 1).

    ``positives``: how many items are positive, where that is known.

    >>> half, most = Fraction(1, 2), Fraction(3, 4)
    >>> confusion_matrices(4, {"accuracy": (most, most), "recall": (half, half)})
    Found(number=1, matrices=(Matrix(true_positive=1, false_positive=0, false_negative=1, true_negative=2),))
    """
    import numpy as np  # here, because it takes longer to load than `--help` may

    search = _Search(n, {score: _attainable(range_, 2 * n) for score, range_ in ranges.items()}, positives)
    if any(low > high for low, high in search.ranges.values()):
        return Found(0, ())
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
    return Found(total, tuple(shown))


@dataclass(frozen=True)
class _Search:
    n: int
    ranges: Mapping[Score, Range]
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

        def ratio(score: Score, times: int, bounds: Any) -> Any:
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


def _attainable(range_: Range, largest: int) -> Range:
    """Returns the least and greatest fraction within ``range_`` without a denominator over ``largest``; an empty range
    where there is none.

    No score has a denominator over 2n. The ends being such fractions, products with them stay exact in 64 bits.
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


def audit_scores(figures: Mapping[Score, Printed], n: int, *, positives: int | None, n_from: str | None) -> Outcome:
    """Returns whether one matrix over ``n`` items can give ``figures``; ``n_from``: where n is known from."""
    over = f"{n:,} items" + ("" if positives is None else f", {positives:,} of them positive")
    over += f" ({n_from})" if n_from else ""
    outside = [f"{score} {figure.text}" for score, figure in figures.items() if not 0 <= figure.value <= 100]
    if outside:
        return Outcome("impossible", f"{' and '.join(outside)}: a score lies from 0 to 1, or from 0 to 100.")
    scales, own_scales = _scales(figures)
    found = confusion_matrices(n, _ranges(figures, scales), positives=positives)
    if found.number:
        text = _all_found(figures, scales, found, n)
        return Outcome("holds", f"Over {over}, {text}", found.matrices)
    if own_scales:
        mixed = _mixed(figures, own_scales)
        found = confusion_matrices(n, _ranges(figures, own_scales), positives=positives)
        if found.number:
            text = _all_found(figures, own_scales, found, n)
            text = (
                f"{mixed} Read on one scale, no confusion matrix over {over} gives them. Each read on its own, {text}"
            )
            return Outcome("impossible", text, found.matrices)
        return Outcome("impossible", f"{mixed} {_none_found(figures, own_scales, n, over, positives)}")
    found = confusion_matrices(n, _ranges(figures, scales, cut_off=True), positives=positives)
    if found.number:
        text = _all_found(figures, scales, found, n, further=1)
        text = f"No confusion matrix over {over} gives these figures rounded; with further digits cut off, {text}"
        return Outcome("cannot be told", text, found.matrices)
    return Outcome("impossible", _none_found(figures, scales, n, over, positives))


Scales = dict[Score, int]


def _scales(figures: Mapping[Score, Printed]) -> tuple[Scales, Scales | None]:
    """Returns each figure's full mark (1 or 100), all those without a % sign on one scale; and, where some of these are
    over 1 and others not, also each one's own scale.
    """
    plain = {score: figure.value for score, figure in figures.items() if not figure.per_cent}
    large = [score for score, value in plain.items() if value > 1]
    together = {score: 100 if large or score not in plain else 1 for score in figures}
    own = {score: 100 if score in large or score not in plain else 1 for score in figures}
    return together, own if own != together else None


def _mixed(figures: Mapping[Score, Printed], scales: Scales) -> str:
    parts = {
        full: " and ".join(f"{score} {figures[score].text}" for score in figures if scales[score] == full)
        for full in (1, 100)
    }
    return f"Two scales are mixed up: {parts[1]} from 0 to 1, {parts[100]} from 0 to 100."


def _ranges(figures: Mapping[Score, Printed], scales: Scales, *, cut_off: bool = False) -> dict[Score, Range]:
    ends = {score: figure.cut_off() if cut_off else figure.rounded() for score, figure in figures.items()}
    return {score: (low / scales[score], high / scales[score]) for score, (low, high) in ends.items()}


def _all_found(figures: Mapping[Score, Printed], scales: Scales, found: Found, n: int, *, further: int = 0) -> str:
    first, *others = found.matrices
    sums = "; ".join(_sum(score, figures[score], scales[score], first, further) for score in figures)
    if found.number == 1:
        answers, positives = first.true_positive + first.false_positive, first.true_positive + first.false_negative
        return (
            f"exactly one confusion matrix gives these figures, {first}: {sums}. "
            f"By it {answers:,} of {n:,} answers are positive ({decimal(Fraction(100 * answers, n), 1)} %), "
            f"and {positives:,} of the items ({decimal(Fraction(100 * positives, n), 1)} %)."
        )
    listed = "; ".join(str(matrix) for matrix in others)
    also = "also" if found.number == len(found.matrices) else "others among them are"
    return f"{found.number:,} confusion matrices give these figures. {first}: {sums}; {also} {listed}."


def _sum(score: Score, figure: Printed, full: int, matrix: Matrix, further: int) -> str:
    tp, fp, fn, tn = matrix
    above, below = {
        "accuracy": (f"({tp:,} + {tn:,})", f"{sum(matrix):,}"),
        "precision": (f"{tp:,}", f"({tp:,} + {fp:,})"),
        "recall": (f"{tp:,}", f"({tp:,} + {fn:,})"),
        "F1": (f"2 × {tp:,}", f"(2 × {tp:,} + {fp:,} + {fn:,})"),
    }[score]
    scaled = "100 × " if full == 100 and not figure.per_cent else ""
    if not _division(score, matrix)[1]:
        return f"{score} {above} / {below}, which counts as 0"
    return f"{score} {scaled}{above} / {below} = {figure.shown(full * _score(score, matrix), further=further)}"


def _score(score: Score, matrix: Matrix) -> Fraction:
    """Returns the exact score of a matrix, 0 to 1; 0 where it has no denominator."""
    above, below = _division(score, matrix)
    return Fraction(above, below) if below else Fraction(0)


def _division(score: Score, matrix: Matrix) -> tuple[int, int]:
    tp, fp, fn, tn = matrix
    return {
        "accuracy": (tp + tn, tp + fp + fn + tn),
        "precision": (tp, tp + fp),
        "recall": (tp, tp + fn),
        "F1": (2 * tp, 2 * tp + fp + fn),
    }[score]


def _none_found(figures: Mapping[Score, Printed], scales: Scales, n: int, over: str, positives: int | None) -> str:
    """Returns that no matrix gives the figures, and the largest parts of them that some matrix does give."""
    ranges = _ranges(figures, scales)
    text = f"No confusion matrix over {over} gives {_listed(f'{score} {figures[score].text}' for score in figures)}."
    fitting: list[str] = []
    for size in range(len(figures) - 1, 0, -1):
        for part in itertools.combinations(figures, size):
            found = confusion_matrices(n, {score: ranges[score] for score in part}, positives=positives)
            if found.number:
                example = found.matrices[0]
                off = _listed(
                    f"{score} {figures[score].shown(scales[score] * _score(score, example))} for {figures[score].text}"
                    for score in figures
                    if score not in part
                )
                gives = "matrix gives" if found.number == 1 else "matrices give"
                fitting.append(f" {found.number:,} {gives} {_listed(part)}: {example} has {off}.")
        if fitting:
            break
    return text + "".join(fitting) + "".join(_no_fraction(score, figures[score], scales[score], n) for score in figures)


def _listed(parts: Iterable[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


def _no_fraction(score: Score, figure: Printed, full: int, n: int) -> str:
    """Returns the nearest scores where not even this figure by itself is one of n items; else nothing."""
    low, high = (end / full for end in figure.rounded())
    if score == "accuracy" and math.ceil(low * n) > math.floor(high * n):
        least = math.floor(figure.value * n / full)
        near = [f"{k:,} / {n:,} = {figure.shown(Fraction(full * k, n))}" for k in (least, least + 1) if k <= n]
        return f" Accuracy {figure.text} is no whole number of {n:,} items: {', '.join(near)}."
    first, last = _attainable((low, high), n)
    if score in ("precision", "recall") and first > last:
        return f" {score[0].upper()}{score[1:]} {figure.text} is no fraction of at most {n:,} items."
    return ""
