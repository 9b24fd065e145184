"""Whether printed figures agree with what is said of them: differences, comparisons, bounds."""

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

from report.audit.figures import Printed, Range, decimal
from report.audit.outcome import Outcome

Change = Literal["absolute", "relative"]
Says = Literal["equal", "not_equal", "higher", "lower"]
_SAID: dict[Says, str] = {
    "equal": "are the same",
    "not_equal": "are not the same",
    "higher": "rise from one to the next",
    "lower": "fall from one to the next",
}
EXCLUDES: dict[Says, set[Says]] = {
    "equal": {"not_equal", "higher", "lower"},
    "not_equal": {"equal"},
    "higher": {"equal", "lower"},
    "lower": {"equal", "higher"},
}
"""Which statements about the same figures contradict each other."""


def audit_difference(before: Printed, after: Printed, stated: Printed, *, change: Change = "absolute") -> Outcome:
    """Returns whether ``stated`` is after − before (`relative`: as a share of before), all three being rounded.

    A stated difference without a sign is a size: a rise or a fall by it.
    """
    if change == "relative" and before.value <= 0:
        return Outcome("cannot be told", f"The figure before is {before.text}: a share of it says nothing.")
    own = _change(before, after, change)
    target = _stated(before, after, stated, change)
    text = f"{_subtraction(before, after, change)}; {stated.text} is stated"
    if _agree(own, target, stated):
        return Outcome("holds", f"{text}. They agree within the rounding of the figures.")
    text += ". No rounding of the figures makes the two agree."
    other: Change = "relative" if change == "absolute" else "absolute"
    if before.value > 0 and _agree(_change(before, after, other), _stated(before, after, stated, other), stated):
        kind = {"relative": "as a share of the figure before", "absolute": "in the scores' own unit"}[other]
        return Outcome("impossible", f"{text} It is the difference {kind}: {_subtraction(before, after, other)}.")
    for scale in (Fraction(1, 100), Fraction(100)):
        on_the_other_scale = (
            (f"the stated {stated.text}", own, _times(target, scale)),
            (f"the {before.text} before", _change(before, after, change, before_times=scale), target),
            (f"the {after.text} after", _change(before, after, change, after_times=scale), target),
        )
        for name, found, wanted in on_the_other_scale:
            if _agree(found, wanted, stated):
                text += f" They do if {name} is on the other scale: 0 to 1 and 0 to 100 are mixed up."
                return Outcome("impossible", text)
    return Outcome("impossible", text)


def _change(
    before: Printed,
    after: Printed,
    change: Change,
    *,
    before_times: Fraction = Fraction(1),
    after_times: Fraction = Fraction(1),
) -> Range:
    """Returns the least and greatest change that the rounding of the two figures leaves possible."""
    first, second = _times(before.range(), before_times), _times(after.range(), after_times)
    if before.per_cent != after.per_cent:  # the sign tells the scale
        first, second = _times(first, _unit(before)), _times(second, _unit(after))
    if change == "absolute":
        return second[0] - first[1], second[1] - first[0]
    ends = [there / here for here in first for there in second]
    return min(ends) - 1, max(ends) - 1


def _stated(before: Printed, after: Printed, stated: Printed, change: Change) -> Range:
    """Returns the range of the stated change, in the unit of the two figures or as a share of 1.

    Between scores from 0 to 100 a per cent sign means points of that scale; between others it means hundredths.
    """
    same_scale = before.per_cent == after.per_cent
    points = change == "absolute" and same_scale and (before.per_cent or max(before.value, after.value) > 1)
    return stated.range() if points else _times(stated.range(), _unit(stated))


def _subtraction(before: Printed, after: Printed, change: Change) -> str:
    values = [figure.value for figure in (before, after)]
    if before.per_cent != after.per_cent:
        values = [figure.value * _unit(figure) for figure in (before, after)]
    difference = values[1] - values[0]
    places = max(before.decimals, after.decimals) + (2 if before.per_cent != after.per_cent else 0)
    if change == "absolute":
        return f"{after.text} − {before.text} = {decimal(difference, places)}"
    return f"({after.text} − {before.text}) / {before.text} = {decimal(100 * difference / values[0], 2)} %"


