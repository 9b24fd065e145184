"""One finished training run for the tests that only look at what it wrote."""

from pathlib import Path

import pytest


@pytest.fixture(scope="package")
def checkpoint(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA checkpoint of the tiny model."""
    from short_runs import run_of

    from finetune.train import train

    return train(run_of(tiny_model, tmp_path_factory.mktemp("train") / "short_passages-lora-seed1"))
