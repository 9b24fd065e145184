"""How the answers to questions are spread: by how many words they have, and by their token F1."""

from collections.abc import Iterable, Sequence
from typing import Any

from harness_tasks import metrics
from report.facts.measured import Measured, answer_text, gold_answers
from report.facts.schema.diagnosis import Distributions
from report.facts.values import fact

_WORDS = [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 10), (11, 20), (21, None)]
_SCORES = [(0.0, 0.0), (0.0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1.0), (1.0, 1.0)]
_CLOSE = 1e-9


def distribution_facts(measured: Measured) -> Distributions:
    """Returns the answers by their words, 0 where none was given, and by their token F1, wrong and perfect by itself.

    Each is rows of lower end, upper end (None: no end) and how many answers lie between; of the scores between two
    ends the upper one is outside.
    """
    rows, source = measured.scores.rows, measured.scores.samples.source()
    words = [len(answer_text(row).split()) for row in rows]
    scores = [_score(row, measured.scale) for row in rows]
    return Distributions(
        words=fact(_counted(words, _WORDS), "curve", source, n=len(rows)),
        f1=fact(_counted_scores(scores), "curve", source, n=len(rows)),
    )


def _counted(values: Sequence[int], classes: Iterable[tuple[int, int | None]]) -> list[list[Any]]:
    return [
        [lower, upper, sum(lower <= value and (upper is None or value <= upper) for value in values)]
        for lower, upper in classes
    ]


def _counted_scores(scores: Sequence[float]) -> list[list[float]]:
    counts = dict.fromkeys(_SCORES, 0)
    for score in scores:
        counts[_class_of(score)] += 1
    return [[lower, upper, count] for (lower, upper), count in counts.items()]


def _class_of(score: float) -> tuple[float, float]:
    if score <= _CLOSE:
        return _SCORES[0]
    if score >= 1 - _CLOSE:
        return _SCORES[-1]
    return next((lower, upper) for lower, upper in _SCORES[1:-1] if score < upper - _CLOSE or upper == 1.0)


def _score(row: dict[str, Any], scale: float | None) -> float:
    """Returns an answer's token F1 from 0 to 1: the recorded one, which `aftertune verify` recounts, else ours."""
    recorded = row.get("f1")
    if scale and isinstance(recorded, int | float):
        return recorded / scale
    return metrics.token_f1(answer_text(row), gold_answers(row) or [""])
