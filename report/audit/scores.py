"""Whether printed scores can be true: of one label by its confusion matrix, of several by what averages allow.

A figure is first read as rounded. Only where no reading of it that honest people print (with digits cut off, computed
in single precision, on the other scale, of the other label, averaged where no average is named) can be, it is
impossible; where only such a reading can be, nothing can be told.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction

from report.audit.averages import Average, ScoreBounds, ScoreName, audit_average, audit_micro, audit_one_label
from report.audit.figures import Printed, as_score, decimal, how_read
from report.audit.matrices import MatrixSearch, attainable, confusion_matrices
from report.audit.outcome import Matrix, Outcome
from report.audit.two_labels import averages_of_two_labels

Scales = dict[ScoreName, int]
_READINGS = {
    "rounded": "rounded",
    "cut_off": "with further digits cut off",
    "imprecise": "computed in single or half precision",
    "widest": "some rounded and some cut off",
}
"""What a figure may be, each by `Printed`'s method, and how it is named."""
MOST_ITEMS = 10_000_000
"""Over more items no matrix is searched."""
_A_DOUBLE_OVER_ONE = 1 + Fraction(1, 10**12)


def audit_scores(
    figures: Mapping[ScoreName, Printed],
    n: int | None,
    *,
    positives: int | None = None,
    n_from: str | None = None,
    average: Average | None = None,
    labels: int | None = None,
) -> Outcome:
    """Returns whether ``figures`` can be scores over ``n`` items (None: not said).

    ``positives``: how many of them are positive; ``n_from``: where n is known from. ``average``: as the write-up names
    it; None where it names none: then whatever some average can give is not impossible. ``labels``: how many there are.
    """
    figures = {score: as_score(figure) for score, figure in figures.items()}
    if any(figure.is_mean for figure in figures.values()):
        # The mean over runs of F1 is no harmonic mean; the bounds of averages over labels are those of any mean.
        bounds = average if average in ("macro", "weighted") else None
        told = audit_scores(
            {score: replace(figure, is_mean=False) for score, figure in figures.items()}, None, average=bounds
        )
        return told._replace(arithmetic=f"Beside a figure stands its spread, so it is a mean. {told.arithmetic}")
    if n is not None and n > MOST_ITEMS:
        told = audit_scores(figures, None, average=average, labels=labels)
        return told._replace(arithmetic=f"{told.arithmetic} Matrices over {n:,} items are too many to search.")
    outside = [f"{score} {figure.text}" for score, figure in figures.items() if not _is_a_score(figure)]
    if outside:
        return Outcome("impossible", f"{' and '.join(outside)}: a score lies from 0 to 1, or from 0 to 100.")
    if average in (None, "binary"):
        found = _one_label(figures, n, positives, n_from)
        if found.verdict != "impossible" or average == "binary":
            return found
        averaged = _averaged(figures, n, None, labels, positives)
        if averaged.verdict == "impossible":
            return found
        text = f"As scores of one label: {found.arithmetic} Which average they are is not said. {averaged.arithmetic}"
        return Outcome("cannot be told", text)
    return _averaged(figures, n, average, labels, positives)


def _one_label(
    figures: Mapping[ScoreName, Printed], n: int | None, positives: int | None, n_from: str | None
) -> Outcome:
    if n is None:
        return _of_scales(
            figures,
            lambda scales: audit_one_label(
                figures, _ranges(figures, scales, "widest"), _ranges(figures, scales, "rounded")
            ),
        )
    over = f"{n:,} items" + ("" if positives is None else f", {positives:,} of them positive")
    over += f" ({n_from})" if n_from else ""
    tried: list[ScoreBounds] = []
    for reading, plain in _READINGS.items():
        named = plain if reading == "rounded" else how_read(plain, figures.values())
        for scales in _scales(figures):
            ranges = _ranges(figures, scales, reading)
            if ranges in tried:
                continue
            tried.append(ranges)
            found = confusion_matrices(n, ranges, positives=positives)
            if found.number:
                return _possible(figures, scales, found, n, over, named)
    for named, found in _otherwise(figures, n, positives):
        if found.number:
            text = (
                f"No confusion matrix over {over} gives these figures as they are. {named}, {found.matrices[0]} does."
            )
            return Outcome("cannot be told", text, found.matrices)
    return Outcome("impossible", _none_found(figures, _scales(figures)[0], n, over, positives))


