"""The training rows of a harness task, rendered by the task itself, as token ids.

The evaluator's prompt is the only prompt there is: `fewshot_context` builds the context and `construct_requests` the
continuations, and the ids are cut where lm_eval's `hf` cuts them, so what is trained on starts with exactly the ids
that are scored.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from harness_tasks import prompts
from harness_tasks.lengths import encode
from harness_tasks.overlap import input_text, row_identity
from harness_tasks.text import fold


@dataclass(frozen=True)
class Row:
    """One training row: ``prompt_ids`` carry no loss, ``target_ids`` do.

    A classifier's row has no target but a ``label``, the index of the right choice. A span reader's has a ``span``, the
    first and the last token of the answer in ``prompt_ids``; both are the last position where there is no answer.
    ``number`` is the row's place in `train_rows.jsonl`, ``identity`` what it shares with an identical scored row
    (`harness_tasks.overlap.row_identity`). ``target_of`` is the hash of the document whose target it has, in a control;
    empty where that is its own.
    """

    doc_hash: str
    cluster: str | None
    text: str
    prompt_ids: tuple[int, ...]
    target_ids: tuple[int, ...] = ()
    label: int | None = None
    span: tuple[int, int] | None = None
    number: int = -1
    identity: str = ""
    target_of: str = ""

    @property
    def length(self) -> int:
        """Tokens in the row."""
        return len(self.prompt_ids) + len(self.target_ids)

    @property
    def items(self) -> int:
        """Items with a loss: target tokens, or the one label or span of a head's row."""
        return len(self.target_ids) or 1


class Renderer:
    """Turns a task's documents into training rows with one tokenizer and one way of prompting."""

    def __init__(self, task: Any, tokenizer: Any, *, num_fewshot: int = 0, apply_chat_template: bool = False) -> None:
        self.task, self.tokenizer, self.num_fewshot = task, tokenizer, num_fewshot
        self.apply_chat_template = apply_chat_template
        self.chat_template: Callable[..., str] | None = (
            partial(prompts.render_chat, tokenizer) if apply_chat_template else None
        )
        task.set_config("num_fewshot", num_fewshot)

    def encode(self, text: str) -> list[int]:
        """Returns the ids that lm_eval's `hf` gives ``text``: no second BOS where the text begins with one."""
        return encode(self.tokenizer, text)

    def context(self, doc: dict[str, Any]) -> str:
        """Returns the prompt of ``doc`` as the evaluator renders it; the few-shot examples never include ``doc``."""
        sampler = getattr(self.task, "sampler", None)
        if self.num_fewshot and sampler is not None:
            # lm_eval keeps the scored document out of its own shots only where shots come from the scored split.
            draw = type(sampler).sample
            sampler.sample = lambda n, eval_doc=None, **rest: draw(sampler, n, eval_doc=doc, **rest)
        return prompts.context(
            self.task,
            doc,
            num_fewshot=self.num_fewshot,
            apply_chat_template=self.apply_chat_template,
            fewshot_as_multiturn=self.apply_chat_template,
            chat_template=self.chat_template,
        )

    def requests(self, doc: dict[str, Any]) -> list[Any]:
        """Returns lm_eval's requests for ``doc``: one a choice, or the one that asks for an answer."""
        return prompts.requests(self.task, doc, self.context(doc), apply_chat_template=self.apply_chat_template)


Render = Callable[..., Row]
"""Makes a row of a document, its cluster and its text; of a control's, also of the document whose target it has."""
Shuffle = Callable[[Sequence[dict[str, Any]]], Sequence[int]]
"""Says for each document the place of the one whose target it gets."""


def training_rows(
    task: Any,
    render: Render,
    *,
    train_rows: int | None = None,
    min_words: int | None = None,
    identical: Container[str] = (),
    excluded: Iterable[str] = (),
    seed: int = 1,
    shuffle: Shuffle | None = None,
) -> tuple[list[Row], dict[str, int]]:
    """Returns the rows to train on, and how many were `available` and dropped (`identical`, `min_words`, `overlap`).

    Args:
        train_rows: rows at most, a seeded sample in the task's own order; None takes all.
        min_words: rows whose text has fewer words are dropped.
        identical: identities (see `row_identity`) of scored rows; a row that has one of them is dropped.
        excluded: folded texts (see `fold`); a row whose text is contained in one of them, word for word, is dropped.
        seed: draws the sample.
        shuffle: exchanges the targets of the rows that are left; None: each has its own.
    """
    metadata = task.config.metadata or {}
    docs = list(task.training_docs())
    counts = {"available": len(docs), "identical": 0, "min_words": 0, "overlap": 0}
    padded = "\n".join(f" {text} " for text in excluded)
    kept = []
    for doc in docs:
        text = input_text(doc, metadata)
        if row_identity(doc) in identical:
            counts["identical"] += 1
        elif min_words and len(text.split()) < min_words:
            counts["min_words"] += 1
        elif padded and f" {fold(text)} " in padded:
            counts["overlap"] += 1
        else:
            kept.append(doc)
    if train_rows is not None and train_rows < len(kept):
        kept = [kept[i] for i in sorted(random.Random(seed).sample(range(len(kept)), train_rows))]
    return rows_of(kept, render, metadata, shuffle=shuffle), counts


def rows_of(
    docs: Iterable[dict[str, Any]], render: Render, metadata: dict[str, Any], *, shuffle: Shuffle | None = None
) -> list[Row]:
    """Returns a row for each of ``docs``, with the cluster and the text that the task's ``metadata`` declare.

    ``shuffle`` exchanges their targets; None: each has its own.
    """
    field = metadata.get("cluster")

    def row(doc: dict[str, Any], *target: dict[str, Any]) -> Row:
        rendered = render(doc, str(doc[field]) if field in doc else None, input_text(doc, metadata), *target)
        return replace(rendered, identity=row_identity(doc))

    if shuffle is None:
        return [row(doc) for doc in docs]
    docs = list(docs)
    return [row(doc, docs[place]) for doc, place in zip(docs, shuffle(docs), strict=True)]


def hold_out(rows: Sequence[Row], *, share: float, seed: int) -> tuple[list[Row], list[Row]]:
    """Returns the rows to train on and those of the development split: ``share`` (0 to 1) of them, by whole clusters.

    Rows of one cluster stay together; a row without a cluster is one by itself.
    """
    clusters: dict[str, list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        clusters[row.cluster if row.cluster is not None else f"\0{i}"].append(i)
    order = list(clusters)
    random.Random(f"dev/{seed}").shuffle(order)
    held: set[int] = set()
    for name in order:
        if len(held) >= share * len(rows):
            break
        held.update(clusters[name])
    return [row for i, row in enumerate(rows) if i not in held], [row for i, row in enumerate(rows) if i in held]


def numbered(rows: Iterable[Row]) -> list[Row]:
    """Returns the rows, each with its place as its number."""
    return [replace(row, number=i) for i, row in enumerate(rows)]
