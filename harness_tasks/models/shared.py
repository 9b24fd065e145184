"""`hf-shared`: lm_eval's `hf`, reading once what requests share, and computing at the vocabulary only where it counts.

What it answers is what `hf` answers. A beginning that several prompts share (shots, a passage, a chat preamble) is read
once; a generation that has ended gives its place in the batch to the next; identical requests are answered once.
"""

import inspect
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from lm_eval.api.instance import Instance
from lm_eval.api.registry import register_model
from lm_eval.models.huggingface import HFLM
from lm_eval.models.utils import handle_stop_sequences, normalize_gen_kwargs, postprocess_generated_text
from tqdm import tqdm

from harness_tasks.models.prefixes import Leaf, Node, share
from harness_tasks.models.rows import ATTENTION, Rows, token_bytes

LONGEST_CONTINUATION = 64
"""Tokens of a continuation up to which its scores are read off one forward here; longer ones go through `hf`'s way."""

LARGEST_FORWARD = 4096
"""Tokens, padding among them, that one forward reads at most."""

_GREEDY = {"do_sample", "temperature", "until", "max_gen_toks"}
"""The settings of a generation that is greedy and nothing else."""

Request = tuple[Any, list[int], list[int]]
"""Context and continuation as text (None in rolling windows), and both as token ids."""


