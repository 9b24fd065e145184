"""The rows of this folder's task, as its YAML file names them. It needs lm_eval, and nothing else."""

import hashlib
import json
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

from datasets import Dataset

FOLDER = Path(__file__).resolve().parent


def load(**metadata: Any) -> dict[str, Dataset]:
    """Returns the splits `train` and `test`, read from the files of those names beside this one.

    ``metadata``: what the YAML file says under that key. What was read is added under its `data`, and the versions of
    libraries to its `signature`, which lm_eval writes into the results. Raises ValueError where a file has another
    SHA-256 than the YAML file says.
    """
    rows = {split: _rows(f"{split}.jsonl", sha256) for split, sha256 in metadata["sha256"].items()}
    if isinstance(said := metadata.get("data"), dict):
        said |= {
            "source": "shipped",
            "name": metadata["made_from"]["name"],
            "revision": metadata["made_from"].get("revision"),
            "fingerprint": {split: _fingerprint(found) for split, found in rows.items()},
            "rows": {split: len(found) for split, found in rows.items()},
            "compared_with": dict.fromkeys(rows, "the SHA-256 of the file, shipped with the task"),
        }
    if isinstance(signature := metadata.get("signature"), dict):
        signature |= {name: _with_version(text) for name, text in signature.items()}
    return {split: Dataset.from_list(found) for split, found in rows.items()}


def _with_version(signature: str) -> str:
    """Returns a metric's signature with the version of the library that computes it, where one does."""
    library = re.search(r"version:(rouge_score|sacrebleu|nltk)$", signature)
    return f"{signature}-{version(library[1])}" if library else signature


def _rows(name: str, sha256: str) -> list[dict[str, Any]]:
    content = (FOLDER / name).read_bytes()
    if (found := hashlib.sha256(content).hexdigest()) != sha256:
        raise ValueError(
            f"{name} has the SHA-256 {found[:12]}…, and the task's YAML file says {sha256[:12]}…: other rows would be "
            "scored than those that the task was made of; make the task anew"
        )
    return [json.loads(line) for line in content.decode("utf-8").split("\n") if line]


def _fingerprint(rows: list[dict[str, Any]]) -> str:
    """Returns the SHA-256 of the rows in their order, each as canonical JSON on a line of its own."""
    digest = hashlib.sha256()
    for row in rows:
        text = json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        digest.update(text.encode() + b"\n")
    return digest.hexdigest()
