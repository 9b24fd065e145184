"""Whether our trainer and TRL's learn the same from the same batches: each step's loss, and the weights at the end."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Trainer

from benchmarks import contenders
from benchmarks.steps import watch
from finetune.prepare import prepare
from finetune.run import Run

TOLERANCE = 1e-3
"""Largest difference of a step's loss, in nats a token."""


@dataclass(frozen=True)
class Equality:
    """Both loss curves (a step's mean over its supervised tokens, in nats), and how far the trained weights are apart.

    ``weight_difference`` is the norm of the difference of all trained weights, over the norm of what training changed.
    """

    task: str
    rows_per_step: float
    losses: tuple[float, ...]
    trl_losses: tuple[float, ...]
    weight_difference: float

    @property
    def largest_difference(self) -> float:
        """The largest difference of a step's loss."""
        return max(abs(ours - theirs) for ours, theirs in zip(self.losses, self.trl_losses, strict=True))

    @property
    def holds(self) -> bool:
        """Whether the curves are equal within `TOLERANCE`; a loss that is no number is equal to none."""
        return self.largest_difference <= TOLERANCE

    def as_json(self) -> dict[str, Any]:
        """Returns the comparison for a JSON file."""
        return asdict(self) | {"largest_difference": self.largest_difference, "tolerance": TOLERANCE}


def compare(run: Run, *, steps: int) -> Equality:
    """Returns how ours and TRL's differ after about ``steps`` steps in float32, on one epoch of the run's first rows.

    Ours makes the batches; TRL's gets the same rows in the same steps, and starts from the same LoRA matrices.
    """
    run = replace(run, dtype="float32", train_rows=steps * run.recipe.batch_size)
    prepared = prepare(run)
    with TemporaryDirectory() as folder:
        batches: list[list[int]] = []
        ours = contenders.aftertune(prepared, folder=Path(folder), trained=batches.append)
        before = _trained_weights(ours)
        losses = _losses(ours)
        theirs = contenders.trl(prepared, folder=Path(folder), rows_per_step=run.recipe.batch_size, batches=batches)
        _put(before, theirs)
        trl_losses = _losses(theirs)
    after, trl_after = _trained_weights(ours), _trained_weights(theirs)
    return Equality(
        task=run.task,
        rows_per_step=len(prepared.rows) / len(batches),
        losses=losses,
        trl_losses=trl_losses,
        weight_difference=_distance(after, trl_after) / _distance(after, before),
    )


def _losses(trainer: Trainer) -> tuple[float, ...]:
    watched = watch(trainer)
    trainer.train()
    return tuple(float(step.loss) for step in watched)


def _trained_weights(trainer: Trainer) -> dict[str, Tensor]:
    return {name: weight.detach().cpu().clone() for name, weight in _trained(trainer).items()}


def _put(weights: dict[str, Tensor], trainer: Trainer) -> None:
    into = _trained(trainer)
    if into.keys() != weights.keys():
        raise RuntimeError(f"the two train other weights: {sorted(into.keys() ^ weights.keys())[:4]}")
    with torch.no_grad():
        for name, weight in into.items():
            weight.copy_(weights[name])


def _trained(trainer: Trainer) -> dict[str, nn.Parameter]:
    model: Any = trainer.model
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def _distance(left: dict[str, Tensor], right: dict[str, Tensor]) -> float:
    return float(sum(((left[name] - right[name]).double() ** 2).sum() for name in left) ** 0.5)
