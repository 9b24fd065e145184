"""The dumbbell chart of the primary scores: before and after, with intervals, between baseline and gold answers."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from report.facts.schema.parts import Fact, is_known
from report.facts.schema.scores import ScoredTask
from report.facts.schema.whole import MeasuredFacts
from report.facts.values import missing
from report.page.figures.drawing import BLUE, INK, ORANGE, WIDTH, Anchor, Drawing, Picture
from report.page.formats import FILTERS, decimals, plain

_ROW, _MARGIN = 108.0, 14.0
_LABEL = 150.0
"""Width that the words below a mark may take."""
_TITLE = "Primary scores before and after fine-tuning, with their intervals"
_COLUMNS = ("score", "base", "fine-tuned", "trivial baseline", "gold answers")


class _Row(NamedTuple):
    """A checkpoint's primary score on a task."""

    name: str
    before: Fact
    after: Fact
    floor: Fact
    ceiling: Fact


def summary(facts: MeasuredFacts) -> Picture | None:
    """Returns the chart, a row a checkpoint and task; None where nothing has been scored."""
    rows = list(_rows(facts))
    if not rows:
        return None
    drawing = Drawing(_ROW * len(rows))
    for turn, row in enumerate(rows):
        _draw(drawing, row, top=_ROW * turn)
    words = "; ".join(f"{row.name}: {_value(row.before)} before, {_value(row.after)} after" for row in rows)
    data = tuple((row.name, *map(_with_interval, row[1:])) for row in rows)
    return Picture(drawing.svg("summary", _TITLE, words), _TITLE, _COLUMNS, data)


def _rows(facts: MeasuredFacts) -> Iterator[_Row]:
    for task in facts.tasks:
        if not isinstance(task, ScoredTask):
            continue
        for comparison in task.comparisons:
            score = comparison.primary
            if score and (is_known(score.before) or is_known(score.after)):
                name = f"{task.name.value}, {score.label.value}: {comparison.checkpoint.value}"
                moves = task.range_of(score.metric)
                ceiling = moves.ceiling if moves else missing("no range is known for it")
                yield _Row(name, score.before, score.after, task.floor.score, ceiling)


def _draw(drawing: Drawing, row: _Row, *, top: float) -> None:
    lower, upper = _span(row)
    line = top + 54

    def place(value: float) -> float:
        share = min(1.0, max(0.0, (value - lower) / (upper - lower)))
        return _MARGIN + (WIDTH - 2 * _MARGIN) * share

    drawing.text((_MARGIN, top + 18), row.name, bold=True, within=WIDTH - 2 * _MARGIN)
    drawing.line([(_MARGIN, line), (WIDTH - _MARGIN, line)], opacity=0.3)
    _range(drawing, row, place, line)
    for fact, colour in ((row.before, INK), (row.after, BLUE)):
        if is_known(fact) and fact.interval:
            ends = [place(end) for end in fact.interval.ends]
            drawing.boxes([(ends[0], line - 4, ends[1] - ends[0], 8)], colour=colour, opacity=0.35)
    if is_known(row.before) and is_known(row.after):
        _arrow(drawing, place(row.before.value), place(row.after.value), line)
    if is_known(row.before):
        drawing.dot((place(row.before.value), line), hollow=True)
    if is_known(row.after):
        drawing.dot((place(row.after.value), line), colour=BLUE, radius=5.5)
    for side, fact, down, bold in (("base", row.before, -14, False), ("fine-tuned", row.after, 26, True)):
        if is_known(fact):
            x = place(fact.value)
            drawing.text((x, line + down), f"{side} {_value(fact)}", anchor=_anchor(x, 60), bold=bold)
    _ends(drawing, row, place, line + 44)


def _range(drawing: Drawing, row: _Row, place: Any, line: float) -> None:
    """Marks the trivial baseline and the gold answers, and shades what lies between them."""
    if is_known(row.floor) and is_known(row.ceiling):
        ends = sorted(place(known.value) for known in (row.floor, row.ceiling))
        drawing.boxes([(ends[0], line - 9, ends[1] - ends[0], 18)], opacity=0.08)
    if is_known(row.floor):
        _floor_mark(drawing, place(row.floor.value), line)
    if is_known(row.ceiling):
        _ceiling_mark(drawing, place(row.ceiling.value), line)


def _arrow(drawing: Drawing, start: float, end: float, line: float) -> None:
    """Joins both dots, from the edge of the ring."""
    way = 1 if end > start else -1
    if abs(end - start) > 12:
        drawing.line([(start + 6 * way, line), (end, line)], width=2, opacity=0.7)


def _ends(drawing: Drawing, row: _Row, place: Any, line: float) -> None:
    """Writes what baseline and gold answers score below their marks; where these are close, one further out."""
    known = [(place(fact.value), side, fact) for side, fact in _sides(row) if is_known(fact)]
    rightmost = max((x for x, _, _ in known), default=0.0)
    for x, side, fact in known:
        words, anchor = f"{side} {_value(fact)}", _anchor(x, 66)
        if x < rightmost and rightmost - x < 2 * _LABEL:
            x, anchor = max(_MARGIN + _LABEL, min(x, rightmost - _LABEL)), "end"
        drawing.text((x, line), words, anchor=anchor, soft=True)


def _sides(row: _Row) -> tuple[tuple[str, Fact], ...]:
    return ("trivial baseline", row.floor), ("gold answers", row.ceiling)


def _anchor(x: float, half: float) -> Anchor:
    """Returns how a text at ``x`` that is twice ``half`` wide is aligned, so that it stays on the sheet."""
    return "start" if x < _MARGIN + half else "end" if x > WIDTH - _MARGIN - half else "middle"


def _span(row: _Row) -> tuple[float, float]:
    """Returns the values at both ends of a row: the whole range of the score's unit, or what is known of it."""
    known = [fact for fact in row[1:] if is_known(fact)]
    whole = {"points": 100.0, "proportion": 1.0, "share": 1.0}.get(known[0].unit)
    if whole is not None:
        return 0.0, whole
    values = [fact.value for fact in known]
    values += [end for fact in known if fact.interval for end in fact.interval.ends]
    return min(0.0, *values), max(values) if max(values) > min(0.0, *values) else 1.0


def _floor_mark(drawing: Drawing, x: float, line: float) -> None:
    drawing.line([(x, line - 10), (x, line + 10)], colour=ORANGE, width=2, dashes=(4, 3))


def _ceiling_mark(drawing: Drawing, x: float, line: float) -> None:
    drawing.line([(x, line - 10), (x, line + 10)], width=2, opacity=0.7)


def _value(fact: Fact) -> str:
    return decimals(fact.value, fact.unit) if is_known(fact) else "missing"


def _with_interval(fact: Fact) -> str:
    return f"{_value(fact)} {FILTERS['interval'](fact)}" if is_known(fact) else plain(fact)
