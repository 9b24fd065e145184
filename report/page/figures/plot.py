"""Axes: where a value lies on a drawing, and the round numbers beside it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, log10

from report.page.figures.drawing import WIDTH, Anchor, Drawing, Point
from report.page.formats import MINUS

_TOP, _LEFT, _RIGHT, _BELOW = 36.0, 52.0, 16.0, 48.0
_DECADES_WITHOUT_PARTS = 3
"""Powers of ten that an axis may span with 1, 2 and 5 times each written beside it; beyond, the powers alone are."""


@dataclass(frozen=True)
class Scale:
    """The values that an axis spans, and those written beside it; a logarithmic one holds positive ones alone."""

    lower: float
    upper: float
    ticks: tuple[float, ...]
    logarithmic: bool = False

    def share(self, value: float) -> float:
        """Returns where from 0 to 1 along the axis a value lies; what lies beyond an end is drawn at the end."""
        lower, upper = self.lower, self.upper
        if self.logarithmic:
            lower, upper, value = log10(lower), log10(upper), log10(value)
        return min(1.0, max(0.0, (value - lower) / (upper - lower)))

    def words(self) -> list[str]:
        """Returns the ticks as text, all with as many decimals as the finest needs; logarithmic ones each with its own.

        >>> Scale(0, 1, (0.0, 0.25, 0.5)).words(), Scale(0, 4000, (0, 2000, 4000)).words()
        (['0.00', '0.25', '0.50'], ['0', '2,000', '4,000'])
        >>> Scale(0.5, 10, (0.5, 1, 10), logarithmic=True).words()
        ['0.5', '1', '10']
        """
        own = [len(f"{tick:.6f}".rstrip("0").partition(".")[2]) for tick in self.ticks]
        shared = own if self.logarithmic else [max(own, default=0)] * len(own)
        return [f"{tick:,.{n}f}".replace("-", MINUS) for tick, n in zip(self.ticks, shared, strict=True)]


def scale(values: Iterable[float], *, whole: bool = False, tight: bool = False, most: int = 6) -> Scale:
    """Returns an axis that spans ``values`` from tick to tick; if ``tight``, from the least value to the greatest.

    ``most``: of the spaces between ticks.
    """
    from matplotlib.ticker import MaxNLocator

    lower, upper = (end(values) for values in [list(values)] for end in (min, max))
    if lower == upper:
        # Half as much again on both sides: a single value stands in the middle.
        lower, upper = (lower, lower + 1.0) if tight or not lower else (lower - abs(lower) / 2, lower + abs(lower) / 2)
    locator = MaxNLocator(nbins=most, integer=whole, steps=[1, 2, 2.5, 5, 10])
    ticks = [round(float(tick), 9) for tick in locator.tick_values(lower, upper)]
    if not tight:
        return Scale(ticks[0], ticks[-1], tuple(ticks))
    return Scale(lower, upper, tuple(tick for tick in ticks if lower <= tick <= upper))


def logarithmic_scale(values: Iterable[float]) -> Scale:
    """Returns a logarithmic axis that spans positive ``values`` from tick to tick: 1, 2 and 5 times powers of ten.

    >>> logarithmic_scale([3, 70]).ticks
    (2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
    """
    lower, upper = (end(values) for values in [list(values)] for end in (min, max))
    first, last = floor(log10(lower)), ceil(log10(upper))
    steps = (1,) if last - first > _DECADES_WITHOUT_PARTS else (1, 2, 5)
    every = sorted({step * 10.0**power for power in range(first, last + 1) for step in steps})
    start = max(tick for tick in every if tick <= lower)
    end = min(tick for tick in every if tick >= upper)
    return Scale(start, end, tuple(tick for tick in every if start <= tick <= end), logarithmic=True)


class Plot:
    """A field between two axes, with what they measure written above and below.

    ``beside``: pixels free to the right of the field, for words beside the ends of lines.
    """

    def __init__(
        self, drawing: Drawing, height: float, x: Scale, y: Scale, *, width: float = WIDTH, beside: float = 0.0
    ) -> None:
        self.drawing, self.x, self.y, self.width = drawing, x, y, width
        self.left, self.right = _LEFT, width - _RIGHT - beside
        self.top, self.bottom = _TOP, height - _BELOW

    def at(self, x: float, y: float) -> Point:
        """Returns where a pair of values lies."""
        across = self.left + (self.right - self.left) * self.x.share(x)
        return across, self.bottom - (self.bottom - self.top) * self.y.share(y)

    def axes(self, x_title: str, y_title: str) -> None:
        """Draws the grid, the numbers along both axes and what they are numbers of."""
        drawing = self.drawing
        for tick, words in zip(self.y.ticks, self.y.words(), strict=True):
            place = self.at(self.x.lower, tick)[1]
            drawing.line([(self.left, place), (self.right, place)], opacity=0.14)
            drawing.text((self.left - 8, place + 4), words, anchor="end", soft=True)
        drawing.line([(self.left, self.bottom), (self.right, self.bottom)], opacity=0.5)
        for tick, words in zip(self.x.ticks, self.x.words(), strict=True):
            place = self.at(tick, self.y.lower)[0]
            drawing.line([(place, self.bottom), (place, self.bottom + 4)], opacity=0.5)
            # A long number at the right end would leave the sheet.
            anchor: Anchor = "end" if place + 4 * len(words) > self.width else "middle"
            drawing.text((place, self.bottom + 19), words, anchor=anchor, soft=True)
        drawing.text((4, self.top - 18), y_title)
        drawing.text(((self.left + self.right) / 2, self.bottom + 41), x_title, anchor="middle")


def apart(places: Sequence[float], least: float, lower: float, upper: float) -> list[float]:
    """Returns ``places`` moved so that neighbours are at least ``least`` apart, within the two ends where they fit.

    >>> apart([10, 12, 80], 15, 0, 100), apart([95, 96], 15, 0, 100)
    ([10, 25, 80], [85, 100])
    """
    order = sorted(range(len(places)), key=lambda at: (places[at], at))
    moved = list(places)
    for above, below in pairwise(order):
        moved[below] = max(moved[below], moved[above] + least)
    for at, limit in zip(reversed(order), (upper - least * turn for turn in range(len(order))), strict=True):
        moved[at] = max(lower, min(moved[at], limit))
    return moved