def _possible(
    figures: Mapping[ScoreName, Printed], scales: Scales, found: MatrixSearch, n: int, over: str, named: str
) -> Outcome:
    """Returns the outcome where matrices were found under a reading of the figures."""
    ways = _scales(figures)
    is_plain = scales == ways[0]
    remark = "" if is_plain else f" {_by_scale(figures, scales)}"
    if named == "rounded" and (is_plain or set(scales.values()) == {1, 100}):
        return Outcome("holds", f"Over {over}, {_all_found(figures, scales, found, n)}{remark}", found.matrices)
    text = _all_found(figures, scales, found, n, further=0 if named == "rounded" else 1)
    plain = "No confusion matrix" if is_plain else "Read on one scale from 0 to 1, no confusion matrix"
    text = f"{plain} over {over} gives these figures rounded; {named}, {text}{remark}"
    return Outcome("cannot be told", text, found.matrices)


def _otherwise(
    figures: Mapping[ScoreName, Printed], n: int, positives: int | None
) -> Iterator[tuple[str, MatrixSearch]]:
    """Yields other ways in which figures are made, and the matrices that give them so."""
    ranges = _ranges(figures, _scales(figures)[0], "widest")
    if positives is not None:
        yield "As scores of the other label", confusion_matrices(n, ranges, positives=n - positives)
    if {"precision", "recall", "F1"} <= set(figures):
        printed = {score: (figure.value / _scales(figures)[0][score],) * 2 for score, figure in figures.items()}
        low, high = ranges["F1"]
        above = 2 * printed["precision"][0] * printed["recall"][0]
        if above and low <= above / (printed["precision"][0] + printed["recall"][0]) <= high:
            others: ScoreBounds = {score: range_ for score, range_ in ranges.items() if score != "F1"}
            yield (
                "With F1 computed from the printed precision and recall",
                confusion_matrices(n, others, positives=positives),
            )
    yield "With a score without a denominator counted as 1", _without_denominator(n, ranges, positives)


def _without_denominator(n: int, ranges: ScoreBounds, positives: int | None) -> MatrixSearch:
    """Returns the matrices without true positives that give the ranges where 0 / 0 is 1: zero_division=1."""
    low, high = ranges.get("accuracy", (Fraction(0), Fraction(1)))
    errors = {0, 1, max(0, math.ceil(n * (1 - high))), min(n, math.floor(n * (1 - low)))}
    sizes = errors if positives is None else {positives}
    nothing_predicted = [Matrix(0, 0, missed, n - missed) for missed in sizes]
    nothing_there = [] if positives else [Matrix(0, wrong, 0, n - wrong) for wrong in errors]
    for matrix in [*nothing_predicted, *nothing_there]:
        scores = {score: _score(score, matrix) if _division(score, matrix)[1] else Fraction(1) for score in ranges}
        if all(low <= scores[score] <= high for score, (low, high) in ranges.items()):
            return MatrixSearch(1, (matrix,))
    return MatrixSearch(0, ())


def _averaged(
    figures: Mapping[ScoreName, Printed],
    n: int | None,
    average: Average | None,
    labels: int | None,
    positives: int | None,
) -> Outcome:
    """Returns whether the figures can be averages over labels, on any scale on which they are read."""

    def on(scales: Scales) -> Outcome:
        widest, rounded = (_ranges(figures, scales, reading) for reading in ("widest", "rounded"))
        if n is not None and "accuracy" in figures:
            low, high = widest["accuracy"]
            if max(0, math.ceil(low * n)) > min(n, math.floor(high * n)):
                return Outcome(
                    "impossible", _no_fraction("accuracy", figures["accuracy"], scales["accuracy"], n).strip()
                )
        if average == "micro":
            return audit_micro(figures, widest, rounded)
        outcome = audit_average(figures, widest, average)
        if average in ("macro", "weighted") and outcome.verdict != "impossible" and n is not None and labels == 2:
            return _of_two_labels(outcome, n, widest, rounded, average, positives)
        return outcome

    return _of_scales(figures, on)


def _of_scales(figures: Mapping[ScoreName, Printed], audited: Callable[[Scales], Outcome]) -> Outcome:
    """Returns the outcome on the first scales that are possible; on unlikely ones it cannot be told."""
    ways = _scales(figures)
    first = audited(ways[0])
    for scales in ways[1:] if first.verdict == "impossible" else ():
        outcome = audited(scales)
        if outcome.verdict != "impossible":
            text = f"{outcome.arithmetic} {_by_scale(figures, scales)}"
            both = set(scales.values()) == {1, 100}
            return outcome._replace(verdict=outcome.verdict if both else "cannot be told", arithmetic=text)
    return first


