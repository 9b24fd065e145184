"""Floors, ceilings, and where between them a score lies."""

from pathlib import Path
from typing import Any

import pytest

from harness_tasks import metrics
from report.facts import ranges as computing
from report.facts.ranges import normalised_score
from report.facts.schema.parts import Fact, is_known
from report.facts.values import missing
from report.page.whole import collect
from studies import load_study
from tests.report.some_facts import known
from tests.report.synthetic import ALWAYS_POSITIVE, NEVER_ABSTAINS, TWO_WRONG, folder_of, write_study


def collected(study: Path) -> dict[str, Any]:
    return collect(load_study(study), study, folder_of(study)).as_json()


def ranges(facts: dict[str, Any], task: int) -> dict[str, dict[str, Any]]:
    return {row["metric"]: row for row in facts["tasks"][task]["ranges"]}


def test_a_constant_label_is_the_floor_of_every_metric_of_labels(tmp_path: Path) -> None:
    found = ranges(collected(write_study(tmp_path)), 0)
    # 20 of 40 items are positive: saying so always has precision 0.5, recall 1, F1 2/3; no constant has a correlation.
    floors = {"acc": 0.5, "precision": 0.5, "recall": 1.0, "f1": 2 / 3, "mcc": 0.0, "brier": 0.25}
    assert {metric: found[metric]["floor"]["value"] for metric in floors} == pytest.approx(floors)
    assert "missing" in found["ece"]["floor"]
    ceilings = {"acc": 1, "precision": 1, "recall": 1, "f1": 1, "mcc": 1, "brier": 0, "ece": 0}
    assert {metric: row["ceiling"]["value"] for metric, row in found.items()} == ceilings
    assert found["recall"]["how"]["value"] == "always predicting fresh"
    assert found["brier"]["how"]["value"] == "predicting each label with its frequency"


def test_abstaining_and_the_first_sentence_are_the_floors_of_answers(tmp_path: Path) -> None:
    found = ranges(collected(write_study(tmp_path)), 1)
    # A third of the questions has no answer. The first sentence, "The gold of passage 3.", has the gold word among four
    # that count: precision 1/4, recall 1, F1 0.4 on the answerable two thirds, 0 on the others.
    assert found["f1"]["floor"]["value"] == pytest.approx(100 / 3)
    assert found["f1"]["how"]["value"] == "always abstaining"
    assert found["HasAns_f1"]["floor"]["value"] == pytest.approx(40)
    assert found["HasAns_f1"]["how"]["value"] == "copying the passage's first sentence"
    assert found["NoAns_f1"]["floor"]["value"] == 100
    # METEOR gives a perfect answer of one word 0.5; ROUGE-2 gives it nothing.
    meteor = found.get("meteor") or found["meteor_exact_stem"]
    assert meteor["ceiling"]["value"] == pytest.approx(50)
    assert found["rouge2"]["ceiling"]["value"] == 0
    assert found["bleu"]["ceiling"]["value"] == pytest.approx(100)


def test_where_every_question_has_an_answer_abstaining_is_no_floor(tmp_path: Path) -> None:
    study = write_study(tmp_path, reviews=(ALWAYS_POSITIVE, TWO_WRONG), passages=(NEVER_ABSTAINS, None))
    samples = folder_of(study) / "scores" / "base" / "passages" / "samples.jsonl"
    samples.write_text("".join(line for line in samples.open() if "NoAns" not in line))
    results = samples.with_name("results.json")
    # Of the 20 answerable questions half are right.
    text = results.read_text().replace("33.333333333333336", "50.0")
    results.write_text(text)
    assert ranges(collected(study), 1)["f1"]["how"]["value"] == "copying the passage's first sentence"


def test_a_place_is_a_share_of_the_way_and_may_be_below_the_floor() -> None:
    def of(score: float, floor: float, ceiling: float) -> Fact:
        return normalised_score(*(known(value, "points") for value in (score, floor, ceiling)))

    assert of(40, 20, 60).value == 0.5
    assert of(10, 20, 60).value == -0.25
    # The Brier score is better when lower: floor 0.25, ceiling 0.
    assert of(0.05, 0.25, 0).value == pytest.approx(0.8)
    assert of(40, 20, 20) == missing("the trivial baseline scores as the gold answers do")
    assert not is_known(normalised_score(missing("?"), known(0, "points"), known(1, "points")))


def test_a_metric_that_was_computed_in_two_ways_is_not_compared(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    results = folder_of(study) / "scores" / "reviews-lora-seed1" / "reviews" / "results.json"
    results.write_text(
        results.read_text().replace("f1 as the test has it|version 1", "f1 as the test has it|version 2")
    )
    scores = {row["metric"]: row for row in collected(study)["tasks"][0]["comparisons"][0]["scores"]}
    assert "value" in scores["acc"]["difference"]
    for part in ("difference", "p_value", "detectable"):
        assert scores["f1"][part]["missing"] == (
            "it was computed in two ways: f1 as the test has it|version 1 for the base model, "
            "f1 as the test has it|version 2 for the checkpoint"
        )


def test_very_many_answers_are_scored_alike_by_several_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, golds = ["Denver Broncos", "", "a city"], [["the Denver Broncos", "Denver"], [], ["the old city"]]
    one = computing._answer_scores(texts, golds)
    assert one == [metrics.answer_scores(text, gold) for text, gold in zip(texts, golds, strict=True)]
    monkeypatch.setattr(computing, "_MANY", 1)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert computing._answer_scores(texts, golds) == one
