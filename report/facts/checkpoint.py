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
    Published,
    Trained,
    TrainingData,
    Untrained,
)
from report.facts.values import fact, missing, plain, recorded
from report.facts.weight_changes import change_facts
from report.reading.results import Document, is_begun, read_json
from report.reading.scored import refuse_misplaced
from studies import Checkpoint

_UNRECORDED = {"commit": "the run was not in a git repository, or had no commit yet"}


def checkpoint_facts(folder: Path, checkpoint: Checkpoint, study: Document, hub: Published) -> CheckpointFacts:
    """Returns how a checkpoint was made, from its `finetune.json`, or that it has not been trained.

    ``hub``: where it is on the Hub.
    """
    name, home = checkpoint.name, f"checkpoints/{checkpoint.name}"
    record = read_json(folder, f"{home}/finetune.json", FINETUNE) if is_begun(folder / home) else None
    if record:
        refuse_misplaced(record, name)  # before a file is held against its hash
    of_task = study.source("tasks", checkpoint.task)
    named: dict[str, Any] = {
        "name": fact(name, "text", of_task),
        "display_name": fact(checkpoint.display_name(), "text", of_task),
        "name_on_own_task": fact(checkpoint.display_name(checkpoint.task), "text", of_task),
        "task": fact(checkpoint.task, "text", of_task),
        "method": fact(checkpoint.method, "text", study.source("methods")),
        "seed": fact(checkpoint.seed, "setting", study.source("seeds")),
        "parameters": ledger_facts(folder, name),
        "hub": hub,
    }
    if record is None:
        return Untrained(**named, absent=missing(f"it has not been trained: there is no {home}"))
    text: dict[str, Any] = {
        key: recorded(record, key, unit="text", absent=_UNRECORDED.get(key))
        for key in ("command", "commit", "dtype", "device")
    }
    steps, tokens = (recorded(record, *path, unit="count") for path in (("steps",), ("tokens", "input")))
    if development := development_facts(record, name, steps=steps.value, tokens=tokens.value):
        named["development"] = development
    return Trained(
        **named,
        **text,
        path=fact(home, "text", record.source()),
        steps=steps,
        tokens_input=tokens,
        tokens_supervised=recorded(record, "tokens", "supervised", unit="count"),
        epochs=recorded(record, "epochs", unit="number"),
        seconds=recorded(record, "seconds", unit="seconds"),
        peak_memory=recorded(record, "peak_memory_bytes", unit="bytes"),
        base_fingerprint=recorded(record, "base", "fingerprint", unit="text"),
        render_hash=recorded(record, "render", "hash", unit="text"),
        recipe=_settings(record, "recipe"),
        versions=_settings(record, "versions"),
        data=_training_data(record),
        loss=_loss(record, name),
        resumed=[
            fact(step, "count", record.source("resumed_at_steps", i))
            for i, step in enumerate(record.content.get("resumed_at_steps") or [])
        ],
        digest=fact(record.sha256, "text", record.source()),
        train_rows_digest=recorded(record, "data", "train_rows_sha256", unit="text"),
        changes=change_facts(folder, home),
    )


def _settings(document: Document, key: str) -> list[NamedSetting]:
    """Returns a flat mapping as rows of name and value, in the file's order."""
    rows = []
    for name, value in (document.content.get(key) or {}).items():
        source = document.source(key, name)
        shown = fact("not set" if value is None or value == "" else plain(value), "setting", source)
        rows.append(NamedSetting(name=fact(name, "text", source), value=shown))
    return rows


def _training_data(record: Document) -> TrainingData:
    dropped = (record.content.get("data") or {}).get("dropped") or {}
    return TrainingData(
        **{key: recorded(record, "data", key, unit="text") for key in ("source", "name", "fingerprint")},
        revision=recorded(record, "data", "revision", unit="text", absent="the data has no revision of its own"),
        rows=recorded(record, "data", "rows", unit="count"),
        rows_available=recorded(record, "data", "rows_available", unit="count"),
        dropped=[
            Dropped(
                reason=fact(reason, "text", record.source("data", "dropped", reason)),
                rows=fact(rows, "count", record.source("data", "dropped", reason)),
            )
            for reason, rows in dropped.items()
            if rows is not None
        ],
    )


def _loss(record: Document, checkpoint: str) -> Loss:
    curve = record.content.get("loss_curve") or []
    points = [[point["step"], point["loss"]] for point in curve if point.get("loss") is not None]
    if not points:
        return Loss(curve=missing(f"{record.file} records no loss"))
    source = record.source("loss_curve")
    return Loss(
        curve=fact(points, "curve", source, n=len(points)),
        first=fact(points[0][1], "number", source),
        last=fact(points[-1][1], "number", source),
        figure=fact(figure_path("loss", checkpoint), "text", source),
    )
