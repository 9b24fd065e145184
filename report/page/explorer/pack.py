"""Items as a browser reads them: an index of all of them, and their texts in chunks, each gzip in base64."""

import base64
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from report.facts.schema.parts import is_known
from report.facts.schema.scores import MetricScores, ScoredTask
from report.page.explorer.items import MOST_LABELS, ExplorerTask, Item, ItemSide

CHUNK_CHARACTERS = 400_000
"""Characters of JSON after which a chunk of texts is full: a browser reads it within a frame or two."""


@dataclass(frozen=True)
class Packed:
    """Chunks of one task's texts, and what the index says of the task."""

    index: dict[str, Any]
    chunks: list[str]


def packed(value: Any) -> str:
    """Returns JSON of ``value`` as gzip in base64; the same value gives the same text."""
    return _packed(json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False))


def pack_task(task: ExplorerTask) -> Packed:
    """Returns a task's items, ready for the page."""
    facts, items = task.facts, task.items
    labels = list(dict.fromkeys(item.label for item in items if item.label is not None))
    if not 2 <= len(labels) <= MOST_LABELS:
        labels = []
    places = {name: place for place, name in enumerate(labels)}
    used = [at for at in range(len(task.metrics)) if any(s.scores[at] is not None for i in items for s in _known(i))]
    scores = {score.metric: score for one in reversed(facts.comparisons) for score in one.scores}
    labels_of = {name: score.label.value for name, score in scores.items()}
    labels_of |= {row.metric: row.label.value for row in facts.ranges}
    chunks, sizes = [], []
    for size, text in _chunks(items, used):
        chunks.append(_packed(text))
        sizes.append(size)
    index = {
        "name": task.name,
        "sides": task.sides,
        "scored": [any(item.sides[at] for item in items) for at in range(len(task.sides))],
        "refused": [one.refused.missing if one.refused else None for one in facts.comparisons],
        "metrics": [
            {
                "label": labels_of[name],
                "higher": scores[name].higher_is_better if name in scores else None,
            }
            for name in (task.metrics[at] for at in used)
        ],
        "primary": used.index(task.primary) if task.primary in used else None,
        "verdict": used.index(task.verdict) if task.verdict in used else None,
        "unit": task.length_unit,
        "labels": labels,
        "chunks": sizes,
        "names": [item.name for item in items],
        "label": [places.get(item.label or "", -1) for item in items],
        "length": [item.length for item in items],
        "score": [_column(items, side, task.primary) for side in range(len(task.sides))],
        "right": [_rights(items, side, task.verdict) for side in range(len(task.sides))],
        "mean": _is_mean(task),
        "scale": _SCALES.get(_unit(facts, task) or ""),
        "confidence": [_confidences(items, side) for side in range(len(task.sides))],
        "cluster": {"by": task.cluster, "of": [item.group for item in items] if task.cluster else []},
        "overlap": [[item.overlap[at] for item in items] for at in range(len(task.sides) - 1)],
    }
    return Packed(index, chunks)


def _packed(text: str) -> str:
    # No time of day goes in: the same items give the same bytes.
    return base64.b64encode(gzip.compress(text.encode("utf-8"), 6, mtime=0)).decode("ascii")


def _chunks(items: list[Item], used: list[int]) -> Iterator[tuple[int, str]]:
    """Returns how many items a chunk holds, and the chunk: a JSON list of `_texts`."""
    held: list[str] = []
    characters = 0
    for item in items:
        held.append(json.dumps(_texts(item, used), ensure_ascii=False, separators=(",", ":"), allow_nan=False))
        characters += len(held[-1])
        if characters >= CHUNK_CHARACTERS:
            yield len(held), f"[{','.join(held)}]"
            held, characters = [], 0
    if held:
        yield len(held), f"[{','.join(held)}]"


def _texts(item: Item, used: list[int]) -> list[Any]:
    sides = [
        None if side is None else [side.answer, side.choices, [side.scores[at] for at in used]] for side in item.sides
    ]
    return [item.title, item.prompt, item.gold, sides]


def _known(item: Item) -> Iterator[ItemSide]:
    return (side for side in item.sides if side is not None)


def _column(items: list[Item], side: int, metric: int | None) -> list[float | None]:
    found = (item.sides[side] for item in items)
    return [one.scores[metric] if one is not None and metric is not None else None for one in found]


_SCALES = {"proportion": 1, "points": 100}
"""The upper end of a score's range by its unit, where the lower is 0."""
_NEAR = 1e-3
"""Largest difference of a score and its items' mean, relative to the score: items are rounded to four decimals."""


def _primary(facts: ScoredTask, task: ExplorerTask) -> list[MetricScores | None]:
    """Returns the scores of each comparison in the metric that stands in `score`."""
    name = None if task.primary is None else task.metrics[task.primary]
    return [next((one for one in compared.scores if one.metric == name), None) for compared in facts.comparisons]


def _unit(facts: ScoredTask, task: ExplorerTask) -> str | None:
    found = [fact for one in _primary(facts, task) if one for fact in (one.before, one.after) if is_known(fact)]
    return found[0].unit if found else None


def _is_mean(task: ExplorerTask) -> bool:
    """Returns whether the primary score is the mean of its items' own, of every model whose score is known."""
    told = []
    for side, scores in enumerate(_primary(task.facts, task), 1):
        told += [(0, scores.before), (side, scores.after)] if scores else []
    known = [(side, fact.value) for side, fact in told if is_known(fact)]
    for side, score in known:
        values = [value for value in _column(task.items, side, task.primary) if value is not None]
        if values and abs(sum(values) / len(values) - score) > _NEAR * max(1.0, abs(score)):
            return False
    return bool(known)


def _confidences(items: list[Item], side: int) -> list[float | None] | None:
    """Returns how confident a model was of each answer; None where it was of none that is known."""
    found = [one.confidence if (one := item.sides[side]) else None for item in items]
    return found if any(one is not None for one in found) else None


def _rights(items: list[Item], side: int, metric: int | None) -> list[int | None]:
    return [None if score is None else int(score > 0) for score in _column(items, side, metric)]
