"""A synthetic study whose checkpoints have all that a loader needs; their weights are a few bytes."""

import hashlib
import json
import struct
from pathlib import Path

from harness_tasks.files import sha256_file
from harness_tasks.models.weights import tensors_of
from tests.report.synthetic import folder_of, write_study

ADAPTER = {"base_model_name_or_path": "build/base", "peft_type": "LORA", "r": 16, "task_type": "CAUSAL_LM"}


def write_pushable(root: Path, **values: object) -> Path:
    """Returns the file of a synthetic study whose checkpoints have all that a loader needs."""
    file = write_study(root, **values)
    for place in (folder_of(file) / "checkpoints").iterdir():
        weights = f"weights of {place.name}".encode() * 100
        write_weights(place / "adapter_model.safetensors", weights)
        write_hashes(place)
        (place / "adapter_config.json").write_text(json.dumps(ADAPTER), encoding="utf-8")
        (place / "tokenizer.json").write_text('{"model": {"vocab": {"/root": 0, "/home/ada": 1}}}', encoding="utf-8")
        (place / "tokenizer_config.json").write_text(json.dumps({"name_or_path": str(Path.home() / "x")}), "utf-8")
        rows = [
            {"doc_hash": "ab" * 32, "cluster": "a film", "text": "one two three four five six seven eight nine ten"}
        ]
        (place / "train_rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        for overlap in folder_of(file).glob(f"overlap/{place.name}/*.jsonl"):
            head, *graded = overlap.read_text(encoding="utf-8").splitlines()
            first = {**json.loads(head), "training_file_sha256": sha256_file(place / "train_rows.jsonl")}
            overlap.write_text("\n".join([json.dumps(first), *graded]) + "\n", encoding="utf-8")
        (place / "README.md").write_text("the card that training wrote", encoding="utf-8")
        (place / "optimizer.pt").write_bytes(b"left out")
    return file


def write_weights(path: Path, data: bytes, note: str = "") -> None:
    """Writes an adapter's safetensors file on two matrices, A being ``data`` and B one byte; ``note`` in its header."""
    parts = {
        f"base_model.model.layers.{n}.q.lora_{letter}.weight": content
        for n in (0, 1)
        for letter, content in (("A", data), ("B", b"b"))
    }
    header: dict[str, object] = {"__metadata__": {"note": note}}
    end = 0
    for name, content in parts.items():
        header[name] = {"dtype": "U8", "shape": [len(content)], "data_offsets": [end, end + len(content)]}
        end += len(content)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts.values()))


def write_hashes(home: Path) -> None:
    """Writes into `tensors.json` the hashes of the weights beside it, as training leaves them."""
    found = tensors_of(home / "adapter_model.safetensors")
    data = (home / "adapter_model.safetensors").read_bytes()
    record = json.loads((home / "tensors.json").read_text(encoding="utf-8"))
    for row in record["tensors"]:
        if row.get("adapter"):
            places = [found[f"base_model.model.{row['name']}.lora_{letter}.weight"] for letter in "AB"]
            row["sha256_after"] = hashlib.sha256(b"".join(data[at.start : at.end] for at in places)).hexdigest()
    (home / "tensors.json").write_text(json.dumps(record), encoding="utf-8")
