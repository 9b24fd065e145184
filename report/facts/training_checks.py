"""Facts of what watched over the training: the guards before it, and the checks of the saved weights after it."""

from collections.abc import Sequence
from pathlib import Path

from finetune.kinds import FINETUNE
from report.facts.schema.parts import Absent
from report.facts.schema.training import Checks, Objection
from report.facts.values import fact, missing
from report.reading.results import Document, read_json

IN_ORDER = ("pass", "by-design", "after-training")
"""Verdicts that ask nothing of a reader; what is left for after training is settled by the checks."""


def check_facts(folder: Path, checkpoints: Sequence[str]) -> Checks | Absent:
    """Returns how many verdicts there are over all trained checkpoints, and each that is not in order.

    `Absent` where not every checkpoint's record has them: then nothing can be said of all of them.
    """
    records = [read_json(folder, f"checkpoints/{name}/finetune.json", FINETUNE) for name in checkpoints]
    if not records:
        return Absent(absent=missing("no checkpoint has been trained"))
    for record in records:
        if not record.content.get("guards"):
            return Absent(absent=missing(f"{record.file} records no guards"))
        if not (record.content.get("proof") or {}).get("verdicts"):
            return Absent(absent=missing(f"{record.file} records no checks of the saved weights"))
    guards = [record.source("guards") for record in records]
    proofs = [record.source("proof", "verdicts") for record in records]
    objections = [row for name, record in zip(checkpoints, records, strict=True) for row in _objections(name, record)]
    return Checks(
        checkpoints=fact(len(records), "count", guards[0], also=guards[1:] or None),
        guards=fact(
            sum(len(record.content["guards"]) for record in records), "count", guards[0], also=guards[1:] or None
        ),
        proofs=fact(
            sum(len(record.content["proof"]["verdicts"]) for record in records),
            "count",
            proofs[0],
            also=proofs[1:] or None,
        ),
        objected=fact(len(objections), "count", guards[0], also=[*guards[1:], *proofs]),
        objections=objections,
    )


def _objections(name: str, record: Document) -> list[Objection]:
    places = [
        *[(entry, ("guards", i)) for i, entry in enumerate(record.content["guards"])],
        *[(entry, ("proof", "verdicts", i)) for i, entry in enumerate(record.content["proof"]["verdicts"])],
    ]
    return [
        Objection(
            checkpoint=fact(name, "text", record.source()),
            **{key: fact(str(entry.get(key)), "text", record.source(*at, key)) for key in ("id", "verdict", "found")},
        )
        for entry, at in places
        if entry.get("verdict") not in IN_ORDER
    ]
