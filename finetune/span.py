"""The span reader: it marks the first and the last token of the answer in the passage.

Its prompt has the question first, since the tokens of a passage that a causal model reads first cannot see the
question. "No answer" is the last token, which has seen everything; the first token's logit is the same for every input.

Axes: B rows in a batch, T tokens in the longest of them.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from finetune.batches import IGNORED, Group, padded
from finetune.heads import Head
from finetune.rows import Renderer, Row
from harness_tasks.errors import UserError
from harness_tasks.loading import doc_hash
from harness_tasks.spans import SpanInput, is_span_doc, span_input, span_labels

HEAD: Head = "question-answering"
SHARES_PREFIXES = False


def labels_of(task: Any) -> tuple[str, ...]:
    """Returns the labels of the head: none, its two outputs are the ends of a span.

    Raises:
        UserError: the task's documents have not SQuAD's fields.
    """
    docs = task.training_docs()
    if len(docs) and not is_span_doc(docs[0]):
        raise UserError(
            f"the documents of {task.task_name} have the fields {', '.join(docs[0])}",
            "a span reader marks an answer in a passage, so it needs SQuAD's fields question, context and answers",
            "take --head sequence-classification for a task with choices, or --head causal",
        )
    return ()


def row(
    renderer: Renderer, doc: dict[str, Any], *, cluster: str | None, text: str, target: dict[str, Any] | None = None
) -> Row:
    """Returns ``doc`` as a training row: question, passage and end token, and where the first answer stands in it.

    ``target``: the document whose answer it is, in a control; None: ``doc``. Of an answer from another passage, as
    where a passage has one question alone, its place there is marked: a control learns where answers stand, and how
    long they are, and none that is right.
    """
    found = span_input(renderer.tokenizer, question=doc["question"], passage=doc["context"])
    if target is None or target["context"] == doc["context"]:
        return Row(doc_hash(doc), cluster, text, tuple(found.ids), span=span_labels(found, (target or doc)["answers"]))
    other = span_input(renderer.tokenizer, question=target["question"], passage=target["context"])
    labels = span_labels(other, target["answers"])
    span = moved(labels, other, found) if target["answers"]["text"] else (len(found.ids) - 1,) * 2
    return Row(doc_hash(doc), cluster, text, tuple(found.ids), span=span)


def moved(labels: tuple[int, int], of: SpanInput, to: SpanInput) -> tuple[int, int]:
    """Returns the span as far from the passage's first token in ``to`` as ``labels`` are in ``of``.

    Where that passage is too short, the span ends at its last token, and is cut where it is longer than the passage.
    """
    (first, last), (begin, _), (here, end) = labels, _passage(of), _passage(to)
    more = min(last - first, end - here)
    start = min(here + first - begin, end - more)
    return start, start + more


def _passage(span: SpanInput) -> tuple[int, int]:
    """Returns the first and the last token of the passage."""
    inside = [at for at, (begin, stop) in enumerate(span.offsets) if begin < stop]
    return inside[0], inside[-1]


def stop_ids(renderer: Renderer) -> tuple[int, ...]:
    """Returns the ids that end an answer: none, nothing is written."""
    return ()


def collate(groups: Sequence[Group], *, pad_id: int) -> dict[str, Any]:
    """Returns one batch: ``input_ids`` and ``attention_mask`` (B, T), padded on the right, and ``labels`` (B, 2)."""
    rows = [group.rows[0] for group in groups]
    ids, mask = padded([row.prompt_ids for row in rows], pad_id=pad_id)
    labels = torch.tensor([row.span or (IGNORED, IGNORED) for row in rows])
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def logits(model: Any, batch: dict[str, Any]) -> Tensor:
    """Returns each supervised row's logits of being the first and the last token, (items, T, 2) in float32.

    A padded position gets minus infinity.
    """
    found = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False)
    ends = torch.stack([found.start_logits, found.end_logits], dim=-1).float()
    ends = ends.masked_fill(batch["attention_mask"].unsqueeze(-1) == 0, float("-inf"))
    return ends[batch["labels"][:, 0] != IGNORED]


def loss(logits: Tensor, batch: dict[str, Any]) -> Tensor:
    """Returns the negative log-likelihood of both ends in nats, their mean, summed over rows (as `run_qa` has it)."""
    labels = batch["labels"][batch["labels"][:, 0] != IGNORED]
    return nn.functional.cross_entropy(logits, labels, reduction="sum") / 2


def items(batch: dict[str, Any]) -> int:
    """Returns how many rows of a batch have a span."""
    return int((batch["labels"][:, 0] != IGNORED).sum())


def correct(logits: Tensor, batch: dict[str, Any]) -> int:
    """Returns how many rows have both ends right."""
    labels = batch["labels"][batch["labels"][:, 0] != IGNORED]
    return int((logits.argmax(1) == labels).all(-1).sum())
