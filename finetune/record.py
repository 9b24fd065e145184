"""What stands beside a checkpoint's weights: `finetune.json`, `train_rows.jsonl`, `tensors.json`, the model card."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import jinja2

from finetune.rows import Row
from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file, sha256_json, write_json, write_jsonl, write_text

TEMPLATES_PATH = Path(__file__).resolve().parent.parent / "templates"


def base_record(model: str, revision: str | None, config: Any) -> dict[str, Any]:
    """Returns the base model's shown name, path, revision and fingerprint.

    The fingerprint is the SHA-256 of the digests of the folder's safetensors files, or a Hub model's commit.
    """
    folder = Path(model)
    if not folder.is_dir():
        commit = getattr(config, "_commit_hash", None)
        return {"name": model, "path": model, "revision": revision or commit, "fingerprint": commit}
    return {
        "name": model if not folder.is_absolute() else folder.name,
        "path": model,
        "revision": None,
        "fingerprint": weights_fingerprint(folder),
    }


def weights_fingerprint(folder: Path) -> str:
    """Returns the SHA-256 over the digests of the folder's safetensors files, in the order of their names.

    Raises:
        UserError: there are none.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise UserError(
            f"the folder {folder} holds no *.safetensors file",
            "weights are read from safetensors alone: other formats can run code when they are loaded",
            "save the model with save_pretrained of a current transformers, and name that folder",
        )
    return hashlib.sha256("".join(sha256_file(file) for file in files).encode()).hexdigest()


def data_record(task: Any, rows: list[Row], counts: dict[str, int]) -> dict[str, Any]:
    """Returns where the training rows come from, how many there are, and their fingerprint."""
    data = dict((task.config.metadata or {}).get("data") or {})
    return {
        "source": data.get("source", "task"),
        "name": data.get("name", task.config.dataset_path or task.task_name),
        "revision": data.get("revision"),
        "fingerprint": sha256_json(sorted(row.doc_hash for row in rows)),
        "rows": len(rows),
        "rows_available": counts["available"],
        "dropped": {"min_words": counts["min_words"], "overlap": counts["overlap"]},
        "train_rows_sha256": sha256_json([[row.prompt_ids, row.target_ids] for row in rows]),
    }


def write_checkpoint(
    output: Path,
    scratch: Path,
    *,
    model: Any,
    tokenizer: Any,
    rows: list[Row],
    record: dict[str, Any],
    tensors: dict[str, Any],
) -> None:
    """Writes the checkpoint's folder in the scratch folder and moves it into place when it is whole."""
    partial = scratch / "finished"
    shutil.rmtree(partial, ignore_errors=True)
    model.save_pretrained(partial)
    tokenizer.save_pretrained(partial)
    write_jsonl(
        partial / "train_rows.jsonl",
        [{"doc_hash": row.doc_hash, "cluster": row.cluster, "text": row.text} for row in rows],
    )
    write_json(partial / "tensors.json", tensors)
    write_text(partial / "README.md", _card(record))
    write_json(partial / "finetune.json", json.loads(json.dumps(record, default=str)))
    output.parent.mkdir(parents=True, exist_ok=True)
    if output.exists():
        old = scratch / "replaced"
        shutil.rmtree(old, ignore_errors=True)
        output.rename(old)
    partial.rename(output)


def _card(record: dict[str, Any]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES_PATH), undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    return environment.get_template("checkpoint_card.md.j2").render(record=record)
