"""Facts of how a checkpoint was made, from its `finetune.json`."""

from pathlib import Path
from typing import Any

from finetune.kinds import FINETUNE
from report.facts.learning_curves import development_facts
from report.facts.parameters import ledger_facts
from report.facts.paths import figure_path
from report.facts.schema.training import (
    CheckpointFacts,
    Dropped,
    Loss,
    NamedSetting,
    NotRead,
    PairVerdict,
    PlaceElsewhere,
    Published,
    Trained,
    TrainingData,
    Untrained,
)
from report.facts.values import fact, missing, plain, recorded
from report.facts.weight_changes import change_document, change_facts
from report.reading.results import Document, is_begun, read_json
from report.reading.scored import refuse_misplaced
from studies import AnyCheckpoint, Elsewhere

_NOT_RECORDED = "not recorded"
"""Of a checkpoint from elsewhere: what its own files hold is all that there is."""
_UNRECORDED = {"commit": "the run was not in a git repository, or had no commit yet"}


def checkpoint_facts(folder: Path, checkpoint: AnyCheckpoint, study: Document, hub: Published) -> CheckpointFacts:
    """Returns how a checkpoint was made, from its `finetune.json`, or that it has not been trained, or read.

    ``hub``: where it is on the Hub.
    """
    name, home = checkpoint.name, f"checkpoints/{checkpoint.name}"
    record = read_json(folder, f"{home}/finetune.json", FINETUNE) if is_begun(folder / home) else None
    if record:
        refuse_misplaced(record, name)  # before a file is held against its hash
    named: dict[str, Any] = {"parameters": ledger_facts(folder, name), "hub": hub}
    if isinstance(checkpoint, Elsewhere):
        named |= _named_elsewhere(checkpoint, study, record)
        undone = f"it has not been read: there is no {home}/finetune.json"
    else:
        of_task = study.source("tasks", checkpoint.task)
        named |= {
            "name": fact(name, "text", of_task),
            "display_name": fact(checkpoint.display_name(), "text", of_task),
            "name_on_own_task": fact(checkpoint.display_name(checkpoint.task), "text", of_task),
            "task": fact(checkpoint.task, "text", of_task),
            "method": fact(checkpoint.method, "text", study.source("methods")),
            "seed": fact(checkpoint.seed, "setting", study.source("seeds")),
        }
        undone = f"it has not been trained: there is no {home}"
    if record is None:
        return Untrained(**named, absent=missing(undone))
    tensors = change_document(folder, home)
    lacking = _NOT_RECORDED if isinstance(checkpoint, Elsewhere) else None
    text: dict[str, Any] = {
        key: recorded(record, key, unit="text", absent=lacking or _UNRECORDED.get(key))
        for key in ("command", "commit", "dtype", "device")
    }
    steps, tokens = (
        recorded(record, *path, unit="count", absent=lacking) for path in (("steps",), ("tokens", "input"))
    )
    if development := development_facts(record, name, steps=steps.value, tokens=tokens.value):
        named["development"] = development
    return Trained(
        **named,
        **text,
        path=fact(home, "text", record.source()),
        steps=steps,
        tokens_input=tokens,
        tokens_supervised=recorded(record, "tokens", "supervised", unit="count", absent=lacking),
        epochs=recorded(record, "epochs", unit="number", absent=lacking),
        seconds=recorded(record, "seconds", unit="seconds", absent=lacking),
        peak_memory=recorded(record, "peak_memory_bytes", unit="bytes", absent=lacking),
        # the record of one from elsewhere names the model that it is set beside
        base_fingerprint=missing("its files do not record it")
        if isinstance(checkpoint, Elsewhere)
        else recorded(record, "base", "fingerprint", unit="text"),
        render_hash=recorded(record, "render", "hash", unit="text", absent=lacking),
        recipe=_settings(record, "recipe"),
        versions=_settings(record, "versions"),
        data=_training_data(record, lacking),
        loss=_loss(record, name, lacking),
        resumed=[
            fact(step, "count", record.source("resumed_at_steps", i))
            for i, step in enumerate(record.content.get("resumed_at_steps") or [])
        ],
        digest=fact(record.sha256, "text", record.source()),
        train_rows_digest=recorded(record, "data", "train_rows_sha256", unit="text"),
        changes=change_facts(tensors, home),
        **_place(record, tensors),
    )


