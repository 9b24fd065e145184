"""A study's page says what is better only where a file says whether higher is."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness_tasks.errors import UserError
from report.page.build import build_report
from report.page.explorer.items import read_task
from report.page.explorer.pack import pack_task
from tests.report.rendered import render_markdown
from tests.report.synthetic import REVIEWS, folder_of, typed, write_json, write_rows, write_study
from tests.report.verify.test_verify_command import run

OWN = "film_points"
"""A metric of the task's own, in nobody's register."""


def study_of(root: Path, better: bool | None, points: Callable[[float], float] = float) -> Path:
    """Returns a study whose reviews are scored by `OWN` in place of accuracy: ``points`` of 1 where it is right.

    ``better``: what the result files say of whether higher is better.
    """
    study = write_study(root)
    for home in (folder_of(study) / "scores").glob(f"*/{REVIEWS}"):
        results = json.loads((home / "results.json").read_text())
        rows = [json.loads(line) for line in (home / "samples.jsonl").read_text().splitlines()]
        for row in rows:
            row[OWN] = points(row.pop("acc"))
        scores = {key: value for key, value in results["results"][REVIEWS].items() if not key.startswith("acc")}
        results["results"][REVIEWS] = scores | {f"{OWN},none": sum(row[OWN] for row in rows) / len(rows)}
        configuration = results["configs"][REVIEWS]
        configuration["metadata"]["primary"] = OWN
        configuration["metric_list"] = [{"metric": OWN}, {"metric": "f1"}]
        results["higher_is_better"][REVIEWS][OWN] = better
        write_json(home / "results.json", results)
        write_rows(home / "samples.jsonl", rows)
    return study


def facts_of(study: Path, *, facts_only: bool = True) -> dict[str, Any]:
    build_report(study, output=folder_of(study), facts_only=facts_only)
    facts: dict[str, Any] = json.loads((folder_of(study) / "facts.json").read_text())
    return facts


@pytest.mark.parametrize(
    ("better", "points", "said"),
    [
        # 20 of 40 are right before, 38 after: 0.500 to 0.950, and of errors 0.500 to 0.050.
        (True, float, "fine-tuning improves film points: it rises from 0.500"),
        (False, lambda right: 1 - right, "fine-tuning improves film points, for which lower is better: it falls from"),
        (None, float, "fine-tuning changes film points: it rises from 0.500"),
        (None, lambda right: 1 - right, "fine-tuning changes film points: it falls from 0.500"),
    ],
)
def test_the_headline_judges_only_what_a_file_says(
    tmp_path: Path, better: bool | None, points: Callable[[float], float], said: str
) -> None:
    study = study_of(tmp_path, better, points)
    facts = facts_of(study)
    page = render_markdown(typed(facts))
    assert said in page.replace("\\", "")
    assert ("whether that is better is not known" in page) == (better is None)
    assert ("; whether higher is better is not known)" in page) == (better is None)
    # Who was right is said by a metric that gives more to the better answer, and by no other.
    assert (facts["tasks"][0]["comparisons"][0]["transitions"] is not None) == (better is True)


def test_the_page_is_backed_and_no_export_gives_a_direction_that_nobody_recorded(tmp_path: Path) -> None:
    study = study_of(tmp_path, None)
    facts, folder = facts_of(study, facts_only=False), folder_of(study)
    checked = run(folder / "report.md")
    assert checked.exit_code == 0, checked.output
    rows = list(csv.DictReader((folder / "scores.csv").read_text().splitlines()))
    assert {row["higher_is_better"] for row in rows if row["metric"] == OWN} == {""}
    assert {row["higher_is_better"] for row in rows if row["metric"] == "f1"} == {"yes"}
    records = [json.loads(file.read_text()) for file in folder.glob("every_eval_ever/**/*.json")]
    named = {result["evaluation_result_id"] for record in records for result in record["evaluation_results"]}
    assert f"{REVIEWS}/f1" in named
    assert f"{REVIEWS}/{OWN}" not in named
    read = read_task(folder, typed(facts).tasks[0], text=str, label=str)
    assert read is not None
    told = {metric["label"]: metric["higher"] for metric in pack_task(read).index["metrics"]}
    assert told["film points"] is None
    assert told["Brier score"] is False


def test_two_ways_without_a_model_have_no_best_one_where_the_files_contradict_each_other(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    for file in folder_of(study).glob(f"scores/*/{REVIEWS}/results.json"):
        results = json.loads(file.read_text())
        results["configs"][REVIEWS]["metric_list"] = [{"metric": "acc", "higher_is_better": False}]
        write_json(file, results)
    task = facts_of(study)["tasks"][0]
    assert "the files contradict each other" in task["floor"]["score"]["missing"]
    assert task["comparisons"][0]["scores"][0]["higher_is_better"] is None


def test_shots_that_no_file_records_are_not_called_none(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    for file in folder_of(study).glob(f"scores/*/{REVIEWS}/results.json"):
        results = json.loads(file.read_text())
        del results["n-shot"]
        write_json(file, results)
    with pytest.raises(UserError, match=r"do not say how many few-shot examples 'reviews' was scored with"):
        build_report(study, output=folder_of(study))
