"""The files beside a checkpoint's weights.

`finetune.json`, `train_rows.jsonl`, `row_log.jsonl`, `tensors.json` and the model card.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import jinja2

from finetune.causal import end_ids
from finetune.models import save_model
from finetune.prepare import Prepared
from finetune.rows import Row
from harness_tasks.files import sha256_json, sha256_text, write_json, write_jsonl, write_text
from harness_tasks.models.commits import commit_of
from harness_tasks.models.weights import safetensors_in, tensors_of, weights_sha256

TEMPLATES_PATH = Path(__file__).resolve().parent.parent / "templates"


def base_record(model: str, revision: str | None) -> dict[str, Any]:
    """Returns the shown name, path, revision and hash of a base model that was loaded before.

    The hash is the SHA-256 of the hashes of the folder's safetensors files, or a Hub model's commit. It is None
    where the latter cannot be told: then nothing is known to have been made from the same weights.
    """
    folder = Path(model)
    if not folder.is_dir():
        commit = commit_of(model, revision)
        return {"name": model, "path": model, "revision": commit or revision, "fingerprint": commit}
    return {
        "name": model if not folder.is_absolute() else folder.name,
        "path": model,
        "revision": None,
        "fingerprint": weights_fingerprint(folder),
    }


def tokenizer_record(tokenizer: str | None) -> dict[str, Any] | None:
    """Returns where a run's tokenizer came from, where it is not the base model's own: path, and commit on the Hub."""
    return {"path": tokenizer, "revision": commit_of(tokenizer)} if tokenizer else None


def weights_fingerprint(folder: Path) -> str:
    """Returns the SHA-256 over the hashes of the folder's safetensors files, in the order of their names.

    Raises:
        UserError: there are none, or one is not whole.
    """
    for file in safetensors_in(folder):
        tensors_of(file)
    return sha256_text("".join(map(weights_sha256, safetensors_in(folder))))


def data_record(prepared: Prepared) -> dict[str, Any]:
    """Returns where the training rows come from, how many there are, and their hashes."""
    task, rows, counts = prepared.task, prepared.rows, prepared.counts
    data = dict((task.config.metadata or {}).get("data") or {})
    return {
        "source": data.get("source", "task"),
        "name": data.get("name", task.config.dataset_path or task.task_name),
        "revision": data.get("revision"),
        "fingerprint": sha256_json(sorted(row.doc_hash for row in rows)),
        "rows": len(rows),
        "rows_available": counts["available"],
        "dropped": {kind: number for kind, number in counts.items() if kind != "available"},
        "dev_rows": len(prepared.dev_rows),
        "train_rows_sha256": _rows_sha256(rows),
        "dev_rows_sha256": _rows_sha256(prepared.dev_rows),
    }


def _rows_sha256(rows: list[Row]) -> str:
    return sha256_json([[row.prompt_ids, row.target_ids, row.label, row.span] for row in rows])


def write_checkpoint(
    folder: Path,
    *,
    model: Any,
    prepared: Prepared,
    record: dict[str, Any],
    tensors: dict[str, Any],
    row_log: list[dict[str, Any]],
) -> None:
    """Writes a checkpoint's folder anew: weights, tokenizer, model card, and the files of this module."""
    shutil.rmtree(folder, ignore_errors=True)
    ends = end_ids(prepared.tokenizer, prepared.stop_ids)
    save_model(model, prepared.tokenizer, folder, pad_id=prepared.pad_id, stop_ids=ends)
    rows = [{"doc_hash": row.doc_hash, "cluster": row.cluster, "text": row.text} for row in prepared.rows]
    write_jsonl(folder / "train_rows.jsonl", rows)
    write_jsonl(folder / "row_log.jsonl", row_log)
    write_json(folder / "tensors.json", tensors)
    write_text(folder / "README.md", _card(record))
    write_record(folder, record)


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Writes `finetune.json`."""
    write_json(folder / "finetune.json", json.loads(json.dumps(record, default=str)))


def move_into_place(folder: Path, output: Path) -> None:
    """Moves a whole checkpoint's folder to ``output``, also from another disk; what was there goes."""
    output.parent.mkdir(parents=True, exist_ok=True)
    beside = output.with_name(f".{output.name}.partial")
    shutil.rmtree(beside, ignore_errors=True)
    shutil.move(folder, beside)  # a copy where it is another disk, else a change of name
    if output.exists():
        old = output.with_name(f".{output.name}.replaced")
        shutil.rmtree(old, ignore_errors=True)
        output.rename(old)
        beside.rename(output)
        shutil.rmtree(old)
    else:
        beside.rename(output)


def _card(record: dict[str, Any]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES_PATH), undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    return environment.get_template("checkpoint_card.md.j2").render(record=record)
