"""What a study lacks where steps of its last run failed: from `logs/failed.json`, which is not there otherwise."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from report.facts.schema.whole import FailedStep, Unfinished
from report.facts.values import fact
from report.reading import kinds
from report.reading.results import Document, read_json

FILE = "logs/failed.json"
_NAMING = ("checkpoint", "name", "task", "shard")


def unfinished_facts(folder: Path, *, study: str = "") -> Unfinished:
    """Returns the steps that failed, each with its tries and its reason, and the scores that were not made.

    ``study``: what its folder is called, where several are spoken of.
    """
    if not (folder / FILE).is_file():
        return Unfinished(failed=[], unscored=[])
    record = read_json(folder, FILE, kinds.FAILED)
    named = {}
    if study:
        record = replace(record, file=f"{study}/{FILE}")
        named["study"] = fact(study, "text", record.source())
    unscored = [
        fact(f"{step['name']} on {step['task']}", "text", record.source(*place)) for place, step in _unscored(record)
    ]
    return Unfinished(
        **named,
        failed=[
            FailedStep(
                step=fact(_name(step), "text", record.source("failed", place)),
                tries=fact(step["tries"], "count", record.source("failed", place, "tries")),
                reason=fact(step["reason"], "text", record.source("failed", place, "reason")),
            )
            for place, step in enumerate(record.content["failed"])
        ],
        unscored=sorted(unscored, key=lambda cell: str(cell.value)),
    )


def undone(folder: Path) -> frozenset[tuple[str, str]]:
    """Returns the (checkpoint, task) whose scores were not made: what still lies there is of an earlier recipe."""
    if not (folder / FILE).is_file():
        return frozenset()
    return frozenset((step["name"], step["task"]) for _, step in _unscored(read_json(folder, FILE, kinds.FAILED)))


def why_unscored(folder: Path, name: str, task: str) -> str:
    """Returns why there are no scores of a checkpoint (``name``; `base`) on ``task``."""
    if (name, task) in undone(folder):
        return "it has not been scored: a step of the last run failed"
    return f"it has not been scored: there is no scores/{name}/{task}"


def _unscored(record: Document) -> Iterator[tuple[tuple[str, int], Mapping[str, Any]]]:
    """Yields the steps that would have written a score, each with its place in the record."""
    for key in ("failed", "not_started"):
        for number, step in enumerate(record.content[key]):
            if step["rule"] in kinds.SCORING:
                yield (key, number), step


def _name(step: Mapping[str, Any]) -> str:
    return " ".join([step["rule"], *(step[key] for key in _NAMING if key in step)])
