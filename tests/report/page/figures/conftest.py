"""The facts of the synthetic study, and of one whose checkpoints had a development split and different tokens."""

from pathlib import Path
from typing import Any

import pytest

from tests.report.synthetic import GOLD, TWO_WRONG, change_json, folder_of, write_checkpoint, write_scores, write_study

DEV_CURVE = [
    {"step": 5, "epoch": 0.4, "loss": 0.9, "accuracy": 0.5},
    {"step": 10, "epoch": 0.8, "loss": 0.4, "accuracy": 0.75},
    {"step": 13, "epoch": 1.0, "loss": 0.45, "accuracy": 0.7},
]


def facts_of(study: Path) -> dict[str, Any]:
    """Returns the facts of a study as they stand in its facts.json."""
    from report.page.whole import collect
    from studies import load_study

    return collect(load_study(study), study, folder_of(study)).as_json()


@pytest.fixture(scope="session")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Facts of two tasks with a checkpoint each."""
    return facts_of(write_study(tmp_path_factory.mktemp("figures")))


@pytest.fixture(scope="session")
def long_facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Facts of three checkpoints of the reviews, of 12,345 and twice 24,690 tokens; one had a development split."""
    study = write_study(tmp_path_factory.mktemp("long"), methods=["lora", "full"], seeds=[1, 2])
    folder = folder_of(study)
    for name, labels in (("full-seed1", GOLD), ("lora-seed2", TWO_WRONG)):
        write_scores(folder, f"reviews-{name}", "reviews", labels)
        write_checkpoint(folder, f"reviews-{name}", "reviews")
        record = folder / "checkpoints" / f"reviews-{name}" / "finetune.json"
        change_json(record, tokens={"input": 24690, "supervised": 800})
    record = folder / "checkpoints" / "reviews-lora-seed1" / "finetune.json"
    change_json(record, dev_curve=DEV_CURVE, chosen_step=10)
    return facts_of(study)