@register_model("hf-shared")
class SharedLM(HFLM):
    """A causal LM as lm_eval's `hf` has it, asked in the order in which prompts share their beginnings.

    Takes every argument of `hf`, and ``memory_gb``: what keys and values may take at most, in GB. The batch size is the
    most sequences beside each other; `auto` takes 32 on a processor, 128 elsewhere.
    """

    def __init__(self, *args: Any, memory_gb: float = 2.0, **kwargs: Any) -> None:
        """Loads the model as `hf` does, and tries whether it can be read in parts."""
        super().__init__(*args, **kwargs)
        self.memory_bytes = int(float(memory_gb) * 1e9)
        self.tokens_read = 0
        """Tokens that went through the model, without padding."""
        self._causal = _plain_causal_lm(self)
        if self._causal is None:
            print(f"hf-shared: {self._name()} cannot be read in parts; it is scored as `hf` does", file=sys.stderr)

    def _loglikelihood_tokens(
        self, requests: list[Request], disable_tqdm: bool = False, override_bs: int | None = None
    ) -> list[tuple[float, bool]]:
        """Returns the log-likelihood of each continuation, and whether it is what greedy decoding would write."""
        if self._causal is None:
            return super()._loglikelihood_tokens(requests, disable_tqdm, override_bs)
        answers: list[tuple[float, bool] | None] = [None] * len(requests)
        long = [index for index, (_, _, own) in enumerate(requests) if len(own) > LONGEST_CONTINUATION]
        if long:
            found = super()._loglikelihood_tokens([requests[index] for index in long], disable_tqdm, override_bs)
            for index, answer in zip(long, found, strict=True):
                answers[index] = answer
        asked: dict[tuple[int, ...], list[int]] = {}
        for index, (_, context, own) in enumerate(requests):
            if answers[index] is None:
                asked.setdefault(tuple((context + own)[-(self.max_length + 1) :][:-1]), []).append(index)
        inputs = list(asked)
        kept = [max(len(requests[index][2]) for index in asked[tokens]) for tokens in inputs]
        with self._progress(len(requests) - len(long), disable_tqdm, "likelihoods") as bar:
            for leaf, logits in self._read(share(inputs, kept), kept):
                scores = logits.float().log_softmax(-1)
                likeliest = scores.argmax(-1)
                for index in asked[inputs[leaf.index]]:
                    own = requests[index][2]
                    at = scores[range(-len(own), 0), own]
                    answer = (float(at.sum()), likeliest[-len(own) :].tolist() == own)
                    answers[index] = answer
                    if requests[index][0] is not None:
                        self.cache_hook.add_partial("loglikelihood", requests[index][0], answer)
                    bar.update()
        return answers  # type: ignore[return-value]

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Returns what the model writes after each context, up to the first stop string."""
        eos = self.tok_decode([self.eot_token_id], skip_special_tokens=False)
        groups: dict[str, list[int]] = {}
        for index, request in enumerate(requests):
            groups.setdefault(repr(request.args[1]), []).append(index)
        texts: list[str] = [""] * len(requests)
        for group in groups.values():
            given = requests[group[0]].args[1]
            settings = normalize_gen_kwargs(given, self.max_gen_toks)
            if not self._is_greedy(settings):
                found = super().generate_until([requests[index] for index in group], disable_tqdm)
                for index, text in zip(group, found, strict=True):
                    texts[index] = text
                continue
            stop = handle_stop_sequences(settings["until"], eos=eos)
            by_context: dict[str, list[int]] = {}
            for index in group:
                by_context.setdefault(requests[index].args[0], []).append(index)
            contexts = list(by_context)
            prompts = [self._encoded(context, settings["max_gen_toks"]) for context in contexts]
            with self._progress(len(group), disable_tqdm, "generations") as bar:
                for at, ids in self._write(prompts, stop, settings["max_gen_toks"]):
                    text = postprocess_generated_text(self.tok_decode(ids), stop, None)
                    for index in by_context[contexts[at]]:
                        texts[index] = text
                        self.cache_hook.add_partial("generate_until", (contexts[at], given), text)
                        bar.update()
        return texts

    def _is_greedy(self, settings: Any) -> bool:
        """Returns whether a generation takes the likeliest token each time, and nothing else shapes it."""
        plain = set(settings) <= _GREEDY and not settings.get("do_sample") and self.think_end_token is None
        return self._causal is not None and plain and not _shapes_logits(self.model.generation_config)

    def _encoded(self, context: str, room: int) -> list[int]:
        """Returns a context's ids as `hf` has them: its end, where it leaves no ``room`` for the tokens to write."""
        most = self.max_length - room
        if most <= 0:
            raise ValueError(f"{room} tokens are to be written, and the model reads {self.max_length} in all")
        ids, _ = self.tok_batch_encode([context], left_truncate_len=most, truncation=self.truncation)
        return [int(token) for token in ids[0]]

    def _read(self, leaves: Sequence[Leaf], kept: Sequence[int]) -> Iterator[tuple[Leaf, torch.Tensor]]:
        """Yields each leaf with its logits (kept, vocabulary) after its last tokens."""
        for part in self._parts(leaves):
            part = sorted(part, key=lambda leaf: (kept[leaf.index], len(leaf.tokens)), reverse=True)
            rows, batches = self._rows(part, 0), Beginnings(part)
            waiting = deque(part)
            while waiting:
                batch = self._take(waiting, rows.slots)
                self._begin(rows, batches, batch, 0)
                most = max(kept[leaf.index] for leaf in batch)
                logits = self._forward(rows, 0, [leaf.tokens for leaf in batch], most)
                for row, leaf in enumerate(batch):
                    yield leaf, logits[row, -kept[leaf.index] :]

    def _write(
        self, prompts: Sequence[Sequence[int]], stop: Sequence[str], limit: int
    ) -> Iterator[tuple[int, list[int]]]:
        """Yields the place of each prompt with the ids that are written after it, in the order in which they end."""
        ends = _end_ids(self)
        for part in self._parts(share(prompts, [1] * len(prompts)), limit):
            rows, batches = self._rows(part, limit), Beginnings(part)
            waiting, writing = deque(part), list[_Writing]()
            while waiting or writing:
                if waiting and len(writing) <= rows.slots * 3 // 4:
                    first = len(writing)
                    batch = self._take(waiting, rows.slots - first)
                    self._begin(rows, batches, batch, first)
                    logits = self._forward(rows, first, [leaf.tokens for leaf in batch])
                    writing += [_Writing(leaf.index) for leaf in batch]
                else:
                    first = 0
                    logits = self._forward(rows, first, [row.ids[-1:] for row in writing])
                for row, token in zip(writing[first:], logits[:, -1].float().argmax(-1).tolist(), strict=True):
                    row.ids.append(token)
                for slot in reversed(range(first, len(writing))):
                    row = writing[slot]
                    if row.ids[-1] in ends or len(row.ids) == limit or self._stops(row.ids, stop):
                        yield row.index, row.ids
                        # The last one takes its place, so that those that go on stay beside each other.
                        rows.move(len(writing) - 1, slot)
                        writing[slot] = writing[-1]
                        writing.pop()

    def _stops(self, ids: list[int], stop: Sequence[str]) -> bool:
        """Returns whether a stop string stands in what was written; the end of the text is enough to tell."""
        longest = max(map(len, stop), default=0)
        text = self.tokenizer.decode(ids[-longest - 4 :])
        return any(string and string in text for string in stop)

    def _parts(self, leaves: Sequence[Leaf], limit: int = 0) -> Iterator[list[Leaf]]:
        """Yields the leaves in parts whose shared beginnings take at most half of the memory."""
        most = self.memory_bytes // 2 // token_bytes(self._causal)
        part: list[Leaf] = []
        known: set[Node] = set()
        for leaf in leaves:
            new = set(leaf.node.path()) - known if leaf.node else set()
            if part and sum(len(node.tokens) for node in known | new) > most:
                yield part
                part, known, new = [], set(), set(leaf.node.path()) if leaf.node else set()
            part.append(leaf)
            known |= new
        if part:
            yield part

    def _rows(self, part: Sequence[Leaf], limit: int) -> Rows:
        """Returns room for as many sequences as the batch size and the memory allow."""
        capacity = max(leaf.end for leaf in part) + limit
        most = self.memory_bytes // 2 // (token_bytes(self._causal) * (capacity + 1))
        return Rows(self._causal, max(1, min(self._batch_rows(), most, len(part))), capacity)

    def _batch_rows(self) -> int:
        given = str(self.batch_size)
        return int(given) if given.isdigit() and int(given) > 0 else 32 if self.device.type == "cpu" else 128

    def _take(self, waiting: deque[Leaf], most: int) -> list[Leaf]:
        """Returns the next leaves, as many as one forward reads."""
        batch: list[Leaf] = []
        longest = 0
        while waiting and len(batch) < most:
            longest = max(longest, len(waiting[0].tokens))
            if batch and longest * (len(batch) + 1) > LARGEST_FORWARD:
                break
            batch.append(waiting.popleft())
        return batch

    def _begin(self, rows: Rows, beginnings: "Beginnings", batch: Sequence[Leaf], first: int) -> None:
        """Gives each leaf of ``batch`` a slot, from ``first`` on, with what it shares, read where it was not yet."""
        for nodes in beginnings.missing(batch):
            for at in range(0, len(nodes), rows.slots - first):
                some = nodes[at : at + rows.slots - first]
                for slot, node in enumerate(some, first):
                    rows.load(slot, beginnings.known(node.parent), node.parent)
                    rows.held[slot] = None  # it will hold more than that
                self._forward(rows, first, [node.tokens for node in some])
                for slot, node in enumerate(some, first):
                    beginnings.keep(node, rows.beginning(slot, node.start))
        for slot, leaf in enumerate(batch, first):
            rows.load(slot, beginnings.known(leaf.node), leaf.node)
            beginnings.passed(leaf)

    def _forward(self, rows: Rows, first: int, tokens: Sequence[Sequence[int]], kept: int = 1) -> torch.Tensor:
        with (
            torch.inference_mode(),
            torch.autocast(
                device_type=self.device.type,
                dtype=self.mixed_precision_dtype,
                enabled=self.mixed_precision_dtype is not None,
            ),
        ):
            self.tokens_read += sum(map(len, tokens))
            return rows.forward(first, tokens, kept)

    def _progress(self, total: int, is_silent: bool, what: str) -> Any:
        return tqdm(total=total, disable=is_silent or self.rank != 0, desc=f"Running {what}")

    def _name(self) -> str:
        return type(self.model).__name__


