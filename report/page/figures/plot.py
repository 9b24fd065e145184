"""Axes: where a value lies on a drawing, and the numbers beside it."""

from collections.abc import Iterable
from dataclasses import dataclass

from report.page.figures.drawing import WIDTH, Anchor, Drawing, Point
from report.page.formats import MINUS

_TOP, _LEFT, _RIGHT, _BELOW = 34.0, 52.0, 16.0, 44.0


@dataclass(frozen=True)
class Scale:
    """The values that an axis spans, and those that are written beside it."""

    lower: float
    upper: float
    ticks: tuple[float, ...]

    def share(self, value: float) -> float:
        """Returns where from 0 to 1 along the axis a value lies; what lies beyond an end is drawn at the end."""
        return min(1.0, max(0.0, (value - self.lower) / (self.upper - self.lower)))

    def words(self) -> list[str]:
        """Returns the ticks as text, all with as many decimals as the finest needs.

        >>> Scale(0, 1, (0.0, 0.25, 0.5)).words(), Scale(0, 4000, (0, 2000, 4000)).words()
        (['0.00', '0.25', '0.50'], ['0', '2,000', '4,000'])
        """
        decimals = max((len(f"{tick:.6f}".rstrip("0").partition(".")[2]) for tick in self.ticks), default=0)
        return [f"{tick:,.{decimals}f}".replace("-", MINUS) for tick in self.ticks]


def scale(values: Iterable[float], *, whole: bool = False, tight: bool = False) -> Scale:
    """Returns an axis that spans ``values`` from tick to tick; if ``tight``, from the least value to the greatest."""
    from matplotlib.ticker import MaxNLocator

    lower, upper = (end(values) for values in [list(values)] for end in (min, max))
    if lower == upper:
        upper = lower + 1.0
    locator = MaxNLocator(nbins=6, integer=whole, steps=[1, 2, 2.5, 5, 10])
    ticks = [round(float(tick), 9) for tick in locator.tick_values(lower, upper)]
    if not tight:
        return Scale(ticks[0], ticks[-1], tuple(ticks))
    return Scale(lower, upper, tuple(tick for tick in ticks if lower <= tick <= upper))


class Plot:
    """A field between two axes, with what they measure written above and below."""

    def __init__(self, drawing: Drawing, height: float, x: Scale, y: Scale, *, width: float = WIDTH) -> None:
        self.drawing, self.x, self.y = drawing, x, y
        self.left, self.right = _LEFT, width - _RIGHT
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
            anchor: Anchor = "end" if place + 4 * len(words) > WIDTH else "middle"
            drawing.text((place, self.bottom + 18), words, anchor=anchor, soft=True)
        drawing.text((self.left - 44, self.top - 18), y_title)
        drawing.text(((self.left + self.right) / 2, self.bottom + 38), x_title, anchor="middle")
