"""What was answered: gold label and answer, where items moved, confidence, and the answers' lengths and scores."""

from collections.abc import Iterator, Mapping
from typing import Any

from report.facts.schema.diagnosis import Bin, Classification, Diagnosis, Distributions, Side
from report.facts.schema.parts import Known
from report.facts.schema.scores import Comparison, ScoredTask
from report.page.figures.drawing import BLUE, INK, ORANGE, WIDTH, Drawing, Picture
from report.page.figures.plot import Plot, Scale, scale
from report.page.formats import count, decimals


def _sides(task: ScoredTask, comparison: Comparison) -> Iterator[tuple[str, Diagnosis]]:
    """Yields the name and the diagnosis of the base model and of the checkpoint, of those that were scored."""
    for name, side in (("base", task.before), ("fine-tuned", comparison.after)):
        if isinstance(side, Side):
            yield name, side.diagnosis


def _classified(task: ScoredTask, comparison: Comparison) -> list[tuple[str, Classification]]:
    return [(name, found.classification) for name, found in _sides(task, comparison) if found.classification]


def _calibrated(task: ScoredTask, comparison: Comparison) -> list[tuple[str, list[Bin]]]:
    """Returns the bins of each side that has any, of two labels or of choices."""
    answers = [(name, found.classification or found.choices) for name, found in _sides(task, comparison)]
    return [(name, found.calibration.bins) for name, found in answers if found and found.calibration.bins]


def _both(task: ScoredTask, comparison: Comparison) -> str:
    return f"{task.name.value}: base and {comparison.display_name.value}"


_LEFT, _BLOCK, _CELL, _TALL = 96.0, 196.0, 88.0, 56.0
_CELLS = (
    ("true_positive", "{n} true positives", 0, 0, BLUE),
    ("false_negative", "{n} false negatives", 1, 0, ORANGE),
    ("false_positive", "{n} false positives", 0, 1, ORANGE),
    ("true_negative", "{n} true negatives", 1, 1, BLUE),
)
"""A cell's count, how the description has it, its column and row, and its colour: right or wrong."""
_FULL = 0.55
"""Opacity of the fullest cell: ink can still be read on it, on light paper and on dark."""


def confusion(task: ScoredTask, comparison: Comparison, name: str) -> Picture:
    """Returns two tables side by side: how many items of each gold label got which answer, before and after."""
    positive = str(task.positive.value)
    drawing = Drawing(226)
    sides = _classified(task, comparison)
    below = 66 + 2 * (_TALL + 4)
    drawing.text((_LEFT - 10, 58), "gold label", anchor="end", soft=True)
    for turn, label in enumerate((positive, "other")):
        drawing.text((_LEFT - 10, 66 + _TALL / 2 + 4 + (_TALL + 4) * turn), label, anchor="end", within=_LEFT - 14)
    for turn, (side, found) in enumerate(sides):
        start = _LEFT + _BLOCK * turn
        drawing.text((start, 18), side, bold=True)
        drawing.text((start + _BLOCK - 16, 18), "predicted", anchor="end", soft=True)
        for column, label in enumerate((positive, "other")):
            drawing.text(
                (start + _CELL / 2 + (_CELL + 4) * column, 58), label, anchor="middle", soft=True, within=_CELL
            )
        for key, _, column, row, colour in _CELLS:
            across = sum(getattr(found, other).value for other, _, _, own, _ in _CELLS if own == row)
            share = getattr(found, key).value / across if across else 0.0
            x, y = start + (_CELL + 4) * column, 66 + (_TALL + 4) * row
            drawing.boxes([(x, y, _CELL, _TALL)], opacity=0.06)
            drawing.boxes([(x, y, _CELL, _TALL)], colour=colour, opacity=_FULL * share)
            drawing.text(
                (x + _CELL / 2, y + _TALL / 2 + 6), str(count(getattr(found, key))), anchor="middle", size=17, bold=True
            )
    drawing.boxes([(4, below + 16, 12, 12)], colour=BLUE, opacity=_FULL)
    drawing.text((22, below + 27), "correct", soft=True)
    drawing.boxes([(88, below + 16, 12, 12)], colour=ORANGE, opacity=_FULL)
    drawing.text((106, below + 27), "wrong; the darker, the larger the share of its row", soft=True)
    title = f"Gold label and answer on {_both(task, comparison)}"
    words = "; ".join(
        f"{side}: " + ", ".join(told.format(n=count(getattr(found, key))) for key, told, _, _, _ in _CELLS)
        for side, found in sides
    )
    columns = ("model", *(f"{positive}: {told.removeprefix('{n} ')}" for _, told, _, _, _ in _CELLS))
    rows = tuple((side, *(str(count(getattr(found, key))) for key, _, _, _, _ in _CELLS)) for side, found in sides)
    return Picture(drawing.svg(name, title, words), title, columns, rows)


