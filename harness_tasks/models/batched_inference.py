"""A causal LM that reads many sequences: what they share once, each as far as it goes, full batches throughout."""

import inspect
import math
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch

from harness_tasks.machine import largest_forward
from harness_tasks.models.batch_effects import SHORT_TOKENS, changes, rope_switch, tolerance, trial_text
from harness_tasks.models.kv_slots import ATTENTION, KeyValueSlots, token_bytes
from harness_tasks.models.lower_layers import LowerLayers, Name, first_changed
from harness_tasks.models.prefixes import Leaf, Node, share

Ids = Sequence[int]


class BatchedModel:
    """Reads and writes token sequences with ``model``, a causal LM of transformers that `readable` has returned.

    At most ``rows`` sequences stand beside each other, and keys and values take at most ``memory_bytes``; ``autocast``
    makes the context in which the model runs. ``tokens_read`` counts the tokens that went through it, without padding,
    ``logits_made`` the positions at which it was asked for the vocabulary. ``longest`` are the most tokens of a
    sequence that it is known to read as the model alone does; None: any number.
    """

    def __init__(
        self, model: Any, rows: int, memory_bytes: int, autocast: Callable[[], AbstractContextManager[Any]]
    ) -> None:
        """Reads nothing yet."""
        self.model, self.rows, self.memory_bytes, self.autocast = model, rows, memory_bytes, autocast
        self.largest = largest_forward(model.device.type)
        self.tokens_read = self.logits_made = 0
        self.below: LowerLayers | None = None
        self.longest = least(changes(model.config)[1], rope_switch(model.config))

    def share_lower_layers(self, adapters: Iterable[Iterable[str]]) -> int | None:
        """Reads once what the layers below all ``adapters``, by their tensors' names, make of what `read` is given.

        Returns how many layers that are; None where there are none. It is tried: a text whose part is known must give
        the same logits.
        """
        first = first_changed(self.model, adapters)
        if not first:
            return None
        below = self.below = LowerLayers(self.model, first, self.memory_bytes)
        text = tuple((5 * n + 1) % 97 for n in range(12))
        names: list[Name] = [(text, 0), (text[:7], 0)]
        try:
            once, again = (
                self._forward(KeyValueSlots(self.model, 2, 12), 0, [ids for ids, _ in names], stays=False, names=names)
                for _ in range(2)
            )
            is_same = torch.allclose(once[:, -1].float(), again[:, -1].float(), atol=1e-4, rtol=1e-3)
        except Exception:  # whatever another architecture makes of it, it is another
            is_same = False
        if not is_same:
            below.end()
            self.below = None
            return None
        return first

    def read(self, sequences: Sequence[Ids], kept: Sequence[int]) -> Iterator[tuple[int, torch.Tensor]]:
        """Yields the place of each sequence with its logits (kept, vocabulary) after its last ``kept`` tokens."""
        beginnings = Beginnings()
        for part in self._parts(share(sequences, kept)):
            part = sorted(part, key=lambda leaf: (kept[leaf.index], len(leaf.tokens)), reverse=True)
            rows = self._rows(part, 0)
            waiting = deque(part)
            while waiting:
                batch = self._take(waiting, rows.slots)
                self._begin(rows, beginnings, batch, 0)
                most = max(kept[leaf.index] for leaf in batch)
                names = [(tuple(sequences[leaf.index]), leaf.start) for leaf in batch] if self.below else []
                logits = self._forward(rows, 0, [leaf.tokens for leaf in batch], most, stays=False, names=names)
                for row, leaf in enumerate(batch):
                    yield leaf.index, logits[row, -kept[leaf.index] :]

    def write(
        self, prompts: Sequence[Ids], limit: int, is_end: Callable[[list[int]], bool]
    ) -> Iterator[tuple[int, list[int]]]:
        """Yields the place of each prompt with the likeliest ids after it, in the order in which they end.

        One ends with the first id after which ``is_end`` holds of all of them, and after ``limit`` ids.
        """
        beginnings = Beginnings()
        for part in self._parts(share(prompts, [1] * len(prompts))):
            rows = self._rows(part, limit)
            # Of like length together, which saves padding.
            part = sorted(part, key=lambda leaf: len(leaf.tokens), reverse=True)
            waiting, writing = deque(part), list[_Writing]()
            while waiting or writing:
                if waiting and len(writing) <= rows.slots * 3 // 4:
                    first = len(writing)
                    batch = self._take(waiting, rows.slots - first)
                    self._begin(rows, beginnings, batch, first)
                    logits = self._forward(rows, first, [leaf.tokens for leaf in batch])
                    writing += [_Writing(leaf.index) for leaf in batch]
                else:
                    first = 0
                    logits = self._forward(rows, first, [row.ids[-1:] for row in writing])
                for row, token in zip(writing[first:], logits[:, -1].float().argmax(-1).tolist(), strict=True):
                    row.ids.append(token)
                for slot in reversed(range(first, len(writing))):
                    row = writing[slot]
                    if len(row.ids) == limit or is_end(row.ids):
                        yield row.index, row.ids
                        # The last one takes its place, so that those that go on stay beside each other.
                        rows.move(len(writing) - 1, slot)
                        writing[slot] = writing[-1]
                        writing.pop()

    def _parts(self, leaves: Sequence[Leaf]) -> Iterator[list[Leaf]]:
        """Yields the leaves in parts whose shared beginnings take at most half of the memory."""
        most = self.memory_bytes // 2 // token_bytes(self.model)
        part: list[Leaf] = []
        known: set[Node] = set()
        held = 0
        for leaf in leaves:
            path = set(leaf.node.path()) if leaf.node else set()
            if part and held + sum(len(node.tokens) for node in path - known) > most:
                yield part
                part, known, held = [], set(), 0
            part.append(leaf)
            held += sum(len(node.tokens) for node in path - known)
            known |= path
        if part:
            yield part

    def _rows(self, part: Sequence[Leaf], limit: int) -> KeyValueSlots:
        """Returns room for as many sequences as the batch size and the memory allow."""
        capacity = max(leaf.end for leaf in part) + limit
        most = self.memory_bytes // 2 // (token_bytes(self.model) * (capacity + 1))
        return KeyValueSlots(self.model, max(1, min(self.rows, most, len(part))), capacity)

    def _take(self, waiting: deque[Any], most: int) -> list[Any]:
        """Returns the next leaves, or nodes, as many as one forward reads."""
        batch: list[Any] = []
        longest = 0
        while waiting and len(batch) < most:
            longest = max(longest, len(waiting[0].tokens))
            if batch and longest * (len(batch) + 1) > self.largest:
                break
            batch.append(waiting.popleft())
        return batch

    def _begin(self, rows: KeyValueSlots, beginnings: "Beginnings", batch: Sequence[Leaf], first: int) -> None:
        """Gives each leaf of ``batch`` a slot, from ``first`` on, with what it shares, read where it was not yet."""
        for nodes in beginnings.missing(batch):
            waiting = deque(sorted(nodes, key=lambda node: len(node.tokens)))
            while waiting:
                some = self._take(waiting, rows.slots - first)
                for slot, node in enumerate(some, first):
                    rows.load(slot, beginnings.known(node.parent), node.parent)
                    rows.held[slot] = None  # it will hold more than that
                self._forward(rows, first, [node.tokens for node in some])
                for slot, node in enumerate(some, first):
                    beginnings.keep(node, rows.beginning(slot, node.start))
        for slot, leaf in enumerate(batch, first):
            rows.load(slot, beginnings.known(leaf.node), leaf.node)
            beginnings.passed(leaf)

    def _forward(
        self,
        rows: KeyValueSlots,
        first: int,
        tokens: Sequence[Sequence[int]],
        kept: int = 1,
        *,
        stays: bool = True,
        names: Sequence[Name] = (),
    ) -> torch.Tensor:
        known = self.below.known(names) if self.below and names else nullcontext()
        with torch.inference_mode(), self.autocast(), known:
            self.tokens_read += sum(map(len, tokens))
            self.logits_made += len(tokens) * kept
            return rows.forward(first, tokens, kept, stays=stays)


