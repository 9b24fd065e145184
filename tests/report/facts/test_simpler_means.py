"""The bag of words on a page: its score and differences by hand, the sentence of each outcome, and files of others."""

import json
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import f1_score

from harness_tasks.errors import UserError
from harness_tasks.own_task.hooks import classification
from report.page.build import build_report
from report.page.whole import collect
from studies import load_study
from tests.in_this_process import aftertune
from tests.oracle import check
from tests.report.many_labels import write_labelled
from tests.report.synthetic import (
    ALL_WRONG,
    ALWAYS_POSITIVE,
    GOLD,
    NEVER_ABSTAINS,
    TWO_WRONG,
    folder_of,
    write_bag_of_words,
    write_nearest_sentence,
    write_study,
)

TEN_WRONG = [1 - label if i % 4 == 0 else label for i, label in enumerate(GOLD)]
FOUR_WRONG = [1 - label if i in (0, 11, 22, 33) else label for i, label in enumerate(GOLD)]
NAME = "reviews-lora-seed1"
SAME_ROWS = "a bag of words that learned from the same 200 training rows"


def built(root: Path, words: list[int], tuned: list[int] = TWO_WRONG, **changed: Any) -> tuple[dict[str, Any], str]:
    """Returns facts and page of a study, of 40 reviews, whose bag of words answers ``words``."""
    study = write_study(root, reviews=(ALWAYS_POSITIVE, tuned))
    write_bag_of_words(folder_of(study), NAME, words, **changed)
    build_report(study, output=folder_of(study))
    facts = json.loads((folder_of(study) / "facts.json").read_text(encoding="utf-8"))
    return facts, (folder_of(study) / "report.md").read_text(encoding="utf-8")


def test_its_score_and_differences_are_those_of_its_answers(tmp_path: Path) -> None:
    """Of 40 reviews it has 30 right, the base 20 and the checkpoint 38."""
    facts, page = built(tmp_path / "words", TEN_WRONG)
    found = facts["tasks"][0]["comparisons"][0]["simpler"]
    assert [found[key]["value"] for key in ("score", "above_base", "tuned_above")] == pytest.approx([0.75, 0.25, 0.2])
    assert found["score"]["clusters"] == found["tuned_above"]["clusters"] == 20
    # A model that gave the same answers would be set beside the checkpoint in the same way.
    study = write_study(tmp_path / "model", reviews=(TEN_WRONG, TWO_WRONG))
    build_report(study, output=folder_of(study), facts_only=True)
    facts = json.loads((folder_of(study) / "facts.json").read_text(encoding="utf-8"))
    beside = facts["tasks"][0]["comparisons"][0]["scores"][0]
    assert found["score"]["interval"] == pytest.approx(beside["before"]["interval"])
    assert found["tuned_above"]["interval"] == pytest.approx(beside["difference"]["interval"])
    assert f"does better than {SAME_ROWS}: accuracy of the bag of words is 0.750" in page
    assert "bag of words beside LoRA, seed 1 |" in page
    assert "**Warning.** On `reviews`" not in page


@pytest.mark.parametrize(
    ("words", "tuned", "said"),
    [
        (FOUR_WRONG, TWO_WRONG, "does not clearly beat a bag of words"),
        (
            TWO_WRONG,
            TWO_WRONG,
            f"scores the same as {SAME_ROWS}: accuracy 0.950.",
        ),
        (GOLD, ALL_WRONG, "does worse than a bag of words"),
    ],
)
def test_a_checkpoint_that_does_not_beat_it_is_told_so_in_the_summary(
    tmp_path: Path, words: list[int], tuned: list[int], said: str
) -> None:
    _, page = built(tmp_path, words, tuned)
    summary, rest = page.split("## Answer 1")
    assert (summary.count(said), rest.count(said)) == (1, 0)
    folder = tmp_path / "build" / "trial"
    done = aftertune("verify", str(folder / "report.md"), folder=tmp_path)
    assert (done.exit_code, done.stderr) == (0, "")
    turned = page.replace(said.split(" a bag")[0], "clearly beats")
    (folder / "report.md").write_text(turned, encoding="utf-8")
    assert aftertune("verify", str(folder / "report.md"), folder=tmp_path).exit_code == 1


def test_answers_to_other_items_and_other_training_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError) as refusal:
        built(tmp_path / "items", TEN_WRONG, doc_hashes=["0" * 64] * 40)
    assert "answers other items than scores/base/reviews/samples.jsonl holds" in str(refusal.value)
    study = write_study(tmp_path / "rows")
    write_bag_of_words(folder_of(study), NAME, TEN_WRONG)
    (folder_of(study) / "checkpoints" / NAME / "train_rows.jsonl").write_text("{}\n")
    with pytest.raises(UserError) as refusal:
        build_report(study, output=folder_of(study), facts_only=True)
    assert f"learned from other training rows than {NAME} has" in str(refusal.value)
    assert "bag-of-words_reviews.json and run the study again" in str(refusal.value)


