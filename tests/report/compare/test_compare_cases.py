"""Real public result files, reduced: each is one instance of a kind that once went wrong (`tests/data/cases`)."""

import json
from math import sqrt
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from report.__main__ import app
from report.compare.comparison_facts import comparison_facts
from report.compare.comparison_page import comparison_markdown
from report.facts.schema.compared import ComparedModels
from tests.report.compare.lm_eval_folders import compared

CASES = Path(__file__).parents[2] / "data" / "cases"


def board_of(case: str, task: int = 0) -> dict[str, Any]:
    return compared([CASES / case])["tasks"][task]["boards"][0]


def settings_of(case: str) -> dict[str, Any]:
    return compared([CASES / case])["tasks"][0]["settings"][0]


def test_lm_eval_03_named_its_scores_without_a_filter() -> None:
    board = board_of("01-lm-eval-0.3")
    row = board["rows"][0]
    assert (row["entry"]["value"], row["score"]["value"], row["best"]["value"]) == ("EleutherAI/pythia-160m", 0.436, 1)
    half = 1.959964 * 0.0102
    ends = [row["score"]["interval"][end] for end in ("lower", "upper")]
    assert ends == pytest.approx([0.436 - half, 0.436 + half], abs=1e-6)
    # The source names the place in the file as it is, not as it would be today.
    assert row["score"]["source"]["pointer"] == "/results/arc_easy/acc"
    assert row["entry"]["source"]["pointer"] == "/config/model_args"
    assert board["direction"]["value"] == "no file says it; of the known metric of that name"
    setting = settings_of("01-lm-eval-0.3")
    assert setting["shots"]["value"] == 0
    assert setting["shots"]["source"]["pointer"] == "/config/num_fewshot"
    assert setting["chat_template"] == {"missing": "not recorded"}


def test_an_old_file_is_no_obstacle_to_the_others() -> None:
    done = CliRunner().invoke(app, ["compare", *(str(CASES / name) for name in ("04-pass-at-k", "01-lm-eval-0.3"))])
    assert done.exit_code == 0
    assert "EleutherAI/pythia-160m" in done.stdout


def test_the_direction_may_stand_in_the_list_of_metrics() -> None:
    board = board_of("03-direction-in-metric-list")
    ranks = [(row["entry"]["value"], row["best"]["value"], row["worst"]["value"]) for row in board["rows"]]
    assert ranks == [("org/model-70b", 1, 1), ("org/model-13b", 2, 2)]
    assert board["pairs"][0]["p_value"]["value"] < 0.0001
    assert (board["pairs"][0]["verdict"], board["matrix"][0][1]["is"]) == ("first", "beats")
    assert board["direction"]["value"] == "metric_list"
    page = comparison_markdown(comparison_facts([CASES / "03-direction-in-metric-list"]))
    assert "no file says" not in page
    assert "untested" not in page


def test_pass_at_1_is_what_pass_at_k_says() -> None:
    row = board_of("04-pass-at-k")["rows"][0]
    assert (row["entry"]["value"], row["best"]["value"], row["unbeaten"]) == ("org/model", 1, True)
    # 25 of 164, Wilson: (25 + 1.9207 ± 1.96 × √(25 × 139 / 164 + 0.9604)) / (164 + 3.8415).
    ends = [row["score"]["interval"][end] for end in ("lower", "upper")]
    assert ends == pytest.approx([0.10543, 0.21535], abs=1e-5)


def test_a_groups_error_that_its_tasks_contradict_is_computed_again() -> None:
    board = board_of("05-group-stderr")
    for row in board["rows"]:
        # 8,000, 5,000 and 2,724 items that are right or wrong, alike in all three: one share of 15,724 items.
        value = row["score"]["value"]
        error = sqrt(value * (1 - value) / 15_724)
        half = (row["score"]["interval"]["upper"] - row["score"]["interval"]["lower"]) / 2
        assert half / 1.959964 == pytest.approx(error, rel=2e-3)
        assert "contradicts them" in row["how"]["value"]
    pair = board["pairs"][0]
    assert pair["difference"]["value"] / sqrt(0.003947**2 + 0.003782**2) == pytest.approx(16.0, abs=0.1)
    assert pair["p_value"]["value"] < 1e-50
    assert [row["entry"]["value"] for row in board["rows"]] == ["org/13b", "org/7b"]
    # The group stands before its parts, and has their number of few-shot examples.
    tasks = compared([CASES / "05-group-stderr"])["tasks"]
    assert [(task["key"], task["group"]) for task in tasks] == [
        ("exams", None),
        *((f"exams_{part}", "exams") for part in "xyz"),
    ]
    assert settings_of("05-group-stderr")["shots"]["value"] == 5
    assert settings_of("05-group-stderr")["version"] == {"missing": "not recorded"}  # the file says N/A