@dataclass
class _Writing:
    """A sequence that is being written: the place of its prompt, and the ids so far."""

    index: int
    ids: list[int] = field(default_factory=list)


class Beginnings:
    """The keys and values of shared beginnings, each kept until the last leaf below it has started."""

    def __init__(self) -> None:
        """Keeps nothing yet."""
        self._kept: dict[Node, torch.Tensor] = {}
        self._passed: Counter[Node] = Counter()

    def missing(self, leaves: Sequence[Leaf]) -> Iterator[list[Node]]:
        """Yields the nodes above ``leaves`` that are not kept yet, the outer ones first, one depth after another."""
        depths: dict[int, dict[Node, None]] = {}
        for leaf in leaves:
            for depth, node in enumerate(leaf.node.path() if leaf.node else ()):
                if node not in self._kept:
                    depths.setdefault(depth, {})[node] = None
        for depth in sorted(depths):
            yield list(depths[depth])

    def known(self, node: Node | None) -> list[torch.Tensor]:
        """Returns what is kept of a node and of those above it, in their order."""
        return [self._kept[part] for part in node.path()] if node else []

    def keep(self, node: Node, part: torch.Tensor) -> None:
        """Keeps the keys and values of a node's own tokens."""
        self._kept[node] = part

    def passed(self, leaf: Leaf) -> None:
        """Lets go of what no other leaf will need after ``leaf``."""
        for node in leaf.node.path() if leaf.node else ():
            self._passed[node] += 1
            if self._passed[node] == node.leaves:
                del self._kept[node]


