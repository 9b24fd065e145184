"""The training rows of a harness task, rendered by the task itself, as token ids.

The evaluator's prompt is the only prompt there is: `fewshot_context` builds the context and `construct_requests` the
continuations, and the ids are cut where lm_eval's `hf` cuts them, so what is trained on starts with exactly the ids
that are scored.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from harness_tasks.errors import UserError
from harness_tasks.lengths import encode, encode_pair
from harness_tasks.loading import doc_hash
from harness_tasks.overlap import input_text
from harness_tasks.text import fold


@dataclass(frozen=True)
class Row:
    """One training row. ``prompt_ids`` carry no loss; ``target_ids`` do."""

    doc_hash: str
    cluster: str | None
    text: str
    prompt_ids: tuple[int, ...]
    target_ids: tuple[int, ...]

    @property
    def length(self) -> int:
        """Tokens in the row."""
        return len(self.prompt_ids) + len(self.target_ids)


class Renderer:
    """Turns a task's documents into training rows with one tokenizer and one way of prompting."""

    def __init__(self, task: Any, tokenizer: Any, *, num_fewshot: int = 0, apply_chat_template: bool = False) -> None:
        self.task, self.tokenizer, self.num_fewshot = task, tokenizer, num_fewshot
        self.apply_chat_template = apply_chat_template
        self.chat_template: Callable[..., str] | None = (
            partial(_apply_chat_template, tokenizer) if apply_chat_template else None
        )
        task.set_config("num_fewshot", num_fewshot)

    def encode(self, text: str) -> list[int]:
        """Returns the ids that lm_eval's `hf` gives ``text``: no second BOS where the text begins with one."""
        return encode(self.tokenizer, text)

    def context(self, doc: dict[str, Any]) -> str:
        """Returns the prompt of ``doc`` as the evaluator renders it; the worked examples never include ``doc``."""
        sampler = getattr(self.task, "sampler", None)
        if self.num_fewshot and sampler is not None:
            # lm_eval keeps the scored document out of its own shots only where shots come from the scored split.
            draw = type(sampler).sample
            sampler.sample = lambda n, eval_doc=None, **rest: draw(sampler, n, eval_doc=doc, **rest)
        return str(
            self.task.fewshot_context(
                doc,
                num_fewshot=self.num_fewshot,
                apply_chat_template=self.apply_chat_template,
                fewshot_as_multiturn=self.apply_chat_template,
                chat_template=self.chat_template,
                gen_prefix=self.task.doc_to_prefix(doc),
            )
        )

    def row(self, doc: dict[str, Any], *, cluster: str | None, text: str) -> Row:
        """Returns ``doc`` as a training row: the prompt, and the answer that the task holds to be right."""
        context = self.context(doc)
        requests = self.task.construct_requests(
            doc=doc, ctx=context, apply_chat_template=self.apply_chat_template, metadata=(self.task.task_name, 0, 1)
        )
        if self.task.OUTPUT_TYPE == "multiple_choice":
            context, continuation = requests[_gold_choice(self.task, doc)].args
            prompt_ids, target_ids = encode_pair(self.tokenizer, context, continuation)
        elif self.task.OUTPUT_TYPE == "generate_until":
            prompt_ids, target_ids = self._answer(context, doc)
        else:
            raise UserError(
                f"{self.task.task_name} is a task of the kind {self.task.OUTPUT_TYPE}",
                "it has no answer to train on",
                "choose a task of the kind multiple_choice or generate_until",
            )
        return Row(doc_hash(doc), cluster, text, tuple(prompt_ids), tuple(target_ids))

    def _answer(self, context: str, doc: dict[str, Any]) -> tuple[list[int], list[int]]:
        """Returns the prompt's ids, and those of the answer with what ends it: the first stop string, or EOS in chat.

        The answer is encoded apart from the prompt, because that is how it is generated: after the prompt's own ids.
        """
        target = self.task.doc_to_target(doc)
        answer = target[0] if isinstance(target, list) else str(target)
        if self.apply_chat_template:
            ids = [*self.tokenizer.encode(answer, add_special_tokens=False), self.tokenizer.eos_token_id]
        else:
            until = self.task.config.generation_kwargs.get("until") or []
            until = [until] if isinstance(until, str) else until
            text = self.task.config.target_delimiter + answer + (until[0] if until else "")
            ids = self.tokenizer.encode(text, add_special_tokens=False)
            if not until:
                ids = [*ids, self.tokenizer.eos_token_id]
        return self.encode(context), list(ids)


def training_rows(
    task: Any,
    renderer: Renderer,
    *,
    train_rows: int | None = None,
    min_words: int | None = None,
    excluded: Iterable[str] = (),
    seed: int = 1,
) -> tuple[list[Row], dict[str, int]]:
    """Returns the rows to train on, and counts of what was `available` and dropped (`min_words`, `overlap`).

    Args:
        train_rows: rows at most, a seeded sample in the task's own order; None takes all.
        min_words: rows whose text has fewer words are dropped.
        excluded: folded texts (see `fold`); a row whose text is contained in one of them, word for word, is dropped.
        seed: draws the sample.
    """
    metadata = task.config.metadata or {}
    cluster_field = metadata.get("cluster")
    docs = list(task.training_docs())
    counts = {"available": len(docs), "min_words": 0, "overlap": 0}
    padded = "\n".join(f" {text} " for text in excluded)
    kept = []
    for doc in docs:
        text = input_text(doc, metadata)
        if min_words and len(text.split()) < min_words:
            counts["min_words"] += 1
        elif padded and f" {fold(text)} " in padded:
            counts["overlap"] += 1
        else:
            kept.append((doc, text))
    if train_rows is not None and train_rows < len(kept):
        kept = [kept[i] for i in sorted(random.Random(seed).sample(range(len(kept)), train_rows))]
    rows = []
    for doc, text in kept:
        cluster = str(doc[cluster_field]) if cluster_field in doc else None
        rows.append(renderer.row(doc, cluster=cluster, text=text))
    return rows, counts


def check_lengths(rows: list[Row], max_length: int) -> None:
    """Raises a UserError when a row holds more than ``max_length`` tokens: its target would be cut off."""
    longest = max(rows, key=lambda row: row.length)
    if longest.length > max_length:
        over = sum(row.length > max_length for row in rows)
        raise UserError(
            f"{over} of {len(rows)} training rows are longer than max_length = {max_length} tokens "
            f"(the longest has {longest.length})",
            "cutting them would take the answer off the end, and the loss would teach nothing while it looks healthy",
            f"raise max_length to {longest.length} or more, or leave long rows out of the task",
        )


def _gold_choice(task: Any, doc: dict[str, Any]) -> int:
    target = task.doc_to_target(doc)
    if isinstance(target, list):
        target = target[0]
    return target if isinstance(target, int) else task.doc_to_choice(doc).index(target)


def _apply_chat_template(tokenizer: Any, chat: list[dict[str, str]], *, add_generation_prompt: bool = True) -> str:
    """Renders a chat as lm_eval's `HFLM.apply_chat_template` does, with its retry without the system message."""
    import jinja2

    render = partial(
        tokenizer.apply_chat_template,
        tokenize=False,
        add_generation_prompt=add_generation_prompt,
        continue_final_message=not add_generation_prompt,
    )
    try:
        return str(render(chat))
    except jinja2.exceptions.TemplateError:
        return str(render([message for message in chat if message["role"] != "system"]))
