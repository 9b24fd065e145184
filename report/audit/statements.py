"""Whether printed figures agree with what is said of them: differences, comparisons, bounds."""

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

from report.audit.figures import Bounds, Printed, as_score, decimal, how_read
from report.audit.outcome import Outcome

Change = Literal["absolute", "relative", "error"]
ScoreRelation = Literal["equal", "not_equal", "higher", "lower"]
Scale = Literal["0-1", "0-100", "-1-1", "-100-100"]
_SAID: dict[ScoreRelation, str] = {
    "equal": "are the same",
    "not_equal": "are not the same",
    "higher": "rise from one to the next",
    "lower": "fall from one to the next",
}
EXCLUDES: dict[ScoreRelation, set[ScoreRelation]] = {
    "equal": {"not_equal", "higher", "lower"},
    "not_equal": {"equal"},
    "higher": {"equal", "lower"},
    "lower": {"equal", "higher"},
}
"""Which statements about the same figures contradict each other."""


def audit_difference(before: Printed, after: Printed, stated: Printed, *, change: Change | None = None) -> Outcome:
    """Returns whether ``stated`` is the change from before to after, all three being rounded.

    ``change``: what kind of one the write-up says it is; None where it does not say: any kind will do. A stated
    difference without a sign is a size: a rise or a fall by it.
    """
    outcome = _audit_difference(before, after, stated, change)
    if outcome.verdict != "impossible" or not (scores := _as_scores([before, after, stated])):
        return outcome
    read_as_scores = _audit_difference(scores[0], scores[1], scores[2], change)
    return outcome if read_as_scores.verdict == "impossible" else read_as_scores


def _audit_difference(before: Printed, after: Printed, stated: Printed, change: Change | None) -> Outcome:
    if stated.is_factor:
        return _audit_factor(before, after, stated)
    if change == "relative" and before.value <= 0:
        return Outcome("cannot be told", f"The figure before is {before.text}: a share of it says nothing.")
    kinds = [kind for kind in ([change] if change else _KINDS) if kind == "absolute" or before.value > 0]
    text = f"{_subtraction(before, after, kinds[0])}; {stated.text} is stated"
    for is_wide, word in ((False, "holds"), (True, "cannot be told")):
        for scales, kind in itertools.product(_SCALES, kinds):
            are_shares = max(before.value, after.value) <= 1 < stated.value
            if stated.bound and scales not in (_SCALES[0], _SCALES[1] if are_shares else ()):
                continue  # nearly any difference is above a bound where one of the three is read on another scale
            if _agree(before, after, stated, kind, scales, is_wide=is_wide):
                shown = (
                    "" if kind == kinds[0] else f" {_KINDS[kind].capitalize()}: {_subtraction(before, after, kind)}."
                )
                scale = _scale_remark(before, after, stated, scales)
                cut_off = how_read("if digits are cut off, not rounded", (before, after, stated))
                rounding = cut_off if is_wide else "within the rounding of the figures"
                return Outcome(word, f"{text}.{shown} They agree {rounding}{scale}.")  # type: ignore[arg-type]
    if other := _another_reading(before, after, stated, change, kinds):
        return Outcome("cannot be told", f"{text}. {other}.")
    text += ". No rounding of the figures makes the two agree."
    for kind in _KINDS:
        if kind not in kinds and before.value > 0 and _agree(before, after, stated, kind, _SCALES[0], is_wide=False):
            return Outcome(
                "impossible", f"{text} It is the difference {_KINDS[kind]}: {_subtraction(before, after, kind)}."
            )
    return Outcome("impossible", text)


