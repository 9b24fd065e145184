"""The causal LM: it learns to write the task's own answer after the task's own prompt.

Axes: B groups in a batch, T tokens in the longest of them, K positions whose logits are kept, V vocabulary.
"""

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from finetune.batches import IGNORED, Group
from finetune.heads import Head, without_adapter
from finetune.rows import Renderer, Row
from finetune.supervised import correct, items, loss
from harness_tasks.choices import gold_choice
from harness_tasks.errors import UserError
from harness_tasks.lengths import encode_pair
from harness_tasks.loading import doc_hash

__all__ = [
    "HEAD", "SHARES_PREFIXES", "collate", "correct", "items", "labels_of", "logits", "loss", "row", "stop_ids",
]  # fmt: skip

HEAD: Head = "causal"
SHARES_PREFIXES = True
"""Rows whose prompts begin alike go through the model as one sequence (see `batches`)."""


def labels_of(task: Any) -> tuple[str, ...]:
    """Returns the labels of the head: none, the answers are words."""
    return ()


def row(
    renderer: Renderer, doc: dict[str, Any], *, cluster: str | None, text: str, target: dict[str, Any] | None = None
) -> Row:
    """Returns ``doc`` as a training row: the prompt, and the answer that the task holds to be right.

    ``target``: the document whose answer it is, in a control (of choices, the one at the same place); None: ``doc``.
    """
    task = renderer.task
    requests = renderer.requests(doc)
    if task.OUTPUT_TYPE == "multiple_choice":
        right = gold_choice(task, target or doc)
        prompt_ids, target_ids = encode_pair(renderer.tokenizer, *requests[right].args)
        target_ids = target_ids if right >= 0 else []  # nothing to learn: the guard `mask` stops the run
    elif task.OUTPUT_TYPE == "generate_until":
        prompt_ids, target_ids = renderer.encode(requests[0].args[0]), _answer_ids(renderer, target or doc)
    else:
        raise UserError(
            f"{task.task_name} is a task of the kind {task.OUTPUT_TYPE}",
            "it has no answer to train on",
            "choose a task of the kind multiple_choice or generate_until",
        )
    return Row(doc_hash(doc), cluster, text, tuple(prompt_ids), tuple(target_ids))


def stop_ids(renderer: Renderer) -> tuple[int, ...]:
    """Returns the ids that end an answer: the task's first stop string, or EOS under a chat template or without one.

    A choice is read off, never written, so it needs no end: ().
    """
    if renderer.task.OUTPUT_TYPE != "generate_until":
        return ()
    until = [] if renderer.apply_chat_template else renderer.task.config.generation_kwargs.get("until") or []
    until = [until] if isinstance(until, str) else until
    if not until:
        if renderer.tokenizer.eos_token_id is None:
            raise UserError(
                f"the tokenizer of {renderer.tokenizer.name_or_path} has no end token",
                "an answer would have nothing to end it, and a model that learns it would never stop",
                "take a tokenizer with an `eos_token`, or a task with a stop string",
            )
        return (renderer.tokenizer.eos_token_id,)
    return tuple(renderer.tokenizer.encode(until[0], add_special_tokens=False))


