"""A training run of a family's model on eight rows, proven and merged in this process."""

from pathlib import Path
from typing import Any

import pytest

from finetune.merge import merge
from finetune.proof import examine
from finetune.recipe import Recipe
from finetune.run import Run
from finetune.train import train
from harness_tasks import TASKS_PATH

RECIPE = Recipe(epochs=1, batch_size=4, lora_r=2, save_steps=100, warmup_ratio=0.0)
TASKS = {"causal": ("short_passages", Path(__file__).parent.parent / "finetune" / "tasks"),
         "sequence-classification": ("reviews_demo", TASKS_PATH)}  # fmt: skip


def run_of(model: Path, output: Path, method: Any, head: Any = "causal") -> Run:
    """Returns the run: two steps of four rows."""
    task, include_path = TASKS[head]
    return Run(
        model=str(model), task=task, output=output, method=method, head=head, recipe=RECIPE, train_rows=8,
        include_path=include_path, dtype="float32", device="cpu", command="the command",
    )  # fmt: skip


def trained(run: Run, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Returns the checkpoint; its proof is made here, since a process of its own takes seconds to import what it needs.

    Raises `GuardError` where a check of the proof fails.
    """
    monkeypatch.setattr("finetune.train.prove", examine)
    return train(run)


def merged(adapter: Path) -> Path:
    """Returns the merged model beside the adapter."""
    return merge(adapter, output=adapter.with_name(adapter.name + "-merged"))
