"""The rows of causes stand in the order of the items that they cost, by hand arithmetic."""

import json
from pathlib import Path
from typing import Any

import pytest

from report.page.build import build_report
from tests.report.synthetic import findings_of, folder_of, write_study


@pytest.fixture
def facts(tmp_path: Path) -> dict[str, Any]:
    study = write_study(tmp_path)
    build_report(study, output=folder_of(study), facts_only=True)
    found: dict[str, Any] = json.loads((folder_of(study) / "facts.json").read_text(encoding="utf-8"))
    return found


def kinds(facts: dict[str, Any], task: int) -> tuple[list[str], list[str]]:
    """Returns the rows of a task, and those that are folded."""
    found = findings_of(facts)["why"][task]
    shown, beside = ([row["kind"]["id"].removeprefix("kind_") for row in found[part]] for part in ("causes", "beside"))
    return shown, beside


def answers(facts: dict[str, Any], **values: Any) -> None:
    """Sets what was found of the written answers of the base model; the checkpoint's cost nothing."""
    sides = (facts["tasks"][1]["before"], facts["tasks"][1]["comparisons"][0]["after"])
    nothing = {"abstained": 0.5, "abstained_answerable": 0.0, "abstained_unanswerable": 1.0, "holds_more": 0.0}
    nothing |= {"cut_off": 0, "truncated": 0, "contentless": 0, "contentless_credited": 0}
    for side, own in zip(sides, (nothing | values, nothing), strict=True):
        for key, value in own.items():
            found = side["diagnosis"]["extraction"][key]
            found.pop("missing", None)
            found |= {
                "value": value,
                "unit": "share" if isinstance(value, float) else "count",
                "source": facts["study"]["name"]["source"],
            }


def test_what_costs_most_items_comes_first(facts: dict[str, Any]) -> None:
    """20 questions have an answer and 10 have none.

    A quarter of 20 abstained on: 5. All but 0.4 of 10 answered without need: 6. Together 11. Over-long: 0.15 of 20: 3.
    Cut off: 7.
    """
    answers(facts, abstained_answerable=0.25, abstained_unanswerable=0.4, holds_more=0.15, cut_off=7)
    assert kinds(facts, 1)[0] == ["baseline", "abstains", "cut_off", "holds_more", "unexplained"]
    answers(facts, abstained_answerable=0.05, holds_more=0.15, cut_off=7, truncated=2)  # 1, 3, 7, 2
    assert kinds(facts, 1)[0] == ["baseline", "cut_off", "holds_more", "truncated", "abstains", "unexplained"]


def test_an_output_without_a_word_may_pass_for_no_answer(facts: dict[str, Any]) -> None:
    """Of 10 unanswerable questions none is abstained on; 8 outputs have no word and pass: 2 are lost, and 4 others."""
    answers(facts, abstained_unanswerable=0.0, contentless=12, contentless_credited=8, cut_off=3)
    assert kinds(facts, 1)[0] == ["baseline", "contentless", "cut_off", "abstains", "unexplained"]


def test_what_costs_nothing_is_folded(facts: dict[str, Any]) -> None:
    answers(facts)
    shown, beside = kinds(facts, 1)
    assert shown == ["baseline", "unexplained"]
    assert beside == ["abstains", "holds_more", "words", "cut_off", "truncated"]


def test_a_bias_costs_the_errors_of_one_kind_more_than_of_the_other(facts: dict[str, Any]) -> None:
    """False positives 9, false negatives 4: 5 items. It comes before 4 truncated prompts, and after 6."""
    side = facts["tasks"][0]["before"]["diagnosis"]["classification"]
    after = facts["tasks"][0]["comparisons"][0]["after"]["diagnosis"]["classification"]
    for found in (side, after):
        found["bias"]["value"] = 0.1
        found["bias"]["interval"] |= {"lower": 0.05, "upper": 0.15}
        found["false_positive"]["value"], found["false_negative"]["value"] = 9, 4
        found["truncated"]["value"] = 4
    assert kinds(facts, 0)[0] == ["baseline", "errors", "bias", "truncated"]
    after["truncated"]["value"] = 6
    assert kinds(facts, 0)[0] == ["baseline", "errors", "truncated", "bias"]
    for found in (side, after):
        found["bias"]["interval"]["lower"] = -0.05  # no clear bias costs nothing
    shown, beside = kinds(facts, 0)
    assert shown == ["baseline", "errors", "truncated"]
    assert "bias" in beside
