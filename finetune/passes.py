"""Which rows go through a model together: those that are read so as they are read alone, which is tried.

Windows, chunked attention, ALiBi, state-space layers and rotary embeddings that depend on the longest row of a batch
are no exceptions that anybody lists here: a model that reads rows otherwise in company reads them one by one.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from finetune import causal
from finetune.batches import Group
from finetune.heads import without_adapter
from finetune.rows import Row
from harness_tasks.models.batch_effects import LONG_TOKENS, changes, tolerance, trial_text


def logits(formulation: Any, model: Any, batch: dict[str, Any], *, alone_over: int | None) -> Tensor:
    """Returns the logits of a batch as the formulation has them; each row is read by itself where one is too long.

    ``alone_over``: the tokens over which a row must be read alone (`neighbours.alone_over`), or None.
    """
    if alone_over is None or int(batch["attention_mask"].sum(-1).max()) <= alone_over:
        found: Tensor = formulation.logits(model, batch)
        return found
    rows = [formulation.logits(model, row) for row in _rows(batch)]
    longest = max(part.shape[1] for part in rows)
    if rows[0].dim() == 3:  # a span reader's: a position that a row has not is as unlikely as one of padding
        rows = [F.pad(part, (0, 0, 0, longest - part.shape[1]), value=float("-inf")) for part in rows]
    return torch.cat(rows)


def takes_groups(model: Any, rows: Sequence[Row]) -> bool:
    """Returns whether ``model``, a causal LM, reads rows that share a prefix in one sequence as it reads each alone.

    It needs an attention that takes a mask of which position sees which (sdpa does). It is tried, past the lengths at
    which the configuration lets the model read otherwise; where ``rows`` are longer than can be tried, it is not done.
    """
    inner = without_adapter(model)
    if getattr(inner.config, "_attn_implementation", None) != "sdpa":
        return False
    tried, untried = changes(inner.config)
    if untried is not None and any(row.length > untried for row in rows):
        return False
    was_training = model.training
    model.eval()
    try:
        same = all(_reads_group(model, max(LONG_TOKENS, length)) for length in [0, *tried])
    except Exception:  # a mask of this shape is nothing that the architecture takes
        same = False
    model.train(was_training)
    return same


def _reads_group(model: Any, tokens: int) -> bool:
    """Returns whether two rows with a prefix of ``tokens`` in common have, in a group, the logits they have alone."""
    config, device = without_adapter(model).config, next(model.parameters()).device
    text = trial_text(config, tokens + 12)
    prefix, rests = text[:tokens], (text[tokens:], trial_text(config, 9, 5))
    rows = [Row("", None, "", (*prefix, *rest[:-1]), tuple(rest[-1:])) for rest in rests]

    def read(groups: list[Group]) -> Tensor:
        batch = causal.collate(groups, pad_id=0)
        return causal.logits(model, {name: value.to(device) for name, value in batch.items()})

    with torch.no_grad():
        together = read([Group(tuple(rows), tokens)])
        alone = torch.cat([read([Group((row,), 0)]) for row in rows])
    return torch.allclose(together, alone, atol=tolerance(without_adapter(model), alone), rtol=1e-3)


def _rows(batch: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yields each row of a batch as a batch of its own, without padding."""
    for b, length in enumerate(batch["attention_mask"].sum(-1).tolist()):
        row = {name: value[b : b + 1, :length] for name, value in batch.items() if name not in _WHOLE}
        row["labels"] = batch["labels"][b : b + 1]
        if "logits_to_keep" in batch:
            own = batch["logits_to_keep"] < length
            row["logits_to_keep"], row["labels"] = batch["logits_to_keep"][own], row["labels"][:, own]
        yield row


_WHOLE = ("labels", "logits_to_keep")
"""What of a batch is not (rows, tokens)."""
