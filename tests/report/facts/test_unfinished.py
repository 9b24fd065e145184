"""The page of a study in which steps failed: which scores are missing, and why."""

import json
from pathlib import Path
from typing import Any

from report.facts.unfinished import unfinished_facts
from report.page.build import build_report
from report.page.whole import collect
from studies import load_study
from tests.oracle import check
from tests.report.synthetic import ALWAYS_POSITIVE, PASSAGES, REVIEWS, folder_of, write_study

FAILED = {
    "failed": [
        {
            "rule": "train",
            "study": "trial",
            "checkpoint": "reviews-lora-seed1",
            "tries": 3,
            "reason": "no *memory* in /home/ada/x <b>",
            "log": "logs/train/reviews-lora-seed1.log",
        }
    ],
    "not_started": [
        {"rule": "score", "study": "trial", "name": "reviews-lora-seed1", "task": REVIEWS},
        {"rule": "overlap", "study": "trial", "checkpoint": "reviews-lora-seed1", "task": REVIEWS},
        {"rule": "report", "study": "trial"},
    ],
}


def with_failures(study: Path, record: dict[str, Any] = FAILED) -> Path:
    file = folder_of(study) / "logs" / "failed.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(record), encoding="utf-8")
    return study


def test_the_page_names_failed_steps_their_reasons_and_what_was_not_scored(tmp_path: Path) -> None:
    study = with_failures(write_study(tmp_path, reviews=(ALWAYS_POSITIVE, None)))
    build_report(study, output=folder_of(study))
    page = (folder_of(study) / "report.md").read_text(encoding="utf-8")
    said = "> **Warning.** The step `train reviews-lora-seed1` failed (tries: 3): no \\*memory\\* in \\~/x \\<b\\>\n"
    assert said in page
    assert "Not scored, since steps of the last run failed: reviews-lora-seed1 on reviews." in page
    assert "missing (it has not been scored: a step of the last run failed)" in page
    facts = json.loads((folder_of(study) / "facts.json").read_text(encoding="utf-8"))
    assert check(page, facts) == []
    assert check(page.replace("tries: 3", "tries: 2"), facts)


def test_an_earlier_recipes_scores_are_not_shown(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    before = collect(load_study(study), study, folder_of(study)).as_json()
    assert "value" in before["tasks"][0]["comparisons"][0]["scores"][0]["after"]
    after = collect(load_study(study), with_failures(study), folder_of(study)).as_json()
    assert all("missing" in score["after"] for score in after["tasks"][0]["comparisons"][0]["scores"])
    assert after["tasks"][1] == {**before["tasks"][1]}


def test_a_score_that_was_not_made_is_not_looked_for_where_the_label_bias_was_measured(tmp_path: Path) -> None:
    study = with_failures(
        write_study(tmp_path),
        {
            "failed": [{**FAILED["failed"][0], "rule": "sample", "task": PASSAGES}],
            "not_started": [
                {"rule": "score", "study": "trial", "name": name, "task": PASSAGES}
                for name in ("base", "passages-lora-seed1")
            ],
        },
    )
    for name in ("base", "passages-lora-seed1"):
        for file in ("results.json", "samples.jsonl", "lengths.jsonl"):
            (folder_of(study) / "scores" / name / PASSAGES / file).unlink()
    facts = collect(load_study(study), study, folder_of(study)).as_json()
    assert {run["task"]["value"] for run in facts["reproduction"]["runs"]} == {REVIEWS}
    assert "missing" in facts["tasks"][1]["absent"]


def test_a_run_without_failures_says_nothing(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    assert unfinished_facts(folder_of(study)).as_json() == {"failed": [], "unscored": []}
    build_report(study, output=folder_of(study))
    assert "failed" not in (folder_of(study) / "report.md").read_text(encoding="utf-8").partition("## Answer")[0]


def test_facts_are_made_anew_once_steps_fail(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    build_report(study, output=folder_of(study))
    whole = (folder_of(study) / "report.md").read_text(encoding="utf-8")
    failed = {**FAILED, "not_started": [{"rule": "score", "study": "trial", "name": "base", "task": PASSAGES}]}
    build_report(with_failures(study, failed), output=folder_of(study))
    (folder_of(study) / "logs" / "failed.json").unlink()
    assert "Not scored, since steps of the last run failed: base on passages." in (
        folder_of(study) / "report.md"
    ).read_text(encoding="utf-8")
    build_report(study, output=folder_of(study))
    assert (folder_of(study) / "report.md").read_text(encoding="utf-8") == whole
