"""In which class of lengths and of scores an answer falls, by hand."""

from pathlib import Path
from typing import Any

import pytest

from report.facts.distributions import _class_of, distribution_facts
from report.facts.measured import Measured
from report.reading.results import read_scores
from tests.report.synthetic import folder_of, write_study


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (0.0, (0.0, 0.0)),
        (1e-12, (0.0, 0.0)),
        (0.01, (0.0, 0.2)),
        (0.2, (0.2, 0.4)),
        (19.999999999999996 / 100, (0.2, 0.4)),
        (0.5, (0.4, 0.6)),
        (0.8, (0.8, 1.0)),
        (0.999, (0.8, 1.0)),
        (1.0, (1.0, 1.0)),
    ],
)
def test_a_score_falls_in_one_class(score: float, expected: tuple[float, float]) -> None:
    assert _class_of(score) == expected


def counts(rows: list[list[Any]]) -> dict[tuple[Any, Any], int]:
    return {(lower, upper): count for lower, upper, count in rows}


@pytest.mark.parametrize("recorded", [True, False])
def test_answers_by_words_and_by_score(tmp_path: Path, recorded: bool) -> None:
    """Gold is "gold", and "the" no word: "the gold of it" is right with one of three, F1 = 2 × (1/3) / (4/3) = 0.5."""
    words = ["gold"] * 3 + ["the gold of it"] * 3 + ["a b c d e f"] * 3 + ["unanswerable"] * 3 + ["wrong " * 30] * 3
    study = write_study(tmp_path, passages=(words * 2, None))
    scores = read_scores(folder_of(study), "base", "passages")
    assert scores is not None
    if not recorded:
        for row in scores.rows:
            del row["f1"]
    found = distribution_facts(Measured(scores, 100.0))
    lengths = counts(found.words.value)
    assert lengths == {
        (0, 0): 6, (1, 1): 6, (2, 2): 0, (3, 3): 0, (4, 4): 6, (5, 5): 0, (6, 10): 6, (11, 20): 0, (21, None): 6,
    }  # fmt: skip
    # Every third question has no answer: there only "unanswerable" is right, and nowhere else.
    assert counts(found.f1.value) == {
        (0.0, 0.0): 20, (0.0, 0.2): 0, (0.2, 0.4): 0, (0.4, 0.6): 4, (0.6, 0.8): 0, (0.8, 1.0): 0, (1.0, 1.0): 6,
    }  # fmt: skip
    assert found.words.n == found.f1.n == 30
    assert found.words.source.file == "scores/base/passages/samples.jsonl"
