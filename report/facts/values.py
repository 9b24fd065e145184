"""Facts: every value on the page with its unit, its uncertainty and its source; and those of model and training.

A fact is `{"value", "unit", "source": {"file", "pointer", "sha256"}}`, with `interval`, `n`, `clusters` where it is
measured on items, and `also` where a second file was needed. What is not known is `{"missing": reason}`.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from finetune.kinds import FINETUNE, PARAMETERS
from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file
from report.reading import kinds
from report.reading.results import Document, is_begun, read_json
from report.reading.scored import refuse_misplaced, refuse_other, refuse_replaced
from report.reading.texts import cleaned, fit
from studies import Checkpoint, Study

Fact = dict[str, Any]
Unit = Literal[
    "text",
    "setting",  # a recipe value of whatever kind
    "count",
    "number",
    "proportion",  # 0 to 1
    "share",  # 0 to 1, shown in per cent
    "points",  # 0 to 100
    "p",  # a p-value, 0 to 1
    "coefficient",  # -1 to 1
    "seconds",
    "bytes",
    "curve",  # rows of (step, loss)
]

HUB_PAGE = re.compile(r"https://(?:huggingface\.co|hf\.co)/([\w.-]+/[\w.-]+?)/?")
"""The address of a model's page on the Hub; its group is the model's name there."""


def fact(value: Any, unit: Unit, source: Mapping[str, Any], **more: Any) -> Fact:
    """Returns a fact; ``more`` may be `interval`, `n`, `clusters` and `also`, and what is None of it is left out.

    Text is stripped of this machine's paths and of access tokens, since the page is for publishing, and of space around
    it; where nothing is left, it is called empty.
    """
    if isinstance(value, str):
        value = fit(cleaned(value)).strip() or "(empty)"
    kept = {key: extra for key, extra in more.items() if extra is not None}
    return {"value": value, "unit": unit, "source": dict(source), **kept}


def missing(reason: str) -> Fact:
    """Returns the fact that a value is not known, and why."""
    return {"missing": fit(reason)}


def is_known(value: Fact) -> bool:
    """Returns whether ``value`` is a fact with a value."""
    return "value" in value


def recorded(document: Document, *path: str | int, unit: Unit, absent: str | None = None) -> Fact:
    """Returns the value at ``path`` in ``document`` as a fact; missing where it is absent, null or empty text."""
    value = document.value(*path)
    if value is None or (isinstance(value, str) and not value.strip()):
        return missing(absent or f"{document.file} does not record it")
    if unit not in ("text", "setting", "curve") and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise UserError(
            f"{document.file} has {value!r} at {document.source(*path)['pointer']}",
            f"a {unit} is a number",
            "delete the file and run the study again",
        )
    return fact(_plain(value), unit, document.source(*path))


def study_facts(study: Study, path: Path) -> tuple[dict[str, Any], Document]:
    """Returns what the study file says that the page shows, and the file as a source."""
    document = Document(path.name, sha256_file(path), study.model_dump())
    authors = [
        {key: _stated(document, text, "authors", i, key) for key, text in author.model_dump().items()}
        for i, author in enumerate(study.authors)
    ]
    return {
        "name": fact(study.name, "text", document.source()),
        "title": _stated(document, study.title, "title"),
        "why": _why(study, document),
        "file": fact(_relative(path), "text", document.source()),
        "folder": fact(str(study.folder), "text", document.source()),
        "authors": authors,
        "seeds": [fact(seed, "setting", document.source("seeds", i)) for i, seed in enumerate(study.seeds)],
        "methods": [fact(method, "text", document.source("methods", i)) for i, method in enumerate(study.methods)],
        "sampling_seed": fact(study.sampling_seed, "setting", document.source("sampling_seed")),
        "dtype": fact(study.dtype, "text", document.source("dtype")),
        "batch_size": fact(study.batch_size, "count", document.source("batch_size")),
        "digest": fact(document.sha256, "text", document.source()),
    }, document


def _why(study: Study, document: Document) -> Fact:
    words = " ".join((study.why or "").split())
    return fact(words, "text", document.source("why")) if words else missing("the study file does not say")


def model_facts(folder: Path) -> dict[str, Any]:
    """Returns the base model's card from `model.json`."""
    card = read_json(folder, "model.json", kinds.MODEL)
    text = {
        "name": None,
        "architecture": None,
        "licence": "the study file names no licence",
        "url": "no Hub page is named",
        "source": "the study file does not say where the weights come from",
        "dequantised_from": "the weights were not stored quantised",
        "revision": "the weights are a folder's, which has no commit",
        "fingerprint": None,
        "config_sha256": None,
    }
    counts = ["parameters", "context_length_tokens", "vocabulary", "layers", "hidden_size"]
    return {
        **{key: recorded(card, key, unit="text", absent=reason) for key, reason in text.items()},
        **{key: recorded(card, key, unit="count") for key in counts},
    }


