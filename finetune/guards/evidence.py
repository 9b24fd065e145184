"""What the guards look at beside the prepared run: the rows that will be scored, the parameters, the base's files.

Each is made when a guard first asks for it, and once.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from finetune.ledger import Ledger
from finetune.prepare import Prepared
from harness_tasks.loading import doc_hash, load_task
from harness_tasks.models.heads import read_json_file
from harness_tasks.overlap import GRADES, Grade, Text, grades, input_text, row_identity

SAMPLED_ROWS = 8
"""Rows whose text is compared with their document's answer: what goes wrong there goes wrong in every row."""


@dataclass(frozen=True)
class Scored:
    """One task that the checkpoint will be scored on: its scored rows, and which of them resemble a training row."""

    name: str
    task: Any
    split: str
    identities: tuple[str, ...]
    grades: tuple[tuple[Grade, ...], ...]

    @property
    def overlapping(self) -> int:
        """Scored rows with any grade of overlap."""
        return sum(bool(held) for held in self.grades)

    def as_json(self) -> dict[str, Any]:
        """Returns how many of the task's scored rows there are, and how many hold each grade, and any."""
        counts: dict[str, int] = {grade: sum(grade in held for held in self.grades) for grade in GRADES}
        return {"task": self.name, "scored": len(self.identities), "any": self.overlapping, **counts}


class Evidence:
    """A prepared run, and what follows from it."""

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared

    @cached_property
    def scored(self) -> tuple[Scored, ...]:
        """The scored tasks with their rows, graded against the rows that are trained on."""
        return tuple(self._scored(name) for name in self.prepared.run.scored_tasks)

    @cached_property
    def ledger(self) -> Ledger:
        """The parameters of the model that will be trained; UserError where the method does not fit the model."""
        from finetune.estimate import parameters

        run = self.prepared.run
        return parameters(
            self.prepared.config,
            run.recipe,
            method=run.method,
            head=run.head,
            labels=len(self.prepared.labels),
            name=run.model,
        )

    @cached_property
    def documents(self) -> list[tuple[Any, dict[str, Any], dict[str, Any]]]:
        """Some training rows, each with the document that it was rendered from, and with that of its target."""
        rows = {row.doc_hash: row for row in self.prepared.rows[:SAMPLED_ROWS]}
        wanted = {name for row in rows.values() for name in (row.doc_hash, row.target_of) if name}
        found: dict[str, dict[str, Any]] = {}
        for doc in self.prepared.task.training_docs():
            if len(found) == len(wanted):
                break
            if (name := doc_hash(doc)) in wanted:
                found.setdefault(name, doc)
        pairs = ((row, found.get(name), found.get(row.target_of or name)) for name, row in rows.items())
        return [(row, doc, target) for row, doc, target in pairs if doc is not None and target is not None]

    def base_file(self, name: str) -> Path | None:
        """Returns the file ``name`` of the base model, a folder or a model on the Hub, or None where it has none."""
        from transformers.utils import cached_file

        run = self.prepared.run
        path = cached_file(
            run.model,
            name,
            revision=run.revision,
            _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_connection_errors=False,
            _raise_exceptions_for_gated_repo=False,
        )
        return None if path is None else Path(path)

    def base_json(self, name: str) -> dict[str, Any]:
        """Returns what the base model's file ``name`` holds; empty where there is none. Raises as `read_json_file`."""
        run = self.prepared.run
        return read_json_file(run.model, name, run.revision) or {}

    def _scored(self, name: str) -> Scored:
        run = self.prepared.run
        task = self.prepared.task
        if name != run.task:
            task = load_task(name, include_path=run.include_path, metadata=run.metadata)
        declared = task.config.metadata or {}
        docs = list(task.eval_docs)
        held = grades(
            [_text(doc, declared) for doc in docs], [Text(row.text, row.cluster) for row in self.prepared.rows]
        )
        return Scored(
            name=name,
            task=task,
            split=task.config.test_split or task.config.validation_split,
            identities=tuple(map(row_identity, docs)),
            grades=tuple(tuple(row) for row in held),
        )


def _text(doc: Mapping[str, Any], declared: Mapping[str, Any]) -> Text:
    source = doc.get(str(declared.get("cluster")))
    return Text(input_text(doc, declared), None if source is None else str(source))


def squeezed(text: str) -> str:
    """Returns the text without white space and in lower case, to compare it with what a tokenizer made of it.

    >>> squeezed(" New  York\\n")
    'newyork'
    """
    return re.sub(r"\s+", "", text).casefold()


def named(tokenizer: Any, token: int | None) -> str:
    """Returns how a token is shown: its text and its id."""
    if token is None:
        return "none"
    return f"{tokenizer.convert_ids_to_tokens(token)} (id {token})"
