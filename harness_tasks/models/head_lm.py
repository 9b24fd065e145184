"""What both classes for heads share.

Loading with plain transformers and peft calls, batches by length, and what results say of the model.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM, TemplateLM
from transformers import AutoConfig, AutoTokenizer

from harness_tasks.errors import UserError
from harness_tasks.models.batch_effects import alone_over
from harness_tasks.models.commits import commit_of
from harness_tasks.models.files import cannot_load, refusals
from harness_tasks.models.heads import check_model, read_json_file, tokenizer_place
from harness_tasks.models.loading import load_head
from harness_tasks.progress import Bar
from harness_tasks.prompts import render_chat


class HeadLM(LM):
    """A checkpoint with a head, whole or an adapter on its base, ready to score."""

    name: str
    """As it is registered with lm_eval."""
    auto_class: Any
    """The class of transformers that loads the weights."""

    def __init__(
        self,
        pretrained: str,
        peft: str | None = None,
        tokenizer: str | None = None,
        revision: str | None = None,
        dtype: str = "auto",
        device: str | None = None,
        batch_size: int | str = 1,
        max_length: int | None = None,
        max_batch_size: int | None = None,  # lm_eval hands it to every class; it is for a batch size of "auto"
        **others: Any,
    ) -> None:
        """Loads the checkpoint; the arguments are those of lm_eval's `hf`.

        Raises UserError where it has another head than this class scores, or no padding token, and for an argument of
        `hf` that means nothing here.
        """
        super().__init__()
        if others:
            raise UserError(
                f"the model argument {min(others)}, which {self.name} does not know",
                "it would be ignored, and the results would say that it was used",
                "leave it out; known are pretrained, peft, tokenizer, revision, dtype and max_length",
            )
        model_args = {"pretrained": pretrained, "peft": peft, "tokenizer": tokenizer, "revision": revision}
        check_model(self.name, model_args)
        self.pretrained, self.peft, self.revision = pretrained, peft, revision
        self.batch_size = _batch_size(batch_size)
        self._device = _device(device)
        with refusals(cannot_load(pretrained)):
            self.tokenizer = AutoTokenizer.from_pretrained(tokenizer_place(model_args), revision=revision)
            config = AutoConfig.from_pretrained(pretrained, revision=revision)
        own = read_json_file(peft, "config.json", revision) if peft else None
        self.configure(config, own or {})
        self.pad_id = self._pad_id(config, own or {})
        config.get_text_config().pad_token_id = self.pad_id
        config.use_cache = False  # nothing is generated
        with refusals(cannot_load(pretrained)):
            self.model = load_head(
                self.auto_class, pretrained, config=config, peft=peft, revision=revision, dtype=dtype
            )
        self.model.to(self._device).eval()
        self._alone_over = alone_over(self.model)
        self.max_length = max_length or _longest_input(config, self.tokenizer)

    def configure(self, config: Any, own: Mapping[str, Any]) -> None:
        """Makes the base's ``config`` that of the checkpoint; ``own`` is the adapter's `config.json`, if it has one."""

    def batches(self, rows: Sequence[Sequence[int]]) -> Iterator[tuple[list[int], dict[str, torch.Tensor]]]:
        """Yields which of ``rows`` (ids) are in a batch, and its ``input_ids`` and ``attention_mask`` (B, T).

        Rows of like length share a batch, the longest first, padded on the right; one that its neighbours would change
        is read alone.
        """
        order = sorted(range(len(rows)), key=lambda i: -len(rows[i]))
        alone = [i for i in order if self._alone_over is not None and len(rows[i]) > self._alone_over]
        order = order[len(alone) :]  # they are the longest
        parts = [[i] for i in alone]
        parts += [order[at : at + self.batch_size] for at in range(0, len(order), self.batch_size)]
        with Bar(len(rows), f"Scoring with {self.name}") as bar:
            for taken in parts:
                longest = len(rows[taken[0]])
                ids = [[*rows[i], *[self.pad_id] * (longest - len(rows[i]))] for i in taken]
                mask = [[1] * len(rows[i]) + [0] * (longest - len(rows[i])) for i in taken]
                yield (
                    taken,
                    {
                        "input_ids": torch.tensor(ids, device=self._device),
                        "attention_mask": torch.tensor(mask, device=self._device),
                    },
                )
                bar.update(len(taken))

    def warn_of_cuts(self, lengths: Sequence[int], lost: str) -> None:
        """Says on stderr how many inputs are longer than the model takes, and that ``lost``."""
        if over := sum(length > self.max_length for length in lengths):
            print(
                f"Warning: {over} of {len(lengths)} inputs are longer than {self.max_length} tokens; {lost}.",
                file=sys.stderr,
            )

    @property
    def eot_token_id(self) -> int | None:
        """The end token's id, for the results."""
        return self.tokenizer.eos_token_id

    @property
    def tokenizer_name(self) -> str:
        """The tokenizer's name, under which lm_eval caches prompts."""
        return str(self.tokenizer.name_or_path).replace("/", "__")

    def chat_template(self, chat_template: bool | str = False) -> str | None:
        """Returns the tokenizer's template as `hf` chooses it."""
        return TemplateLM.chat_template(self, chat_template)  # it asks for our tokenizer alone

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """Returns a conversation as `hf` renders it, without the system message where the template takes none."""
        return render_chat(self.tokenizer, chat_history, add_generation_prompt)

    def get_model_info(self) -> dict[str, Any]:
        """Returns what results say of the weights, with the keys that `hf` has."""
        # peft keeps a frozen copy of the head, which is not used, beside the one that was trained.
        used = [weights for name, weights in self.model.named_parameters() if ".original_module." not in name]
        found = {
            "model_num_parameters": sum(weights.numel() for weights in used),
            "model_dtype": str(self.model.dtype),
            "softmax_dtype": "torch.float32",
            "model_revision": self.revision or "main",
            "model_sha": commit_of(self.pretrained, self.revision) or "",
        }
        return found | ({"peft_sha": commit_of(self.peft, self.revision) or ""} if self.peft else {})

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        """Raises UserError unless a class scores choices."""
        raise self._cannot("compare texts")

    def generate_until(self, requests: list[Instance]) -> list[str]:
        """Raises UserError unless a class answers questions."""
        raise self._cannot("write an answer")

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        """Raises UserError: a head has no perplexity."""
        raise self._cannot("give a text its perplexity")

    def _cannot(self, what: str) -> UserError:
        return UserError(
            f"a task that asks {self.name} to {what}",
            "a classifier chooses among the task's choices, a span reader marks the answer in a passage, no more",
            "score such a task with a language model and --model hf",
        )

    def _pad_id(self, config: Any, own: Mapping[str, Any]) -> int:
        """Returns the id that fills up shorter rows: the checkpoint's own, else its tokenizer's."""
        given = (own.get("pad_token_id"), self.tokenizer.pad_token_id if self.peft else None)
        candidates = (*given, config.get_text_config().pad_token_id, self.tokenizer.pad_token_id)
        found = next((candidate for candidate in candidates if candidate is not None), None)
        if found is None:
            raise UserError(
                f"neither {self.pretrained} nor its tokenizer names a padding token",
                "rows of a batch are filled up with it, and a classifier reads the last token before it",
                "set `pad_token_id` in the checkpoint's config.json",
            )
        return int(found)


def _batch_size(given: int | str) -> int:
    try:
        return int(given)
    except ValueError:
        raise UserError(
            f"a batch size of {given}",
            "heads are scored in batches of one size, so that a score does not depend on the memory that is free",
            "give a number, such as --batch_size 16",
        ) from None


def _longest_input(config: Any, tokenizer: Any) -> int:
    """Returns how many tokens a model reads, found as lm_eval's `hf` finds it."""
    config = getattr(config, "text_config", None) or config
    stated = (getattr(config, name, None) for name in ("n_positions", "max_position_embeddings", "n_ctx"))
    found = next((length for length in stated if length is not None), tokenizer.model_max_length)
    return int(found) if found < 10**18 else 2048  # a tokenizer without a limit says 10**30


def _device(given: str | None) -> torch.device:
    """Returns the device asked for; the processor where it is not there, as `hf` has it."""
    device = torch.device(given or ("cuda" if torch.cuda.is_available() else "cpu"))
    usable = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    return device if usable.get(device.type, True) else torch.device("cpu")
