"""The page of the eight kinds of task: whole, and backed by its facts."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from report.page.build import build_report
from report.verify.report import verify_report
from tests.eight_tasks.scored import TASKS
from tests.eight_tasks.written import GROUPS
from tests.oracle import check


@pytest.fixture(scope="module")
def page(scored: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The page in Markdown, and its facts."""
    folder = scored / "build" / "eight"
    build_report(scored / "studies" / "eight.yaml", output=folder)
    texts = [(folder / name).read_text(encoding="utf-8") for name in ("report.md", "facts.json")]
    return texts[0], texts[1]


def test_every_sentence_is_backed(page: tuple[str, str]) -> None:
    assert check(page[0], json.loads(page[1])) == []


def test_each_task_has_a_diagnosis_and_a_baseline(page: tuple[str, str]) -> None:
    facts = json.loads(page[1])
    assert [task["task"] for task in facts["tasks"]] == list(TASKS)
    for task in facts["tasks"]:
        assert task["before"]["diagnosis"], task["task"]
        assert "value" in task["floor"]["score"], task["task"]
    why = page[0].partition("### a. Why the performance")[2].partition("### b.")[0]
    assert "no cause was measured" not in why
    assert "none is known for this task" not in why
    assert len(re.findall(r"^\| trivial baseline ", why, re.MULTILINE)) == len(TASKS)


def test_answers_are_shown_as_texts_and_not_as_numbers(page: tuple[str, str]) -> None:
    section = page[0].partition("### quiz_four")[2].partition("### quiz_varied")[0]
    rows = re.findall(r"^\| (?:fixed|broken|both correct|both wrong) \|(.*)\|$", section, re.MULTILINE)
    assert rows
    for row in rows:
        _, gold, before, after = (cell.strip() for cell in row.split(" | "))
        assert not re.search(r"\d", gold + before + after)


def test_each_filter_has_its_scores(page: tuple[str, str]) -> None:
    (task,) = [task for task in json.loads(page[1])["tasks"] if task["task"] == "sums"]
    scores = task["comparisons"][0]["scores"]
    assert [(score["metric"], score["primary"]) for score in scores] == [
        ("exact_match", True),
        ("exact_match,flexible", False),
    ]
    assert [row["metric"] for row in task["ranges"]] == ["exact_match", "exact_match,flexible"]
    assert all("interval" in score[side] for score in scores for side in ("before", "after", "difference"))
    section = page[0].partition("### sums")[2].partition("### prose")[0]
    assert re.search(r"^\| exact match \(strict\) \(primary\) \|", section, re.MULTILINE)
    assert re.search(r"^\| exact match \(flexible\) \|", section, re.MULTILINE)


@pytest.mark.parametrize("name", GROUPS)
def test_a_group_has_the_score_that_lm_eval_gives_it(scored: Path, page: tuple[str, str], name: str) -> None:
    """By the items of all its tasks, or by its tasks, as the group's YAML says."""
    (group,) = [one for one in json.loads(page[1])["groups"] if one["name"]["value"] == name]
    (row,) = group["rows"]
    assert row["checkpoint"]["value"] == "tuned"  # the others are each scored on one task alone
    given = [json.loads((scored / side / "groups.json").read_text())[name]["acc,none"] for side in ("base", "tuned")]
    assert [row[side]["value"] for side in ("before", "after")] == pytest.approx(given)
    assert row["difference"]["value"] == pytest.approx(given[1] - given[0])
    assert row["difference"]["interval"]
    parts = [_accuracies(scored, task) for task in GROUPS[name][0]]
    plain, pooled = np.mean([part.mean() for part in parts]), np.concatenate(parts).mean()
    assert plain != pytest.approx(pooled)  # else the two ways could not be told apart
    assert given[1] == pytest.approx(pooled if GROUPS[name][1] else plain)
    first, _, folded = page[0].partition("## Answer 1")[0].partition(f"<summary>The tasks of {name}</summary>")
    assert f"| `{name}`, accuracy | tuned | " in first
    for task in GROUPS[name][0]:
        assert f"| `{task}`, accuracy | tuned | " in folded
        assert f"| `{task}`, accuracy |" not in first.partition("<summary>")[0]


def _accuracies(scored: Path, task: str) -> Any:
    lines = (scored / "build" / "eight" / "scores" / "tuned" / task / "samples.jsonl").read_text().splitlines()
    return np.array([json.loads(line)["acc"] for line in lines])


def test_the_page_of_groups_is_verified(page: tuple[str, str], scored: Path) -> None:
    assert verify_report(scored / "build" / "eight" / "report.md").problems == []
