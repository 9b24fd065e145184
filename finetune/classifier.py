"""The classifier: a linear layer on the last token of the task's own prompt, one output a choice.

Axes: B rows in a batch, T tokens in the longest of them, L labels.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from finetune.batches import IGNORED, Group, padded
from finetune.heads import Head
from finetune.rows import Renderer, Row
from finetune.supervised import correct, items, loss
from harness_tasks.choices import gold_choice
from harness_tasks.errors import UserError
from harness_tasks.lengths import encode_pair
from harness_tasks.loading import doc_hash

__all__ = [
    "HEAD", "SHARES_PREFIXES", "collate", "correct", "items", "labels_of", "logits", "loss", "row", "stop_ids",
]  # fmt: skip

HEAD: Head = "sequence-classification"
SHARES_PREFIXES = False


def labels_of(task: Any) -> tuple[str, ...]:
    """Returns the labels of the head, the task's choices in their order.

    Where each document has choices of its own, the labels are their numbers.

    Raises:
        UserError: the task is not of the kind multiple_choice, or its documents differ in how many choices they have.
    """
    if task.OUTPUT_TYPE != "multiple_choice":
        raise UserError(
            f"{task.task_name} is a task of the kind {task.OUTPUT_TYPE}",
            "a classifier has an output for each choice, and there are none to choose from",
            "take --head question-answering where the answer is a span of a passage, or --head causal",
        )
    return choices_among(task, task.training_docs())


def choices_among(task: Any, docs: Iterable[Any]) -> tuple[str, ...]:
    """Returns the choices that a task's ``docs`` share, in their order, or their numbers; raises as `labels_of`."""
    found = {tuple(task.doc_to_choice(doc)) for doc in docs}
    numbers = {len(choices) for choices in found}
    if len(numbers) > 1:
        raise UserError(
            f"the documents of {task.task_name} have {min(numbers)} to {max(numbers)} choices",
            "a classifier has the same outputs for every document",
            "take --head causal, which compares the choices as text",
        )
    if len(found) == 1:
        return tuple(str(choice) for choice in found.pop())
    return tuple(f"choice {number + 1}" for number in range(numbers.pop()))


def row(
    renderer: Renderer, doc: dict[str, Any], *, cluster: str | None, text: str, target: dict[str, Any] | None = None
) -> Row:
    """Returns ``doc`` as a training row: the prompt, cut where the scored one is cut, and the right choice's index.

    ``target``: the document whose choice it is, in a control; None: ``doc``.
    """
    prompt_ids, _ = encode_pair(renderer.tokenizer, *renderer.requests(doc)[0].args)
    return Row(doc_hash(doc), cluster, text, tuple(prompt_ids), label=gold_choice(renderer.task, target or doc))


def stop_ids(renderer: Renderer) -> tuple[int, ...]:
    """Returns the ids that end an answer: none, nothing is written."""
    return ()


def collate(groups: Sequence[Group], *, pad_id: int) -> dict[str, Any]:
    """Returns one batch: ``input_ids`` and ``attention_mask`` (B, T), padded on the right, and ``labels`` (B,)."""
    rows = [group.rows[0] for group in groups]
    ids, mask = padded([row.prompt_ids for row in rows], pad_id=pad_id)
    labels = torch.tensor([IGNORED if row.label is None else row.label for row in rows])
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def logits(model: Any, batch: dict[str, Any]) -> Tensor:
    """Returns the logits of the supervised rows, (items, L) in float32."""
    found = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False).logits
    return found[batch["labels"] != IGNORED].float()
