"""A gain in two parts: what a control gains that learned other rows' targets, and what the checkpoint gains over it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from report.compare.files import read_all
from report.page.build import build_report
from report.sentences.controls import MOSTLY_FORMAT
from report.verify.report import verify_report
from tests.oracle import check
from tests.report.synthetic import (
    ALWAYS_POSITIVE,
    GOLD,
    TWO_WRONG,
    change_json,
    folder_of,
    write_control,
    write_study,
)

NAME = "reviews-lora-seed1"


def controlled(root: Path, predictions: list[int], tuned: list[int] = TWO_WRONG, **recipe: Any) -> Path:
    """Returns a study of reviews whose control has these predictions; the base model always says positive."""
    asked = {"tasks": {"reviews": {}}, "experiments": {"control": "shuffled-targets"}}
    study = write_study(root, reviews=(ALWAYS_POSITIVE, tuned), passages=(None, None), **asked)
    write_control(folder_of(study), NAME, "reviews", predictions, **recipe)
    return study


def gain_of(study: Path) -> tuple[dict[str, Any], str, str]:
    """Returns the one gain, the id of its sentence, and the page, which the oracle has checked."""
    folder = folder_of(study)
    build_report(study, output=folder)
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    page = (folder / "report.md").read_text(encoding="utf-8")
    assert check(page, facts) == []
    (gain,), (found,) = facts["controls"], facts["findings"]["controls"]
    return gain, found["verdict"]["id"] if found["verdict"] else MOSTLY_FORMAT, page


def ends(fact: dict[str, Any]) -> tuple[float, float]:
    return fact["interval"]["lower"], fact["interval"]["upper"]


def test_a_control_that_does_as_well_as_the_checkpoint_leaves_no_skill(tmp_path: Path) -> None:
    study = controlled(tmp_path, TWO_WRONG)
    gain, said, page = gain_of(study)
    # the base model is right on the 20 positive items of 40, control and checkpoint on 38
    assert (gain["format"]["value"], gain["skill"]["value"]) == pytest.approx((0.45, 0))
    assert ends(gain["skill"]) == (0, 0)
    assert ends(gain["format"]) == ends(gain["total"]) == pytest.approx(ends(gain["balance"]))
    assert said == "control_mostly_format"
    assert page.count("the gain of LoRA, seed 1 in accuracy is mostly format") == 1  # a warning alone
    assert page.index("mostly format") < page.index("## Answer 1")
    assert verify_report(folder_of(study) / "report.md").problems == []


def test_a_control_that_does_as_well_as_the_base_model_leaves_all_to_skill(tmp_path: Path) -> None:
    gain, said, page = gain_of(controlled(tmp_path, ALWAYS_POSITIVE))
    assert (gain["format"]["value"], gain["skill"]["value"]) == pytest.approx((0, 0.45))
    assert ends(gain["skill"]) == ends(gain["total"])
    assert said == "control_mostly_skill"
    assert "mostly skill" not in page[: page.index("## Answer 1")]


def test_the_parts_sum_to_the_total_and_their_balance_is_paired_by_cluster(tmp_path: Path) -> None:
    half = [*GOLD[:20], *ALWAYS_POSITIVE[20:]]  # right on all of ten films, on one item each of the other ten
    gain, said, page = gain_of(controlled(tmp_path, half, GOLD))
    assert [gain[key]["value"] for key in ("before", "control", "after")] == [0.5, 0.75, 1.0]
    assert gain["format"]["value"] + gain["skill"]["value"] == pytest.approx(gain["total"]["value"], abs=1e-12)
    assert gain["balance"]["value"] == 0
    # each of 20 films adds 2 × control − base − checkpoint: +1 item of 40 for ten films, −1 for the others
    films = np.array([1.0] * 10 + [-1.0] * 10)
    left_out = (films.sum() - films) / 38
    error = np.sqrt(19 / 20 * ((left_out - left_out.mean()) ** 2).sum())
    assert ends(gain["balance"])[1] == pytest.approx(stats.t.ppf(0.975, 19) * error)
    assert (gain["balance"]["n"], gain["balance"]["clusters"]) == (40, 20)
    assert said == "control_not_told"
    assert gain["rows"]["value"] == 200
    assert "not clearly on either side of zero" in page


def test_no_gain_is_not_divided(tmp_path: Path) -> None:
    gain, said, _ = gain_of(controlled(tmp_path, GOLD, ALWAYS_POSITIVE))
    assert (gain["format"]["value"], gain["skill"]["value"], said) == (0.5, -0.5, "control_no_gain")


@pytest.mark.parametrize(
    ("recipe", "why"),
    [
        ({"shuffle_targets": None}, "does not say that its rows had the targets of others"),
        ({"epochs": 2.0}, "trained by another recipe than the checkpoint: epochs"),
    ],
)
def test_a_control_of_another_training_is_refused(tmp_path: Path, recipe: dict[str, Any], why: str) -> None:
    gain, said, page = gain_of(controlled(tmp_path, GOLD, **recipe))
    assert why in gain["absent"]["missing"]
    assert said == "control_missing"
    assert "is not set beside a control: the control" in page


def test_a_control_of_other_weights_rows_or_items_is_refused(tmp_path: Path) -> None:
    study = controlled(tmp_path, GOLD)
    home = folder_of(study) / "checkpoints" / f"{NAME}-shuffled-targets" / "finetune.json"
    record = json.loads(home.read_text(encoding="utf-8"))
    change_json(home, base={**record["base"], "fingerprint": "0" * 64})
    assert "trained from other base weights" in gain_of(study)[0]["absent"]["missing"]
    change_json(home, base=record["base"], data={**record["data"], "fingerprint": "0" * 64})
    assert "trained on other rows" in gain_of(study)[0]["absent"]["missing"]
    change_json(home, data=record["data"], dtype="bfloat16")
    assert "trained in another dtype" in gain_of(study)[0]["absent"]["missing"]
    change_json(home, dtype=record["dtype"])
    samples = folder_of(study) / "scores" / f"{NAME}-shuffled-targets" / "reviews" / "samples.jsonl"
    kept = samples.read_text(encoding="utf-8").replace("item 7 of", "item 7 or")
    samples.write_text(kept.replace(json.loads(kept.splitlines()[7])["doc_hash"], "0" * 64), encoding="utf-8")
    assert "the scored items differ: 39 are the same" in gain_of(study)[0]["absent"]["missing"]


def test_a_control_is_no_checkpoint_of_the_study(tmp_path: Path) -> None:
    study = controlled(tmp_path, GOLD)
    gain_of(study)
    facts = json.loads((folder_of(study) / "facts.json").read_text(encoding="utf-8"))
    assert [one["name"]["value"] for one in facts["checkpoints"]] == [NAME]
    assert [one["checkpoint"]["value"] for one in facts["tasks"][0]["comparisons"]] == [NAME]
    assert facts["family"]["size"]["value"] == 1
    assert facts["spreads"] == []


def test_a_control_that_was_not_scored_is_told(tmp_path: Path) -> None:
    asked = {"tasks": {"reviews": {}}, "experiments": {"control": "shuffled-targets"}}
    gain, said, _ = gain_of(write_study(tmp_path, passages=(None, None), **asked))
    assert "it has not been scored" in gain["absent"]["missing"]
    assert said == "control_missing"


def test_compare_leaves_a_control_out_unless_it_is_named(tmp_path: Path) -> None:
    folder = folder_of(controlled(tmp_path, GOLD))
    control = folder / "scores" / f"{NAME}-shuffled-targets"
    assert {entry.own for entry in read_all([folder]).entries} == {"base", NAME}
    assert {entry.own for entry in read_all([control]).entries} == {control.name}
    home = folder / "checkpoints" / control.name / "finetune.json"
    change_json(home, recipe={"epochs": 1.0})  # a name alone makes no control
    assert {entry.own for entry in read_all([folder]).entries} == {"base", NAME, control.name}
