"""`hf-shared`: lm_eval's `hf`, reading once what requests share, and computing at the vocabulary only where it counts.

What it answers is what `hf` answers. A beginning that several prompts share (shots, a passage, a chat preamble) is read
once; a generation that has ended gives its place in the batch to the next; identical requests are answered once.
"""

import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import torch
from lm_eval.api.instance import Instance
from lm_eval.api.registry import register_model
from lm_eval.models.utils import handle_stop_sequences, normalize_gen_kwargs, postprocess_generated_text

from harness_tasks.generations import ending, note
from harness_tasks.machine import fast_dtype, fast_threads
from harness_tasks.models.answer_cache import AnswerCache, contents, identity
from harness_tasks.models.batch_effects import alone_over, writes_beside
from harness_tasks.models.batched_inference import BatchedModel, readable
from harness_tasks.models.fast_lora import quicken
from harness_tasks.models.files import cannot_load, refusals
from harness_tasks.models.loading import tensor_shapes
from harness_tasks.models.recorded_lm import RecordedLM
from harness_tasks.progress import Bar

LONGEST_CONTINUATION = 64
"""Tokens of a continuation up to which its scores are read off one forward here; longer ones go through `hf`'s way."""

_GREEDY = {"do_sample", "temperature", "until", "max_gen_toks"}
"""The settings of a generation that is greedy and nothing else."""

T = TypeVar("T")

Request = tuple[Any, list[int], list[int]]
"""Context and continuation as text (None in rolling windows), and both as token ids."""