def test_a_base_and_its_adapter_in_one_folder_are_two_models() -> None:
    facts = compared([CASES / "06-one-folder"])
    scores = {row["entry"]["value"]: row["score"]["value"] for row in facts["tasks"][0]["boards"][0]["rows"]}
    assert scores == {"org/base": 0.54, "org/base + adapters/mine": 0.5068}
    assert facts["replaced"] == []


@pytest.mark.parametrize("version", ["june-2024", "0.4.2"])
def test_samples_have_had_other_names(version: str) -> None:
    facts = compared([CASES / "07-older-sample-names" / version])
    board = facts["tasks"][0]["boards"][0]
    assert [row["samples"]["value"] for row in facts["tasks"][0]["settings"]] == [True, True]
    pair = board["pairs"][0]
    assert (pair["unpaired"], pair["p_method"]["value"]) == (None, "exact McNemar test")
    # 2 items that the one alone gets right, 2 that the other alone does.
    assert (pair["difference"]["value"], pair["p_value"]["value"]) == (0, 1)


def test_empty_answers_have_no_rank() -> None:
    facts = compared([CASES / "08-all-answers-empty"])
    for board in facts["tasks"][0]["boards"]:
        row = board["rows"][0]
        assert row["best"] == {"missing": "no rank: all 6 answers are empty"}
        assert (row["unbeaten"], row["caution"]["value"]) == (False, "all 6 answers are empty")
        assert (board["unbeaten"]["value"], board["ranked"]["value"]) == (0, 0)
    setting = facts["tasks"][0]["settings"][0]
    assert setting["chat_template"] == {"missing": "not recorded: the server's own"}
    assert facts["tasks"][0]["costs"][0]["device"] == {"missing": "not recorded: local-chat-completions chooses it"}
    page = comparison_markdown(ComparedModels.model_validate(facts))
    assert "> org/reasoner: all 6 answers are empty." in page
    assert "cuda:0" not in page


def test_a_strangers_file_is_named_and_passed_over(tmp_path: Path) -> None:
    folder = CASES / "10-strangers-file"
    done = CliRunner().invoke(app, ["compare", str(folder), "--json"])
    assert done.exit_code == 0
    said = "passed over 10-strangers-file/results_summary.json: results_summary.json holds no `results` by task"
    assert said in done.stderr.replace("the result file ", "")
    facts = json.loads(done.stdout)
    assert [row["file"]["value"] for row in facts["passed_over"]] == ["10-strangers-file/results_summary.json"]
    assert facts["tasks"][0]["boards"][0]["rows"][0]["best"]["value"] == 1
    strict = CliRunner().invoke(app, ["compare", str(folder), "--strict"])
    assert strict.exit_code == 2
    assert "holds no `results` by task" in strict.stderr
    alone = CliRunner().invoke(app, ["compare", str(folder / "results_summary.json")])
    assert alone.exit_code == 2


@pytest.mark.parametrize(
    "case",
    [
        "01-lm-eval-0.3",
        "03-direction-in-metric-list",
        "05-group-stderr",
        "06-one-folder",
        "07-older-sample-names/0.4.2",
    ],
)
def test_every_source_of_a_score_is_a_place_in_a_file(case: str) -> None:
    from report.reading.results import value_at

    root = CASES / case
    for task in compared([root])["tasks"]:
        for board in task["boards"]:
            for row in board["rows"]:
                source = row["score"]["source"]
                content = json.loads((root.parent / source["file"]).read_text())
                assert value_at(content, source["pointer"]) == row["score"]["value"]
                source = row["entry"]["source"]
                assert value_at(json.loads((root.parent / source["file"]).read_text()), source["pointer"])
