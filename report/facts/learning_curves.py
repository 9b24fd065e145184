"""Scores over training tokens: of one checkpoint on the development split, and of several checkpoints on a task."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from finetune.kinds import FINETUNE
from report.facts.paths import figure_path
from report.facts.values import fact, is_known, recorded
from report.reading.results import read_json


def development_facts(folder: Path, checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Returns `development`: loss and accuracy on the development split by evaluation; nothing where there was none.

    The curve is rows of step, training tokens read by then, mean loss and accuracy (0 to 1). Tokens are counted for
    the whole training alone, so those of a step are its share of the steps.
    """
    record = read_json(folder, f"{checkpoint['path']['value']}/finetune.json", FINETUNE)
    steps, tokens = checkpoint["steps"].get("value"), checkpoint["tokens_input"].get("value")
    entries = record.content.get("dev_curve") or []
    if not entries or not steps or tokens is None:
        return {}
    curve = [
        [entry["step"], round(tokens * entry["step"] / steps), float(entry["loss"]), float(entry["accuracy"])]
        for entry in entries
    ]
    source = record.source("dev_curve")
    development = {
        "curve": fact(curve, "curve", source, n=len(curve), also=[record.source("tokens", "input")]),
        "chosen": recorded(record, "chosen_step", unit="count"),
        "figure": fact(figure_path("development", checkpoint["name"]["value"]), "text", source),
    }
    return {"development": development}


def over_tokens(
    task: str, comparisons: Sequence[dict[str, Any]], checkpoints: Sequence[dict[str, Any]]
) -> dict[str, Any] | None:
    """Returns the primary scores on ``task`` of the checkpoints trained on it; None where all read as many tokens.

    The first point is the base model, at 0 tokens.
    """
    points: list[dict[str, Any]] = []
    for comparison, checkpoint in zip(comparisons, checkpoints, strict=True):
        score = next((score for score in comparison["scores"] if score["primary"]), None)
        tokens = checkpoint.get("tokens_input", {})
        own = checkpoint["task"]["value"] == task
        if own and score and is_known(score["after"]) and is_known(tokens):
            if not points and is_known(score["before"]):
                source = score["before"]["source"]
                base = {key: fact("base", "text", source) for key in ("checkpoint", "method")}
                points.append({**base, "tokens": fact(0, "count", source), "score": score["before"]})
            named = {key: comparison[key] for key in ("checkpoint", "method")}
            points.append({**named, "tokens": tokens, "score": score["after"]})
    if len({point["tokens"]["value"] for point in points} - {0}) < 2:
        return None
    figure = fact(figure_path("tokens", task), "text", points[0]["score"]["source"])
    return {"points": points, "figure": figure}
