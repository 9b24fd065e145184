"""What is said of several comparisons together: correction, seeds, methods."""

from pathlib import Path
from typing import Any

import pytest

from report.page.build import build_report
from report.page.whole import collect
from studies import load_study
from tests.report.synthetic import (
    ALWAYS_POSITIVE,
    GOLD,
    LEARNED,
    NEVER_ABSTAINS,
    PASSAGES,
    REVIEWS,
    TWO_WRONG,
    folder_of,
    write_checkpoint,
    write_overlap,
    write_scores,
    write_study,
)


def collected(study: Path) -> dict[str, Any]:
    return collect(load_study(study), study, folder_of(study)).as_json()


def add(study: Path, method: str, seed: int, predictions: dict[str, Any]) -> None:
    """Adds checkpoints of another method or seed to a synthetic study."""
    for task, predicted in predictions.items():
        name = f"{task}-{method}-seed{seed}"
        write_scores(folder_of(study), name, task, predicted)
        write_checkpoint(folder_of(study), name, task)
        write_overlap(folder_of(study), name, task)


def page(study: Path) -> str:
    build_report(study, output=folder_of(study))
    return (folder_of(study) / "report.md").read_text(encoding="utf-8")


def test_primary_p_values_are_corrected_over_the_study(tmp_path: Path) -> None:
    facts = collected(write_study(tmp_path))
    scores = [c["scores"][0] for task in facts["tasks"] for c in task["comparisons"]]
    p = [score["p_value"]["value"] for score in scores]
    assert facts["family"]["size"]["value"] == 2
    # Holm over two: the smaller one doubled, the larger one no less than that.
    low, high = sorted(p)
    assert sorted(score["adjusted"]["value"] for score in scores) == pytest.approx([2 * low, max(2 * low, high)])
    others = [score for task in facts["tasks"] for score in task["comparisons"][0]["scores"][1:]]
    assert all("missing" in score["adjusted"] for score in others)


def test_a_null_result_says_what_could_have_been_found(tmp_path: Path) -> None:
    text = page(write_study(tmp_path, reviews=(ALWAYS_POSITIVE, [1, 0, *[1] * 38])))
    # One cluster of 20 gains half: standard error 0.025; (2.093 + 0.861) · 0.025 by t(19) at 0.975 and 0.8.
    told = "not significant: p 1.000, Holm-adjusted p 1.000; minimum detectable effect 0.074 at a power of 80.0 %"
    assert f"| `reviews`, LoRA, seed 1 | {told}: a smaller one can have gone unseen |" in text


def test_several_seeds_show_their_spread_apart(tmp_path: Path) -> None:
    study = write_study(tmp_path, seeds=[1, 2])
    add(study, "lora", 2, {REVIEWS: GOLD, PASSAGES: LEARNED})
    facts = collected(study)
    reviews, passages = facts["spreads"]
    # Accuracies 0.95 and 1: mean 0.975, deviation 0.05 / √2; t(1) is 12.7062.
    assert reviews["mean"]["value"] == pytest.approx(0.975)
    assert reviews["deviation"]["value"] == pytest.approx(0.0353553, abs=1e-6)
    assert reviews["mean"]["interval"]["upper"] == pytest.approx(0.975 + 12.7062 * 0.025, abs=1e-4)
    assert passages["deviation"]["value"] == 0
    assert "no_interval" in passages["mean"]
    text = page(study)
    assert "accuracy over 2 seeds of `lora` lies between 0.950 and 1.000: mean 0.975" in text
    assert "One training seed" not in text


def test_methods_are_equivalent_only_within_the_margin(tmp_path: Path) -> None:
    study = write_study(tmp_path, methods=["lora", "full"], equivalence_margin=0.2)
    add(study, "full", 1, {REVIEWS: TWO_WRONG, PASSAGES: NEVER_ABSTAINS})
    facts = collected(study)
    reviews, passages = facts["equivalences"]
    assert reviews["difference"]["value"] == 0
    assert reviews["margin"]["value"] == pytest.approx(0.2)
    assert passages["difference"]["value"] == pytest.approx(-170 / 3)
    assert passages["margin"]["value"] == pytest.approx(20)
    text = page(study)
    assert "`passages-full-seed1` minus that of `passages-lora-seed1` is −56.67" in text
    assert "a clear difference, and equality is not shown (a margin of 20.00" in text
    assert facts["family"]["size"]["value"] == 4


def test_one_seed_and_one_method_have_no_such_section(tmp_path: Path) -> None:
    text = page(write_study(tmp_path))
    assert "### Several seeds" not in text
    assert "### Methods side by side" not in text
    assert "One training seed (1): the intervals cover the sampling of items only;" in text