def _of_two_labels(
    outcome: Outcome, n: int, widest: ScoreBounds, rounded: ScoreBounds, average: Average, positives: int | None
) -> Outcome:
    """Returns what trying the matrices of two labels says of averages that the bounds allow."""
    for ranges, word in ((rounded, "holds"), (widest, "cannot be told")):
        found = averages_of_two_labels(n, ranges, weighted=average == "weighted", positives=positives)
        if found is False:
            text = f"{outcome.arithmetic} There are too many matrices over {n:,} items to try."
            return Outcome("cannot be told", text)
        if isinstance(found, Matrix):
            how = "gives these averages" if word == "holds" else "gives them with digits cut off or coarse arithmetic"
            return Outcome(
                "holds" if word == "holds" else "cannot be told", f"Over {n:,} items {found} {how}.", (found,)
            )
    return Outcome("impossible", f"No confusion matrix of two labels over {n:,} items has these {average} averages.")


def _is_a_score(figure: Printed) -> bool:
    low, high = figure.widest()
    return high >= 0 and low <= 100


def _scales(figures: Mapping[ScoreName, Printed]) -> list[Scales]:
    """Returns in which scales the figures are read, each with its full mark (1 or 100), the likeliest first.

    All those without a % sign are on one scale; else each is on its own; else small ones are hundredths too.
    """
    plain = {score: figure.value for score, figure in figures.items() if not figure.per_cent}
    large = [score for score, value in plain.items() if value > _A_DOUBLE_OVER_ONE]
    ways: list[Scales] = [
        {score: 100 if large or score not in plain else 1 for score in figures},
        {score: 100 if score in large or score not in plain else 1 for score in figures},
        dict.fromkeys(figures, 100),
    ]
    return [scales for place, scales in enumerate(ways) if scales not in ways[:place]]


def _by_scale(figures: Mapping[ScoreName, Printed], scales: Scales) -> str:
    parts = [
        f"{_listed(f'{score} {figures[score].text}' for score in figures if scales[score] == full)} from 0 to {full}"
        for full in (1, 100)
        if full in scales.values()
    ]
    return f"They are read on {'two scales' if len(parts) > 1 else 'the scale of per cent'}: {'; '.join(parts)}."


def _ranges(figures: Mapping[ScoreName, Printed], scales: Scales, reading: str) -> ScoreBounds:
    ends = {score: getattr(figure, reading)() for score, figure in figures.items()}
    return {score: (low / scales[score], high / scales[score]) for score, (low, high) in ends.items()}


def _all_found(
    figures: Mapping[ScoreName, Printed], scales: Scales, found: MatrixSearch, n: int, *, further: int = 0
) -> str:
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


def _sum(score: ScoreName, figure: Printed, full: int, matrix: Matrix, further: int) -> str:
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


def _score(score: ScoreName, matrix: Matrix) -> Fraction:
    """Returns the exact score of a matrix, 0 to 1; 0 where it has no denominator."""
    above, below = _division(score, matrix)
    return Fraction(above, below) if below else Fraction(0)


def _division(score: ScoreName, matrix: Matrix) -> tuple[int, int]:
    tp, fp, fn, tn = matrix
    return {
        "accuracy": (tp + tn, tp + fp + fn + tn),
        "precision": (tp, tp + fp),
        "recall": (tp, tp + fn),
        "F1": (2 * tp, 2 * tp + fp + fn),
    }[score]


def _none_found(figures: Mapping[ScoreName, Printed], scales: Scales, n: int, over: str, positives: int | None) -> str:
    """Returns that no matrix gives the figures, and the largest parts of them that some matrix does give."""
    ranges = _ranges(figures, scales, "widest")
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


def _no_fraction(score: ScoreName, figure: Printed, full: int, n: int) -> str:
    """Returns the nearest scores where not even this figure by itself is one of n items; else nothing."""
    low, high = (end / full for end in figure.widest())
    if score == "accuracy" and math.ceil(low * n) > math.floor(high * n):
        least = math.floor(figure.value * n / full)
        near = [f"{k:,} / {n:,} = {figure.shown(Fraction(full * k, n))}" for k in (least, least + 1) if k <= n]
        return f" Accuracy {figure.text} is no whole number of {n:,} items: {', '.join(near)}."
    first, last = attainable((low, high), n)
    if score in ("precision", "recall") and first > last:
        return f" {score[0].upper()}{score[1:]} {figure.text} is no fraction of at most {n:,} items."
    return ""
