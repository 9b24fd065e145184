"""What a study lacks where steps of its last run failed: from `logs/failed.json`, which is not there otherwise."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from report.facts import Fact, fact
from report.results import read_json

FILE = "logs/failed.json"
_NAMING = ("checkpoint", "name", "task", "shard")
_SCORING = ("score", "join")
"""The rules that write a score into its place."""


def unfinished_facts(folder: Path, *, study: str = "") -> dict[str, Any]:
    """Returns the steps that failed, each with its tries and its reason, and the scores that were not made.

    ``study``: what its folder is called, where several are spoken of.
    """
    if not (folder / FILE).is_file():
        return {"failed": [], "unscored": []}
    record = read_json(folder, FILE)
    named = {}
    if study:
        record = replace(record, file=f"{study}/{FILE}")
        named["study"] = fact(study, "text", record.source())
    failed, waiting = record.content["failed"], record.content["not_started"]
    unscored = [
        _cell(step, record.source(key, place))
        for key, steps in (("failed", failed), ("not_started", waiting))
        for place, step in enumerate(steps)
        if step["rule"] in _SCORING
    ]
    return {
        **named,
        "failed": [
            {
                "step": fact(_name(step), "text", record.source("failed", place)),
                "tries": fact(step["tries"], "count", record.source("failed", place, "tries")),
                "reason": fact(step["reason"], "text", record.source("failed", place, "reason")),
            }
            for place, step in enumerate(failed)
        ],
        "unscored": sorted(unscored, key=lambda cell: str(cell["value"])),
    }


def undone(folder: Path) -> frozenset[tuple[str, str]]:
    """Returns the (checkpoint, task) whose scores were not made: what still lies there is of an earlier recipe."""
    if not (folder / FILE).is_file():
        return frozenset()
    record = read_json(folder, FILE).content
    steps = [*record["failed"], *record["not_started"]]
    return frozenset((step["name"], step["task"]) for step in steps if step["rule"] in _SCORING)


def why_unscored(folder: Path, name: str, task: str) -> str:
    """Returns why there are no scores of a checkpoint (``name``; `base`) on ``task``."""
    if (name, task) in undone(folder):
        return "it has not been scored: a step of the last run failed"
    return f"it has not been scored: there is no scores/{name}/{task}"


def _cell(step: Mapping[str, Any], source: Mapping[str, Any]) -> Fact:
    return fact(f"{step['name']} on {step['task']}", "text", source)


def _name(step: Mapping[str, Any]) -> str:
    return " ".join([step["rule"], *(step[key] for key in _NAMING if key in step)])
