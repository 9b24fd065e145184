"""How far the scored items overlap with the training rows, and what the scores are where they do not."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file
from harness_tasks.overlap import GRADES
from report.facts.measured import interval_fact, unit_of
from report.facts.pairing import Pair, paired
from report.facts.schema.parts import Absent
from report.facts.schema.scores import Grade, Overlap, OverlapPart
from report.facts.values import fact, missing
from report.reading import kinds
from report.reading.results import read_rows
from report.statistics import intervals


def overlap_facts(folder: Path, pair: Pair, checkpoint: str) -> Overlap | Absent:
    """Returns the items of each grade of overlap, and the primary scores on the items without any and with some.

    Raises:
        UserError: the file of the grades is about other items than the scored ones, or other training rows.
    """
    base = pair.before
    task, primary = base.scores.task, base.scores.primary
    name = f"overlap/{checkpoint}/overlap_{task}.jsonl"
    if not (folder / name).exists():
        return Absent(absent=missing(f"it was not measured: there is no {name}"))
    document = read_rows(folder, name, kinds.OVERLAP, head=kinds.OVERLAP_HEAD)
    head, *rows = document.content
    grades = {row["doc_id"]: row["grades"] for row in rows}
    if {row["doc_id"]: row["doc_hash"] for row in rows} != {row["doc_id"]: row["doc_hash"] for row in base.scores.rows}:
        raise UserError(
            f"{name} grades other items than {base.scores.samples.file} holds",
            "the score on the part without overlap would be of the wrong items",
            f"delete {folder / name} and run the study again",
        )
    rows_file = folder / "checkpoints" / checkpoint / "train_rows.jsonl"
    told = head.get("training_file_sha256")
    if told and rows_file.is_file() and sha256_file(rows_file) != told:
        raise UserError(
            f"{name} was graded against other training rows than {checkpoint} has",
            "the score on the part without overlap would be of the wrong items",
            f"delete {folder / name} and run the study again",
        )
    counts = Counter(grade for found in grades.values() for grade in found)
    source, total = document.source(), len(rows)
    clustered = base.scores.metadata.get("cluster") is not None
    free = [row for row in base.scores.rows if not grades[row["doc_id"]]]
    touched = [row for row in base.scores.rows if grades[row["doc_id"]]]
    return Overlap(
        training_rows=fact(head["training_rows"], "count", document.source(0, "training_rows")),
        grades=[
            Grade(
                grade=fact(grade.replace("_", " "), "text", source),
                meaning=fact(head["definition"][grade], "text", document.source(0, "definition", grade)),
                scored=fact(counts[grade], "count", source, n=total),
                share=fact(counts[grade] / total, "share", source, n=total),
            )
            for grade in GRADES
            if grade != "same_source" or clustered
        ],
        some=fact(len(touched), "count", source, n=total),
        some_share=fact(len(touched) / total, "share", source, n=total),
        none=fact(len(free), "count", source, n=total),
        parts=[
            _part(pair, primary, part, part_name)
            for part_name, part in (("without any overlap", free), ("with some overlap", touched))
            if primary
        ],
    )


def _part(pair: Pair, metric: str, rows: list[dict[str, Any]], name: str) -> OverlapPart:
    """Returns before, after and difference of the primary metric on a part of the items."""
    base, after = pair.before, pair.after
    source = base.scores.samples.source()
    later = {id(one): two for one, two in zip(base.scores.rows, pair.later, strict=True)}
    kept = [row for row in rows if metric in row]
    one = base.part(metric, kept) if kept else None
    two = after.part(metric, [later[id(row)] for row in kept]) if kept else None
    named = {"part": fact(name, "text", source), "scored": fact(len(rows), "count", source)}
    if one is None or two is None:
        absent = missing("no item of this part has a score in it" if rows else "no scored item is of this part")
        return OverlapPart(**named, before=absent, after=absent, difference=absent)
    items = paired(one, replace(two, scale=one.scale))
    unit, of_after = unit_of(base, metric), after.scores.samples.source()
    return OverlapPart(
        **named,
        before=interval_fact(one.level, unit, source),
        after=interval_fact(two.level, unit, of_after),
        difference=interval_fact(intervals.difference(items.encoded()), unit, of_after, also=[source]),
    )
