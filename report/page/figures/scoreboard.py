"""The scoreboard's drawings: a primary score before and after fine-tuning, on the metric's whole scale."""

from collections.abc import Callable, Sequence

from report.facts.schema.parts import Fact, is_known
from report.facts.schema.scores import Comparison, MetricScores, ScoredTask
from report.page.figures.drawing import BLUE, INK, ORANGE, Drawing, Picture
from report.page.formats import FILTERS, decimals, plain

_WIDTH, _HEIGHT, _MARGIN = 220.0, 26.0, 7.0
_LINE = _HEIGHT / 2
_WHOLE = {"points": (0.0, 100.0), "proportion": (0.0, 1.0), "share": (0.0, 1.0), "coefficient": (-1.0, 1.0)}
"""The whole scale of a unit."""


def score(task: ScoredTask, comparison: Comparison, name: str) -> Picture:
    """Returns the primary score of a comparison: ring before, dot after, bars for intervals, ticks for baselines.

    The trivial baseline's tick is dashed, that of a simpler means, where there is one, is whole.
    """
    row = comparison.primary
    assert row is not None  # where there is none, the facts name no drawing
    simpler = comparison.simpler.score if comparison.simpler else None
    lower, upper = _scale(row, [task.floor.score, *([simpler] if simpler else [])])

    def place(value: float) -> float:
        share = min(1.0, max(0.0, (value - lower) / (upper - lower)))
        return _MARGIN + (_WIDTH - 2 * _MARGIN) * share

    drawing = Drawing(_HEIGHT, _WIDTH)
    drawing.line([(_MARGIN, _LINE), (_WIDTH - _MARGIN, _LINE)], opacity=0.3)
    for end in (_MARGIN, _WIDTH - _MARGIN):
        drawing.line([(end, _LINE - 5), (end, _LINE + 5)], opacity=0.3)
    if is_known(task.floor.score):
        at = place(task.floor.score.value)
        drawing.line([(at, _LINE - 10), (at, _LINE + 10)], colour=ORANGE, width=2, dashes=(4, 3))
    if simpler and is_known(simpler):
        at = place(simpler.value)
        drawing.line([(at, _LINE - 10), (at, _LINE + 10)], colour=ORANGE, width=2)
    _sides(drawing, row, place)
    title = f"{row.label.value} on {task.name.value}: base and {comparison.display_name.value}"
    ends = f"the scale from {decimals(lower, _unit(row))} to {decimals(upper, _unit(row))}"
    words = f"{_value(row.before)} before, {_value(row.after)} after, trivial baseline {_value(task.floor.score)}"
    words += f", {comparison.simpler.name.value} {_value(comparison.simpler.score)}" if comparison.simpler else ""
    return Picture(drawing.svg(name, title, f"{words}; {ends}"), title)


def _sides(drawing: Drawing, row: MetricScores, place: Callable[[float], float]) -> None:
    for fact, colour in ((row.before, INK), (row.after, BLUE)):
        if is_known(fact) and fact.interval:
            start, end = (place(bound) for bound in fact.interval.ends)
            drawing.boxes([(start, _LINE - 4, end - start, 8)], colour=colour, opacity=0.35)
    if is_known(row.before) and is_known(row.after):
        start, end = place(row.before.value), place(row.after.value)
        if abs(end - start) > 12:
            way = 1 if end > start else -1
            drawing.line([(start + 5 * way, _LINE), (end, _LINE)], width=2, opacity=0.7)
    if is_known(row.before):
        drawing.dot((place(row.before.value), _LINE), hollow=True)
    if is_known(row.after):
        drawing.dot((place(row.after.value), _LINE), colour=BLUE, radius=5.5)


def _unit(row: MetricScores) -> str:
    return next(fact.unit for fact in (row.before, row.after) if is_known(fact))


def _scale(row: MetricScores, baselines: Sequence[Fact]) -> tuple[float, float]:
    """Returns the values at both ends: the whole scale of the unit, or from 0 to what is known of an open one."""
    if whole := _WHOLE.get(_unit(row)):
        return whole
    known = [fact for fact in (row.before, row.after, *baselines) if is_known(fact)]
    values = [fact.value for fact in known] + [end for fact in known if fact.interval for end in fact.interval.ends]
    lower = min(0.0, *values)
    return lower, max(values) if max(values) > lower else lower + 1.0


def _value(fact: Fact) -> str:
    return f"{decimals(fact.value, fact.unit)} {FILTERS['interval'](fact)}" if is_known(fact) else plain(fact)
