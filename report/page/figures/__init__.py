"""The page's figures as SVG text, each with a title, a description, and its data as a table.

The same facts give the same bytes. matplotlib draws them, ink takes the reader's text colour.
"""

from report.facts.schema.diagnosis import Side
from report.facts.schema.parts import is_known
from report.facts.schema.scores import Comparison, ScoredTask
from report.facts.schema.training import Trained, WeightChanges
from report.facts.schema.whole import MeasuredFacts
from report.page.figures import curves, diagnosis, label_matrix, scoreboard, standings, weights
from report.page.figures.drawing import Picture

__all__ = ["Picture", "pictures"]


def pictures(facts: MeasuredFacts) -> dict[str, Picture]:
    """Returns the page's figures by file name."""
    drawn = {}
    if weights.counted_models(facts):
        drawn["figures/parameters.svg"] = weights.parameters(facts, "parameters")
    for number, checkpoint in enumerate(facts.checkpoints, 1):
        if isinstance(checkpoint, Trained):
            drawn |= _of_checkpoint(checkpoint, number)
    for number, task in enumerate(facts.tasks, 1):
        if isinstance(task, ScoredTask):
            if found := task.over_tokens:
                drawn[found.figure.value] = curves.over_tokens(task, found.points, f"tokens{number}")
            for turn, comparison in enumerate(task.comparisons, 1):
                drawn |= _of_comparison(task, comparison, f"{number}-{turn}")
    for number, scores in enumerate(facts.standings or [], 1):
        drawn[scores.figure.value] = standings.standings(scores, f"standings{number}")
    return drawn


def _of_checkpoint(checkpoint: Trained, number: int) -> dict[str, Picture]:
    """Returns the figures of a checkpoint's training, and of what it changed."""
    drawn, name = {}, checkpoint.display_name.value
    if checkpoint.loss.figure:
        drawn[checkpoint.loss.figure.value] = curves.loss(checkpoint, f"loss{number}")
    if found := checkpoint.development:
        drawn[found.figure.value] = curves.development(found, name, f"development{number}")
    changes = checkpoint.changes
    if isinstance(changes, WeightChanges) and is_known(changes.grid):
        drawn[changes.figure.value] = weights.changes(changes, name, f"changes{number}")
    return drawn


def _has_matrix(task: ScoredTask, comparison: Comparison) -> bool:
    return any(isinstance(side, Side) and side.matrix for side in (task.before, comparison.after))


def _of_comparison(task: ScoredTask, comparison: Comparison, number: str) -> dict[str, Picture]:
    """Returns the figures of what the base model and a checkpoint answered."""
    draw = {
        "score": scoreboard.score,
        "confusion": label_matrix.confusion if _has_matrix(task, comparison) else diagnosis.confusion,
        "reliability": diagnosis.reliability,
        "distributions": diagnosis.distributions,
        "moves": diagnosis.moves,
    }
    paths = comparison.figures.written()
    return {
        path.value: draw[kind](task, comparison, f"{kind}{number}")
        for kind, path in paths.items()
        if kind != "score" or comparison.primary
    }