def readable(model: Any) -> Any | None:
    """Returns the causal LM of transformers in ``model``, or in its adapter, if it can be read in parts; else None.

    It is tried: a text in two parts beside another must give what it gives as a whole, also where it reaches past the
    lengths at which the configuration lets the model read otherwise.
    """
    if hasattr(model, "get_base_model"):  # peft's; an adapter's matrices are within the base's own modules
        if getattr(model.active_peft_config, "is_prompt_learning", False):
            return None
        model = model.get_base_model()
    if not {"cache", "logits_to_keep"} <= set(inspect.signature(model.forward).parameters):
        return None
    config = model.config.get_text_config()
    if set(getattr(config, "layer_types", None) or ["full_attention"]) != {"full_attention"}:
        return None
    switch = rope_switch(config) or math.inf
    tried = [length + 8 for length in changes(config)[0] if SHORT_TOKENS <= length + 8 <= switch]
    before = model.config._attn_implementation
    try:
        same = all(_is_read_in_parts(model, tokens, before) for tokens in [SHORT_TOKENS, *tried])
    except Exception:  # whatever another architecture makes of it, it is another
        same = False
    if not same:
        model.set_attn_implementation(before)
        return None
    return model


def _is_read_in_parts(model: Any, tokens: int, before: str) -> bool:
    """Returns whether texts of ``tokens`` and fewer, in parts beside each other, give what each gives as a whole.

    The parts are of other lengths, so that a key does not stand where it stands in the text. Leaves `ATTENTION` set.
    """
    texts = trial_text(model.config, tokens), trial_text(model.config, tokens - 3, 5)
    halves = tokens // 2, tokens // 3
    model.set_attn_implementation(before)
    with torch.inference_mode():
        wholes = [
            model(input_ids=torch.tensor([text], device=model.device), logits_to_keep=1).logits[0, -1].float()
            for text in texts
        ]
        model.set_attn_implementation(ATTENTION)
        rows = KeyValueSlots(model, 2, tokens)
        rows.forward(0, [text[:half] for text, half in zip(texts, halves, strict=True)])
        in_parts = rows.forward(0, [text[half:] for text, half in zip(texts, halves, strict=True)])
        at_once = KeyValueSlots(model, 2, tokens).forward(0, texts, stays=False)
    return all(
        torch.allclose(found[row, -1].float(), whole, atol=tolerance(model, whole), rtol=0)
        for found in (in_parts, at_once)
        for row, whole in enumerate(wholes)
    )


def least(*lengths: int | None) -> int | None:
    """Returns the least of the lengths that are known.

    >>> least(None, 8, 4), least(None, None)
    (4, None)
    """
    return min((length for length in lengths if length is not None), default=None)
