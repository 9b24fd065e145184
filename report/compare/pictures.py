"""A leaderboard's pictures as SVG text: scores on their intervals, best first, and scores against what they cost."""

from collections.abc import Callable, Sequence
from math import log10
from typing import Any, NamedTuple

from report.facts.schema.compared import Board, PricedBy, ScoreCost
from report.facts.schema.parts import Known, is_known
from report.page.figures.drawing import Anchor, Drawing, Picture
from report.page.formats import FILTERS, decimals

_WIDTH, _LEFT, _RIGHT, _ROW, _TOP = 720.0, 240.0, 24.0, 26.0, 12.0
_MOST_LETTERS = 29
_LETTER, _LINE = 7, 14
_MOST_NAMES = 12
"""With more dots than this, names would lie over each other: the dots alone are drawn."""


def forest(board: Board, number: int) -> Picture:
    """Returns the drawing of a leaderboard, its title and description included; ``number`` makes its ids its own.

    Of a crowd the models that are shown beside others are drawn.
    """
    rows = board.rows[: board.shown.value] if is_known(board.shown) else board.rows
    ends = [end for row in rows for end in _ends(row.score)]
    axis = _TOP + _ROW * len(rows) + 6
    drawing, across = Drawing(axis + 28, _WIDTH), _Axis(ends, 0.05, _LEFT, _WIDTH - _RIGHT)
    for turn, row in enumerate(rows):
        y, (lower, upper) = _TOP + _ROW * turn + _ROW / 2, _ends(row.score)
        drawing.text((_LEFT - 12, y + 4), _name(row.entry), anchor="end", size=13)
        if lower < upper:
            drawing.boxes([(across.at(lower), y - 1, across.at(upper) - across.at(lower), 2)])
        drawing.dot((across.at(row.score.value), y))
    anchors: tuple[Anchor, Anchor] = ("start", "end")
    for value, anchor in zip((min(ends), max(ends)), anchors, strict=True):
        drawing.text((across.at(value), axis + 18), decimals(value, rows[0].score.unit), anchor=anchor)
    drawing.line([(across.start, axis), (across.end, axis)], opacity=0.5)
    whose = f"the first {len(rows):,} models, each" if is_known(board.shown) else "each model"
    title = f"{board.metric.value} of {whose} with its interval"
    said = "; ".join(_said(row.entry, row.score) for row in rows)
    return Picture(drawing.svg(f"board{number}", title, said), title)


def against_cost(board: Board, costs: Sequence[ScoreCost], key: PricedBy, number: int) -> Picture:
    """Returns the drawing of the scores of a leaderboard's primary metric against what they cost.

    ``key``: which of the ``costs``; the axis is logarithmic. A dot is full where no model beats that one.
    """
    unbeaten = {row.entry.value for row in board.rows if row.unbeaten}
    metric, height, top, bottom = str(board.metric.value), 340.0, 40.0, 286.0
    left, right = 64.0, _WIDTH - _RIGHT
    rows = priced(costs, key)
    places = [log10(row.cost.value) for row in rows]
    ends = [end for row in rows for end in _ends(row.score)]
    across, down = _Axis(places, 0.06, left, right, least=0.5), _Axis(ends, 0.06, bottom, top)
    drawing = Drawing(height, _WIDTH)
    drawing.text((8, 20), metric, size=13)
    for value in (min(ends), max(ends)):
        drawing.text((left - 8, down.at(value) + 4), decimals(value, rows[0].score.unit), anchor="end")
    drawing.line([(left, top), (left, bottom), (right, bottom)], opacity=0.5)
    by_place = dict(zip(places, rows, strict=True))
    for place in (min(places), max(places)):
        x = across.at(place)
        drawing.text((x, bottom + 20), str(COSTS[key].shown(by_place[place].cost)), anchor="middle")
        drawing.line([(x, bottom), (x, bottom + 5)], opacity=0.5)
    drawing.text(((left + right) / 2, height - 12), COSTS[key].name, anchor="middle", size=13)
    heights = [down.at(row.score.value) for row in rows]
    dots = list(zip(map(across.at, places), heights, (_name(row.entry) for row in rows), strict=True))
    for row, (x, y, _) in zip(rows, dots, strict=True):
        lower, upper = _ends(row.score)
        if lower < upper:
            drawing.line([(x, down.at(lower)), (x, down.at(upper))], opacity=0.35)
        is_beaten = row.entry.value not in unbeaten
        drawing.dot((x, y), radius=6 if is_beaten else 5, hollow=is_beaten)
    if len(rows) <= _MOST_NAMES:
        _names_beside(drawing, dots, (left + right) / 2)
    said = "; ".join(f"{_said(row.entry, row.score)}, {COSTS[key].shown(row.cost)}" for row in rows)
    title = f"{metric} against {COSTS[key].name}"
    return Picture(drawing.svg(f"cost{number}-{key}", title, said), title)