def _named_elsewhere(checkpoint: Elsewhere, study: Document, record: Document | None) -> dict[str, Any]:
    """Returns the names of a checkpoint from elsewhere, and what its own files say of how it was made."""
    source = study.source("checkpoints")
    unread = "its files have not been read"
    names = ("name", "display_name", "name_on_own_task")
    return {
        **{key: fact(checkpoint.name, "text", source) for key in names},
        "task": fact(checkpoint.trained_on, "text", source)
        if checkpoint.trained_on
        else missing("the study does not say on which task it was trained"),
        "method": recorded(record, "method", unit="text", absent=_NOT_RECORDED) if record else missing(unread),
        "seed": recorded(record, "seed", unit="setting", absent=_NOT_RECORDED) if record else missing(unread),
    }


def _place(record: Document, tensors: Document | None) -> dict[str, Any]:
    """Returns where a checkpoint from elsewhere lies, and which of its files were not read; {} where it is ours."""
    own = record.value("elsewhere")
    if not own:
        return {}
    not_read = record.content.get("not_read") or []
    return {
        "elsewhere": PlaceElsewhere(
            place=fact(own["path"], "text", record.source("elsewhere", "path")),
            kind=fact(own["kind"], "text", record.source("elsewhere", "kind")),
            revision=recorded(record, "elsewhere", "revision", unit="text", absent="it is a folder"),
            fingerprint=recorded(record, "elsewhere", "fingerprint", unit="text"),
            identical=bool(tensors and tensors.value("identical")),
            not_read=[
                NotRead(
                    file=fact(row["file"], "text", record.source("not_read", i, "file")),
                    would_hold=fact(row["would_hold"], "text", record.source("not_read", i, "would_hold")),
                )
                for i, row in enumerate(not_read)
            ],
            verdicts=[
                PairVerdict(
                    **{
                        key: fact(row[key], "text", record.source("guards", i, key))
                        for key in ("id", "verdict", "found")
                    }
                )
                for i, row in enumerate(record.content.get("guards") or [])
            ],
        )
    }


def _settings(document: Document, key: str) -> list[NamedSetting]:
    """Returns a flat mapping as rows of name and value, in the file's order."""
    rows = []
    files = document.value("recorded_in") or {}
    for name, value in (document.content.get(key) or {}).items():
        source = document.source(key, name)
        shown = fact("not set" if value is None or value == "" else plain(value), "setting", source)
        where = files.get(f"{key}.{name}")
        said = {"file": fact(where, "text", document.source("recorded_in", f"{key}.{name}"))} if where else {}
        rows.append(NamedSetting(name=fact(name, "text", source), value=shown, **said))
    return rows


def _training_data(record: Document, lacking: str | None) -> TrainingData:
    dropped = (record.content.get("data") or {}).get("dropped") or {}
    return TrainingData(
        **{
            key: recorded(record, "data", key, unit="text", absent=lacking) for key in ("source", "name", "fingerprint")
        },
        revision=recorded(
            record, "data", "revision", unit="text", absent=lacking or "the data has no revision of its own"
        ),
        rows=recorded(record, "data", "rows", unit="count", absent=lacking),
        rows_available=recorded(record, "data", "rows_available", unit="count", absent=lacking),
        dropped=[
            Dropped(
                reason=fact(reason, "text", record.source("data", "dropped", reason)),
                rows=fact(rows, "count", record.source("data", "dropped", reason)),
            )
            for reason, rows in dropped.items()
            if rows is not None
        ],
    )


def _loss(record: Document, checkpoint: str, lacking: str | None) -> Loss:
    curve = record.content.get("loss_curve") or []
    points = [[point["step"], point["loss"]] for point in curve if point.get("loss") is not None]
    if not points:
        return Loss(curve=missing(lacking or f"{record.file} records no loss"))
    source = record.source("loss_curve")
    return Loss(
        curve=fact(points, "curve", source, n=len(points)),
        first=fact(points[0][1], "number", source),
        last=fact(points[-1][1], "number", source),
        figure=fact(figure_path("loss", checkpoint), "text", source),
    )