def _another_reading(
    before: Printed, after: Printed, stated: Printed, change: Change | None, kinds: Sequence[Change]
) -> str | None:
    """Returns a reading, other than that of the words, by which the difference agrees; None where there is none."""
    is_open = change is None and not stated.signed and after.value > 0
    if is_open and _agree(after, before, stated, "relative", _SCALES[0], is_wide=False):
        return f"It is the change as a share of the figure after it: {_subtraction(after, before, 'relative')}"
    for kind in kinds if stated.bound and stated.value > 1 else ():
        if kind != "absolute" and _agree(before, after, stated, kind, _SCALES[1], is_wide=False):
            return f"Read as per cent, it agrees {_KINDS[kind]}: {_subtraction(before, after, kind)}"
    return None


def _audit_factor(before: Printed, after: Printed, stated: Printed) -> Outcome:
    """Returns whether one of two figures is so many times the other, or so many times more."""
    text = f"{stated.text} is stated of {before.text} and {after.text}"
    for is_wide, word in ((False, "holds"), (True, "cannot be told")):
        ends = [figure.widest_range() if is_wide else figure.range() for figure in (before, after, stated)]
        if ends[0][0] <= 0 or ends[1][0] <= 0:
            return Outcome("cannot be told", f"{text}: a multiple of what may be 0 says nothing.")
        for (one, below), (other, above) in itertools.permutations(zip(ends, (before, after), strict=False)):
            for more, words in ((0, ""), (1, " − 1")):
                low, high = other[0] / one[1] - more, other[1] / one[0] - more
                if low <= ends[2][1] and ends[2][0] <= high:
                    shown = f"from {decimal(low, 2)} to {decimal(high, 2)} by their digits"
                    how = f"{above.text} / {below.text}{words} lies {shown}"
                    return Outcome(word, f"{text}: {how}.")  # type: ignore[arg-type]
    return Outcome("impossible", f"{text}. Neither is so many times the other, or so many times more, however rounded.")


_KINDS: dict[Change, str] = {
    "absolute": "in the scores' own unit",
    "relative": "as a share of the figure before",
    "error": "as a share of what the figure before leaves to the full mark",
}
_Scales = tuple[Fraction, Fraction, Fraction]
_SCALES: tuple[_Scales, ...] = tuple(
    (Fraction(before), Fraction(after), Fraction(stated))
    for before, after, stated in (
        (1, 1, 1), (1, 1, "1/100"), (1, 1, 100), ("1/100", 1, 1), (100, 1, 1), (1, "1/100", 1), (1, 100, 1),
    )
)  # fmt: skip
"""What before, after and the stated change are multiplied with where one of them is on the other scale."""


def _scale_remark(before: Printed, after: Printed, stated: Printed, scales: _Scales) -> str:
    named = zip((f"{before.text} before", f"{after.text} after", f"stated {stated.text}"), scales, strict=True)
    return "".join(f", the {name} being on the other scale (0 to 1, 0 to 100)" for name, times in named if times != 1)


def _agree(before: Printed, after: Printed, stated: Printed, kind: Change, scales: _Scales, *, is_wide: bool) -> bool:
    """Returns whether some numbers that are printed so have that change."""
    ends = [figure.widest_range() if is_wide else figure.range() for figure in (before, after, stated)]
    first, second = _times(ends[0], scales[0]), _times(ends[1], scales[1])
    same_scale = before.per_cent == after.per_cent
    if not same_scale:  # the sign tells the scale
        first, second = _times(first, _unit(before)), _times(second, _unit(after))
    # Between scores from 0 to 100 a per cent sign means points of that scale; between others it means hundredths.
    points = kind == "absolute" and same_scale and (before.per_cent or max(before.value, after.value) > 1)
    low, high = _times(ends[2], scales[2] * (1 if points else _unit(stated)))
    own = _change(first, second, kind)
    sizes = [own] if stated.signed else [own, (-own[1], -own[0])]
    return any(least <= high and low <= most for least, most in sizes)


def _change(first: Bounds, second: Bounds, kind: Change) -> Bounds:
    """Returns the least and greatest change between the numbers of two ranges."""
    if kind == "absolute":
        return second[0] - first[1], second[1] - first[0]
    if kind == "relative":
        ends = [there / here - 1 for here in first for there in second if here > 0]
    else:
        full = 1 if max(*first, *second) <= 1 else 100
        ends = [(there - here) / (full - here) for here in first for there in second if here < full]
    return (min(ends), max(ends)) if ends else (Fraction(1), Fraction(0))


