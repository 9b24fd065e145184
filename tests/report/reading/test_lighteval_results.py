"""lighteval's results in the shapes of its versions, made by hand: names, groups, and details from before 0.11."""

import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from harness_tasks.errors import UserError
from report.reading.harnesses import Translated
from report.reading.lighteval_results import is_lighteval, read_results
from report.statistics.metrics import known_as

TIME = "2025-03-01T10-00-00.000001"


def results(tasks: dict[str, dict[str, float]], **more: Any) -> dict[str, Any]:
    general = {"lighteval_sha": "0f3c5a1d9b", "model_name": "org/m", "model_sha": "", "model_dtype": "torch.float16"}
    return {
        "config_general": general,
        "results": tasks,
        "versions": dict.fromkeys(tasks, 0),
        "config_tasks": {},
        **more,
    }


def read(folder: Path, content: dict[str, Any]) -> Translated:
    file = folder / f"results_{TIME}.json"
    file.write_text(json.dumps(content), "utf-8")
    return read_results(content, file, folder, lambda name: known_as("lighteval", name))


def test_suites_shots_and_groups_have_lm_evals_names(tmp_path: Path) -> None:
    tasks = ("lighteval|arc:challenge|25", "leaderboard|mmlu:virology|5", "leaderboard|mmlu:anatomy|5")
    content = results(
        {name: {"acc": 0.5, "acc_stderr": 0.1} for name in (*tasks, "leaderboard|mmlu:_average|5", "all")}
    )
    assert is_lighteval(content)
    found = read(tmp_path, content)
    assert list(found.content["results"]) == ["arc_challenge", "mmlu_virology", "mmlu_anatomy", "mmlu"]
    assert found.content["results"]["mmlu"] == {"acc,none": 0.5, "acc_stderr,none": 0.1}
    assert found.places["results", "mmlu", "acc,none"] == ("results", "leaderboard|mmlu:_average|5", "acc")
    assert found.content["n-shot"] == {"arc_challenge": 25, "mmlu_virology": 5, "mmlu_anatomy": 5}
    assert found.harness.shown == "lighteval at commit 0f3c5a1d9b"
    assert found.content["config"]["model_dtype"] == "torch.float16"
    assert found.content["group_subtasks"] == {"mmlu": ["mmlu_virology", "mmlu_anatomy"]}


def test_a_task_with_two_numbers_of_shots_keeps_both_apart(tmp_path: Path) -> None:
    found = read(tmp_path, results({"gsm8k|0": {"em": 0.25}, "gsm8k|5": {"em": 0.5}}))
    assert {task: scores["exact_match,none"] for task, scores in found.content["results"].items()} == {
        "gsm8k|0": 0.25,
        "gsm8k|5": 0.5,
    }


def test_details_of_an_older_version_are_literals_and_no_code(tmp_path: Path) -> None:
    rows = [
        {
            "example": "what is one?",
            "full_prompt": "Q: what is one?",
            "metrics": "{'em': 1, 'f1': 0.5}",
            "predictions": "['1']",
        },
        {
            "example": "what is two?",
            "full_prompt": "Q: what is two?",
            "metrics": "{'em': 0, 'f1': 0.25}",
            "predictions": "['3']",
        },
    ]
    for row in rows:
        row |= {"choices": "['1', '2']", "gold_index": "[0]", "specifics": "{'film': 'a'}"}
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / f"details_lighteval|quiz|0_{TIME}.parquet")
    content = results({"lighteval|quiz|0": {"em": 0.5, "f1": 0.375}})
    table = read(tmp_path, content).tables["quiz"]
    assert [(row["exact_match"], row["token_f1"]) for row in table.rows] == [(1, 0.5), (0, 0.25)]
    assert table.rows[0]["doc"] == {"query": "what is one?", "choices": ["1", "2"], "gold_index": [0], "film": "a"}
    assert table.rows[0]["arguments"] == [["Q: what is one?"]]
    for row in rows:
        row["metrics"] = "__import__('os').system('touch /tmp/never')"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / f"details_lighteval|quiz|0_{TIME}.parquet")
    error = read(tmp_path, content).unusable["quiz"]
    assert "holds rows without a document or without scores (row 1)" in error.found


def test_details_that_unpack_to_more_than_is_read_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("report.reading.parquet.MOST_ROWS", 10)
    rows = [{"doc": {"query": "what is one?"}, "metric": {"em": 1}} for _ in range(11)]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / f"details_quiz|0_{TIME}.parquet")
    found = read(tmp_path, results({"quiz|0": {"em": 1.0}}))
    assert (found.tables, "unpacks to 11 rows" in found.unusable["quiz"].found) == ({}, True)


def test_results_of_another_shape_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has at `config_tasks` 3"):
        read(tmp_path, results({"quiz|0": {"em": 1.0}}, config_tasks=3))