@register_model("hf-shared")
class SharedLM(RecordedLM):
    """A causal LM as lm_eval's `hf` has it, asked in the order in which prompts share their beginnings.

    Takes every argument of `hf`, and `fast` as ``dtype``: bfloat16 where a probe finds it faster than float32;
    ``memory_gb``, what keys and values may take at most, in GB; and ``answers``, a folder in which answers are kept, so
    that an interrupted evaluation resumes. The batch size is the most sequences beside each other, fewer where the
    memory does not allow them; `auto` takes 64 on a processor, 128 elsewhere.
    """

    def __init__(
        self,
        *args: Any,
        dtype: str | torch.dtype = "auto",
        memory_gb: float = 2.0,
        answers: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Loads the model as `hf` does, and tries whether it can be read in parts."""
        on_cpu = not torch.cuda.is_available() or str(kwargs.get("device") or "cuda") == "cpu"
        self.asked = {"dtype_asked": str(dtype), "memory_gb": float(memory_gb)}
        if dtype == "fast":
            dtype = fast_dtype("cpu" if on_cpu else "cuda")
        super().__init__(*args, dtype=dtype, **kwargs)
        self._quicken()
        if on_cpu:
            torch.set_num_threads(fast_threads(str(self.model.dtype).removeprefix("torch.")))
        self.reader: BatchedModel | None = None
        self.answers: AnswerCache | None = None
        given = str(self.batch_size)
        is_changed = self.backend == "causal" and alone_over(self.model) is not None
        model = readable(self.model) if self.backend == "causal" and self.world_size == 1 else None
        if is_changed or (self.backend == "causal" and model is None and not writes_beside(self.model)):
            self.batch_size_per_gpu = 1  # of what goes `hf`'s way, where a row is changed by longer ones beside it
            print("hf-shared: a row's neighbours change it; what goes `hf`'s way is read alone", file=sys.stderr)
        if model is None:
            name = type(self.model).__name__
            print(f"hf-shared: {name} cannot be read in parts; it is scored as `hf` does", file=sys.stderr)
            return
        most = 64 if self.device.type == "cpu" else 128
        rows = int(given) if given.isdigit() and int(given) > 0 else most
        self.reader = BatchedModel(model, rows, int(float(memory_gb) * 1e9), self._autocast)
        took = f"{model.dtype}, {torch.get_num_threads()} threads, {rows} sequences at most beside each other"
        print(f"hf-shared: {took}", file=sys.stderr)
        if answers:
            told = identity(
                model,
                pretrained=str(self.pretrained),
                adapters=[self.peft, self.delta],
                settings={
                    "mixed_precision": str(self.mixed_precision_dtype),
                    "softmax_dtype": str(self.softmax_dtype),
                    "revision": self.revision,
                },
            )
            self.answers = AnswerCache(Path(answers), told)

    def get_model_info(self) -> dict[str, Any]:
        """Returns what results say of the model: what `hf` says, and how it was asked."""
        rows = {"sequences_at_most": self.reader.rows} if self.reader else {}
        return {**super().get_model_info(), **self.asked, "threads": torch.get_num_threads(), **rows}

    def wear(self, adapter: str | None) -> None:
        """Puts the adapter in the folder or repository ``adapter`` on the base, as `hf` does, in any other's place."""
        if hasattr(self.model, "peft_config"):
            self._model = self.model.unload()
        if adapter:
            from peft import PeftModel

            if self.model.config.get_text_config().vocab_size != len(self.tokenizer):
                self.model.resize_token_embeddings(len(self.tokenizer))
            with refusals(cannot_load(adapter)):
                self._model = PeftModel.from_pretrained(
                    self.model, adapter, revision=self.revision, torch_device=str(self.device)
                ).eval()
        self._quicken()
        self.peft = adapter
        if self.answers:
            worn = [contents(place, self.revision) for place in (adapter, self.delta) if place]
            self.answers.model = {**self.answers.model, "adapters": worn}

    def share_lower_layers(self, adapters: Sequence[str]) -> None:
        """Reads once what the base's layers below all of these adapters make of a sequence; before any is worn."""
        if self.reader is None:
            return
        if below := self.reader.share_lower_layers([tensor_shapes(adapter, self.revision) for adapter in adapters]):
            layers = self.model.config.get_text_config().num_hidden_layers
            print(f"hf-shared: {below} of {layers} layers are below every adapter: read once", file=sys.stderr)

    def _quicken(self) -> None:
        """Lets a LoRA adapter be added in one product a layer; under autocast peft's own way stays."""
        if hasattr(self.model, "peft_config") and self.mixed_precision_dtype is None:
            quicken(self.model)

    def _loglikelihood_tokens(
        self, requests: list[Request], disable_tqdm: bool = False, override_bs: int | None = None
    ) -> list[tuple[float, bool]]:
        """Returns the log-likelihood of each continuation, and whether it is what greedy decoding would write."""
        if self.reader is None:
            return super()._loglikelihood_tokens(requests, disable_tqdm, override_bs)
        found: dict[int, tuple[float, bool]] = {}
        long = [
            index
            for index, (_, context, own) in enumerate(requests)
            if len(own) > LONGEST_CONTINUATION or self._is_too_long(min(len(context + own) - 1, self.max_length))
        ]
        if long:
            given = super()._loglikelihood_tokens([requests[index] for index in long], disable_tqdm, override_bs)
            found |= zip(long, given, strict=True)
        with self._progress(len(requests) - len(long), disable_tqdm, "likelihoods") as bar:
            for index, answer in self._likelihoods(requests, [i for i in range(len(requests)) if i not in found]):
                found[index] = answer
                if requests[index][0] is not None:
                    self.cache_hook.add_partial("loglikelihood", requests[index][0], answer)
                bar.update()
        return [found[index] for index in range(len(requests))]

    def _likelihoods(
        self, requests: Sequence[Request], places: Sequence[int]
    ) -> Iterator[tuple[int, tuple[float, bool]]]:
        """Yields the answer to each of the requests at ``places``."""
        assert self.reader is not None
        asked: dict[tuple[int, ...], list[int]] = {}
        for index in places:
            _, context, own = requests[index]
            ids = tuple((context + own)[-(self.max_length + 1) :][:-1])
            known = self.answers.find("loglikelihood", ids, own) if self.answers else None
            if known is not None:
                yield index, (known[0], known[1])
            else:
                asked.setdefault(ids, []).append(index)
        inputs = list(asked)
        kept = [max(len(requests[index][2]) for index in asked[ids]) for ids in inputs]
        for some in _lots(self.reader.read(inputs, kept), self.reader.rows):
            done = []
            for at, logits in some:
                scores = logits.log_softmax(-1, dtype=self.softmax_dtype)
                likeliest = scores.argmax(-1).tolist()
                for index in asked[inputs[at]]:
                    own = requests[index][2]
                    value = float(scores[range(-len(own), 0), own].float().sum())
                    answer = (value, likeliest[-len(own) :] == own)
                    done.append((index, inputs[at], own, answer))
            if self.answers:
                self.answers.keep("loglikelihood", [entry[1:] for entry in done])
            yield from ((index, answer) for index, _, _, answer in done)

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Returns what the model writes after each context, up to the first stop string."""
        eos = self.tok_decode([self.eot_token_id], skip_special_tokens=False)
        groups: dict[str, list[int]] = {}
        for index, request in enumerate(requests):
            groups.setdefault(repr(request.args[1]), []).append(index)
        texts: dict[int, str] = {}
        for group in groups.values():
            given = requests[group[0]].args[1]
            settings = normalize_gen_kwargs(given, self.max_gen_toks)
            if not self._is_greedy(settings):
                found = super().generate_until([requests[index] for index in group], disable_tqdm)
                texts |= zip(group, found, strict=True)
                continue
            stop = handle_stop_sequences(settings["until"], eos=eos)
            limit = settings["max_gen_toks"]
            if self.reader and self.reader.longest is not None:
                lengths = {at: len(self._encoded(requests[at].args[0], limit)) + limit for at in group}
                long = [at for at in group if self._is_too_long(lengths[at])]
                found = super().generate_until([requests[at] for at in long], disable_tqdm) if long else []
                texts |= zip(long, found, strict=True)
                group = [at for at in group if at not in texts]
            by_context: dict[str, list[int]] = {}
            for index in group:
                by_context.setdefault(requests[index].args[0], []).append(index)
            with self._progress(len(group), disable_tqdm, "generations") as bar:
                for context, ids in self._generations(list(by_context), stop, limit):
                    text = postprocess_generated_text(self.tok_decode(ids), stop, None)
                    ended = ending(ids, ends=self.end_ids(), stop=stop, limit=limit, decode=self.tokenizer.decode)
                    note(context, given, text, ended)
                    self.cache_hook.add_partial("generate_until", (context, given), text)
                    texts |= dict.fromkeys(by_context[context], text)
                    bar.update(len(by_context[context]))
        return [texts[index] for index in range(len(requests))]

    def _generations(self, contexts: Sequence[str], stop: Sequence[str], limit: int) -> Iterator[tuple[str, list[int]]]:
        """Yields each context with the ids that are written after it."""
        assert self.reader is not None
        ends, longest = self.end_ids(), max(map(len, stop), default=0)

        def is_end(ids: list[int]) -> bool:
            # A string that stops is as long as its letters at most, in ids; a few more, for letters of several ids.
            if ids[-1] in ends:
                return True
            text = self.tokenizer.decode(ids[-longest - 4 :])
            return any(string and string in text for string in stop)

        asked = {"stop": list(stop), "ends": sorted(ends), "limit": limit}
        waiting: list[tuple[str, list[int]]] = []
        for context in contexts:
            prompt = self._encoded(context, limit)
            known = self.answers.find("generation", prompt, asked) if self.answers else None
            if known is None:
                waiting.append((context, prompt))
            else:
                yield context, known
        for at, ids in self.reader.write([prompt for _, prompt in waiting], limit, is_end):
            context, prompt = waiting[at]
            if self.answers:
                self.answers.keep("generation", [(prompt, asked, ids)])
            yield context, ids

    def _is_too_long(self, tokens: int) -> bool:
        """Returns whether a sequence reaches past the lengths at which the model is known to be read in parts."""
        return self.reader is not None and self.reader.longest is not None and tokens > self.reader.longest

    def _is_greedy(self, settings: Any) -> bool:
        """Returns whether a generation takes the likeliest token each time, and nothing else shapes it."""
        plain = set(settings) <= _GREEDY and not settings.get("do_sample") and self.think_end_token is None
        return self.reader is not None and plain and not _shapes_logits(self.model.generation_config)

    def _encoded(self, context: str, room: int) -> list[int]:
        """Returns a context's ids as `hf` has them: its end, where it leaves no ``room`` for the tokens to write."""
        most = self.max_length - room
        if most <= 0:
            raise ValueError(f"{room} tokens are to be written, and the model reads {self.max_length} in all")
        ids, _ = self.tok_batch_encode([context], left_truncate_len=most, truncation=self.truncation)
        return [int(token) for token in ids[0]]

    def _autocast(self) -> Any:
        dtype = self.mixed_precision_dtype
        return torch.autocast(device_type=self.device.type, dtype=dtype, enabled=dtype is not None)

    def _progress(self, total: int, is_silent: bool, what: str) -> Any:
        return Bar(total, f"Running {what}", disable=is_silent or self.rank != 0)


def _shapes_logits(config: Any) -> bool:
    """Returns whether a model's generation settings change which token is the likeliest, or how long it writes."""
    plain = {"repetition_penalty": 1.0, "no_repeat_ngram_size": 0, "num_beams": 1, "min_length": 0}
    absent = ["min_new_tokens", "suppress_tokens", "begin_suppress_tokens", "bad_words_ids", "sequence_bias"]
    absent += ["forced_bos_token_id", "forced_eos_token_id", "exponential_decay_length_penalty", "guidance_scale"]
    return any(getattr(config, name, None) not in (None, value) for name, value in plain.items()) or any(
        getattr(config, name, None) is not None for name in absent
    )


def _lots(found: Iterator[T], most: int) -> Iterator[list[T]]:
    """Yields what an iterator yields in lists of ``most`` at most."""
    while lot := list(islice(found, most)):
        yield lot
