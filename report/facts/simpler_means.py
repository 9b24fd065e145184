"""What a bag of words, or a passage's nearest sentence, scores on a checkpoint's task, beside base and checkpoint."""

from dataclasses import replace
from pathlib import Path

from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file
from report.facts.measured import Measured, ScoredItems, interval_fact, unit_of
from report.facts.pairing import paired
from report.facts.replicated import replicated_score
from report.facts.schema.parts import Fact
from report.facts.schema.scores import SimplerMeans
from report.facts.values import fact, missing
from report.reading import kinds
from report.reading.results import Document, read_json
from report.statistics import intervals

NAMES = {"bag-of-words": "bag of words", "nearest-passage-sentence": "nearest sentence"}
"""The simpler means by the names that a study gives them, and what a page calls them. A task has at most one."""


def simpler_means(folder: Path, base: Measured | None, after: Measured | None, checkpoint: str) -> SimplerMeans | None:
    """Returns a simpler means' score in the primary metric, and its paired differences; None where there is none.

    Raises:
        UserError: it answered other items than the scored ones, or learned from other rows than the checkpoint.
    """
    known = base or after
    if known is None:
        return None
    files = {name: f"baselines/{checkpoint}/{name}_{known.scores.task}.json" for name in NAMES}
    name = next((name for name, file in files.items() if (folder / file).exists()), None)
    if name is None:
        return None
    document = read_json(folder, files[name], kinds.SIMPLER_MEANS)
    _refuse_other(folder, document, known, checkpoint)
    score, own = _score(known, document)
    learned = {
        key: fact(document.content[key], "count", document.source(key))
        for key in ("training_rows", "vocabulary")
        if key in document.content
    }
    return SimplerMeans(
        name=fact(NAMES[name], "text", document.source("name")),
        **learned,
        score=score,
        above_base=_difference(base, own, document, own_last=True),
        tuned_above=_difference(after, own, document),
    )


def _refuse_other(folder: Path, document: Document, known: Measured, checkpoint: str) -> None:
    content = document.content
    rows_file = folder / "checkpoints" / checkpoint / "train_rows.jsonl"
    answered = dict(zip(content["doc_ids"], content["doc_hashes"], strict=True))
    if answered != {row["doc_id"]: row["doc_hash"] for row in known.scores.rows}:
        found, why = f"answers other items than {known.scores.samples.file} holds", "it is compared item by item"
    elif rows_file.is_file() and content.get("training_file_sha256") not in (None, sha256_file(rows_file)):
        found = f"learned from other training rows than {checkpoint} has"
        why = "it has to learn from the very rows of the checkpoint that it stands beside"
    else:
        return
    raise UserError(f"{document.file} {found}", why, f"delete {folder / document.file} and run the study again")


def _score(known: Measured, document: Document) -> tuple[Fact, ScoredItems | Fact]:
    """Returns the score in the primary metric, and what each item adds to it, or why that is not known."""
    primary = known.scores.primary
    values = document.content["values"].get(primary)
    if primary is None or values is None or replicated_score(known, primary) is not None:
        why = missing("the task declares no primary metric" if primary is None else "it has no score in that metric")
        return why, why
    by_id = dict(zip(document.content["doc_ids"], values, strict=True))
    given = [by_id[row["doc_id"]] for row in known.scores.rows]
    items = known.baseline(primary, [tuple(value) if isinstance(value, list) else value for value in given])
    return interval_fact(items.level, unit_of(known, primary), document.source("values", primary)), items


def _difference(side: Measured | None, own: ScoredItems | Fact, document: Document, *, own_last: bool = False) -> Fact:
    """Returns ``side``'s score minus the simpler means' (``own_last``: the other way round), paired item by item."""
    if not isinstance(own, ScoredItems):
        return own
    items = side.items(own.metric) if side else None
    if side is None or items is None:
        return missing("the other score is missing")
    two = paired(own, replace(items, scale=own.scale))
    if two.alignment.differ:
        return missing("the simpler means answered other items")
    difference = intervals.difference(two.encoded(one_last=own_last))
    also = [document.source("values", own.metric)]
    return interval_fact(difference, unit_of(side, own.metric), side.scores.samples.source(), also=also)
