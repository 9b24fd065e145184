"""Facts of how a checkpoint was made, from its `finetune.json`."""

import re
from pathlib import Path
from typing import Any

from finetune.kinds import FINETUNE
from report.facts.parameters import ledger_facts
from report.facts.values import Fact, fact, missing, plain, recorded
from report.reading.results import Document, is_begun, read_json
from report.reading.scored import refuse_misplaced
from studies import Checkpoint

_UNRECORDED = {"commit": "the run was not in a git repository, or had no commit yet"}


def checkpoint_facts(folder: Path, checkpoint: Checkpoint, study: Document) -> dict[str, Any]:
    """Returns how a checkpoint was made, from its `finetune.json`; `absent` where it has not been trained."""
    name, home = checkpoint.name, f"checkpoints/{checkpoint.name}"
    record = read_json(folder, f"{home}/finetune.json", FINETUNE) if is_begun(folder / home) else None
    if record:
        refuse_misplaced(record, name)  # before a file is held against its hash
    known = {
        "name": fact(name, "text", study.source("tasks", checkpoint.task)),
        "task": fact(checkpoint.task, "text", study.source("tasks", checkpoint.task)),
        "method": fact(checkpoint.method, "text", study.source("methods")),
        "seed": fact(checkpoint.seed, "setting", study.source("seeds")),
        "parameters": ledger_facts(folder, name),
    }
    if record is None:
        return known | {"absent": missing(f"it has not been trained: there is no {home}")}
    counts = {"steps": ("steps",), "tokens_input": ("tokens", "input"), "tokens_supervised": ("tokens", "supervised")}
    text = ["command", "commit", "dtype", "device"]
    return known | {
        "path": fact(home, "text", record.source()),
        **{key: recorded(record, key, unit="text", absent=_UNRECORDED.get(key)) for key in text},
        **{key: recorded(record, *path, unit="count") for key, path in counts.items()},
        "epochs": recorded(record, "epochs", unit="number"),
        "seconds": recorded(record, "seconds", unit="seconds"),
        "peak_memory": recorded(record, "peak_memory_bytes", unit="bytes"),
        "base_fingerprint": recorded(record, "base", "fingerprint", unit="text"),
        "render_hash": recorded(record, "render", "hash", unit="text"),
        "recipe": _settings(record, "recipe"),
        "versions": _settings(record, "versions"),
        "data": _training_data(record),
        "loss": _loss(record, name),
        "resumed": [
            fact(step, "count", record.source("resumed_at_steps", i))
            for i, step in enumerate(record.content.get("resumed_at_steps") or [])
        ],
        "digest": fact(record.sha256, "text", record.source()),
        "train_rows_digest": recorded(record, "data", "train_rows_sha256", unit="text"),
    }


def _settings(document: Document, key: str) -> list[dict[str, Fact]]:
    """Returns a flat mapping as rows of name and value, in the file's order."""
    rows = []
    for name, value in (document.content.get(key) or {}).items():
        source = document.source(key, name)
        shown = fact("not set" if value is None or value == "" else plain(value), "setting", source)
        rows.append({"name": fact(name, "text", source), "value": shown})
    return rows


def _training_data(record: Document) -> dict[str, Any]:
    dropped = (record.content.get("data") or {}).get("dropped") or {}
    return {
        **{key: recorded(record, "data", key, unit="text") for key in ("source", "name", "fingerprint")},
        "revision": recorded(record, "data", "revision", unit="text", absent="the data has no revision of its own"),
        **{key: recorded(record, "data", key, unit="count") for key in ("rows", "rows_available")},
        "dropped": [
            {
                "reason": fact(reason, "text", record.source("data", "dropped", reason)),
                "rows": fact(rows, "count", record.source("data", "dropped", reason)),
            }
            for reason, rows in dropped.items()
            if rows is not None
        ],
    }


def _loss(record: Document, checkpoint: str) -> dict[str, Any]:
    curve = record.content.get("loss_curve") or []
    points = [[point["step"], point["loss"]] for point in curve if point.get("loss") is not None]
    if not points:
        return {"curve": missing(f"{record.file} records no loss")}
    source = record.source("loss_curve")
    return {
        "curve": fact(points, "curve", source, n=len(points)),
        "first": fact(points[0][1], "number", source),
        "last": fact(points[-1][1], "number", source),
        "figure": fact(f"figures/loss-{re.sub(r'[^A-Za-z0-9_-]+', '-', checkpoint)}.svg", "text", source),
    }
