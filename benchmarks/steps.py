"""What a trainer did in each of its steps, whichever trainer it is."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor
from transformers import Trainer

from finetune.batches import IGNORED


@dataclass(frozen=True)
class Step:
    """One forward and backward pass. ``positions`` are all tokens that went through the model, with the padding."""

    rows: int
    supervised_tokens: int
    positions: int
    loss: Tensor


def watch(trainer: Trainer) -> list[Step]:
    """Returns a list that grows by a `Step` with each step that ``trainer`` makes from now on."""
    steps: list[Step] = []
    training_step = trainer.training_step

    def watched(model: Any, inputs: dict[str, Any], *rest: Any, **options: Any) -> Tensor:
        rows = len(inputs.get("rows", inputs["input_ids"]))  # ours puts several rows into one sequence, and counts them
        supervised, positions = int((inputs["labels"] != IGNORED).sum()), inputs["input_ids"].numel()
        loss = training_step(model, inputs, *rest, **options)
        steps.append(Step(rows, supervised, positions, loss.detach()))
        return loss

    trainer.training_step = watched  # type: ignore[method-assign]
    return steps
