"""Scores and checkpoints of other base weights, or of unknown ones, are not set against each other."""

import json
from pathlib import Path
from typing import Any

import pytest

from report.facts.across import spreads
from report.facts.schema.scores import Comparison, MetricScores, ScoredTask
from report.facts.values import missing
from report.page.build import build_report
from tests.oracle import check
from tests.report.some_facts import known
from tests.report.synthetic import FINGERPRINT, PASSAGES, REVIEWS, change_json, folder_of, write_study

FIRST, SECOND = "1" * 40, "2" * 40
CHECKPOINT = f"{REVIEWS}-lora-seed1"


def facts_and_page(study: Path) -> tuple[dict[str, Any], str]:
    """Returns the study's facts and its page, which is verified."""
    build_report(study, output=folder_of(study))
    facts = json.loads((folder_of(study) / "facts.json").read_text())
    page = (folder_of(study) / "report.md").read_text()
    assert check(page, facts) == []
    return facts, page


def of_the_hub(study: Path, *, scored_at: dict[str, dict[str, Any]]) -> Path:
    """Makes the base model one of the Hub, at the first commit; ``scored_at``: what the results say, by checkpoint."""
    folder = folder_of(study)
    change_json(folder / "model.json", fingerprint=FIRST, revision=FIRST)
    for task in (REVIEWS, PASSAGES):
        write_base(folder, f"{task}-lora-seed1", FIRST)
        for name in ("base", f"{task}-lora-seed1"):
            said = scored_at.get(name, {"revision": FIRST})
            arguments = {"pretrained": "ada/base", "revision": said.get("revision")}
            arguments |= {} if name == "base" else {"peft": f"build/trial/checkpoints/{name}"}
            results = folder / "scores" / name / task / "results.json"
            config = json.loads(results.read_text())["config"]
            config |= {"model_args": arguments, "model_sha": said.get("model_sha", "")}
            change_json(results, config=config)
    return study


def write_base(folder: Path, checkpoint: str, fingerprint: str | None) -> None:
    """Changes which base weights a checkpoint's record names."""
    change_json(folder / "checkpoints" / checkpoint / "finetune.json", base={"fingerprint": fingerprint})


def compared(facts: dict[str, Any], task: int = 0) -> Any:
    """Returns the primary metric's difference."""
    return next(score for score in facts["tasks"][task]["comparisons"][0]["scores"] if score["primary"])["difference"]


def test_one_commit_throughout_is_compared_and_named(tmp_path: Path) -> None:
    facts, page = facts_and_page(of_the_hub(write_study(tmp_path), scored_at={}))
    assert compared(facts)["value"] == pytest.approx(0.45)
    assert f"| commit on the Hub | {FIRST} |" in page


@pytest.mark.parametrize(
    ("name", "said", "reason"),
    [
        ("base", {"revision": SECOND}, "is of the base model's commit 222222222222, not of 111111111111"),
        (CHECKPOINT, {"revision": SECOND}, "is of the base model's commit 222222222222, not of 111111111111"),
        ("base", {"model_sha": SECOND}, "is of the base model's commit 222222222222, not of 111111111111"),
        ("base", {"revision": "main", "model_sha": SECOND}, "is of the base model's commit 222222222222"),
        ("base", {}, "does not say at which commit the base model was scored"),
    ],
)
def test_scores_at_another_commit_are_refused(tmp_path: Path, name: str, said: dict[str, Any], reason: str) -> None:
    facts, page = facts_and_page(of_the_hub(write_study(tmp_path), scored_at={name: said}))
    assert reason in compared(facts)["missing"]
    assert facts["tasks"][0]["comparisons"][0]["transitions"] is None
    assert reason in page
    assert "rose" not in page.split("## ")[1]


def test_the_sha_that_lm_eval_found_is_as_good_as_a_revision(tmp_path: Path) -> None:
    said = {"revision": "main", "model_sha": FIRST}
    facts, _ = facts_and_page(of_the_hub(write_study(tmp_path), scored_at={"base": said, CHECKPOINT: said}))
    assert compared(facts)["value"] == pytest.approx(0.45)


@pytest.mark.parametrize(
    ("of_the_model", "of_the_checkpoint", "reason"),
    [
        (FINGERPRINT, "de" * 32, f"from other base weights (dededededede) than these ({FINGERPRINT[:12]})"),
        (FINGERPRINT, None, "which base weights the checkpoint was trained from is not recorded"),
        (None, FINGERPRINT, "which weights the base model has is not recorded"),
    ],
)
def test_a_checkpoint_of_other_or_unknown_weights_is_not_compared(
    tmp_path: Path, of_the_model: str | None, of_the_checkpoint: str | None, reason: str
) -> None:
    study = write_study(tmp_path)
    change_json(folder_of(study) / "model.json", fingerprint=of_the_model)
    write_base(folder_of(study), CHECKPOINT, of_the_checkpoint)
    facts, page = facts_and_page(study)
    assert reason in compared(facts)["missing"]
    assert reason in page


def test_a_seed_on_other_weights_is_no_seed_of_the_others() -> None:
    def run(value: float, other: str | None) -> Comparison:
        score = MetricScores.model_construct(primary=True, after=known(value, "proportion"), label=known("accuracy"))
        return Comparison.model_construct(
            scores=[score],
            trained_on=known("t"),
            method=known("lora"),
            other_base=missing(other) if other else None,
        )

    def values(*runs: Comparison) -> list[tuple[int, float]]:
        found = spreads([ScoredTask.model_construct(name=known("t"), comparisons=list(runs))])
        return [(one.seeds.value, one.mean.value) for one in found]

    one, two, moved = run(0.5, None), run(0.7, None), run(0.1, "of other weights")
    assert values(one, two, moved) == [(2, pytest.approx(0.6))]
    assert values(one, moved) == []
