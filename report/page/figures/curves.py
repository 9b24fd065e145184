"""What happened while a checkpoint was trained: its loss, and scores over the training tokens that it had read."""

from collections.abc import Mapping, Sequence
from typing import Any

from report.facts.schema.parts import Known, is_known
from report.facts.schema.scores import ScoredTask, TokenPoint
from report.facts.schema.training import Development, Trained
from report.page.figures.drawing import BLUE, GREEN, INK, ORANGE, RANGES, WIDTH, Drawing, Picture
from report.page.figures.plot import Plot, apart, scale
from report.page.formats import FILTERS, count, decimals

_HEIGHT = 250.0
_BESIDE = 68.0
"""Pixels for the name of a line beside its end."""
_FEW = 30
"""Points below which each of them is marked on a line."""


def loss(checkpoint: Trained, name: str) -> Picture:
    """Returns the training loss by step, and beside it the loss on the development split where there is one."""
    curve = checkpoint.loss.curve.value
    held_out = checkpoint.development.curve.value if checkpoint.development else []
    dev = [(step, value) for step, _, value, _ in held_out]
    steps = [step for step, _ in [*curve, *dev]]
    drawing = Drawing(_HEIGHT)
    across, down = scale(steps, whole=True, tight=True), scale([0, *(value for _, value in [*curve, *dev])])
    plot = Plot(drawing, _HEIGHT, across, down, beside=_BESIDE if dev else 0.0)
    plot.axes("optimiser step", "training loss (nats)" if not dev else "loss (nats)")
    points = [plot.at(*point) for point in curve]
    drawing.line(points, colour=BLUE, width=1.8)
    for point in points if len(points) < _FEW else ():
        drawing.dot(point, colour=BLUE, radius=2.6)
    if dev:
        marks = [plot.at(*point) for point in dev]
        drawing.line(marks, colour=ORANGE, width=1.8, dashes=(6, 3))
        for mark in marks:
            drawing.dot(mark, colour=ORANGE, radius=3.6)
        ends = [points[-1][1] + 4, marks[-1][1] + 4]
        for words, place in zip(("training", "dev split"), apart(ends, 16, plot.top, plot.bottom), strict=True):
            drawing.text((plot.right + 8, place), words)
    title = f"Training loss of {checkpoint.display_name.value}"
    span = f"{count(len(curve))} points from step {curve[0][0]} to step {curve[-1][0]}"
    words = f"{span}: {_goes('the loss', curve)}."
    columns: tuple[str, ...] = ("step", "training loss")
    rows: list[tuple[str, ...]] = [(f"{step:,}", decimals(value, "number")) for step, value in curve]
    if dev:
        words += f" {_goes('On the development split it', dev)}."
        columns = (*columns, "loss on the development split")
        rows = [_loss_row(step, dict(curve), dict(dev)) for step in sorted(set(steps))]
    return Picture(drawing.svg(name, title, words), title, columns, tuple(rows))


def _goes(what: str, curve: list[Any]) -> str:
    return f"{what} goes from {decimals(curve[0][1], 'number')} to {decimals(curve[-1][1], 'number')}"


def _loss_row(step: int, *curves: Mapping[int, float]) -> tuple[str, ...]:
    return (f"{step:,}", *(decimals(curve[step], "number") if step in curve else "not noted" for curve in curves))


def development(found: Development, checkpoint: str, name: str) -> Picture:
    """Returns the accuracy on the development split over the training tokens read."""
    curve = found.curve.value
    drawing = Drawing(_HEIGHT)
    across, down = (
        scale([0, *(tokens for _, tokens, _, _ in curve)], tight=True, most=5),
        scale(row[3] for row in curve),
    )
    plot = Plot(drawing, _HEIGHT, across, down)
    plot.axes("training tokens read", "accuracy on the development split (0 to 1)")
    if is_known(found.chosen):
        kept = next((row for row in curve if row[0] == found.chosen.value), None)
        if kept:
            x = plot.at(kept[1], 0)[0]
            drawing.line([(x, plot.top), (x, plot.bottom)], opacity=0.6, dashes=(4, 3))
            right = x > WIDTH - 120
            drawing.text((x + (-6 if right else 6), plot.top + 8), "kept", anchor="end" if right else "start")
    marks = [plot.at(tokens, right) for _, tokens, _, right in curve]
    drawing.line(marks, colour=BLUE, width=1.8)
    for mark in marks:
        drawing.dot(mark, colour=BLUE, radius=3.6)
    title = f"Accuracy on the development split over training tokens: {checkpoint}"
    first, last = (decimals(row[3], "proportion") for row in (curve[0], curve[-1]))
    words = f"{count(len(curve))} evaluations; the accuracy goes from {first} to {last}."
    rows = tuple((f"{step:,}", f"{tokens:,}", decimals(right, "proportion")) for step, tokens, _, right in curve)
    return Picture(drawing.svg(name, title, words), title, ("step", "training tokens read", "accuracy"), rows)


_LOOKS = ((BLUE, False), (ORANGE, True), (GREEN, False))
"""Of the checkpoints in the order of their methods: colour, and whether the dot is a ring."""


def over_tokens(task: ScoredTask, points: Sequence[TokenPoint], name: str) -> Picture:
    """Returns a task's primary score over the tokens that each checkpoint was trained on, the base model at 0."""
    known = [point.score for point in points]
    ends = [end for score in known if score.interval for end in score.interval.ends]
    across = scale([0, *(point.tokens.value for point in points)], most=5)
    plot = Plot(Drawing(_HEIGHT), _HEIGHT - 22, across, scale([*ends, *(score.value for score in known)]))
    drawing = plot.drawing
    plot.axes("training tokens read", f"{task.primary.value}{RANGES.get(known[0].unit, '')}")
    methods = list(dict.fromkeys(point.method.value for point in points))
    for point in points:
        turn = methods.index(point.method.value)
        colour, hollow = _look(turn)
        score = point.score
        x, y = plot.at(point.tokens.value, score.value)
        # Side by side, as methods are often trained on the same tokens.
        x += 12 * (turn - len(methods) / 2) if turn else 0
        if score.interval:
            bar = [(x, plot.at(0, end)[1]) for end in score.interval.ends]
            drawing.line(bar, colour=colour, width=3, opacity=0.5)
        drawing.dot((x, y), colour=colour, hollow=hollow)
    for turn, method in enumerate(methods):
        colour, hollow = _look(turn)
        x = plot.left + (WIDTH - plot.left) * turn / len(methods)
        drawing.dot((x, _HEIGHT - 8), colour=colour, hollow=hollow, radius=4.5)
        drawing.text((x + 10, _HEIGHT - 4), str(method), within=(WIDTH - plot.left) / len(methods) - 14)
    title = f"Scores over training tokens on {task.name.value}: {task.primary.value}"
    words = "; ".join(
        f"{point.checkpoint.value}: {_number(point.score)} after {count(point.tokens)} tokens" for point in points
    )
    rows = tuple(
        (
            str(point.checkpoint.value),
            str(point.method.value),
            str(count(point.tokens)),
            f"{_number(point.score)} {FILTERS['interval'](point.score)}",
        )
        for point in points
    )
    columns = ("checkpoint", "method", "training tokens read", str(task.primary.value))
    return Picture(drawing.svg(name, title, words), title, columns, rows)


def _look(turn: int) -> tuple[str, bool]:
    """Returns colour and shape of the method at ``turn``; the base model's, the first, is a ring in ink."""
    return (INK, True) if turn == 0 else _LOOKS[(turn - 1) % len(_LOOKS)]


def _number(fact: Known) -> str:
    return decimals(fact.value, fact.unit)
