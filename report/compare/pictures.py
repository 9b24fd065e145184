"""A leaderboard's pictures as SVG text: scores on their intervals, best first, and scores against what they cost."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from report.facts.schema.compared import Board, PricedBy, ScoreCost
from report.facts.schema.parts import Known, is_known
from report.page.figures.drawing import BLUE, INK, RANGES, WIDTH, Anchor, Drawing, Picture
from report.page.figures.plot import Plot, logarithmic_scale, scale
from report.page.formats import FILTERS, decimals

_ROW, _MARGIN = 40.0, 14.0
_MOST_LETTERS = 24
_LETTER, _LINE = 8, 16
_MOST_NAMES = 12
"""With more dots than this, names would lie over each other: the dots alone are drawn."""
_WIDE = 10.0
"""How many times the cheapest the dearest costs where the axis becomes a logarithmic one."""


def forest(board: Board, number: int) -> Picture:
    """Returns the drawing of a leaderboard, its title and description included; ``number`` makes its ids its own.

    A model's name and score stand above its interval, and in words whether it is tied for the first place. Of a crowd
    the models that are shown beside others are drawn.
    """
    rows = board.rows[: board.shown.value] if is_known(board.shown) else board.rows
    axis, bottom = scale(end for row in rows for end in _ends(row.score)), _ROW * len(rows) + 8
    drawing = Drawing(bottom + 48)

    def at(value: float) -> float:
        return _MARGIN + (WIDTH - 2 * _MARGIN) * axis.share(value)

    for tick, words in zip(axis.ticks, axis.words(), strict=True):
        drawing.line([(at(tick), 0), (at(tick), bottom)], opacity=0.14)
        drawing.text((at(tick), bottom + 19), words, anchor=_inside(at(tick)), soft=True)
    first = [row for row in rows if row.unbeaten]
    for turn, row in enumerate(rows):
        y, (lower, upper) = _ROW * turn + 32, _ends(row.score)
        leads = row.unbeaten and len(first) < len(rows)
        told = decimals(row.score.value, row.score.unit)
        beside = f"{told}, {'tied for first' if len(first) > 1 else 'first'}" if leads else told
        drawing.text((_MARGIN, y - 12), str(row.entry.value), bold=leads, within=WIDTH - 3 * _MARGIN - 150)
        drawing.text((WIDTH - _MARGIN, y - 12), beside, anchor="end", bold=leads)
        if lower < upper:
            bar = (at(lower), y - 2, at(upper) - at(lower), 4)
            drawing.boxes([bar], colour=BLUE if leads else INK, opacity=0.5)
        drawing.dot((at(row.score.value), y), colour=BLUE if leads else INK)
    drawing.line([(_MARGIN, bottom), (WIDTH - _MARGIN, bottom)], opacity=0.5)
    metric = f"{board.metric.value}{RANGES.get(rows[0].score.unit, '')}"
    drawing.text((WIDTH / 2, bottom + 41), metric, anchor="middle", within=WIDTH - 2 * _MARGIN)
    whose = f"the first {len(rows):,} models, each" if is_known(board.shown) else "each model"
    title = f"{board.metric.value} of {whose} with its interval"
    said = "; ".join(_said(row.entry, row.score) for row in rows)
    return Picture(drawing.svg(f"board{number}", title, said), title)


def _inside(x: float) -> Anchor:
    """Returns how a number at ``x`` is aligned, so that it stays on the sheet."""
    return "start" if x < 2 * _MARGIN else "end" if x > WIDTH - 2 * _MARGIN else "middle"


def against_cost(board: Board, costs: Sequence[ScoreCost], key: PricedBy, number: int) -> Picture:
    """Returns the drawing of the scores of a leaderboard's primary metric against what they cost.

    ``key``: which of the ``costs``. A dot is full where no model beats that one.
    """
    unbeaten = {row.entry.value for row in board.rows if row.unbeaten}
    metric, height, axis = str(board.metric.value), 330.0, COSTS[key]
    rows = priced(costs, key)
    size, unit = _unit(axis, max(row.cost.value for row in rows))
    places = [row.cost.value / size for row in rows]
    is_wide = max(places) >= _WIDE * min(places)
    across = logarithmic_scale(places) if is_wide else scale(places, most=5)
    plot = Plot(drawing := Drawing(height), height, across, scale(e for row in rows for e in _ends(row.score)))
    span = RANGES.get(rows[0].score.unit, "")
    plot.axes(f"{axis.name}{unit}{', logarithmic' if is_wide else ''}", f"{metric}{span}")
    dots = [(*plot.at(place, row.score.value), row) for place, row in zip(places, rows, strict=True)]
    for x, y, row in dots:
        lower, upper = _ends(row.score)
        leads = row.entry.value in unbeaten
        colour = BLUE if leads else INK
        if lower < upper:
            ends = [(x, plot.at(0.5 * (across.lower + across.upper), end)[1]) for end in (lower, upper)]
            drawing.line(ends, colour=colour, width=3, opacity=0.4)
        drawing.dot((x, y), radius=5 if leads else 6, colour=colour, hollow=not leads)
    if len(rows) <= _MOST_NAMES:
        _names_beside(drawing, [(x, y, _name(row.entry)) for x, y, row in dots], (plot.left + plot.right) / 2)
    said = "; ".join(f"{_said(row.entry, row.score)}, {axis.shown(row.cost)}" for row in rows)
    title = f"{metric} against {axis.name}"
    return Picture(drawing.svg(f"cost{number}-{key}", title, said), title)


def _unit(axis: "_CostAxis", most: float) -> tuple[float, str]:
    """Returns what one of the axis's numbers stands for, and its name: the largest that the dearest has twice."""
    size, name = next((unit for unit in axis.units if most >= 2 * unit[0]), axis.units[-1])
    return size, f" ({name})" if name else ""


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
    """How a cost is called on an axis, how a value of it is shown, and the sizes and names of its units."""

    name: str
    shown: Callable[[Any], str]
    units: tuple[tuple[float, str], ...]


_COUNTS = ((1e9, "billions"), (1e6, "millions"), (1e3, "thousands"), (1.0, ""))
_TIMES = ((3600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))

COSTS: dict[PricedBy, _CostAxis] = {
    "parameters": _CostAxis("parameters of the model", FILTERS["count"], _COUNTS),
    "seconds": _CostAxis("time of the run that scored it", FILTERS["duration"], _TIMES),
    "training_seconds": _CostAxis("time of its training", FILTERS["duration"], _TIMES),
}
"""The costs that scores are drawn against."""


class Priced(NamedTuple):
    """A model's score, and what it cost."""

    entry: Known
    score: Known
    cost: Known


def priced(costs: Sequence[ScoreCost], key: PricedBy) -> list[Priced]:
    """Returns the models that have a score and a cost ``key`` above 0."""
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
