"""A merged model beside its adapter on a page: what is measured of the two, and their scores item by item."""

import json
from pathlib import Path
from typing import Any

import pytest

from report.page.build import build_report
from report.verify.report import verify_report
from tests.oracle import check
from tests.report.synthetic import (
    GOLD,
    NEVER_ABSTAINS,
    TWO_WRONG,
    folder_of,
    write_elsewhere,
    write_merge,
    write_scores,
    write_study,
)  # fmt: skip


def built(root: Path, **pair: Any) -> tuple[dict[str, Any], str]:
    """Returns facts and page of a study whose adapter has 2 of 40 reviews wrong, and whose merge has none wrong."""
    study = write_study(
        root,
        checkpoints=[{"path": "runs/mine"}, {"path": "runs/whole"}],
        reviews=(TWO_WRONG, None),
        passages=(NEVER_ABSTAINS, None),
    )
    folder = folder_of(study)
    for name, kind, predicted in (("mine", "adapter", TWO_WRONG), ("whole", "model", GOLD)):
        write_scores(folder, name, "reviews", predicted)
        write_elsewhere(folder, name, kind=kind)
    write_merge(folder, "mine", "whole", **pair)
    build_report(study, output=folder)
    page = (folder / "report.md").read_text(encoding="utf-8")
    facts: dict[str, Any] = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    assert check(page, facts) == []
    assert verify_report(folder / "report.md").problems == []
    return facts, page


def test_a_merge_that_kept_its_adapter(tmp_path: Path) -> None:
    facts, page = built(tmp_path)
    (merge,) = facts["merges"]
    assert merge["share"]["value"] == pytest.approx(0.005 / 0.5)
    assert merge["same"]["value"] == pytest.approx(199 / 200)
    (score,) = merge["scores"]  # both were scored on one of the two tasks
    assert score["difference"]["value"] == pytest.approx(2 / 40)  # 40 right beside 38
    assert (score["same"]["value"], score["same"]["n"]) == (38, 40)
    said = " ".join(page.split())
    assert "`whole` is a merge of the adapter `mine`: `merged_from.json` names it, and the weights show it" in said
    assert "`whole` kept the adapter `mine`: on 8 items of `reviews` (200 positions, float32)" in said
    assert "by 0.005 on average, 1.0 % of what the adapter changes" in said
    assert "| reviews, accuracy | +0.050 [" in said


@pytest.mark.parametrize(
    ("pair", "sentence"),
    [
        ({"mean": 0.3}, "`whole` did not keep the adapter `mine`: on 8 items"),
        ({"mean": 0.1}, "`whole` is near the adapter `mine`, and not the same: on 8 items"),
        ({"effect": 0.0}, "is not judged: the adapter changes no logit"),
        ({"effect": None}, "is not judged: the base model has no such head"),
    ],
)
def test_what_a_merge_lost_is_told(pair: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    logits = {"rows": 8, "most_tokens": 256, "positions": 200, "dtype": "float32", "device": "cpu", "same": 199}
    logits |= {"largest": 0.5, "mean": 0.1, "effect": 0.5, "divergence": 0.1}
    _, page = built(tmp_path, logits=logits | pair)
    assert sentence in page


def test_a_file_that_the_weights_deny_is_told(tmp_path: Path) -> None:
    _, page = built(
        tmp_path, in_weights=False, cosine=0.1, other_tensors=3, logits={"not_measured": "the adapter cannot be loaded"}
    )
    assert "`merged_from.json` of `whole` names the adapter `mine`, and the weights do not show that" in page
    assert "other tensors that differ: 3" in page
    assert "was not measured: the adapter cannot be loaded" in page
    assert "Checks: some objected" in page


def test_of_models_that_are_no_merge_nothing_is_said(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    (folder_of(study) / "merges.json").write_text(json.dumps({"pairs": []}), encoding="utf-8")
    build_report(study, output=folder_of(study))
    assert "merges" not in json.loads((folder_of(study) / "facts.json").read_text(encoding="utf-8"))
