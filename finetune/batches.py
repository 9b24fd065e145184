"""How rows become batches: passages encoded once, rows of like length together, an order that can be resumed.

Axes: B groups in a batch, T tokens in the longest of them.

Rows whose prompts begin alike (the questions on one passage, or one set of worked examples) form a *group*: one
sequence that holds the common prefix once, then each row's own rest. A rest sees the prefix and itself, never another
rest, and its positions go on from the prefix, so every row's loss and gradient are those it has alone; only the prefix
is not computed again. Where rows share no prefix a group is a row and this is ordinary padding.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import Sampler

from finetune.rows import Row

IGNORED = -100
"""The label of a token that carries no loss (torch's convention)."""
SHARED_PREFIX_TOKENS = 32
"""Shortest common prefix worth a group."""


@dataclass(frozen=True)
class Group:
    """Rows that share their first ``prefix`` tokens."""

    rows: tuple[Row, ...]
    prefix: int

    @property
    def length(self) -> int:
        """Tokens in the group's sequence."""
        return self.prefix + sum(row.length - self.prefix for row in self.rows)


def group_rows(rows: Sequence[Row], *, most: int, share_prefixes: bool = True) -> list[Group]:
    """Returns the rows in groups of at most ``most`` that share a prefix; without sharing, each row alone."""
    if not share_prefixes:
        return [Group((row,), 0) for row in rows]
    groups: list[Group] = []
    members: list[Row] = []
    prefix = 0
    for row in sorted(rows, key=lambda row: row.prompt_ids):
        common = _common_prefix(members[0].prompt_ids, row.prompt_ids) if members else 0
        common = min(common, prefix) if len(members) > 1 else common
        # Half of the prompt: a short common opening ("Passage: The ...") must not chain unrelated rows together.
        if members and len(members) < most and common >= max(SHARED_PREFIX_TOKENS, len(row.prompt_ids) // 2):
            members.append(row)
            prefix = common
            continue
        if members:
            groups.append(_group(members, prefix))
        members, prefix = [row], 0
    if members:
        groups.append(_group(members, prefix))
    return groups


def collate(groups: Sequence[Group], *, pad_id: int) -> dict[str, Any]:
    """Returns one batch as keyword arguments of a causal LM, and the labels of the positions it keeps.

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


class LengthSampler(Sampler[int]):
    """Yields the groups of an epoch so that a batch holds groups of like length.

    The order is a pure function of seed and epoch: a run that is killed in any epoch goes on with the very batches it
    would have had (the Trainer's `group_by_length` draws anew and does not).
    """

    def __init__(self, lengths: Sequence[int], *, batch_groups: int, seed: int) -> None:
        self.lengths, self.batch_groups, self.seed, self.epoch = lengths, batch_groups, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by accelerate's data loader at the start of each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        return iter(epoch_order(self.lengths, batch_groups=self.batch_groups, seed=self.seed, epoch=self.epoch))


def epoch_order(lengths: Sequence[int], *, batch_groups: int, seed: int, epoch: int) -> list[int]:
    """Returns a permutation of the groups whose runs of ``batch_groups`` are of like length, in random order.

    Within chunks of fifty batches the shuffled groups are sorted by length, so a group's company still changes from
    epoch to epoch. A last batch that is not full stays last, because the data loader cuts batches by counting.
    """
    draw = random.Random(f"{seed}/{epoch}")
    order = list(range(len(lengths)))
    draw.shuffle(order)
    chunk = 50 * batch_groups
    batches = []
    for start in range(0, len(order), chunk):
        part = sorted(order[start : start + chunk], key=lambda i: lengths[i])
        batches += [part[i : i + batch_groups] for i in range(0, len(part), batch_groups)]
    whole = [batch for batch in batches if len(batch) == batch_groups]
    rest = [batch for batch in batches if len(batch) < batch_groups]
    draw.shuffle(whole)
    return [i for batch in whole + rest for i in batch]


def _group(rows: list[Row], prefix: int) -> Group:
    return Group(tuple(rows), prefix if len(rows) > 1 else 0)


def _common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    """Returns how many first ids are equal, leaving each at least one of its own."""
    most = min(len(left), len(right)) - 1
    return next((i for i in range(most) if left[i] != right[i]), max(most, 0))


def _branch_mask(branch: torch.Tensor) -> torch.Tensor:
    """Returns which position sees which, (B, 1, T, T), from each position's branch (B, T): itself and what precedes it
    in the prefix and in its own branch. A padded position sees itself alone, since softmax over nothing is nan."""
    tokens = branch.shape[1]
    earlier = torch.ones(tokens, tokens, dtype=torch.bool).tril()
    same = (branch[:, :, None] == branch[:, None, :]) | (branch[:, None, :] == 0)
    seen = same & earlier & (branch[:, None, :] >= 0)
    return (seen | torch.eye(tokens, dtype=torch.bool)).unsqueeze(1)