def _agree(own: Range, stated: Range, figure: Printed) -> bool:
    sizes = [own] if figure.signed else [own, (-own[1], -own[0])]
    return any(low <= stated[1] and stated[0] <= high for low, high in sizes)


def _times(ends: Range, factor: Fraction) -> Range:
    return ends[0] * factor, ends[1] * factor


def _unit(figure: Printed) -> Fraction:
    return Fraction(1, 100 if figure.per_cent else 1)


def audit_statement(figures: Sequence[tuple[Printed, str]], says: Says) -> Outcome:
    """Returns whether the figures compare as is said of them.

    ``figures``: each with where it stands and its quote, as the text shall name it. `higher` and `lower`: than the one
    before. Figures that are printed alike may differ in digits that were not printed: then a rise cannot be told.
    """
    ranges = _on_one_scale([figure for figure, _ in figures])
    pairs = list(itertools.pairwise(ranges) if says in ("higher", "lower") else itertools.combinations(ranges, 2))
    if says == "lower":
        pairs = [(second, first) for first, second in pairs]
    apart = [first[1] < second[0] or second[1] < first[0] for first, second in pairs]
    alike = [first == second and first[0] == first[1] for first, second in pairs]
    true, false = {
        "equal": (not any(apart), any(apart)),
        "not_equal": (any(apart), all(alike)),
    }.get(says, (all(low[1] <= high[0] and low != high for low, high in pairs),
                 any(low[0] >= high[1] for low, high in pairs)))  # fmt: skip
    text = f"It is said that these {_SAID[says]}: " + "; ".join(f"{figure.text} ({named})" for figure, named in figures)
    listed = ", ".join(figure.text for figure, _ in figures)
    if true:
        exactly = "" if all(low == high for low, high in ranges) or says != "equal" else " at the printed precision"
        return Outcome("holds", f"{text}. The figures {_SAID[says]}{exactly}: {listed}.")
    if false:
        found = "are equal" if all(alike) else "are not equal" if says == "equal" else "do not"
        return Outcome("impossible", f"{text}. The figures contradict it: {listed} {found}.")
    return Outcome("cannot be told", f"{text}. As printed, {listed}, the figures do not decide it.")


def _on_one_scale(figures: Sequence[Printed]) -> list[Range]:
    """Returns the figures' ranges; where some are proportions, scores from 0 to 100 are brought to their scale."""
    shares = any(figure.per_cent or 0 < abs(figure.value) < 1 for figure in figures)
    return [
        _times(figure.range(), Fraction(1, 100 if figure.per_cent or (shares and 1 < figure.value <= 100) else 1))
        for figure in figures
    ]


def audit_bounded(value: Printed, *, scale: Literal["0-1", "0-100"], n: int | None = None) -> Outcome:
    """Returns whether ``value`` lies on its scale and, where ``n`` is given, is k / n for a whole number k."""
    full = 100 if scale == "0-100" or value.per_cent else 1
    other = 101 - full
    if not 0 <= value.value <= full:
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
    cut = _counts(value.cut_off(), full, n)
    if cut[0] <= cut[1]:
        return Outcome("cannot be told", f"{text} With further digits cut off, not rounded, it is {cut[0]:,} / {n:,}.")
    swapped = _counts(value.rounded(), other, n)
    if value.value <= other and not value.per_cent and swapped[0] <= swapped[1]:
        text += f" From 0 to {other} it is: {_part(value, swapped[0], n, other)}; the scales are mixed up."
    return Outcome("impossible", text)


def _counts(ends: Range, full: int, n: int) -> tuple[int, int]:
    """Returns the least and greatest whole number of ``n`` items whose share lies in ``ends``."""
    return max(0, math.ceil(ends[0] * n / full)), min(n, math.floor(ends[1] * n / full))


def _part(value: Printed, k: int, n: int, full: int) -> str:
    scaled = "100 × " if full == 100 and not value.per_cent else ""
    return f"{scaled}{k:,} / {n:,} = {value.shown(Fraction(full * k, n))}"