def _subtraction(before: Printed, after: Printed, kind: Change) -> str:
    values = [figure.value for figure in (before, after)]
    if before.per_cent != after.per_cent:
        values = [figure.value * _unit(figure) for figure in (before, after)]
    difference = values[1] - values[0]
    places = max(before.decimals, after.decimals) + (2 if before.per_cent != after.per_cent else 0)
    if kind == "absolute":
        return f"{after.text} − {before.text} = {decimal(difference, places)}"
    if kind == "relative":
        return f"({after.text} − {before.text}) / {before.text} = {decimal(100 * difference / values[0], 2)} %"
    full = 1 if max(values) <= 1 else 100
    share = decimal(100 * difference / (full - values[0]), 2) if values[0] < full else "no"
    return f"({after.text} − {before.text}) / ({full} − {before.text}) = {share} %"


def _times(ends: Bounds, factor: Fraction) -> Bounds:
    return ends[0] * factor, ends[1] * factor


def _unit(figure: Printed) -> Fraction:
    return Fraction(1, 100 if figure.per_cent else 1)


def audit_statement(figures: Sequence[tuple[Printed, str]], says: ScoreRelation) -> Outcome:
    """Returns whether the figures compare as is said of them.

    ``figures``: each with where it stands and its quote, as the text shall name it. `higher` and `lower`: than the one
    before. Figures that are printed alike may differ in digits that were not printed: then a rise cannot be told.
    """
    outcome = _audit_statement(figures, says)
    if outcome.verdict != "impossible" or not (scores := _as_scores([figure for figure, _ in figures])):
        return outcome
    read_as_scores = _audit_statement([(score, name) for score, (_, name) in zip(scores, figures, strict=True)], says)
    return outcome if read_as_scores.verdict == "impossible" else read_as_scores


def _as_scores(figures: Sequence[Printed]) -> list[Printed]:
    """Returns figures with a decimal comma in 91,284 where another one is a score; else none: they may be counts."""
    scores = [as_score(figure) for figure in figures]
    return scores if scores != list(figures) and any(abs(figure.value) <= 100 for figure in figures) else []


def _audit_statement(figures: Sequence[tuple[Printed, str]], says: ScoreRelation) -> Outcome:
    ranges, widest = (_on_one_scale([figure for figure, _ in figures], is_wide=wide) for wide in (False, True))
    pairs, wide_pairs = _pairs(ranges, says), _pairs(widest, says)
    apart, surely_apart = _apart(pairs), _apart(wide_pairs)
    alike = [first == second and first[0] == first[1] for first, second in pairs]
    true, false = {
        "equal": (not any(apart), any(surely_apart)),
        "not_equal": (any(surely_apart), all(alike)),
    }.get(says, (all(low[1] <= high[0] and low != high for low, high in pairs),
                 any(low[0] >= high[1] for low, high in wide_pairs)))  # fmt: skip
    text = f"It is said that these {_SAID[says]}: " + "; ".join(f"{figure.text} ({named})" for figure, named in figures)
    listed = ", ".join(figure.text for figure, _ in figures)
    if true:
        exactly = "" if all(low == high for low, high in ranges) or says != "equal" else " at the printed precision"
        return Outcome("holds", f"{text}. The figures {_SAID[says]}{exactly}: {listed}.")
    if false:
        found = "are equal" if all(alike) else "are not equal" if says == "equal" else "do not"
        return Outcome("impossible", f"{text}. The figures contradict it: {listed} {found}.")
    return Outcome("cannot be told", f"{text}. As printed, {listed}, the figures do not decide it.")