def agree_on_size(model: dict[str, Any], parameters: Mapping[str, Any]) -> None:
    """Gives the model's card the size that its ledger counted; raises UserError where the two state different sizes."""
    one, two = model["parameters"].get("value"), parameters.get("total", {}).get("value")
    if one is not None and two is not None and one != two:
        raise UserError(
            f"model.json says {one} parameters, parameters/base.json counts {two}",
            "the page would contradict itself",
            "delete both files and run the study again",
        )
    if one is None and "total" in parameters:
        model["parameters"] = parameters["total"]


def ledger_facts(folder: Path, checkpoint: str) -> dict[str, Any]:
    """Returns the parameter ledger of a checkpoint, from `parameters/<checkpoint>.json`.

    Raises:
        UserError: a component's closed form disagrees with what was counted, the components do not sum to the total, or
            the file says that it counted another model.
    """
    name = f"parameters/{checkpoint}.json"
    if not (folder / name).exists():
        return {"absent": missing(f"its parameters have not been counted: there is no {name}")}
    ledger = read_json(folder, name, PARAMETERS)
    refuse_other(name, checkpoint, {"pretrained": ledger.value("model")}, is_ours=False)
    refuse_replaced(folder, ledger, checkpoint)
    components = ledger.content.get("components") or []
    for component in components:
        if component["closed_form"] not in (None, component["counted"]):
            raise UserError(
                f"{name}: {component['component']} counts {component['counted']}, its closed form gives "
                f"{component['closed_form']}",
                "one of the two is wrong, so neither may be shown",
                "count again with python -m report params, and report the model's configuration to us",
            )
    counted = sum(component["counted"] for component in components)
    if components and counted != ledger.content.get("total"):
        raise UserError(
            f"{name}: the components sum to {counted}, the total says {ledger.content.get('total')}",
            "the page would contradict itself",
            "delete the file and run the study again",
        )
    keys = ["total", "trainable", "added", "tied"]
    known = {key: recorded(ledger, key, unit="count") for key in keys}
    share = missing(f"{name} does not record it")
    if is_known(known["total"]) and is_known(known["trainable"]) and known["total"]["value"]:
        part = known["trainable"]["value"] / known["total"]["value"]
        share = fact(part, "share", ledger.source("trainable"), also=[ledger.source("total")])
    return {
        **known,
        "trained_share": share,
        "components": [
            {
                "component": fact(row["component"], "text", ledger.source("components", i, "component")),
                "formula": fact(row["formula"], "text", ledger.source("components", i, "formula")),
                "counted": fact(row["counted"], "count", ledger.source("components", i, "counted")),
                "trainable": fact(row["trainable"], "count", ledger.source("components", i, "trainable")),
                "closed_form": missing("no formula is known")
                if row["closed_form"] is None
                else fact(row["closed_form"], "count", ledger.source("components", i, "closed_form")),
            }
            for i, row in enumerate(components)
        ],
    }


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


def hub_facts(folder: Path, checkpoints: Sequence[str]) -> list[dict[str, Any]]:
    """Returns each checkpoint's place on the Hub; only links that were checked, as `hub.json` records them."""
    published = (
        read_json(folder, "hub.json", kinds.HUB) if (folder / "hub.json").exists() else Document("hub.json", "", {})
    )
    found = []
    for name in checkpoints:
        keys = ("repo", "url", "commit", "checked_at")
        entry = {key: recorded(published, name, key, unit="text", absent="not published") for key in keys}
        checked = is_known(entry["checked_at"]) and is_known(entry["url"])
        url = entry["url"] if checked and _is_web(entry["url"]["value"]) else missing("not published")
        found.append(entry | {"url": url, "published": is_known(url)})
    return found


_UNRECORDED = {"commit": "the run was not in a git repository, or had no commit yet"}


def _settings(document: Document, key: str) -> list[dict[str, Fact]]:
    """Returns a flat mapping as rows of name and value, in the file's order."""
    rows = []
    for name, value in (document.content.get(key) or {}).items():
        source = document.source(key, name)
        shown = fact("not set" if value is None or value == "" else _plain(value), "setting", source)
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


def _stated(document: Document, value: str, *path: str | int) -> Fact:
    if not value.strip():
        return missing("left empty in the study file")
    return fact(value, "text", document.source(*path))


def _plain(value: Any) -> Any:
    """Returns lists and mappings of settings as text: a page has no use for brackets."""
    if isinstance(value, list) and all(not isinstance(part, list | dict) for part in value):
        return ", ".join(str(part) for part in value)
    return value


def _relative(path: Path) -> str:
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.name


def _is_web(url: str) -> bool:
    # Plain http too: a Hub of one's own may have no certificate, and what was pushed there is there.
    return re.fullmatch(r"https?://[^\s<>()\"'\[\]]+", url) is not None
