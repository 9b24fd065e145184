"""A leaderboard's pictures as SVG text: scores on their intervals, best first, and scores against what they cost."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from math import log10
from typing import Any, NamedTuple

from report.facts.values import is_known
from report.page.figures.drawing import SCHEME, Picture
from report.page.formats import FILTERS, decimals

_WIDTH, _LEFT, _RIGHT, _ROW, _TOP = 720, 240, 24, 26, 12
_MOST_LETTERS = 29
_LETTER, _LINE = 7, 14
_MOST_NAMES = 12
"""With more dots than this, names would lie over each other: the dots alone are drawn."""


def forest(board: Mapping[str, Any], number: int) -> Picture:
    """Returns the drawing of a leaderboard, its title and description included; ``number`` makes its ids its own.

    Of a crowd the models that are shown beside others are drawn.
    """
    most = board["shown"]["value"] if is_known(board["shown"]) else len(board["rows"])
    rows, metric = [row for row in board["rows"][:most] if is_known(row["score"])], str(board["metric"]["value"])
    ends = [end for row in rows for end in _ends(row["score"])]
    low, high = min(ends), max(ends)
    margin = (high - low) * 0.05 or abs(high) * 0.05 or 0.5
    low, high = low - margin, high + margin
    height = _TOP + _ROW * len(rows) + 34

    def x(value: float) -> str:
        return f"{_LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT):.1f}"

    parts = []
    for place, row in enumerate(rows):
        y, (lower, upper) = _TOP + _ROW * place + _ROW // 2, _ends(row["score"])
        name = _name(row)
        line = f'<path d="M{x(lower)} {y}H{x(upper)}" stroke="currentColor" stroke-width="2"/>' if lower < upper else ""
        parts.append(
            f'<text x="{_LEFT - 12}" y="{y + 4}" text-anchor="end" font-size="13">{escape(name)}</text>{line}'
            f'<circle cx="{x(row["score"]["value"])}" cy="{y}" r="5" fill="currentColor"/>'
        )
    axis, unit = _TOP + _ROW * len(rows) + 6, rows[0]["score"]["unit"]
    for place, value in enumerate((min(ends), max(ends))):
        anchor = ("start", "end")[place]
        shown = escape(decimals(value, unit))
        parts.append(f'<text x="{x(value)}" y="{axis + 18}" text-anchor="{anchor}" font-size="12">{shown}</text>')
    parts.append(f'<path d="M{x(low)} {axis}H{x(high)}" stroke="currentColor" stroke-width="1" opacity="0.5"/>')
    said = "; ".join(_said(row) for row in rows)
    whose = f"the first {most:,} models, each" if is_known(board["shown"]) else "each model"
    title = f"{metric} of {whose} with its interval"
    return Picture(_sheet(f"board{number}", height, title, said, parts), title)


def against_cost(board: Mapping[str, Any], costs: Sequence[Mapping[str, Any]], key: str, number: int) -> Picture:
    """Returns the drawing of the scores of a leaderboard's primary metric against what they cost.

    ``costs``: as `report.compare.costs` has them, with each model's score. ``key``: which cost, of those in `COSTS`;
    the axis is logarithmic. A dot is full where no model beats that one.
    """
    unbeaten = {row["entry"]["value"] for row in board["rows"] if row["unbeaten"]}
    metric, height, top, bottom = str(board["metric"]["value"]), 340, 40, 286
    left, right = 64, _WIDTH - _RIGHT
    rows = priced(costs, key)
    places = [log10(row[key]["value"]) for row in rows]
    ends = [end for row in rows for end in _ends(row["score"])]
    low, high = min(ends), max(ends)
    margin = (high - low) * 0.06 or abs(high) * 0.05 or 0.5
    low, high, least, most = low - margin, high + margin, min(places), max(places)
    apart = (most - least) * 0.06 or 0.5
    least, most = least - apart, most + apart

    def x(place: float) -> float:
        return left + (place - least) / (most - least) * (right - left)

    def y(value: float) -> float:
        return bottom - (value - low) / (high - low) * (bottom - top)

    unit = rows[0]["score"]["unit"]
    parts = [f'<text x="8" y="20" font-size="13">{escape(metric)}</text>']
    for value in (min(ends), max(ends)):
        shown = escape(decimals(value, unit))
        parts.append(f'<text x="{left - 8}" y="{y(value) + 4:.1f}" text-anchor="end" font-size="12">{shown}</text>')
    parts.append(f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="currentColor" opacity="0.5"/>')
    by_place = dict(zip(places, rows, strict=True))
    for place in (min(places), max(places)):
        shown = COSTS[key].shown(by_place[place][key])
        parts.append(
            f'<text x="{x(place):.1f}" y="{bottom + 20}" text-anchor="middle" font-size="12">{shown}</text>'
            f'<path d="M{x(place):.1f} {bottom}v5" stroke="currentColor" opacity="0.5"/>'
        )
    middle = (left + right) / 2
    parts.append(f'<text x="{middle}" y="{height - 12}" text-anchor="middle" font-size="13">{COSTS[key].name}</text>')
    for place, row in zip(places, rows, strict=True):
        lower, upper = _ends(row["score"])
        full = row["entry"]["value"] in unbeaten
        look = 'fill="currentColor"' if full else 'fill="none" stroke="currentColor" stroke-width="2"'
        where = f'cx="{x(place):.1f}" cy="{y(row["score"]["value"]):.1f}"'
        line = f'<path d="M{x(place):.1f} {y(lower):.1f}V{y(upper):.1f}" stroke="currentColor" opacity="0.35"/>'
        parts.append(f'{line if lower < upper else ""}<circle {where} r="5" {look}/>')
    if len(rows) <= _MOST_NAMES:
        dots = [(x(place), y(row["score"]["value"]), _name(row)) for place, row in zip(places, rows, strict=True)]
        parts += _names_beside(dots, middle)
    said = "; ".join(f"{_said(row)}, {COSTS[key].shown(row[key])}" for row in rows)
    title = f"{metric} against {COSTS[key].name}"
    return Picture(_sheet(f"cost{number}-{key}", height, title, said, parts), title)


def _names_beside(dots: Sequence[tuple[float, float, str]], middle: float) -> Iterator[str]:
    """Yields the name of each dot (x, y, name), towards the middle, a line further down where another one stands."""
    taken: list[tuple[float, float, float]] = []
    for across, down, name in sorted(dots, key=lambda dot: (dot[1], dot[0], dot[2])):
        is_left, width, at = across > middle, _LETTER * len(name), down + 4
        start = across - 10 - width if is_left else across + 10
        while any(abs(at - other) < _LINE and start < end and begin < start + width for begin, end, other in taken):
            at += 2
        taken.append((start, start + width, at))
        anchor, edge = ("end", across - 10) if is_left else ("start", across + 10)
        yield f'<text x="{edge:.1f}" y="{at:.1f}" text-anchor="{anchor}" font-size="12">{escape(name)}</text>'


class _Cost(NamedTuple):
    """How a cost is called on an axis, and how a value of it is shown."""

    name: str
    shown: Callable[[Any], str]


COSTS = {
    "parameters": _Cost("parameters of the model (logarithmic)", FILTERS["count"]),
    "seconds": _Cost("time of the run that scored it (logarithmic)", FILTERS["duration"]),
    "training_seconds": _Cost("time of its training (logarithmic)", FILTERS["duration"]),
}
"""The costs that scores are drawn against."""


def priced(costs: Sequence[Mapping[str, Any]], key: str) -> list[Mapping[str, Any]]:
    """Returns the rows of ``costs`` that have a score and a cost ``key`` above 0, which a logarithmic axis can show."""
    return [row for row in costs if is_known(row["score"]) and is_known(row[key]) and row[key]["value"] > 0]


def _sheet(name: str, height: int, title: str, said: str, parts: Sequence[str]) -> str:
    """Returns the SVG text of a drawing with its title and description; ``name`` begins its ids."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-labelledby="{name}-title {name}-desc" font-family="system-ui, sans-serif" '
        f'fill="currentColor">{SCHEME}<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-desc">{escape(said)}</desc>{"".join(parts)}</svg>\n'
    )


def _name(row: Mapping[str, Any]) -> str:
    name = str(row["entry"]["value"])
    half = _MOST_LETTERS // 2  # long names often differ in their ends alone
    half = _MOST_LETTERS // 2  # long names often differ only where they end
    return name if len(name) <= _MOST_LETTERS else f"{name[:half]}…{name[-half:]}"


def _ends(score: Mapping[str, Any]) -> tuple[float, float]:
    interval = score.get("interval")
    return (interval["lower"], interval["upper"]) if interval else (score["value"], score["value"])


def _said(row: Mapping[str, Any]) -> str:
    lower, upper = _ends(row["score"])
    unit, name = row["score"]["unit"], row["entry"]["value"]
    shown = f"{name}: {decimals(row['score']['value'], unit)}"
    return f"{shown}, from {decimals(lower, unit)} to {decimals(upper, unit)}" if lower < upper else shown
