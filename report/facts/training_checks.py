"""Facts of what watched over the training: the guards before it, and the checks of the saved weights after it."""

from collections.abc import Sequence
from pathlib import Path

from finetune.kinds import FINETUNE
from report.facts.schema.parts import Absent, Known
from report.facts.schema.training import Checks, Objection, PairChecks
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


def pair_facts(folder: Path, checkpoints: Sequence[str]) -> PairChecks | None:
    """Returns what the checks said of whether ``checkpoints``, those from elsewhere, belong to the base model.

    None where there are none, or none of their records holds a verdict.
    """
    records = {name: read_json(folder, f"checkpoints/{name}/finetune.json", FINETUNE) for name in checkpoints}
    checked = {name: record for name, record in records.items() if record.content.get("guards")}
    if not checked:
        return None
    first, *others = (record.source("guards") for record in checked.values())
    objections = [row for name, record in checked.items() for row in _objections(name, record)]

    def count(number: int) -> Known:
        return fact(number, "count", first, also=others or None)

    return PairChecks(
        checkpoints=count(len(checked)),
        verdicts=count(sum(len(record.content["guards"]) for record in checked.values())),
        objected=count(len(objections)),
        objections=objections,
    )


def _objections(name: str, record: Document) -> list[Objection]:
    proofs = (record.content.get("proof") or {}).get("verdicts") or []
    places = [
        *[(entry, ("guards", i)) for i, entry in enumerate(record.content["guards"])],
        *[(entry, ("proof", "verdicts", i)) for i, entry in enumerate(proofs)],
    ]
    return [
        Objection(
            checkpoint=fact(name, "text", record.source()),
            **{key: fact(str(entry.get(key)), "text", record.source(*at, key)) for key in ("id", "verdict", "found")},
        )
        for entry, at in places
        if entry.get("verdict") not in IN_ORDER
    ]