_MOVES = (
    ("both_right", "both correct", 0, 0, INK, 0.22),
    ("broken", "broken", 0, 1, ORANGE, 0.7),
    ("fixed", "fixed", 1, 0, BLUE, 0.7),
    ("both_wrong", "both wrong", 1, 1, INK, 0.22),
)
"""A way's count and name, the node where it begins and the one where it ends (0: right), and its look."""
_FLOW, _GAP = 150.0, 22.0


def moves(task: ScoredTask, comparison: Comparison, name: str) -> Picture:
    """Returns how many items went from correct or wrong before to correct or wrong after, as bands of that breadth."""
    found = comparison.transitions
    assert found is not None  # or there is no such picture
    counts = {key: int(getattr(found, key).value) for key, *_ in _MOVES}
    total = sum(counts.values()) or 1
    drawing = Drawing(_FLOW + _GAP + 50)
    left, right, top = 108.0, 330.0, 34.0
    drawing.text((left, 18), "base", anchor="end", bold=True)
    drawing.text((right, 18), "fine-tuned", bold=True)
    starts = _stacked([(key, begin) for key, _, begin, _, _, _ in _MOVES], counts, total, top)
    ends = _stacked([(key, end) for end in (0, 1) for key, _, _, own, _, _ in _MOVES if own == end], counts, total, top)
    for key, _, _, _, colour, opacity in _MOVES:
        if counts[key]:
            height = _FLOW * counts[key] / total
            start = ((left, starts[key]), (left, starts[key] + height))
            drawing.ribbon(start, ((right, ends[key]), (right, ends[key] + height)), colour=colour, opacity=opacity)
    for node, label in enumerate(("correct", "wrong")):
        keys = [key for key, _, begin, _, _, _ in _MOVES if begin == node]
        size = sum(counts[key] for key in keys)
        height = _FLOW * size / total
        drawing.boxes([(left - 6, starts[keys[0]], 6, height)] if size else [], opacity=0.8)
        drawing.text((left - 14, starts[keys[0]] + height / 2 + 4), f"{label}: {count(size)}", anchor="end")
    below = 0.0
    for key, label, _, _, colour, _ in sorted(_MOVES, key=lambda way: (way[3], ends[way[0]])):
        height = _FLOW * counts[key] / total
        drawing.boxes([(right, ends[key], 6, height)] if counts[key] else [], colour=colour, opacity=0.8)
        # Words of thin bands would run into each other.
        below = max(below + 17, ends[key] + height / 2 + 4)
        changed = key in ("fixed", "broken")
        drawing.text((right + 16, below), f"{label}: {count(counts[key])}", bold=changed)
    title = f"Where items moved by {found.label.value} on {_both(task, comparison)}"
    words = ", ".join(f"{count(counts[key])} {label}" for key, label, *_ in _MOVES)
    rows = tuple((label, str(count(counts[key]))) for key, label, *_ in _MOVES)
    return Picture(drawing.svg(name, title, words), title, ("item by item", "items"), rows)


def _stacked(ways: list[tuple[str, int]], counts: Mapping[str, int], total: int, top: float) -> dict[str, float]:
    """Returns where each way's band begins, one below the other, with a gap between right and wrong."""
    places, place = {}, top
    for turn, (key, node) in enumerate(ways):
        if turn and node != ways[turn - 1][1]:
            place += _GAP
        places[key] = place
        place += _FLOW * counts[key] / total
    return places


_SQUARE = 330.0


