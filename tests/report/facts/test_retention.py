"""What a checkpoint keeps of a task that it was not trained on: kept, lost, not to be told, and refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from report.page.build import build_report
from report.verify.report import verify_report
from tests.oracle import check
from tests.report.synthetic import (
    ALL_WRONG,
    ALWAYS_POSITIVE,
    GOLD,
    NEVER_ABSTAINS,
    TWO_WRONG,
    change_json,
    folder_of,
    write_scores,
    write_study,
)

NAME = "passages-lora-seed1"


def kept(root: Path, before: list[int], after: list[int] | None, **asked: Any) -> tuple[dict[str, Any], str, str, Path]:
    """Returns the score on reviews of a checkpoint of passages, the id of its verdict, the page, and the study."""
    study = write_study(root, reviews=(before, TWO_WRONG), experiments={"retention": {"tasks": {}, **asked}})
    if after is not None:
        write_scores(folder_of(study), NAME, "reviews", after)
    return (*built(study), study)


def built(study: Path) -> tuple[dict[str, Any], str, str]:
    build_report(study, output=folder_of(study))
    facts = json.loads((folder_of(study) / "facts.json").read_text(encoding="utf-8"))
    page = (folder_of(study) / "report.md").read_text(encoding="utf-8")
    assert check(page, facts) == []
    assert verify_report(folder_of(study) / "report.md").problems == []
    assert [task["name"]["value"] for task in facts["tasks"]] == ["reviews", "passages"]
    assert [len(task["comparisons"]) for task in facts["tasks"]] == [1, 1]  # what is kept is no comparison of the study
    one, other = facts["retention"]["scores"]
    assert (other["task"]["value"], "absent" in other) == ("passages", True)  # never scored
    return one, facts["findings"]["retention"]["scores"][0]["verdict"]["id"], page


def test_a_copy_of_the_base_model_keeps_all(tmp_path: Path) -> None:
    score, verdict, page, _ = kept(tmp_path, TWO_WRONG, TWO_WRONG)
    assert (score["difference"]["value"], verdict) == (0, "retention_same")
    assert score["kept_p"] == {"missing": "no item changed"}
    assert "| kept: no item changed |" in page


def test_a_model_that_was_spoilt_has_lost(tmp_path: Path) -> None:
    score, verdict, page, _ = kept(tmp_path, TWO_WRONG, ALWAYS_POSITIVE)
    assert score["difference"]["value"] == pytest.approx(-0.45)
    assert verdict == "retention_lost"
    assert score["lost_p"]["value"] < 1e-4 < 0.99 < score["kept_p"]["value"]
    warning = (
        "LoRA on passages, seed 1 lost on `reviews`, which it was not trained on: a difference in accuracy of −0.450"
    )
    assert page.count(warning) == 1
    assert page.index(warning) < page.index("## Answer 1")
    assert "Not every score on a task that a checkpoint was not trained on is kept" in page


def test_a_small_change_is_kept_within_a_wide_margin_and_open_within_a_narrow_one(tmp_path: Path) -> None:
    one_wrong = [0, *GOLD[1:]]
    score, verdict, page, _ = kept(tmp_path / "wide", GOLD, one_wrong, margin=0.2)
    # one of 40 items in one of 20 films: the loss is 0.025 with a standard error of 0.025
    assert score["kept_p"]["value"] == pytest.approx(stats.t.sf(0.175 / 0.025, 19), rel=1e-6)
    assert (verdict, score["margin"]["value"]) == ("retention_kept", 0.2)
    score, verdict, page, _ = kept(tmp_path / "narrow", GOLD, one_wrong)
    assert (verdict, score["margin"]["value"]) == ("retention_open", 0.02)
    # the nearer decision is that of a loss, 0.025 away: 40 × (1.6449 + 0.8416)² items
    assert score["needed"]["value"] == 247
    assert "cannot be told: would need about 247 items" in page


def test_two_scores_are_corrected_as_one_family(tmp_path: Path) -> None:
    study = kept(tmp_path, TWO_WRONG, ALWAYS_POSITIVE)[3]
    alone = kept(tmp_path / "alone", TWO_WRONG, ALWAYS_POSITIVE)[0]["lost_p"]["value"]
    write_scores(folder_of(study), "reviews-lora-seed1", "passages", ["wrong"] * 24 + NEVER_ABSTAINS[24:])
    build_report(study, output=folder_of(study))
    facts = json.loads((folder_of(study) / "facts.json").read_text(encoding="utf-8"))
    assert facts["retention"]["tested"]["value"] == 2
    smaller = min(score["lost_p"]["value"] for score in facts["retention"]["scores"])
    assert smaller == pytest.approx(2 * alone) or smaller < 2 * alone
    assert facts["retention"]["scores"][0]["lost_p"]["value"] in (pytest.approx(alone), pytest.approx(2 * alone))


def test_what_was_not_scored_or_is_of_other_weights_is_said(tmp_path: Path) -> None:
    score, verdict, page, study = kept(tmp_path, TWO_WRONG, None)
    assert verdict == "retention_missing"
    assert "has not been scored" in score["absent"]["missing"]
    assert f"cannot be told: {score['absent']['missing'][:30]}" in page
    write_scores(folder_of(study), NAME, "reviews", ALL_WRONG)
    home = folder_of(study) / "checkpoints" / NAME / "finetune.json"
    base = json.loads(home.read_text(encoding="utf-8"))["base"]
    change_json(home, base={**base, "fingerprint": "0" * 64})
    assert "trained from other base weights" in built(study)[0]["absent"]["missing"]
