"""How rows become batches: passages encoded once, rows of like length together, an order that can be resumed.

Rows whose prompts begin alike (the questions on one passage, or one set of few-shot examples) form a *group*: one
sequence that holds the common prefix once, then each row's own rest. A rest sees the prefix and itself, never another
rest, and its positions continue the prefix's, so every row's loss and gradient are those it has alone; only the prefix
is not computed again. Where rows share no prefix a group is a row and this is ordinary padding.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
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


def groups_a_step(groups: Sequence[Group], batch_size: int) -> int:
    """Returns how many groups an optimizer step takes, so that it has ``batch_size`` rows on average."""
    return max(1, round(batch_size * len(groups) / sum(len(group.rows) for group in groups)))


def padded(rows: Sequence[Sequence[int]], *, pad_id: int) -> tuple[Tensor, Tensor]:
    """Returns the rows' ids and their attention mask, (B rows, T tokens of the longest), padded on the right."""
    ids = torch.full((len(rows), max(map(len, rows))), pad_id)
    mask = torch.zeros_like(ids)
    for b, row in enumerate(rows):
        ids[b, : len(row)] = torch.tensor(row)
        mask[b, : len(row)] = 1
    return ids, mask


class StepSampler(Sampler[list[int]]):
    """Yields, for one of several processes, the groups of each forward pass; a step is ``parts`` of them.

    Every process computes the same order and takes its own share, so any number of processes and parts trains on the
    same groups in the same steps. A share may be empty, where a last step has fewer groups than there are shares. The
    order is a pure function of seed and epoch: a run that is killed in any epoch resumes with the very batches it would
    have had (the Trainer's `group_by_length` draws anew and does not).
    """

    def __init__(
        self,
        lengths: Sequence[int],
        *,
        step_groups: int,
        seed: int,
        parts: int = 1,
        process: int = 0,
        processes: int = 1,
    ) -> None:
        self.lengths, self.step_groups, self.seed, self.epoch = lengths, step_groups, seed, 0
        self.parts, self.process, self.processes = parts, process, processes

    @property
    def batch_sampler(self) -> "StepSampler":
        """Returns itself: the Trainer tells the epoch to the sampler inside a batch sampler."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Called by the Trainer at the start of each epoch."""
        self.epoch = epoch

    def steps(self, epoch: int) -> list[list[int]]:
        """Returns the groups of each step of an epoch, over all processes."""
        order = epoch_order(self.lengths, step_groups=self.step_groups, seed=self.seed, epoch=epoch)
        return [order[i : i + self.step_groups] for i in range(0, len(order), self.step_groups)]

    def __len__(self) -> int:
        return self.parts * -(-len(self.lengths) // self.step_groups)

    def __iter__(self) -> Iterator[list[int]]:
        for step in self.steps(self.epoch):
            size = -(-len(step) // self.parts)  # neighbours are of like length, so a part is a run of them
            for part in range(self.parts):
                yield step[part * size : (part + 1) * size][self.process :: self.processes]


def epoch_order(lengths: Sequence[int], *, step_groups: int, seed: int, epoch: int) -> list[int]:
    """Returns a permutation of the groups whose runs of ``step_groups`` are of like length, in random order.

    Within chunks of fifty steps the shuffled groups are sorted by length, so a group's company still changes from epoch
    to epoch. A last step that is not full stays last, because steps are cut by counting.
    """
    draw = random.Random(f"{seed}/{epoch}")
    order = list(range(len(lengths)))
    draw.shuffle(order)
    chunk = 50 * step_groups
    batches = []
    for start in range(0, len(order), chunk):
        part = sorted(order[start : start + chunk], key=lambda i: lengths[i])
        batches += [part[i : i + step_groups] for i in range(0, len(part), step_groups)]
    whole = [batch for batch in batches if len(batch) == step_groups]
    rest = [batch for batch in batches if len(batch) < step_groups]
    draw.shuffle(whole)
    return [i for batch in whole + rest for i in batch]


def _group(rows: list[Row], prefix: int) -> Group:
    return Group(tuple(rows), prefix if len(rows) > 1 else 0)


def _common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    """Returns how many first ids are equal, leaving each at least one of its own."""
    most = min(len(left), len(right)) - 1
    return next((i for i in range(most) if left[i] != right[i]), max(most, 0))
