"""What the causal head and the classifier share: one label at each supervised position, the others being `IGNORED`."""

from typing import Any

from torch import Tensor, nn

from finetune.batches import IGNORED


def loss(logits: Tensor, batch: dict[str, Any]) -> Tensor:
    """Returns the summed negative log-likelihood, in nats, of the labels under ``logits``, (items, classes)."""
    return nn.functional.cross_entropy(logits, _labels(batch), reduction="sum")


def items(batch: dict[str, Any]) -> int:
    """Returns how many supervised positions a batch has: target tokens, or rows with a label."""
    return len(_labels(batch))


def correct(logits: Tensor, batch: dict[str, Any]) -> int:
    """Returns at how many supervised positions the label is the likeliest class; of a tie the first class counts."""
    return int((logits.argmax(-1) == _labels(batch)).sum())


def _labels(batch: dict[str, Any]) -> Tensor:
    return batch["labels"][batch["labels"] != IGNORED]
