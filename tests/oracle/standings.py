"""The drawing of all scores on a task on one scale: which of them it shows, in which order."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.oracle.expected import Expected, paragraph, table
from tests.oracle.figures import named
from tests.oracle.lines import joined, line, text, value

Part = Mapping[str, Any]
_SPANS = {"proportion": " (0 to 1)", "points": " (0 to 100)", "coefficient": " (−1 to 1)"}


def on_one_scale(facts: Part) -> Iterator[Expected]:
    """Yields a drawing for each task with something beside its checkpoints that explains them."""
    drawn = list(facts.get("standings") or ())
    for found in drawn:
        rows = [(text(row["name"]), value(row["score"])) for row in found["rows"]]
        label = text(found["label"])
        yield named(
            line("Scores on one scale on {task}: {label}", task=text(found["task"]), label=label),
            found["figure"],
            joined([line("{who}: {score}", who=who, score=score) for who, score in rows], "; "),
            [
                *(who for who, _ in rows),
                line("{label}" + _SPANS.get(found["rows"][0]["score"]["unit"], ""), label=label),
            ],
            table("answered by | {label}", rows, label=label),
            has_axes=True,
        )
    if drawn:
        yield paragraph(
            line(
                "The scale has every score on the task, each with its own interval: of what needs no model, of the "
                "base model, and of what was trained."
            ),
            line(
                "Whether two of them differ is not read from their intervals, but from the paired differences among "
                "the task's scores."
            ),
        )
