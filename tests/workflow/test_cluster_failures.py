"""What is said of failed steps."""

import json
from pathlib import Path

from test_rerun import changed

from harness_tasks.errors import UserError
from tests.workflow.conftest import House
from workflow import failures

RECORD = {
    "failed": [
        {
            "rule": "score",
            "name": "base",
            "task": "a",
            "tries": 4,
            "reason": "no memory",
            "log": "logs/score/a.log",
        },
        {"rule": "train", "checkpoint": "a-lora-seed1", "tries": 1, "reason": "a full disk", "log": "logs/train/a.log"},
    ],
    "not_started": [{"rule": "report"}],
}


def test_failed_steps_are_named_with_reason_and_log(tmp_path: Path) -> None:
    (tmp_path / "failed.json").write_text(json.dumps(RECORD))
    assert failures.told(tmp_path / "failed.json") == (
        "2 steps failed:\n"
        "  score base a: no memory\n"
        "    logs/score/a.log\n"
        "  train a-lora-seed1: a full disk\n"
        "    logs/train/a.log\n"
        "1 more waited for them. The same command resumes from here."
    )
    assert failures.told(tmp_path / "none.json") is None


def test_the_reason_is_the_users_error_else_the_clusters_word_and_the_last_line() -> None:
    cancelled = "SLURM-job '7' failed, SLURM status is: 'CANCELLED'."
    assert failures.reason("Found: no data\nWhy it matters: a\nTo mend it: b\n", cancelled) == "no data"
    assert failures.reason("reading\n", cancelled) == f"{cancelled} (last line of its log: reading)"
    assert failures.reason(" 50%\r 100%\n\n", None) == "100%"
    assert failures.reason("== noon\nFound: no data\n== one\nFound: no disk\n== two\nreading\n", None) == "reading"
    raised = 'Traceback (most recent call last):\n  File "hooks.py", line 3, in rated\n    raise\n    ^^^^^\n'
    error = UserError("row 7 has no label", "it cannot be scored", "add it to train.jsonl")
    assert failures.reason(f"{raised}harness_tasks.errors.UserError: {error}\n", None) == "row 7 has no label"
    in_lines = f"{raised}ValueError: row 7 has no label\nAdd it,\n  or leave the row out.\n"
    assert failures.reason(in_lines, None) == "ValueError: row 7 has no label"
    assert failures.reason(in_lines, cancelled) == f"{cancelled} (last line of its log: ValueError: row 7 has no label)"
    assert failures.reason(f"{raised}KeyError: 'a'\n\nDuring handling ...\n\n{in_lines}", None).startswith("ValueError")
    assert failures.reason(in_lines + "scoring\n" * 20 + "Killed\n", None) == "Killed"
    assert failures.reason("", None) == "no word of it: the step died before it wrote anything"


def test_a_failed_step_is_named_and_what_does_not_need_it_is_done(house: House) -> None:
    overlap = house.build / "overlap" / "passages_demo-lora-seed1" / "overlap_passages_demo.jsonl"
    overlap.unlink()
    before = house.outputs()
    with changed(house.study, "  reviews_demo:\n", "  reviews_dmeo:\n"):
        failed = house.run()
    assert failed.returncode == 1
    assert overlap.is_file()
    text, pages = failed.stdout + failed.stderr, {"facts.json", "report.html", "report.md"}
    assert "Found: there is no task 'reviews_dmeo'" in text
    assert "reviews_demo" in text.split("To mend it: ")[1].splitlines()[0]
    assert "rule train" not in text
    assert {file: time for file, time in house.outputs().items() if file in before.keys() - pages} == {
        file: time for file, time in before.items() if file not in pages
    }
    record = json.loads((house.build / "logs" / "failed.json").read_text())
    steps = {(step["rule"], step["task"]): step for step in record["failed"]}
    check = steps["check", "reviews_dmeo"]
    assert check["reason"].startswith("there is no task 'reviews_dmeo'")
    assert (check["tries"], check["log"]) == (1, "build/tiny/logs/check/reviews_dmeo.log")
    assert check["reason"] in (house.folder / check["log"]).read_text()
    assert {"rule": "report", "study": "tiny"} in record["not_started"]
    told = failed.stderr[failed.stderr.rindex("failed:") :]
    assert f"  check reviews_dmeo: {check['reason']}\n    {check['log']}\n" in told
    assert "build/tiny/report.html says what is missing" in failed.stderr
    page = (house.build / "report.md").read_text()
    assert "**Warning.** The step `check reviews_dmeo` failed (tries: 1): there is no task" in page
    unscored = "base on reviews_dmeo, base-2-shot on reviews_dmeo, reviews_dmeo-lora-seed1 on"
    assert f"Not scored, since steps of the last run failed: {unscored}" in page
    assert house.run().returncode == 0
    assert "Warning.** The step" not in (house.build / "report.md").read_text()
    assert not (house.build / "logs" / "failed.json").exists()