def reliability(task: ScoredTask, comparison: Comparison, name: str) -> Picture:
    """Returns the accuracy of answers by their confidence; on the dashed line both are the same."""
    sides = _calibrated(task, comparison)
    least = min((100 * bin.lower.value for _, bins in sides for bin in bins), default=0.0)
    drawing = Drawing(_SQUARE + 22)
    across = scale([least, 100.0], tight=True)
    plot = Plot(drawing, _SQUARE, across, Scale(0.0, 100.0, (0.0, 20.0, 40.0, 60.0, 80.0, 100.0)))
    plot.axes("confidence, % (the larger a dot, the more items)", "accuracy, %")
    drawing.line([plot.at(end, end) for end in (across.lower, 100)], opacity=0.6, dashes=(5, 4))
    most = max((bin.scored.value for _, bins in sides for bin in bins), default=1)
    for side, bins in sides:
        tuned = side != "base"
        colour = BLUE if tuned else INK
        marks = [plot.at(100 * bin.confidence.value, 100 * bin.right.value) for bin in bins]
        drawing.line(marks, colour=colour, width=1.5, opacity=1 if tuned else 0.6)
        for mark, bin in zip(marks, bins, strict=True):
            radius = 3 + 9 * (bin.scored.value / most) ** 0.5
            drawing.dot(mark, radius=radius, colour=colour, hollow=not tuned, opacity=0.75)
    drawing.dot((plot.left + 6, _SQUARE + 12), hollow=True)
    drawing.text((plot.left + 18, _SQUARE + 16), "base")
    drawing.dot((plot.left + 86, _SQUARE + 12), colour=BLUE)
    drawing.text((plot.left + 98, _SQUARE + 16), "fine-tuned")
    drawing.line([(plot.left + 200, _SQUARE + 12), (plot.left + 224, _SQUARE + 12)], opacity=0.6, dashes=(5, 4))
    drawing.text((plot.left + 232, _SQUARE + 16), "perfect calibration")
    title = f"Confidence and accuracy on {_both(task, comparison)}"
    words = "; ".join(f"{side}: {_sure(bins)}" for side, bins in sides)
    rows = tuple(
        (
            side,
            f"{_percent(bin.lower)} to {_percent(bin.upper)}",
            str(count(bin.scored)),
            _percent(bin.confidence),
            _percent(bin.right),
        )
        for side, bins in sides
        for bin in bins
    )
    columns = ("model", "confidence", "items", "mean confidence", "accuracy")
    return Picture(drawing.svg(name, title, words), title, columns, rows)


def _sure(bins: list[Bin]) -> str:
    last = bins[-1]
    sure, right = _percent(last.lower), _percent(last.right)
    return f"of {count(last.scored)} answers of confidence {sure} or more {right} are correct"


def _percent(fact: Known) -> str:
    return decimals(fact.value, "share")


_BAR, _STEP = 48.0, 21.0


def distributions(task: ScoredTask, comparison: Comparison, name: str) -> Picture:
    """Returns how many answers have how many words, and which token F1: base to the left, fine-tuned to the right."""
    sides = [(side, found.extraction.distributions) for side, found in _sides(task, comparison) if found.extraction]
    panels = (("words", "answer length, words"), ("f1", "token F1, 0 to 100"))
    most_rows = max(len(getattr(found, key).value) for _, found in sides for key, _ in panels)
    drawing = Drawing(62 + _STEP * most_rows)
    for turn, (key, label) in enumerate(panels):
        middle = WIDTH / 4 + turn * WIDTH / 2
        drawing.text((middle, 18), label, anchor="middle", bold=True)
        most = max(row[2] for _, found in sides for row in getattr(found, key).value) or 1
        for side, found in sides:
            way = 1 if side != "base" else -1
            edge = middle + 31 * way
            anchor: Any = "start" if way > 0 else "end"
            drawing.text((edge, 40), side, anchor=anchor, soft=True)
            for line, (_, _, items) in enumerate(getattr(found, key).value):
                y = 50 + _STEP * line
                long = _BAR * items / most
                bar = (edge if way > 0 else edge - long, y, long, _STEP - 5)
                drawing.boxes([bar] if items else [], colour=BLUE if way > 0 else INK, opacity=0.85 if way > 0 else 0.4)
                drawing.text((edge + (long + 5) * way, y + 12), str(count(items)), anchor=anchor, soft=not items)
        for line, bounds in enumerate(getattr(sides[0][1], key).value):
            drawing.text((middle, 50 + _STEP * line + 12), _range(key, bounds), anchor="middle")
    title = f"Lengths and scores of the answers on {_both(task, comparison)}"
    words = "; ".join(f"{side}: {_told(found)}" for side, found in sides)
    rows = tuple(
        (label, _range(key, bounds), *(str(count(getattr(found, key).value[line][2])) for _, found in sides))
        for key, label in panels
        for line, bounds in enumerate(getattr(sides[0][1], key).value)
    )
    return Picture(
        drawing.svg(name, title, words), title, ("distribution", "range", *(side for side, _ in sides)), rows
    )


def _range(key: str, bounds: Any) -> str:
    """Returns a class of answers: one number, or from one to another; the score's ends stand alone.

    >>> _range("words", [6, 10, 1]), _range("words", [21, None, 1]), _range("f1", [0.2, 0.4, 1])
    ('6–10', '21+', '20–40')
    """
    lower, upper = (end if end is None or key == "words" else round(100 * end) for end in bounds[:2])
    return f"{lower}+" if upper is None else str(lower) if lower == upper else f"{lower}–{upper}"


def _told(found: Distributions) -> str:
    none, perfect = found.words.value[0][2], found.f1.value[-1][2]
    total = count(found.words.n)
    return f"{count(none)} of {total} questions without an answer, {count(perfect)} answered perfectly"
