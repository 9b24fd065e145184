"""Which label was predicted of which gold label, of a task with more than two labels."""

from report.facts.schema.diagnosis import Side
from report.facts.schema.label_matrix import LabelMatrix
from report.facts.schema.scores import Comparison, ScoredTask
from report.page.figures.drawing import BLUE, ORANGE, WIDTH, Drawing, Picture
from report.page.formats import count

_LEFT, _TALL, _HEAD, _GAP = 128.0, 22.0, 48.0, 22.0
_DIGIT = 8.0
"""Pixels that a digit needs."""
_FULL = 0.55
"""Opacity of the fullest cell: ink can still be read on it, on light paper and on dark."""


def confusion(task: ScoredTask, comparison: Comparison, name: str) -> Picture:
    """Returns a table for each model: how many items of each gold label got which answer; empty cells hold none.

    Labels are numbered, so that the columns are narrow; with many labels the drawing is wider.
    """
    sides = [
        (side, found.matrix)
        for side, found in (("base", task.before), ("fine-tuned", comparison.after))
        if isinstance(found, Side) and found.matrix
    ]
    names = [str(label.value) for label in sides[0][1].labels]
    digits = max(len(str(count(items))) for _, matrix in sides for row in matrix.counts.value for items in row)
    cell = max(_DIGIT * digits + 8, min(64.0, (WIDTH - _LEFT - 8) / len(names)))
    block = _HEAD + _TALL * len(names) + _GAP
    drawing = Drawing(block * len(sides) + 26, max(WIDTH, _LEFT + cell * len(names) + 8))
    for turn, (side, matrix) in enumerate(sides):
        _block(drawing, block * turn, cell, side, names, matrix)
    below = block * len(sides)
    drawing.boxes([(4, below, 12, 12)], colour=BLUE, opacity=_FULL)
    drawing.text((22, below + 11), "correct", soft=True)
    drawing.boxes([(88, below, 12, 12)], colour=ORANGE, opacity=_FULL)
    drawing.text((106, below + 11), "wrong; the darker, the larger the share of its row", soft=True)
    title = f"Gold label and answer on {task.name.value}: base and {comparison.display_name.value}"
    words = "; ".join(f"{side}: {_told(matrix)}" for side, matrix in sides)
    rows = tuple(
        (side, label, *(str(count(items)) for items in row))
        for side, matrix in sides
        for label, row in zip(names, matrix.counts.value, strict=True)
    )
    return Picture(drawing.svg(name, title, words), title, ("model", "gold label", *names), rows)


def _block(drawing: Drawing, top: float, cell: float, side: str, names: list[str], matrix: LabelMatrix) -> None:
    drawing.text((4, top + 18), side, bold=True)
    drawing.text((_LEFT, top + 18), "predicted", soft=True)
    drawing.text((4, top + 40), "gold label", soft=True)
    for at in range(len(names)):
        drawing.text((_LEFT + cell * (at + 0.5), top + 40), str(at + 1), anchor="middle", soft=True)
    for at, (label, row) in enumerate(zip(names, matrix.counts.value, strict=True)):
        y = top + _HEAD + _TALL * at
        drawing.text((_LEFT - 8, y + 15), f"{at + 1} {label}", anchor="end", within=_LEFT - 24)
        for said, items in enumerate(row):
            box = (_LEFT + cell * said + 1, y + 1, cell - 2, _TALL - 2)
            drawing.boxes([box], opacity=0.06)
            if items:
                colour = BLUE if said == at else ORANGE
                drawing.boxes([box], colour=colour, opacity=round(_FULL * items / sum(row), 3))
                drawing.text((box[0] + box[2] / 2, y + 15), str(count(items)), anchor="middle")


def _told(matrix: LabelMatrix) -> str:
    """Returns how many items got their gold label, and of how many that is."""
    counts = matrix.counts.value
    right = sum(row[at] for at, row in enumerate(counts))
    return f"{count(right)} of {count(sum(map(sum, counts)))} answers are correct"