def _pairs(ranges: list[Bounds], says: ScoreRelation) -> list[tuple[Bounds, Bounds]]:
    """Returns the pairs that a statement compares, the one said to be lower first."""
    if says in ("equal", "not_equal"):
        return list(itertools.combinations(ranges, 2))
    pairs = itertools.pairwise(ranges)
    return [(second, first) for first, second in pairs] if says == "lower" else list(pairs)


def _apart(pairs: list[tuple[Bounds, Bounds]]) -> list[bool]:
    return [first[1] < second[0] or second[1] < first[0] for first, second in pairs]


def _on_one_scale(figures: Sequence[Printed], *, is_wide: bool) -> list[Bounds]:
    """Returns the figures' ranges; where some are proportions, scores from 0 to 100 are brought to their scale.

    ``is_wide``: with digits cut off as well as rounded.
    """
    shares = any(figure.per_cent or 0 < abs(figure.value) < 1 for figure in figures)
    return [
        _times(
            figure.widest_range() if is_wide else figure.range(),
            Fraction(1, 100 if figure.per_cent or (shares and 1 < figure.value <= 100) else 1),
        )
        for figure in figures
    ]


def audit_bounded(value: Printed, *, scale: Scale, n: int | None = None) -> Outcome:
    """Returns whether ``value`` lies on its scale and, where ``n`` is given, is k / n for a whole number k.

    A coefficient, from −1 or −100, is no share of items.
    """
    value = as_score(value)
    full = 100 if scale.endswith("-100") or value.per_cent else 1
    other = 101 - full
    if scale.startswith("-"):
        is_within = value.widest()[1] >= -full and value.widest()[0] <= full
        said = "lies" if is_within else "does not lie"
        return Outcome("holds" if is_within else "impossible", f"{value.text} {said} from −{full} to {full}.")
    n = None if value.is_mean else n  # of runs, which need not be a share of items
    if not (value.widest()[1] >= 0 and value.widest()[0] <= full):
        text = f"{value.text} does not lie from 0 to {full}."
        if 0 <= value.value <= other:
            text += f" From 0 to {other} it does: the scales are mixed up."
        return Outcome("impossible", text)
    within = f"{value.text} lies from 0 to {full}."
    if n is None:
        if full == 100 and not value.per_cent and 0 < value.value <= 1:
            return Outcome("cannot be told", f"{within} But so small a score looks like one from 0 to 1.")
        return Outcome("holds", within)
    least, greatest = _counts(value.rounded(), full, n)
    if least <= greatest:
        some = f"{_part(value, least, n, full)}" + (
            "" if least == greatest else f", and so on to {_part(value, greatest, n, full)}"
        )
        return Outcome("holds", f"{within} {some}.")
    near = max(0, min(n - 1, math.floor(value.value * n / full)))
    beside = ", ".join(_part(value, k, n, full) for k in (near, near + 1))
    text = f"{within} It is no whole number of {n:,} items: {beside}."
    for ends, how in ((value.cut_off(), how_read("with further digits cut off, not rounded", [value])),
                      (value.imprecise(), "with the arithmetic of single or half precision")):  # fmt: skip
        least, greatest = _counts(ends, full, n)
        if least <= greatest:
            return Outcome("cannot be told", f"{text} {how[0].upper()}{how[1:]}, it is {least:,} / {n:,}.")
    swapped = _counts(value.rounded(), other, n)
    if value.value <= other and not value.per_cent and swapped[0] <= swapped[1]:
        text += f" From 0 to {other} it is: {_part(value, swapped[0], n, other)}; the scales are mixed up."
    return Outcome("impossible", text)


def _counts(ends: Bounds, full: int, n: int) -> tuple[int, int]:
    """Returns the least and greatest whole number of ``n`` items whose share lies in ``ends``."""
    return max(0, math.ceil(ends[0] * n / full)), min(n, math.floor(ends[1] * n / full))


def _part(value: Printed, k: int, n: int, full: int) -> str:
    scaled = "100 × " if full == 100 and not value.per_cent else ""
    return f"{scaled}{k:,} / {n:,} = {value.shown(Fraction(full * k, n))}"