def test_a_metric_that_it_was_not_scored_in_has_no_verdict(tmp_path: Path) -> None:
    _, page = built(tmp_path, TEN_WRONG, values={})
    assert (
        "does better than a bag of words that learned from the same 200 training rows is not known: it has no score"
        in page
    )


def test_of_three_labels_macro_f1_is_that_of_its_answers(tmp_path: Path) -> None:
    names, gold = ["bad", "fair", "good"], [i % 3 for i in range(40)]
    sides = [[1] * 40, [(label + (i % 5 == 0)) % 3 for i, label in enumerate(gold)]]
    words = [(label + (i % 3 == 0)) % 3 for i, label in enumerate(gold)]
    study = write_labelled(tmp_path, names, gold, sides)
    called = [f"label_{at}" for at in range(3)]
    scores = [
        classification.process_results(
            {"label": right}, [(-1.0 if at == said else -2.0, False) for at in range(3)], called
        )
        for right, said in zip(gold, words, strict=True)
    ]
    for side in ("base", NAME):
        home = folder_of(study) / "scores" / side / "reviews"
        results = json.loads((home / "results.json").read_text())
        results["configs"]["reviews"]["metadata"]["primary"] = "macro_f1"
        (home / "results.json").write_text(json.dumps(results))
        rows = [json.loads(line) for line in (home / "samples.jsonl").read_text().splitlines()]
    hashes = [row["doc_hash"] for row in rows]
    write_bag_of_words(
        folder_of(study), NAME, GOLD, doc_hashes=hashes, values={"macro_f1": [one["macro_f1"] for one in scores]}
    )
    found = collect(load_study(study), study, folder_of(study)).as_json()["tasks"][0]["comparisons"][0]["simpler"]
    own, base, tuned = (f1_score(gold, said, average="macro", zero_division=0) for said in (words, *sides))
    assert [found[key]["value"] for key in ("score", "above_base", "tuned_above")] == pytest.approx(
        [own, own - base, tuned - own]
    )


def test_the_nearest_sentence_of_a_passage_learned_from_no_rows(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    write_nearest_sentence(folder_of(study), "passages-lora-seed1", NEVER_ABSTAINS)  # as the base model
    build_report(study, output=folder_of(study))
    facts = json.loads((folder_of(study) / "facts.json").read_text(encoding="utf-8"))
    page = (folder_of(study) / "report.md").read_text(encoding="utf-8")
    assert check(page, facts) == []
    comparison = facts["tasks"][1]["comparisons"][0]
    primary = next(score for score in comparison["scores"] if score["primary"])
    found = comparison["simpler"]
    assert (found["name"]["value"], found["above_base"]["value"]) == ("nearest sentence", 0)
    assert found["tuned_above"]["interval"] == pytest.approx(primary["difference"]["interval"])
    assert "does better than the passage's nearest sentence:" in page
    assert "training rows: " not in page[page.index("| nearest sentence beside") :].splitlines()[0]


def test_a_score_that_is_not_that_of_its_answer_is_found(tmp_path: Path) -> None:
    """Scores that were raised are found where facts and page were made from them, so that every hash fits."""
    study = write_study(tmp_path)
    folder = folder_of(study)
    write_bag_of_words(folder, NAME, TEN_WRONG)
    write_nearest_sentence(folder, "passages-lora-seed1", NEVER_ABSTAINS)
    build_report(study, output=folder)
    assert aftertune("verify", str(folder / "report.md"), folder=tmp_path).exit_code == 0
    for file, metric in (
        (f"{NAME}/bag-of-words_reviews.json", "acc"),
        ("passages-lora-seed1/nearest-passage-sentence_passages.json", "f1"),
    ):
        path = folder / "baselines" / file
        whole = path.read_text(encoding="utf-8")
        found = json.loads(whole)
        wrong = found["values"][metric].index(0.0)
        found["values"][metric][wrong] = 1.0
        path.write_text(json.dumps(found), encoding="utf-8")
        build_report(study, output=folder)
        done = aftertune("verify", str(folder / "report.md"), folder=tmp_path)
        assert done.exit_code == 1
        assert f"baselines/{file}, item {found['doc_ids'][wrong]}, {metric}" in done.stdout + done.stderr
        path.write_text(whole, encoding="utf-8")
