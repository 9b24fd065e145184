"""Every kind of task has trivial baselines on its page, scored by the task's own function, and its gold answers."""

import json
from pathlib import Path
from typing import Any

import pytest

from report.facts.schema.parts import is_known
from report.facts.schema.scores import ScoredTask
from report.page.whole import collect
from studies import load_study


@pytest.fixture(scope="module")
def tasks(scored: Path) -> dict[str, ScoredTask]:
    study = scored / "studies" / "eight.yaml"
    facts = collect(load_study(study), study, scored / "build" / "eight")
    return {task.task: task for task in facts.tasks if isinstance(task, ScoredTask)}


def docs(scored: Path, task: str) -> list[Any]:
    path = scored / "build" / "eight" / "scores" / "base" / task / "samples.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [row["doc"] for row in rows if row["filter"] == rows[0]["filter"]]


def most(values: list[Any]) -> float:
    return max(values.count(value) for value in values) / len(values)


def test_the_best_of_those_without_a_model_is_shown(scored: Path, tasks: dict[str, ScoredTask]) -> None:
    golds = {task: [doc["gold"] for doc in docs(scored, task)] for task in ("quiz_four", "quiz_varied")}
    labels = {task: [doc["label"] for doc in docs(scored, task)] for task in ("mood", "is_true")}
    expected = {task: most(found) for task, found in {**golds, **labels}.items()}
    expected["sums"] = most([doc["answer"] for doc in docs(scored, "sums")])
    for task, value in expected.items():
        assert tasks[task].floor.score.value == pytest.approx(value), task
    assert tasks["quiz_four"].floor.how.value == "always choosing the choice at position 2"
    assert tasks["mood"].floor.how.value.startswith("always choosing “")
    assert tasks["is_true"].floor.how.value == "always choosing “no”"
    assert tasks["sums"].floor.how.value.startswith("always answering “")
    assert tasks["prose"].floor.how.value == "taking all bytes for alike likely"
    # A kappa of one label for all is 0 whatever the labels; only the task's function knows it.
    assert tasks["rating"].floor.score.value == pytest.approx(0)


def test_each_model_is_set_beside_it_by_cluster(tasks: dict[str, ScoredTask]) -> None:
    for task in tasks.values():
        for side in (task.before, *(comparison.after for comparison in task.comparisons)):
            above = side.above_floor
            assert is_known(above), task.task
            primary = next(score for score in task.comparisons[0].scores if score.primary)
            score = primary.before if side is task.before else primary.after
            assert above.value == pytest.approx(score.value - task.floor.score.value)


def test_the_gold_answers_are_the_upper_end(tasks: dict[str, ScoredTask]) -> None:
    for name, task in tasks.items():
        if name != "prose":  # of a text there is no answer
            assert [row.ceiling.value for row in task.ranges] == pytest.approx([1.0] * len(task.ranges)), name
            places = [score.before_place for score in task.comparisons[0].scores]
            assert all(map(is_known, places)), name


def test_every_score_has_an_interval_or_does_not_vary(tasks: dict[str, ScoredTask]) -> None:
    for task in tasks.values():
        for score in task.comparisons[0].scores:
            for known in (score.before, score.after, score.difference):
                assert is_known(known)
                assert known.interval or known.no_interval in (
                    "no interval: every item is alike",
                    "no interval: every cluster is alike",
                )
                assert known.interval or known.value == 0
