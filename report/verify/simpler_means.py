"""The answers of a bag of words, or of the nearest sentence, scored again, as the rows of a sample file are.

It shows that the recorded scores are those of the recorded answers to these items. That the answers are what such a
means gives is not shown: the means is not made again.
"""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness_tasks.kinds import SAMPLES
from harness_tasks.reading import iterate_rows
from report.verify.problems import Problem
from report.verify.rescore import same, scores_of

_ROUNDED = 1e-5
"""How far a score may lie from that of its recorded probabilities, which have six decimals."""
_LOW = -1e6
"""The logarithm of a probability that is recorded as 0."""


def rescored_means(folder: Path) -> Iterator[Problem]:
    """Yields what the files of simpler means in ``folder``, a study's, say that their own answers do not give."""
    for path in sorted(folder.glob("baselines/*/*.json")):
        name = path.relative_to(folder).as_posix()
        try:
            yield from _rescored(folder, name, json.loads(path.read_bytes()))
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:  # a file of any shape
            yield Problem(name, f"answers that cannot be scored again: {error}", "what `aftertune baseline` writes")


def _rescored(folder: Path, name: str, content: Mapping[str, Any]) -> Iterator[Problem]:
    samples = folder / "scores" / "base" / str(content["task"]) / "samples.jsonl"
    docs = {row["doc_hash"]: row["doc"] for row in iterate_rows(samples, SAMPLES, shown=samples.name)}
    probabilities = content.get("probabilities")
    for place, (digest, answer) in enumerate(zip(content["doc_hashes"], content["predictions"], strict=True)):
        if probabilities is None:
            found, near = scores_of({"doc": docs[digest], "filtered_resps": [answer]}), 0.0
        else:
            given = _logarithms(probabilities[place], answer)
            found, near = scores_of({"doc": docs[digest], "filtered_resps": given, "mcc": []}), _ROUNDED
        for metric, value in found.items():
            told = content["values"].get(metric)
            if told is not None and not _agree(told[place], value, near):
                at = f"{name}, item {content['doc_ids'][place]}, {metric}"
                yield Problem(at, json.dumps(told[place]), f"{json.dumps(value)} from its answer")


def _logarithms(probabilities: list[float], answer: int) -> list[list[float]]:
    """Returns the log-likelihoods of an answer's choices; it is the first of those that are equal when rounded."""
    if probabilities[answer] < max(probabilities) - _ROUNDED:
        raise ValueError(f"the answer {answer} is not the likeliest of {probabilities}")
    return [
        [(math.log(one) if one > 0 else _LOW) + (_ROUNDED if place == answer else 0.0)]
        for place, one in enumerate(probabilities)
    ]


def _agree(one: Any, other: Any, near: float) -> bool:
    if isinstance(one, list) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(_agree(a, b, near) for a, b in zip(one, other, strict=True))
    numbers = isinstance(one, int | float) and isinstance(other, int | float)
    return same(one, other) or (numbers and abs(one - other) <= 2 * near)