@dataclass
class _Writing:
    """A sequence that is being written: the place of its prompt, and the ids so far."""

    index: int
    ids: list[int] = field(default_factory=list)


class Beginnings:
    """The keys and values of shared beginnings, each kept until the last leaf below it has begun."""

    def __init__(self, leaves: Sequence[Leaf]) -> None:
        """Counts the leaves below each node; nothing is kept yet."""
        self._kept: dict[Node, torch.Tensor] = {}
        self._left: dict[Node, int] = {}
        for leaf in leaves:
            for node in leaf.node.path() if leaf.node else ():
                self._left[node] = self._left.get(node, 0) + 1

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
            self._left[node] -= 1
            if not self._left[node]:
                del self._kept[node]


def _plain_causal_lm(lm: HFLM) -> Any | None:
    """Returns the causal LM of transformers inside ``lm``, if it can be read in parts: else None.

    It is tried: a short text in two parts beside another must give what it gives as a whole.
    """
    model = lm.model
    if lm.backend != "causal" or lm.world_size > 1:
        return None
    if hasattr(model, "get_base_model"):  # peft's; an adapter's matrices are within the base's own modules
        if getattr(model.active_peft_config, "is_prompt_learning", False):
            return None
        model = model.get_base_model()
    if not {"cache", "logits_to_keep"} <= set(inspect.signature(model.forward).parameters):
        return None
    config = model.config.get_text_config()
    if set(getattr(config, "layer_types", None) or ["full_attention"]) != {"full_attention"}:
        return None
    before = model.config._attn_implementation
    text = [(7 * n + 3) % min(config.vocab_size, 997) for n in range(12)]
    try:
        with torch.inference_mode():
            whole = model(input_ids=torch.tensor([text], device=model.device)).logits[0, -1].float()
            model.set_attn_implementation(ATTENTION)
            rows = Rows(model, 2, len(text))
            rows.forward(0, [text[:5], text[:2]])
            parts = rows.forward(0, [text[5:], text[:3]])[0, -1].float()
    except Exception:  # whatever another architecture makes of it, it is another
        parts = None
    if parts is None or not torch.allclose(parts, whole, atol=_tolerance(model, whole), rtol=0):
        model.set_attn_implementation(before)
        return None
    return model


def _tolerance(model: Any, logits: torch.Tensor) -> float:
    """Returns how far two ways of computing ``logits`` may be apart: a few roundings of the largest."""
    return float(64 * torch.finfo(model.dtype).eps * logits.abs().max().clamp(min=1))


def _end_ids(lm: HFLM) -> set[int]:
    """Returns the ids after which nothing is written: the tokenizer's end token, and those of the model."""
    stated = lm.model.generation_config.eos_token_id
    return {lm.eot_token_id, *(stated if isinstance(stated, list) else [stated] if stated is not None else [])}


def _shapes_logits(config: Any) -> bool:
    """Returns whether a model's generation settings change which token is the likeliest, or how long it writes."""
    plain = {"repetition_penalty": 1.0, "no_repeat_ngram_size": 0, "num_beams": 1, "min_length": 0}
    absent = ["min_new_tokens", "suppress_tokens", "begin_suppress_tokens", "bad_words_ids", "sequence_bias"]
    absent += ["forced_bos_token_id", "forced_eos_token_id", "exponential_decay_length_penalty", "guidance_scale"]
    return any(getattr(config, name, None) not in (None, value) for name, value in plain.items()) or any(
        getattr(config, name, None) is not None for name in absent
    )