class _Axis:
    """Where values lie between two ends of a sheet, in pixels, with a margin beyond the least and the greatest."""

    def __init__(self, values: Sequence[float], margin: float, start: float, end: float, least: float = 0.0) -> None:
        """``margin``: a share of what the values span, else of the value itself, else ``least`` or a half."""
        low, high = min(values), max(values)
        apart = (high - low) * margin or least or abs(high) * 0.05 or 0.5
        self.start, self.end = start, end
        self._low, self._high = low - apart, high + apart

    def at(self, value: float) -> float:
        """Returns the place of a value."""
        return self.start + (value - self._low) / (self._high - self._low) * (self.end - self.start)


def _names_beside(drawing: Drawing, dots: Sequence[tuple[float, float, str]], middle: float) -> None:
    """Writes the name of each dot (x, y, name), towards the middle, a line further down where another one stands."""
    taken: list[tuple[float, float, float]] = []
    for across, down, name in sorted(dots, key=lambda dot: (dot[1], dot[0], dot[2])):
        is_left, width, at = across > middle, _LETTER * len(name), down + 4
        start = across - 10 - width if is_left else across + 10
        while any(abs(at - other) < _LINE and start < end and begin < start + width for begin, end, other in taken):
            at += 2
        taken.append((start, start + width, at))
        drawing.text((across - 10, at) if is_left else (across + 10, at), name, anchor="end" if is_left else "start")


class _CostAxis(NamedTuple):
    """How a cost is called on an axis, and how a value of it is shown."""

    name: str
    shown: Callable[[Any], str]


COSTS: dict[PricedBy, _CostAxis] = {
    "parameters": _CostAxis("parameters of the model (logarithmic)", FILTERS["count"]),
    "seconds": _CostAxis("time of the run that scored it (logarithmic)", FILTERS["duration"]),
    "training_seconds": _CostAxis("time of its training (logarithmic)", FILTERS["duration"]),
}
"""The costs that scores are drawn against."""


class Priced(NamedTuple):
    """A model's score, and what it cost."""

    entry: Known
    score: Known
    cost: Known


def priced(costs: Sequence[ScoreCost], key: PricedBy) -> list[Priced]:
    """Returns the models that have a score and a cost ``key`` above 0, which a logarithmic axis can show."""
    found = ((row.entry, row.score, getattr(row, key)) for row in costs)
    return [
        Priced(entry, score, cost)
        for entry, score, cost in found
        if is_known(score) and is_known(cost) and cost.value > 0
    ]


def _name(entry: Known) -> str:
    name = str(entry.value)
    half = _MOST_LETTERS // 2  # long names often differ only where they end
    return name if len(name) <= _MOST_LETTERS else f"{name[:half]}…{name[-half:]}"


def _ends(score: Known) -> tuple[float, float]:
    return score.interval.ends if score.interval else (score.value, score.value)


def _said(entry: Known, score: Known) -> str:
    lower, upper = _ends(score)
    shown = f"{entry.value}: {decimals(score.value, score.unit)}"
    return f"{shown}, from {decimals(lower, score.unit)} to {decimals(upper, score.unit)}" if lower < upper else shown
