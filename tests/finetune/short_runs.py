"""Training runs of a second or two: the tiny model on the demo's questions with passages of 40 characters."""

from pathlib import Path
from typing import Any

from finetune.recipe import Recipe
from finetune.run import Run

TASK, TASKS = "short_passages", Path(__file__).parent / "tasks"
RECIPE = Recipe(epochs=2, batch_size=7, lora_r=4, save_steps=2)


def run_of(model: Path, output: Path, **changes: Any) -> Run:
    """Returns a run of two epochs over 28 rows with LoRA of rank 4, but for ``changes``; its checkpoint is not proven,
    which takes a process of its own."""
    values: dict[str, Any] = {"recipe": RECIPE, "train_rows": 28, "dtype": "float32", "device": "cpu", "proof": False}
    values["command"] = "the command"
    return Run(model=str(model), output=output, **{"task": TASK, "include_path": TASKS, **values, **changes})
