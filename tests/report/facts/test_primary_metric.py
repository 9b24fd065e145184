"""The primary metric of a task: which one it is, and what is said where there is none, or no score in it."""

import json
from pathlib import Path
from typing import Any

import pytest

from report.page.build import build_report
from tests.report.facts.test_across import add
from tests.report.synthetic import (
    GOLD,
    LEARNED,
    PASSAGES,
    REVIEWS,
    change_json,
    folder_of,
    write_rows,
    write_study,
)


def declare(study: Path, task: str, primary: str | None, *, listed: bool = True) -> None:
    """Makes ``primary`` the metric that the results of ``task`` declare; ``listed``: they list their metrics too."""
    for path in folder_of(study).glob(f"scores/*/{task}/results.json"):
        configs = json.loads(path.read_text(encoding="utf-8"))["configs"]
        del configs[task]["metadata"]["primary"]
        if primary:
            configs[task]["metadata"]["primary"] = primary
        if not listed:
            del configs[task]["metric_list"]
        change_json(path, configs=configs)


def built(study: Path, task: int) -> tuple[dict[str, Any], str]:
    """Returns the facts of a task, and the page."""
    build_report(study, output=folder_of(study))
    facts = json.loads((folder_of(study) / "facts.json").read_text(encoding="utf-8"))
    return facts["tasks"][task], (folder_of(study) / "report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("primary", "label", "pointer"),
    [
        ("mcc", "Matthews correlation", "/configs/reviews/metadata/primary"),
        (None, "accuracy", "/configs/reviews/metric_list/0/metric"),
    ],
)
def test_it_is_the_declared_one_else_the_first_that_is_listed(
    tmp_path: Path, primary: str | None, label: str, pointer: str
) -> None:
    study = write_study(tmp_path)
    declare(study, REVIEWS, primary)
    task, _ = built(study, 0)
    assert (task["primary"]["value"], task["primary"]["source"]["pointer"]) == (label, pointer)
    assert [score["label"]["value"] for score in task["comparisons"][0]["scores"] if score["primary"]] == [label]


def test_where_none_is_declared_that_is_said(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    declare(study, REVIEWS, None, listed=False)
    task, page = built(study, 0)
    assert task["primary"] == {"missing": "the task declares none"}
    assert (
        "On `reviews`, no primary metric is declared, so no headline is drawn from the scores of LoRA, seed 1.\n"
        in page
    )
    assert "| `reviews` | LoRA, seed 1 | **no primary metric** |" in page
    assert "| primary metric | missing (the task declares none) |" in page


def test_a_declared_one_without_a_score_is_not_called_undeclared(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    declare(study, REVIEWS, "f2")
    task, page = built(study, 0)
    assert task["primary"]["value"] == "f2"
    assert (
        "On `reviews`, neither the base model nor LoRA, seed 1 has a score in the primary metric, f2, so no headline "
        "is drawn.\n" in page
    )
    assert "| `reviews` | LoRA, seed 1 | **not known** |" in page
    assert "no primary metric is declared" not in page
    # Of its overlap with the training rows, the part of 4 items and that of 36 are there, and have no score in it.
    (free, touched) = task["comparisons"][0]["overlap"]["parts"]
    assert (free["scored"]["value"], touched["scored"]["value"]) == (36, 4)
    assert free["difference"] == touched["before"] == {"missing": "no item of this part has a score in it"}


def test_a_part_of_questions_that_do_not_count_for_it_is_not_called_empty(tmp_path: Path) -> None:
    """Only item 2, which is unanswerable, overlaps; the primary metric is of answerable questions alone."""
    study = write_study(tmp_path)
    declare(study, PASSAGES, "HasAns_f1")
    path = folder_of(study) / "overlap/passages-lora-seed1/overlap_passages.jsonl"
    head, *rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    write_rows(path, [head, *({**row, "grades": ["containment"] * (row["doc_id"] == 2)} for row in rows)])
    task, page = built(study, 1)
    free, touched = task["comparisons"][0]["overlap"]["parts"]
    assert (free["scored"]["value"], touched["scored"]["value"]) == (29, 1)
    assert free["before"]["n"] == 20
    assert touched["difference"] == {"missing": "no item of this part has a score in it"}
    assert "no item of this part has a score in it" in page


def test_methods_are_not_tested_for_equivalence_without_one(tmp_path: Path) -> None:
    study = write_study(tmp_path, methods=["lora", "full"])
    add(study, "full", 1, {REVIEWS: GOLD, PASSAGES: LEARNED})
    declare(study, REVIEWS, None, listed=False)
    build_report(study, output=folder_of(study), facts_only=True)
    facts = json.loads((folder_of(study) / "facts.json").read_text(encoding="utf-8"))
    reasons = [found["absent"]["missing"] for found in facts["equivalences"] if "absent" in found]
    assert reasons == ["the task declares no primary metric"]
