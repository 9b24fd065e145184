"""The base model with few-shot examples on a page: its score and differences by hand, and scores that are not it."""

import json
from pathlib import Path
from typing import Any

import pytest

from report.compare.files import read_all
from report.page.build import build_report
from tests.oracle import check
from tests.report.synthetic import (
    ALL_WRONG,
    ALWAYS_POSITIVE,
    GOLD,
    TWO_WRONG,
    change_json,
    folder_of,
    write_bag_of_words,
    write_checkpoint,
    write_control,
    write_few_shot,
    write_scores,
    write_study,
)

TEN_WRONG = [1 - label if i % 4 == 0 else label for i, label in enumerate(GOLD)]
TUNED = [1 - label if i in (0, 11, 22, 33) else label for i, label in enumerate(GOLD)]


def build(study: Path) -> tuple[dict[str, Any], str]:
    build_report(study, output=folder_of(study))
    facts = json.loads((folder_of(study) / "facts.json").read_text(encoding="utf-8"))
    return facts, (folder_of(study) / "report.md").read_text(encoding="utf-8")


def test_of_several_simpler_means_the_best_is_told_and_each_is_in_the_table(tmp_path: Path) -> None:
    """Of 40 reviews the base has 20 right, the bag of words 30, 4-shot 30, 8-shot 38, and the checkpoint 36."""
    study = write_study(tmp_path, reviews=(ALWAYS_POSITIVE, TUNED), experiments={"few_shot": [4, 8, 16]})
    write_bag_of_words(folder_of(study), "reviews-lora-seed1", TEN_WRONG)
    write_few_shot(folder_of(study), 4, "reviews", TEN_WRONG)
    write_few_shot(folder_of(study), 8, "reviews", TWO_WRONG)
    write_few_shot(folder_of(study), 16, "reviews", TWO_WRONG)
    shallow = folder_of(study) / "scores" / "base-16-shot" / "reviews" / "results.json"
    change_json(shallow, **{"n-shot": {"reviews": 0}})  # as of a task whose YAML says `num_fewshot: 0`
    facts, page = build(study)
    assert check(page, facts) == []
    comparison = facts["tasks"][0]["comparisons"][0]
    four, eight, none = comparison["few_shot"]
    assert [four[key]["value"] for key in ("score", "above_base", "tuned_above")] == pytest.approx([0.75, 0.25, 0.15])
    assert [eight[key]["value"] for key in ("score", "above_base", "tuned_above")] == pytest.approx([0.95, 0.45, -0.05])
    beside = comparison["simpler"]["tuned_above"]  # of the same answers as four's
    assert (four["tuned_above"]["value"], four["tuned_above"]["interval"]) == (beside["value"], beside["interval"])
    assert "records 0 few-shot examples, not 16" in none["score"]["missing"]
    assert "does not clearly beat the 8-shot base model: accuracy of the 8-shot base model is 0.950" in page
    assert page.count("than a bag of words") == 0
    assert page.count("| 4-shot base model beside LoRA, seed 1 | 0.750") == 1


def test_every_score_stands_on_one_scale_in_the_order_of_what_it_needs(tmp_path: Path) -> None:
    study = write_study(
        tmp_path,
        reviews=(ALWAYS_POSITIVE, TUNED),
        seeds=[1, 2],
        experiments={"few_shot": [4, 8], "control": "shuffled-targets"},
    )
    folder = folder_of(study)
    write_control(folder, "reviews-lora-seed1", "reviews", ALL_WRONG)
    write_scores(folder, "reviews-lora-seed2", "reviews", GOLD)
    write_checkpoint(folder, "reviews-lora-seed2", "reviews")
    for seed, answers in ((1, TEN_WRONG), (2, TEN_WRONG)):  # both learned from the same rows
        write_bag_of_words(folder, f"reviews-lora-seed{seed}", answers)
    write_few_shot(folder, 4, "reviews", TWO_WRONG)
    facts, page = build(study)
    assert check(page, facts) == []
    (found,) = facts["standings"]
    assert [(row["name"]["value"], row["score"]["value"]) for row in found["rows"]] == [
        ("trivial baseline", 0.5),
        ("bag of words", 0.75),
        ("base, zero-shot", 0.5),
        ("4-shot base model", 0.95),
        ("control of LoRA, seed 1", 0.0),
        ("LoRA, seed 1", 0.9),
        ("LoRA, seed 2", 1.0),
    ]
    assert [row["fine_tuned"] for row in found["rows"]] == [False] * 5 + [True] * 2
    drawn = (folder / found["figure"]["value"]).read_text(encoding="utf-8")
    assert "base, zero-shot: 0.500 [" in drawn
    write_bag_of_words(folder, "reviews-lora-seed2", TWO_WRONG)
    names = [row["name"]["value"] for row in build(study)[0]["standings"][0]["rows"]]
    assert names[1:3] == ["bag of words beside LoRA, seed 1", "bag of words beside LoRA, seed 2"]


def test_it_is_not_taken_for_a_checkpoint_nor_for_a_model_to_rank(tmp_path: Path) -> None:
    study = write_study(tmp_path, experiments={"few_shot": [4]})
    write_few_shot(folder_of(study), 4, "reviews", TEN_WRONG)
    facts, _ = build(study)
    assert [one["checkpoint"]["value"] for one in facts["tasks"][0]["comparisons"]] == ["reviews-lora-seed1"]
    entries = read_all([folder_of(study)]).entries
    assert len(entries) == 3  # base, and a checkpoint of each task
    assert not any("4-shot" in str(entry.folder) for entry in entries)
