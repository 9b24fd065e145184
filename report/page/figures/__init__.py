"""The page's figures as SVG text, each with a title, a description, and its data as a table.

The same facts give the same bytes. matplotlib draws them, ink takes the reader's text colour.
"""

from collections.abc import Mapping
from typing import Any

from report.facts.values import is_known
from report.page.figures import answers, curves, weights
from report.page.figures.drawing import Picture
from report.page.figures.summary import summary

__all__ = ["Picture", "pictures"]


def pictures(facts: Mapping[str, Any]) -> dict[str, Picture]:
    """Returns the page's figures by file name."""
    drawn = {}
    scores = summary(facts)
    if scores and facts["summary_figure"]:
        drawn[facts["summary_figure"]["path"]["value"]] = scores
    if weights.counted_models(facts):
        drawn["figures/parameters.svg"] = weights.parameters(facts, "parameters")
    for number, checkpoint in enumerate(facts["checkpoints"], 1):
        drawn |= _of_checkpoint(checkpoint, number)
    for number, task in enumerate(facts["tasks"], 1):
        if task.get("over_tokens"):
            drawn[task["over_tokens"]["figure"]["value"]] = curves.over_tokens(task, f"tokens{number}")
        for turn, comparison in enumerate(task.get("comparisons", []), 1):
            drawn |= _of_comparison(task, comparison, f"{number}-{turn}")
    return drawn


def _of_checkpoint(checkpoint: Mapping[str, Any], number: int) -> dict[str, Picture]:
    """Returns the figures of a checkpoint's training, and of what it changed."""
    drawn = {}
    loss, changes = checkpoint.get("loss", {}), checkpoint.get("changes", {})
    if loss and is_known(loss["curve"]):
        drawn[loss["figure"]["value"]] = curves.loss(checkpoint, f"loss{number}")
    if checkpoint.get("development"):
        drawn[checkpoint["development"]["figure"]["value"]] = curves.development(checkpoint, f"development{number}")
    if is_known(changes.get("grid", {})):
        drawn[changes["figure"]["value"]] = weights.changes(checkpoint, f"changes{number}")
    return drawn


def _of_comparison(task: Mapping[str, Any], comparison: Mapping[str, Any], number: str) -> dict[str, Picture]:
    """Returns the figures of what the base model and a checkpoint answered."""
    draw = {
        "confusion": answers.confusion,
        "reliability": answers.reliability,
        "distributions": answers.distributions,
        "moves": answers.moves,
    }
    return {
        path["value"]: draw[kind](task, comparison, f"{kind}{number}") for kind, path in comparison["figures"].items()
    }
