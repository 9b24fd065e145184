"""What stands beside the scores: overlap, examples, changed tensors, the label prior, tokens; and their sentences."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness_tasks.errors import UserError
from report.facts import measured
from report.page.build import build_report
from report.page.whole import collect
from report.verify.report import verify_report
from studies import load_study
from tests.oracle import check
from tests.report.synthetic import (
    ALWAYS_POSITIVE,
    GOLD,
    LEARNED,
    NEVER_ABSTAINS,
    TWO_WRONG,
    folder_of,
    write_json,
    write_rows,
    write_study,
)


def collected(study: Path) -> dict[str, Any]:
    return collect(load_study(study), study, folder_of(study)).as_json()


def page(study: Path) -> str:
    build_report(study, output=folder_of(study))
    return (folder_of(study) / "report.md").read_text(encoding="utf-8")


def grade(study: Path, checkpoint: str, task: str, grades: Any) -> None:
    """Grades each item anew by its number."""
    path = folder_of(study) / "overlap" / checkpoint / f"overlap_{task}.jsonl"
    head, *rows = [json.loads(line) for line in path.read_text().splitlines()]
    write_rows(path, [head, *({**row, "grades": grades(row["doc_id"])} for row in rows)])


def test_the_part_without_overlap_is_scored_apart(tmp_path: Path) -> None:
    overlap = collected(write_study(tmp_path))["tasks"][0]["comparisons"][0]["overlap"]
    # Items 0 to 3 contain a training row, item 0 is one; items 0 and 1 are the two wrong after fine-tuning.
    assert [row["scored"]["value"] for row in overlap["grades"]] == [1, 0, 4]
    assert (overlap["some"]["value"], overlap["none"]["value"]) == (4, 36)
    free, touched = overlap["parts"]
    assert [free[side]["value"] for side in ("scored", "before", "after")] == [36, 0.5, 1.0]
    assert [touched[side]["value"] for side in ("scored", "before", "after")] == [4, 0.5, 0.5]
    assert free["difference"]["value"] == 0.5


@pytest.mark.parametrize(
    ("grades", "said", "warned"),
    [
        (lambda number: [], "no overlap with 200 |", False),
        (lambda number: ["containment"], "all of them, so what fine-tuning does", True),
        (
            lambda number: ["identical"] if number < 4 else [],
            "the headline's direction does not rest on the overlap |",
            False,
        ),
        # Free of overlap are the positives, which fine-tuning broke or left alone.
        (lambda number: ["containment"] if number % 2 else [], "the opposite direction of", True),
        (lambda number: ["containment"] if number > 3 else [], "so the headline may rest on the overlap", True),
    ],
)
def test_what_the_overlap_means_for_the_headline(tmp_path: Path, grades: Any, said: str, warned: bool) -> None:
    # Fine-tuning breaks nine of the twenty positives and mends every negative.
    after = [0] * 18 + GOLD[18:]
    study = write_study(tmp_path, reviews=(ALWAYS_POSITIVE, after))
    grade(study, "reviews-lora-seed1", "reviews", grades)
    text = page(study)
    (row,) = [line for line in text.splitlines() if line.startswith("| `reviews`, LoRA, seed 1 |")]
    assert said in row
    assert ("**Warning.** On `reviews` (LoRA, seed 1), " in text) is warned


def test_grades_of_other_items_are_refused(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    path = folder_of(study) / "overlap" / "reviews-lora-seed1" / "overlap_reviews.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(UserError, match=r"grades other items than scores/base/reviews/samples\.jsonl holds"):
        collected(study)


def test_examples_are_of_each_kind_and_of_different_clusters(tmp_path: Path) -> None:
    found = collected(write_study(tmp_path))["tasks"][0]["comparisons"][0]["examples"]
    shown = {kind: [row["input"]["value"] for row in rows] for kind, rows in found.items()}
    # Of the negatives (odd numbers) all but item 1 are fixed; item 0 is broken, item 1 wrong both times.
    assert shown == {
        "fixed": ["item 3 of the reviews", "item 5 of the reviews"],
        "broken": ["item 0 of the reviews"],
        "both_right": ["item 2 of the reviews", "item 4 of the reviews"],
        "both_wrong": ["item 1 of the reviews"],
    }
    fixed = found["fixed"][0]
    assert [fixed[side]["value"] for side in ("gold", "before", "after")] == ["rotten", "fresh", "rotten"]
    assert fixed["input"]["source"]["pointer"] == "/3/doc/sentence"


def test_a_long_text_is_shortened_at_a_word(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    for checkpoint in ("base", "reviews-lora-seed1"):
        path = folder_of(study) / "scores" / checkpoint / "reviews" / "samples.jsonl"
        path.write_text(path.read_text().replace("item 3 of the reviews", "word " * 60 + "end"))
    shown = collected(study)["tasks"][0]["comparisons"][0]["examples"]["fixed"][0]["input"]["value"]
    assert shown == "word " * 48 + "…" or shown == "word " * 47 + "…"


def test_changed_tensors_are_counted_and_sized(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    changes = collected(study)["checkpoints"][0]["changes"]
    keys = ("frozen", "frozen_changed", "trained", "trained_changed")
    assert [changes[key]["value"] for key in keys] == [2, 0, 2, 2]
    # Relative changes 0.01 and 0.02.
    (kind,) = changes["kinds"]
    assert (kind["mean"]["value"], kind["largest"]["value"]) == (pytest.approx(0.015), 0.02)
    assert [row["layer"]["value"] for row in changes["layers"]] == [0, 1]
    said = (
        "In each of the 2 checkpoints, all 2 trained matrices changed, and all 2 frozen tensors have the same hash as"
    )
    assert said in page(study)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"trained": False, "sha256_after": "ff" * 32},
            "1 of 2 tensors that should have been frozen have another hash",
        ),
        ({"trained": True, "sha256_after": "bb" * 32}, "only 1 of the 2 trained tensors changed"),
    ],
)
def test_tensors_that_did_not_do_as_meant_are_told(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    study = write_study(tmp_path)
    path = folder_of(study) / "checkpoints" / "reviews-lora-seed1" / "tensors.json"
    tensors = json.loads(path.read_text())
    next(tensor for tensor in tensors["tensors"] if tensor["trained"] is change["trained"]).update(change)
    write_json(path, tensors)
    assert said in page(study)


def test_prior_and_calibration_are_said_as_measured(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    text = page(study)
    given = "(an empty text: 90.0 %, N/A: 80.0 %, \\[MASK\\]: 70.0 %), 50.0 % an even split: biased towards it |"
    assert f"| content-free prior | 80.0 % is the mean probability of fresh without a text {given}" in text
    # Right on 38 of 40, sure to 73.1 %.
    assert "73.1 % mean confidence, 95.0 % accuracy: underconfident (−21.9 percentage points, " in text
    (folder_of(study) / "scores" / "base" / "reviews" / "prior.json").unlink()
    assert "| content-free prior | not known: it was not measured" in page(study)


def test_answers_that_never_stop_or_hold_more_are_counted(tmp_path: Path) -> None:
    answers = ["the pure gold", *NEVER_ABSTAINS[1:]]
    text = page(write_study(tmp_path, passages=(answers, LEARNED)))
    # 20 of the 30 answers are "wrong", which the study's token counts take as cut off; one of 20 holds the gold word.
    assert "| truncated answers | 20 of 30 at `max_gen_toks` 32 |" in text
    assert "| over-long answers | 5.0 % of 20 answerable questions |" in text


@pytest.mark.parametrize(
    ("text", "abstains", "is_contentless"),
    [
        ("", True, False),
        (" \n\t", True, False),
        ("unanswerable", True, False),
        (" Unanswerable.", True, False),  # the task's word, as SQuAD's normalisation reads it
        ("::::", False, True),
        ("the", False, True),
        ("An a; the!", False, True),
        ("。…", False, True),
        ("\u200b", False, True),
        ("the Unanswerable Question", False, False),
        ("no", False, False),
        ("7", False, False),
        ("Ω", False, False),
    ],
)
def test_to_abstain_is_to_write_nothing_or_the_tasks_word(text: str, abstains: bool, is_contentless: bool) -> None:
    row = {"filtered_resps": [text]}
    assert (measured.abstains(row), measured.is_contentless(row)) == (abstains, is_contentless)


@pytest.mark.parametrize("task", ["reviews", "passages"])
def test_items_are_paired_by_their_content_where_numbers_are_anothers(tmp_path: Path, task: str) -> None:
    """lm_eval's `--samples` out of order writes each answer beside another row's `doc_id`."""
    study = write_study(tmp_path)
    at = ("reviews", "passages").index(task)
    expected = collected(study)["tasks"][at]["comparisons"][0]
    path = folder_of(study) / "scores" / f"{task}-lora-seed1" / task / "samples.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    write_rows(path, [{**row, "doc_id": len(rows) - 1 - row["doc_id"]} for row in rows])
    found = collected(study)["tasks"][at]["comparisons"][0]
    assert found["refused"] is None or "value" not in found["refused"]
    for one, other in zip(found["scores"], expected["scores"], strict=True):
        for key in ("value", "interval"):
            assert one["difference"].get(key) == other["difference"].get(key)


def test_ties_are_counted_and_said(tmp_path: Path) -> None:
    """Of the first five items, gold labels 1, 0, 1, 0, 1, all tied: the first choice counts, and is right twice."""
    study = write_study(tmp_path, reviews=([0] * 5 + ALWAYS_POSITIVE[5:], TWO_WRONG))
    path = folder_of(study) / "scores" / "base" / "reviews" / "samples.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows[:5]:
        row["filtered_resps"] = [["-1.5", "False"], ["-1.5", "False"]]
    write_rows(path, rows)
    text = page(study)
    said = (
        "| ties | 5 of 40 items with two equal highest log-likelihoods, of which the first choice counts: "
        "2 are correct by that rule alone | – |"  # the checkpoint has none
    )
    assert text.count(said) == 1
    assert "equal highest log-likelihoods" not in text.replace(said, "")
    facts = json.loads((folder_of(study) / "facts.json").read_text())
    assert check(text, facts) == []
    assert check(text.replace("counts: 2 are correct", "counts: 3 are correct"), facts) != []
    for row in rows:
        del row["filtered_resps"]
    write_rows(path, rows)
    found = collected(study)["tasks"][0]["before"]["diagnosis"]["classification"]
    assert found["ties"] == {"missing": "the samples hold no log-likelihood of each choice"}


_CONTENTLESS = "of 30 outputs hold only punctuation or articles; "
_NEVER = "| abstention | never abstains |"
_LOST = "these score nothing: a cause of lost points |"
_FULL = "because their questions have no answer and the metric's normalisation leaves nothing of them"


@pytest.mark.parametrize(
    ("answers", "said", "unsaid"),
    [
        # 20 questions have an answer and 10 have none; "gold" is the answer, wherever there is one.
        (
            ["::::", "gold", "wrong"] * 10,
            [_NEVER, f"| outputs without a word | 10 {_CONTENTLESS}{_LOST}"],
            [],
        ),
        (
            ["gold", "gold", ": the"] * 10,
            [_NEVER, f"| outputs without a word | 10 {_CONTENTLESS}all score in full, {_FULL} |"],
            [],
        ),
        (
            ["::::", "gold", "a"] * 10,
            [f"| outputs without a word | 20 {_CONTENTLESS}10 score in full, {_FULL}; the others score nothing"],
            [],
        ),
        # The metric's normalisation leaves other scripts' punctuation, so that it is wrong where nothing was right.
        (
            ["gold", "gold", "。"] * 10,
            [f"| outputs without a word | 10 {_CONTENTLESS}{_LOST}"],
            [],
        ),
        (
            ["gold", "::::", "unanswerable"] * 10,
            [
                "| abstention | 0.0 % of 20 answerable questions, 100.0 % of 10 unanswerable ones |",
                f"| outputs without a word | 10 {_CONTENTLESS}{_LOST}",
            ],
            [],
        ),
        (["gold", "wrong", "unanswerable"] * 10, [], [_CONTENTLESS]),
    ],
)
def test_answers_without_a_word_are_no_abstentions(
    tmp_path: Path, answers: list[str], said: list[str], unsaid: list[str]
) -> None:
    study = write_study(tmp_path, passages=(answers, LEARNED))
    text = page(study)
    for words in said:
        assert words in text
    for words in ["never abstains, ", *unsaid]:
        assert words not in text
    side = next(t for t in collected(study)["tasks"] if t["name"]["value"] == "passages")["before"]
    found = side["diagnosis"]["extraction"]
    wordless = sum(answer not in ("gold", "wrong", "unanswerable") for answer in answers)
    assert found["contentless"]["value"] == wordless
    assert found["abstained"]["value"] == pytest.approx(answers.count("unanswerable") / 30)
    assert verify_report(folder_of(study) / "report.md").problems == []


@pytest.mark.parametrize(
    ("header", "drops", "reason"),
    [
        (
            {"unrecorded": "the model class vllm did not record why generations ended"},
            (),
            "the model class vllm did not record why generations ended",
        ),
        # As files of before had it: counted in the text, encoded again.
        ({}, ("ended",), "the outputs' tokens were counted in their texts, and not as they were generated"),
    ],
)
def test_how_outputs_ended_is_not_claimed_where_it_was_not_recorded(
    tmp_path: Path, header: dict[str, str], drops: tuple[str, ...], reason: str
) -> None:
    study = write_study(tmp_path)
    path = folder_of(study) / "scores" / "base" / "passages" / "lengths.jsonl"
    head, *rows = [json.loads(line) for line in path.read_text().splitlines()]
    kept = [{key: value for key, value in row.items() if key not in drops} for row in rows]
    if header:
        kept[3] |= {"answer_tokens": None, "ended": None, "cut_off": None}
    write_rows(path, [head | header, *kept])
    text = page(study)
    assert f"| truncated answers | not known: {reason} | 2 of 30 at `max_gen_toks` 32 |" in text
    assert text.count("at `max_gen_toks`") == 1  # the checkpoint's


def test_gold_answers_that_no_output_can_reach_are_counted(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    assert "have no gold answer that fits" not in page(study)
    path = folder_of(study) / "scores" / "base" / "passages" / "lengths.jsonl"
    head, *rows = [json.loads(line) for line in path.read_text().splitlines()]
    asked = [row for row in rows if "gold_tokens" in row]
    asked[0]["gold_tokens"], asked[1]["gold_tokens"] = 33, 32
    write_rows(path, [head, *rows])
    assert (
        f"| long gold answers | 1 of the {len(asked)} questions with an answer have no gold answer that fits into "
        "`max_gen_toks` (32); the score of the gold answers counts them as if they did |"
    ) in page(study)


def test_the_ceiling_scores_what_an_output_can_hold_of_a_gold_answer(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    for path in folder_of(study).glob("scores/*/passages/lengths.jsonl"):
        head, *rows = [json.loads(line) for line in path.read_text().splitlines()]
        # The gold answer of each is the word "gold". What fits of the first is no match; of the second, half is right.
        long, longer = (row for row in rows if row["doc_id"] in (0, 1))
        long |= {"gold_tokens": 40, "gold_within": ["go"]}
        longer |= {"gold_tokens": 33, "gold_within": ["gold bar"]}
        write_rows(path, [head, *rows])
    assert page(study).count("`max_gen_toks` (32); the score of the gold answers counts what fits |") == 2
    facts = json.loads((folder_of(study) / "facts.json").read_text())
    ceilings = {row["metric"]: row["ceiling"]["value"] for row in facts["tasks"][1]["ranges"]}
    # 20 of 30 questions have an answer. The second's F1: precision 1/2, recall 1, so 2/3.
    wanted = {"exact": 100 * 28 / 30, "f1": 100 * (28 + 2 / 3) / 30, "HasAns_exact": 90, "NoAns_exact": 100}
    assert {metric: ceilings[metric] for metric in wanted} == pytest.approx(wanted)
    place = next(s for s in facts["tasks"][1]["comparisons"][0]["scores"] if s["metric"] == "exact")["after_place"]
    # 27 of 30 are exact after fine-tuning; always abstaining, which needs no model, gets 10 of 30.
    assert place["value"] == pytest.approx((27 - 10) / (28 - 10))


def test_without_the_files_nothing_is_claimed(tmp_path: Path) -> None:
    study = write_study(tmp_path, reviews=(ALWAYS_POSITIVE, TWO_WRONG))
    folder = folder_of(study)
    for pattern in ("scores/*/*/prior.json", "scores/*/*/lengths.jsonl", "overlap/*/*", "checkpoints/*/tensors.json"):
        for path in folder.glob(pattern):
            path.unlink()
    text = page(study)
    for said in (
        "how far scored items and training rows overlap is not known: it was not measured: there is no overlap/",
        "Which tensors of LoRA on reviews, seed 1 changed is not known: it was not recorded: there is no checkpoints/",
        "| truncated prompts | not known: tokens were not counted: there is no scores/base/",
    ):
        assert said in text


def test_training_rows_that_were_scored_rows_are_said_to_be_left_out(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    file = folder_of(study) / "checkpoints" / "reviews-lora-seed1" / "finetune.json"
    record = json.loads(file.read_text())
    write_json(file, {**record, "data": {**record["data"], "dropped": {"identical": 113, "min_words": 0}}})
    said = "in every field but an id were left out before the training of LoRA on reviews, seed 1 (113 of them)."
    text = page(study)
    assert said in text
    facts = collected(study)
    assert check(text, facts) == []
    assert check(text.replace(said, said.replace("113", "112")), facts) != []
    write_json(file, {**record, "data": {**record["data"], "dropped": {"identical": 0, "min_words": 0}}})
    assert "left out before the training of LoRA on reviews" not in page(study)
