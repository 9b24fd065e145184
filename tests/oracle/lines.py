"""Lines: what a sentence or a cell must say, as fixed words with slots for numbers, and how facts fill them.

A line is matched against the page from left to right: words must stand there as they are, and a numeral in a slot
must be a rounding of the slot's value.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from string import Formatter
from typing import Any

from tests.oracle.numerals import Chance, Duration, Number, Setting, Size, Slot, Whole
from tests.oracle.page import squeezed

Part = str | Slot
Line = tuple[Part, ...]
Fact = Mapping[str, Any]

PLACES = {"proportion": 3, "coefficient": 3, "share": 1, "points": 2, "number": 3}
"""Fewest decimals of a number of each unit."""


class Departure(Exception):
    """The text leaves the line: where, and which part of the line it should have said there."""

    def __init__(self, at: int, part: Part) -> None:
        super().__init__(at, part)
        self.at = at
        self.part = part


def follow(line: Line, text: str, start: int = 0) -> int:
    """Returns where ``line`` ends in ``text``; raises Departure where the text says something else.

    >>> follow(("in all ", Whole(1000), "."), "in all 1,000.")
    13
    """
    for part in line:
        if isinstance(part, str):
            if not text.startswith(part, start):
                shared = next((i for i, (a, b) in enumerate(zip(part, text[start:], strict=False)) if a != b), 0)
                raise Departure(start + shared, part)
            start += len(part)
        else:
            end = part.end(text, start)
            if end is None:
                raise Departure(start, part)
            start = end
    return start


def matches(line: Line, text: str) -> bool:
    """Returns whether ``text`` says exactly ``line``."""
    try:
        return follow(line, text) == len(text)
    except Departure:
        return False


def said(line: Line) -> str:
    """Returns ``line`` with the facts' own values, more precise than the page shows them."""
    return "".join(str(part) for part in line)


def line(template: str, **slots: Line | str) -> Line:
    """Returns ``template`` with its `{names}` filled.

    >>> line("{n} of {all}", n=(Whole(3),), all="ten")
    (Whole(value=3), ' of ten')
    """
    parts: list[Part] = []
    for words, name in _parsed(template):
        found = slots[name] if name else ()
        for part in (words, *((found,) if isinstance(found, str) else found)):
            if isinstance(part, str) and parts and isinstance(parts[-1], str):
                parts[-1] += part
            elif part != "":
                parts.append(part)
    return tuple(parts)


@cache
def _parsed(template: str) -> list[tuple[str, str]]:
    return [(words, name or "") for words, name, _, _ in Formatter().parse(template)]


def joined(lines: Iterable[Line], between: str = ", ") -> Line:
    """Returns ``lines`` one after the other."""
    every = list(lines)
    return line(
        between.join(f"{{_{i}}}" for i, _ in enumerate(every)), **{f"_{i}": found for i, found in enumerate(every)}
    )


def known(fact: Fact) -> bool:
    """Returns whether ``fact`` has a value."""
    return "value" in fact


def reason(fact: Fact) -> Line:
    """Returns why a fact is missing."""
    return (squeezed(fact["missing"]),)


def _missing(fact: Fact) -> Line:
    return (squeezed(f"missing ({fact['missing']})"),)


def text(fact: Fact) -> Line:
    """Returns a fact as text; the word missing and the reason where it is not known, as every function below does."""
    return (squeezed(str(fact["value"])),) if known(fact) else _missing(fact)


def digest(fact: Fact) -> Line:
    """Returns the beginning of a digest."""
    return (squeezed(str(fact["value"])[:16]),) if known(fact) else _missing(fact)


def number(fact: Fact) -> Line:
    """Returns a measured number by its unit; a share in per cent."""
    return (_of(fact, fact["value"]),) if known(fact) else _missing(fact)


def percent(fact: Fact) -> Line:
    """Returns a share of 0 to 1 in per cent, whatever the fact's unit."""
    return (Number(fact["value"], 1, scale=100, after=" %"),) if known(fact) else _missing(fact)


def interval(fact: Fact) -> Line:
    """Returns a level's interval in square brackets."""
    return _bounds(fact, [_of(fact, end) for end in _ends(fact)])


def difference(fact: Fact) -> Line:
    """Returns a difference with its sign."""
    if not known(fact):
        return _missing(fact)
    after = " percentage points" if fact["unit"] == "share" else ""
    return (_of(fact, fact["value"], signed=True, after=after),)


def difference_interval(fact: Fact) -> Line:
    """Returns a difference's interval, its bounds with their signs."""
    return _bounds(fact, [_of(fact, end, signed=True, after="") for end in _ends(fact)])


def value(fact: Fact) -> Line:
    """Returns a level and its interval."""
    return line("{n} {i}", n=number(fact), i=interval(fact)) if known(fact) else _missing(fact)


def change(fact: Fact) -> Line:
    """Returns a difference and its interval."""
    return line("{n} {i}", n=difference(fact), i=difference_interval(fact)) if known(fact) else _missing(fact)


def by(fact: Fact) -> Line:
    """Returns a difference, its confidence and its interval, as a sentence has it."""
    if "interval" not in fact:
        return change(fact)
    return line("{n}, {c} interval {i}", n=difference(fact), c=confidence(fact), i=difference_interval(fact))


def chance(fact: Fact) -> Line:
    """Returns a p-value."""
    return (Chance(fact["value"]),) if known(fact) else _missing(fact)


def confidence(fact: Fact) -> Line:
    """Returns the confidence of a fact's interval, or a fact that is a confidence, in per cent."""
    if not known(fact):
        return _missing(fact)
    share = fact["interval"]["confidence"] if "interval" in fact else fact["value"]
    return (Number(share, 0, scale=100, after=" %"),)


def count(fact: Fact) -> Line:
    """Returns a whole number."""
    return (Whole(fact["value"]),) if known(fact) else _missing(fact)


def counted(fact: Fact, key: str) -> Line:
    """Returns the items (`n`) or `clusters` that a fact was measured on."""
    return (Whole(fact[key]),) if key in fact else ("missing (not counted)",)


def setting(fact: Fact) -> Line:
    """Returns what somebody chose: yes or no, a number, or a text."""
    if not known(fact):
        return _missing(fact)
    chosen = fact["value"]
    if isinstance(chosen, bool):
        return ("yes" if chosen else "no",)
    if isinstance(chosen, int):
        return (Whole(chosen),)
    return (Setting(chosen),) if isinstance(chosen, float) else text(fact)


def duration(fact: Fact) -> Line:
    """Returns a time span."""
    return (Duration(fact["value"]),) if known(fact) else _missing(fact)


def size(fact: Fact) -> Line:
    """Returns a number of bytes."""
    return (Size(fact["value"]),) if known(fact) else _missing(fact)


def _of(fact: Fact, end: float, *, signed: bool = False, after: str | None = None) -> Number:
    unit = fact["unit"]
    is_share = unit == "share"
    mark = (" %" if is_share else "") if after is None else after
    return Number(end, PLACES[unit], signed=signed, scale=100 if is_share else 1, after=mark)


def _ends(fact: Fact) -> list[float]:
    return [fact["interval"]["lower"], fact["interval"]["upper"]] if "interval" in fact else []


def _bounds(fact: Fact, ends: list[Number]) -> Line:
    if not known(fact):
        return _missing(fact)
    return ("[", ends[0], ", ", ends[1], "]") if ends else ("(no interval)",)
