"""Answers that are none: all empty, read by no filter, all the same; and two filters that are far apart."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from report.__main__ import app
from report.compare.comparison_page import comparison_files, comparison_markdown
from report.facts.schema.compared import ComparedModels
from report.reading.degenerate_answers import answers_of
from tests.report.compare.lm_eval_folders import TIME, compared, right, write_folder


def generated(root: Path, model: str, texts: list[str], scores: list[float], read: list[Any] | None = None) -> Path:
    """Returns the result file of a model that wrote ``texts``, of which the filter read ``read``."""
    file = write_folder(root, model, {"even": scores}, metric="exact_match")
    content = json.loads(file.read_text())
    content["configs"]["even"]["output_type"] = "generate_until"
    file.write_text(json.dumps(content))
    path = file.parent / f"samples_even_{TIME}.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row, text, shown in zip(rows, texts, read or texts, strict=True):
        row |= {"resps": [[text]], "filtered_resps": [shown]}
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def rows_of(facts: dict[str, Any]) -> dict[str, Any]:
    return {row["entry"]["value"]: row for row in facts["tasks"][0]["boards"][0]["rows"]}


def test_empty_answers_are_not_first_whatever_they_score(tmp_path: Path) -> None:
    # Of a task that scores an empty answer as right where there is none, the mute one has the best score.
    generated(tmp_path, "mute", [" "] * 20, right(12, 20))
    generated(tmp_path, "good", [f"answer {n}" for n in range(20)], right(11, 20))
    generated(tmp_path, "fair", [f"answer {n}" for n in range(20)], right(8, 20))
    facts = compared([tmp_path])
    rows = rows_of(facts)
    assert list(rows) == ["good", "fair", "mute"]
    assert rows["mute"]["best"] == {"missing": "no rank: all 20 answers are empty"}
    assert (rows["good"]["best"]["value"], rows["good"]["worst"]["value"]) == (1, 2)
    board = facts["tasks"][0]["boards"][0]
    assert (board["tests"]["value"], len(board["pairs"]), len(board["matrix"])) == (1, 1, 2)
    page = comparison_files(ComparedModels.model_validate(facts))["compare.md"]
    assert "> mute: all 20 answers are empty." in page
    assert "| even | exact_match | good, fair | 3 |" in page


def test_what_a_server_left_out_is_empty_too(tmp_path: Path) -> None:
    generated(tmp_path, "one", ["None"] * 6, [0.0] * 6)  # as lm_eval writes a message without content
    assert rows_of(compared([tmp_path]))["one"]["best"] == {"missing": "no rank: all 6 answers are empty"}


def test_a_zero_without_samples_is_no_quiet_one(tmp_path: Path) -> None:
    file = generated(tmp_path, "one", ["a"] * 6, [0.0] * 6)
    (file.parent / f"samples_even_{TIME}.jsonl").unlink()
    caution = rows_of(compared([tmp_path]))["one"]["caution"]["value"]
    assert caution == "the score is 0, and no samples show whether there were any answers"


def test_a_groups_score_outside_of_its_tasks_is_said(tmp_path: Path) -> None:
    groups = {"both": ["even", "odd"]}
    file = write_folder(tmp_path, "one", {"even": right(2, 4), "odd": right(3, 4)}, groups=groups, samples=False)
    content = json.loads(file.read_text())
    content["results"]["both"]["acc,none"] = 0.9
    file.write_text(json.dumps(content))
    row = compared([tmp_path])["tasks"][0]["boards"][0]["rows"][0]
    assert row["caution"]["value"] == "the score is no mean of its tasks', which are from 0.5 to 0.75"


def test_what_no_filter_read_has_no_rank_either(tmp_path: Path) -> None:
    texts = [f"the answer is {n}" for n in range(6)]
    generated(tmp_path, "one", texts, [0.0] * 6, ["[invalid]"] * 6)
    row = rows_of(compared([tmp_path]))["one"]
    assert row["best"] == {"missing": "no rank: the filter found no answer in any of the 6 outputs"}


def test_answers_that_are_all_one_text_are_marked_and_ranked(tmp_path: Path) -> None:
    generated(tmp_path, "parrot", ["yes"] * 8, right(6, 8))
    row = rows_of(compared([tmp_path]))["parrot"]
    assert (row["best"]["value"], row["caution"]["value"]) == (1, "all 8 answers are the same text")


def test_many_empty_answers_are_counted(tmp_path: Path) -> None:
    generated(tmp_path, "one", [""] * 5 + [f"a{n}" for n in range(4)], right(2, 9))
    row = rows_of(compared([tmp_path]))["one"]
    assert (row["best"]["value"], row["caution"]["value"]) == (1, "5 of 9 answers are empty")


def test_a_model_that_always_takes_one_choice_is_marked() -> None:
    def rows(choices: list[int], *, text: bool) -> list[dict[str, Any]]:
        shown = str if text else float
        return [
            {"resps": [], "filtered_resps": [[shown(-1.0 - (n != choice)), "False"] for n in range(4)]}
            for choice in choices
        ]

    config = {"output_type": "multiple_choice"}
    for text in (True, False):
        assert answers_of(rows([2] * 9, text=text), config).caution == "all 9 answers are the same choice"
        assert answers_of(rows([2] * 8 + [1], text=text), config).caution == ""
        # Not a number, or all alike: nothing was chosen.
        for value in (float("nan"), -1.0):
            same = [{"filtered_resps": [[(str if text else float)(value), "False"]] * 4}] * 9
            assert answers_of(same, config).void == "in none of the 9 items is one choice likelier than another"
    # Of too few it says nothing; one log-likelihood is no choice.
    assert answers_of(rows([2] * 4, text=True), config).caution == ""
    assert answers_of([{"filtered_resps": [["-1.0", "True"]]}] * 9, config).caution == ""


def test_a_tasks_own_word_for_what_was_not_found_is_known() -> None:
    config = {
        "output_type": "generate_until",
        "filter_list": [{"name": "x", "filter": [{"function": "regex", "fallback": "nothing"}]}],
    }
    rows = [{"resps": [["text"]], "filtered_resps": ["nothing"]}] * 3
    assert answers_of(rows, config).void == "the filter found no answer in any of the 3 outputs"


def test_a_group_of_which_a_part_is_mute_says_so(tmp_path: Path) -> None:
    groups = {"both": ["even", "odd"]}
    file = write_folder(tmp_path, "one", {"even": [0.0] * 4, "odd": right(3, 4)}, groups=groups)
    content = json.loads(file.read_text())
    for config in content["configs"].values():
        config["output_type"] = "generate_until"
    file.write_text(json.dumps(content))
    for task, text in (("even", ""), ("odd", "a")):
        path = file.parent / f"samples_{task}_{TIME}.jsonl"
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        changed = [{**row, "resps": [[text]], "filtered_resps": [text]} for row in rows]
        path.write_text("".join(json.dumps(row) + "\n" for row in changed))
    tasks = {task["key"]: task for task in compared([tmp_path])["tasks"]}
    row = tasks["both"]["boards"][0]["rows"][0]
    assert row["best"]["value"] == 1
    assert row["caution"]["value"] == "in 1 of its 2 tasks, such as even: all 4 answers are empty"


def test_two_filters_far_apart_are_said(tmp_path: Path) -> None:
    file = write_folder(tmp_path, "one", {"even": right(1, 200)}, metric="exact_match", samples=False)
    content = json.loads(file.read_text())
    scores = content["results"]["even"]
    scores["exact_match,flexible-extract"] = 0.667
    scores["exact_match,strict-match"] = scores.pop("exact_match,none")
    file.write_text(json.dumps(content))
    facts = compared([tmp_path])
    said = "exact_match is 0.667 by flexible-extract, 0.005 by strict-match"
    assert [told["what"]["value"] for told in facts["tasks"][0]["apart"]] == [said]
    page = comparison_markdown(ComparedModels.model_validate(facts))
    assert f"> one: {said}. The score depends on which filter" in page
    scores["exact_match,flexible-extract"] = 0.1
    file.write_text(json.dumps(content))
    assert compared([tmp_path])["tasks"][0]["apart"] == []


@pytest.mark.parametrize("mute", ["old", "new"])
def test_a_gate_does_not_guard_a_mute_baseline(tmp_path: Path, mute: str) -> None:
    for name in ("old", "new"):
        texts = ["" if name == mute else f"a{n}" for n in range(30)]
        generated(tmp_path / name, "mine", texts, right(0 if name == mute else 20, 30))
    gate = ["--fail-on-regression", "even:exact_match"]
    done = CliRunner().invoke(app, ["compare", str(tmp_path / "old"), str(tmp_path / "new"), *gate])
    # A mute baseline would let everything pass; a mute later model is a fall, and that is said.
    assert done.exit_code == (2 if mute == "old" else 1)
    assert "all 30 answers are empty" in done.stderr + done.stdout