def end_ids(tokenizer: Any, stop_ids: tuple[int, ...]) -> tuple[int, ...]:
    """Returns every id with which an answer ends that `stop_ids` end, the usual one first; () where no one id does.

    Tokenizers merge an answer's last letter with the newline after it (`.\\n`): whatever token holds the newline ends
    the answer. This is so for a stop string of one byte, which no two tokens share; a longer one may be spread over
    several.
    """
    text = tokenizer.decode(stop_ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    if len(text) != 1 or not text.isascii():
        return stop_ids if len(stop_ids) == 1 else ()
    special = set(tokenizer.all_special_ids)
    texts = tokenizer.batch_decode([[i] for i in range(len(tokenizer))], clean_up_tokenization_spaces=False)
    merged = [i for i, found in enumerate(texts) if text in found and i not in special]
    return tuple(dict.fromkeys([*(stop_ids if len(stop_ids) == 1 else ()), *merged]))


def collate(groups: Sequence[Group], *, pad_id: int) -> dict[str, Any]:
    """Returns one batch: keyword arguments of a causal LM, and the labels of the positions it keeps.

    Keys: ``input_ids`` and ``position_ids`` (B, T); ``attention_mask`` (B, T), or (B, 1, T, T) where a group holds
    several rows; ``logits_to_keep``, the K positions where some group has a target, so that the vocabulary's logits
    are computed nowhere else; ``labels`` (B, K), the next token at those positions or IGNORED.
    """
    longest = max(group.length for group in groups)
    shape = (len(groups), longest)
    ids = torch.full(shape, pad_id)
    positions = torch.zeros(shape, dtype=torch.long)
    labels = torch.full(shape, IGNORED)
    branch = torch.full(shape, -1)  # -1 padding, 0 prefix, 1.. the rows
    for b, group in enumerate(groups):
        ids[b, : group.prefix] = torch.tensor(group.rows[0].prompt_ids[: group.prefix], dtype=torch.long)
        positions[b, : group.prefix] = torch.arange(group.prefix)
        branch[b, : group.prefix] = 0
        start = group.prefix
        for number, row in enumerate(group.rows, 1):
            rest = torch.tensor((row.prompt_ids + row.target_ids)[group.prefix :], dtype=torch.long)
            stop = start + len(rest)
            ids[b, start:stop] = rest
            positions[b, start:stop] = torch.arange(group.prefix, row.length)
            branch[b, start:stop] = number
            targets = torch.tensor(row.target_ids, dtype=torch.long)
            labels[b, stop - len(targets) - 1 : stop - 1] = targets  # the position before a token predicts it
            start = stop
    kept = (labels != IGNORED).any(0).nonzero().squeeze(1)
    batch: dict[str, Any] = {"input_ids": ids, "position_ids": positions, "logits_to_keep": kept}
    batch["labels"] = labels[:, kept]
    if all(len(group.rows) == 1 for group in groups):
        batch["attention_mask"] = (branch >= 0).long()
    else:
        batch["attention_mask"] = _branch_mask(branch)
    return batch


def logits(model: Any, batch: dict[str, Any]) -> Tensor:
    """Returns the logits at the supervised positions, (items, V) in float32, in the order of the labels."""
    supervised = batch["labels"] != IGNORED
    given = {name: batch[name] for name in ("input_ids", "attention_mask", "position_ids")}
    inner = without_adapter(getattr(model, "module", model))  # inside torch's wrapper for several processes
    head = inner.get_output_embeddings()
    if head is None or "logits_to_keep" not in inspect.signature(inner.forward).parameters:
        return model(**given, use_cache=False).logits[:, batch["logits_to_keep"]][supervised].float()
    # The positions that some row of the batch needs are far more than those that each row needs, and the vocabulary is
    # a fifth of a small model: the head sees the supervised ones alone, as if they were one row.
    hook = head.register_forward_pre_hook(lambda module, given: (given[0][supervised].unsqueeze(0), *given[1:]))
    try:
        kept = model(**given, logits_to_keep=batch["logits_to_keep"], use_cache=False).logits
    finally:
        hook.remove()
    return kept.squeeze(0).float()


def _answer_ids(renderer: Renderer, doc: dict[str, Any]) -> list[int]:
    """Returns the ids of the answer with what ends it.

    The answer is encoded apart from the prompt, because that is how it is generated: after the prompt's own ids.
    """
    task, tokenizer = renderer.task, renderer.tokenizer
    target = task.doc_to_target(doc)
    answer = target[0] if isinstance(target, list) else str(target)
    if renderer.apply_chat_template:
        return [*tokenizer.encode(answer, add_special_tokens=False), *stop_ids(renderer)]
    until = task.config.generation_kwargs.get("until") or []
    until = [until] if isinstance(until, str) else until
    text = task.config.target_delimiter + answer + (until[0] if until else "")
    ids = tokenizer.encode(text, add_special_tokens=False)
    return list(ids if until else [*ids, *stop_ids(renderer)])


def _branch_mask(branch: torch.Tensor) -> torch.Tensor:
    """Returns which position sees which, (B, 1, T, T), from each position's branch, (B, T).

    Each sees itself and what precedes it in the prefix and in its own branch. A padded position sees itself alone:
    softmax over nothing is nan.
    """
    tokens = branch.shape[1]
    earlier = torch.ones(tokens, tokens, dtype=torch.bool).tril()
    same = (branch[:, :, None] == branch[:, None, :]) | (branch[:, None, :] == 0)
    seen = same & earlier & (branch[:, None, :] >= 0)
    return (seen | torch.eye(tokens, dtype=torch.bool)).unsqueeze(1)
