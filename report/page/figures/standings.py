"""All scores on a task on one scale: a dot with its interval each, from the trivial baseline to the fine-tuned."""

from report.facts.schema.standings import Standings
from report.page.figures.drawing import BLUE, INK, RANGES, WIDTH, Drawing, Picture
from report.page.figures.plot import scale
from report.page.formats import FILTERS, decimals

_ROW, _MARGIN, _BELOW = 38.0, 20.0, 46.0


def standings(found: Standings, name: str) -> Picture:
    """Returns the drawing of a task's scores: the name of what answered, and below it a dot with its interval.

    Those of fine-tuned checkpoints are filled, the others are rings.
    """
    scores = [row.score for row in found.rows]
    ends = [end for score in scores if score.interval for end in score.interval.ends]
    across, bottom = scale([*ends, *(score.value for score in scores)]), _ROW * len(scores) + 8
    drawing = Drawing(bottom + _BELOW)

    def place(value: float) -> float:
        return _MARGIN + (WIDTH - 2 * _MARGIN) * across.share(value)

    for tick in across.ticks:
        drawing.line([(place(tick), 2), (place(tick), bottom)], opacity=0.14)
    for turn, row in enumerate(found.rows):
        line = _ROW * turn + 28
        colour = BLUE if row.fine_tuned else INK
        drawing.text((_MARGIN, line - 12), str(row.name.value), within=WIDTH - 2 * _MARGIN)
        if row.score.interval:
            start, end = (place(bound) for bound in row.score.interval.ends)
            drawing.boxes([(start, line - 3, end - start, 6)], colour=colour, opacity=0.35)
        drawing.dot((place(row.score.value), line), colour=colour, hollow=not row.fine_tuned)
    drawing.line([(_MARGIN, bottom), (WIDTH - _MARGIN, bottom)], opacity=0.5)
    for tick, words in zip(across.ticks, across.words(), strict=True):
        drawing.text((place(tick), bottom + 17), words, anchor="middle", soft=True)
    label = f"{found.label.value}{RANGES.get(scores[0].unit, '')}"
    drawing.text((WIDTH / 2, bottom + 38), label, anchor="middle")
    title = f"Scores on one scale on {found.task.value}: {found.label.value}"
    shown = [f"{decimals(score.value, score.unit)} {FILTERS['interval'](score)}" for score in scores]
    rows = tuple((str(row.name.value), text) for row, text in zip(found.rows, shown, strict=True))
    words = "; ".join(f"{who}: {text}" for who, text in rows)
    return Picture(drawing.svg(name, title, words), title, ("answered by", str(found.label.value)), rows)
