"""The items of the synthetic study, read from its sample files."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness_tasks.errors import UserError
from report.facts.schema.scores import Unscored
from report.facts.values import missing
from report.page.explorer.items import ExplorerTask, read_task
from tests.report.synthetic import PASSAGES, REVIEWS, change_json, typed, write_rows

CHECKPOINT = f"{REVIEWS}-lora-seed1"


def _read(folder: Path, facts: dict[str, Any], name: str = REVIEWS) -> ExplorerTask:
    about = next(task for task in typed(facts).tasks if task.task == name)
    task = read_task(folder, about, text=str.strip, label=str.strip)
    assert task is not None
    return task


def _samples(folder: Path, side: str, task: str = REVIEWS) -> Path:
    return folder / "scores" / side / task / "samples.jsonl"


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_an_item_holds_what_was_asked_and_said(study_folder: Path, facts: dict[str, Any]) -> None:
    task = _read(study_folder, facts)
    assert task.sides == ["base", CHECKPOINT]
    assert [task.metrics[at] for at in (task.primary, task.verdict) if at is not None] == ["acc", "acc"]
    first = task.items[0]
    assert (first.name, first.title, first.prompt) == ("0", "item 0 of the reviews", "prompt 0")
    assert (first.gold, first.label, first.length, task.length_unit) == (["fresh"], "fresh", 30, "tokens")
    assert [side.answer for side in first.sides if side] == ["fresh", "rotten"]
    assert [side.scores[task.metrics.index("acc")] for side in first.sides if side] == [1.0, 0.0]
    assert first.overlap == [0b101]  # identical and containment
    assert [item.overlap for item in task.items[1:5]] == [[0b100], [0b100], [0b100], [0]]


def test_what_only_adds_to_a_sum_is_no_score_of_an_item(study_folder: Path, facts: dict[str, Any]) -> None:
    task = _read(study_folder, facts)
    known = {name for at, name in enumerate(task.metrics) if task.items[0].sides[0].scores[at] is not None}  # type: ignore[union-attr]
    assert known == {"acc", "brier"}  # the rest are pairs of labels, or a confidence and whether it was right


def test_the_counts_are_those_of_the_page(study_folder: Path, facts: dict[str, Any]) -> None:
    for name in (REVIEWS, PASSAGES):
        task = _read(study_folder, facts, name)
        transitions = next(one for one in facts["tasks"] if one["task"] == name)["comparisons"][0]["transitions"]
        pairs = [tuple(side.scores[task.verdict] > 0 for side in item.sides) for item in task.items]  # type: ignore
        assert pairs.count((False, True)) == transitions["fixed"]["value"]
        assert pairs.count((True, False)) == transitions["broken"]["value"]


def test_items_are_paired_by_their_document_and_not_by_their_order(study_folder: Path, facts: dict[str, Any]) -> None:
    path = _samples(study_folder, CHECKPOINT)
    rows = _rows(path)
    expected = {item.title: [side.answer for side in item.sides if side] for item in _read(study_folder, facts).items}
    for row in rows:
        row["doc_id"] = 39 - row["doc_id"]
    write_rows(path, rows)
    found = {item.title: [side.answer for side in item.sides if side] for item in _read(study_folder, facts).items}
    assert found == expected


def test_a_document_that_is_there_twice_is_two_items(study_folder: Path, facts: dict[str, Any]) -> None:
    for side, answers in (("base", ["a", "b"]), (CHECKPOINT, ["c", "d", "e"])):
        path = _samples(study_folder, side)
        rows = [{**_rows(path)[0], "doc_id": 5 + at, "filtered_resps": [answer]} for at, answer in enumerate(answers)]
        for row in rows:
            row["arguments"] = {"gen_args_0": {"arg_0": "prompt"}}
            for metric in ("precision", "recall", "f1", "mcc"):
                del row[metric]
        write_rows(path, rows[::-1])  # the order is that of `doc_id`
    items = _read(study_folder, facts).items
    assert [[side and side.answer for side in item.sides] for item in items] == [["a", "c"], ["b", "d"], [None, "e"]]
    assert [item.name for item in items] == ["5", "6", "7"]
    assert items[2].title == "item 0 of the reviews"


def test_other_items_than_the_bases_are_shown_alone_under_names_of_their_own(
    study_folder: Path, facts: dict[str, Any]
) -> None:
    path = _samples(study_folder, CHECKPOINT)
    rows = _rows(path)
    rows[3] |= {"doc_hash": "0" * 64, "doc": {"sentence": "another one", "film": "film 1"}}
    write_rows(path, rows)
    items = {item.name: item for item in _read(study_folder, facts).items}
    assert len(items) == 41
    assert items["3"].sides[1] is None
    assert items["3-2"].sides[0] is None
    assert items["3-2"].title == "another one"


def test_items_of_one_source_stand_together(study_folder: Path, facts: dict[str, Any]) -> None:
    for side in ("base", CHECKPOINT):
        path = _samples(study_folder, side)
        rows = _rows(path)
        for row in rows:
            row["doc"]["film"] = "odd" if row["doc_id"] % 2 else "even"
        write_rows(path, rows)
    assert [item.name for item in _read(study_folder, facts).items][:21] == [*map(str, range(0, 40, 2)), "1"]


def test_rows_of_other_filters_are_left_out(study_folder: Path, facts: dict[str, Any]) -> None:
    path = _samples(study_folder, "base")
    rows = _rows(path)
    write_rows(path, [*rows, *({**row, "filter": "strict", "f1": [0, 0]} for row in rows)])
    items = _read(study_folder, facts).items
    assert len(items) == 40
    assert {item.sides[0].answer for item in items if item.sides[0]} == {"fresh"}


def test_lengths_are_words_where_tokens_are_not_known_of_all(study_folder: Path, facts: dict[str, Any]) -> None:
    lengths = _samples(study_folder, "base").with_name("lengths.jsonl")
    write_rows(lengths, _rows(lengths)[:-1])
    task = _read(study_folder, facts)
    assert (task.length_unit, task.items[0].length) == ("words", 2)  # "prompt 0"
    lengths.unlink()
    assert _read(study_folder, facts).length_unit == "words"


def test_overlap_that_was_not_measured_is_not_known(study_folder: Path, facts: dict[str, Any]) -> None:
    (study_folder / "overlap" / CHECKPOINT / f"overlap_{REVIEWS}.jsonl").unlink()
    assert {item.overlap[0] for item in _read(study_folder, facts).items} == {None}


def test_a_task_without_samples_has_no_items(study_folder: Path, facts: dict[str, Any]) -> None:
    about = next(task for task in typed(facts).tasks if task.task == REVIEWS)
    _samples(study_folder, "base").unlink()
    assert {item.sides[0] for item in _read(study_folder, facts).items} == {None}
    _samples(study_folder, CHECKPOINT).unlink()
    assert read_task(study_folder, about, text=str, label=str) is None
    assert (
        read_task(study_folder, Unscored(task=REVIEWS, name=about.name, absent=missing("?")), text=str, label=str)
        is None
    )


def test_a_damaged_file_is_named(study_folder: Path, facts: dict[str, Any]) -> None:
    path = _samples(study_folder, "base")
    path.write_text(path.read_text(encoding="utf-8")[:-9], encoding="utf-8")
    with pytest.raises(UserError) as caught:
        _read(study_folder, facts)
    said = f"Found: line 40 of lm_eval's samples scores/base/{REVIEWS}/samples.jsonl is not complete JSON"
    assert str(caught.value).startswith(said)
    assert "Why it matters: a score without its items cannot be recounted" in str(caught.value)
    assert "or delete it and run the study again" in str(caught.value)


def test_labels_of_the_results_are_used(study_folder: Path, facts: dict[str, Any]) -> None:
    results = _samples(study_folder, "base").with_name("results.json")
    configs = json.loads(results.read_text(encoding="utf-8"))["configs"]
    configs[REVIEWS]["metadata"] |= {"labels": ["bad", "good"], "input": None}
    change_json(results, configs=configs)
    first = _read(study_folder, facts).items[0]
    assert (first.gold, first.title) == (["good"], "item 0 of the reviews")
