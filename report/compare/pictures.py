"""A leaderboard's picture as SVG text: each model's score as a dot on its interval, best first."""

from collections.abc import Mapping
from html import escape
from typing import Any

from report.facts import is_known
from report.figures.drawing import SCHEME, Picture
from report.formats import decimals

_WIDTH, _LEFT, _RIGHT, _ROW, _TOP = 720, 240, 24, 26, 12
_MOST_LETTERS = 34


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
        name = str(row["entry"]["value"])
        name = name if len(name) <= _MOST_LETTERS else name[: _MOST_LETTERS - 1] + "…"
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
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-labelledby="board{number}-title board{number}-desc" font-family="system-ui, sans-serif" '
        f'fill="currentColor">{SCHEME}<title id="board{number}-title">{escape(title)}</title>'
        f'<desc id="board{number}-desc">{escape(said)}</desc>{"".join(parts)}</svg>\n'
    )
    return Picture(svg, title)


def _ends(score: Mapping[str, Any]) -> tuple[float, float]:
    interval = score.get("interval")
    return (interval["lower"], interval["upper"]) if interval else (score["value"], score["value"])


def _said(row: Mapping[str, Any]) -> str:
    lower, upper = _ends(row["score"])
    unit, name = row["score"]["unit"], row["entry"]["value"]
    shown = f"{name}: {decimals(row['score']['value'], unit)}"
    return f"{shown}, from {decimals(lower, unit)} to {decimals(upper, unit)}" if lower < upper else shown
