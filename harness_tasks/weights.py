"""Whether weights are whole, and those that training left: by the hashes in `tensors.json` beside them."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness_tasks.errors import UserError
from harness_tasks.kinds import TENSORS
from harness_tasks.models.weights import StoredTensor, tensors_of
from harness_tasks.reading import open_regular, read_json

_CHUNK_BYTES = 1 << 24


def check_own_weights(folder: str | Path) -> None:
    """Raises UserError where the weights in a checkpoint's folder are broken, or not those that training left.

    Of a folder without `tensors.json`, which is none that our training left, nothing is said.
    """
    home = Path(folder)
    if os.path.lexists(home / "tensors.json"):
        check_weights(home, sorted(file.name for file in home.glob("*.safetensors")))


def check_weights(home: Path, names: list[str]) -> None:
    """Raises UserError where a safetensors file in ``home`` is broken, or holds other weights than training left.

    ``names``: of the files. Where there is no `tensors.json`, only their form can be checked.
    """
    places: dict[str, StoredTensor] = {}
    for name in names:
        places |= {_plain(tensor): place for tensor, place in tensors_of(home / name).items()}
    if not os.path.lexists(home / "tensors.json"):
        return
    rows = read_json(home / "tensors.json", TENSORS).get("tensors") or []
    checked = 0
    for row in rows:
        parts = _parts(row, places)
        if not parts and not row.get("adapter"):
            continue  # a frozen matrix of an adapter's base, a tied one, or one that is saved under another name
        if not parts or _sha256(parts) != row["sha256_after"]:
            raise UserError(
                f"the weights in {home} are not those that training left: {row['name']} "
                + ("is not among them" if not parts else "has another hash than tensors.json says"),
                "what is measured or said of the checkpoint would be of another model",
                "train the checkpoint again, or put its own weights back",
            )
        checked += 1
    if rows and not checked:
        raise UserError(
            f"none of the tensors that tensors.json names is in the weights in {home}",
            "what is measured or said of the checkpoint would be of another model",
            "train the checkpoint again, or put its own weights back",
        )


def _parts(row: Mapping[str, Any], places: Mapping[str, StoredTensor]) -> list[StoredTensor]:
    """Returns the tensors whose bytes a row of `tensors.json` is the hash of; none where one of them is not there."""
    if not row.get("adapter"):
        return [places[row["name"]]] if row["name"] in places else []
    home = row["name"].removesuffix(".weight")
    for pair in (("lora_A.weight", "lora_B.weight"), ("lora_embedding_A", "lora_embedding_B")):
        found = [places[f"{home}.{name}"] for name in pair if f"{home}.{name}" in places]
        if len(found) == 2:
            magnitudes = (f"{home}.lora_magnitude_vector{end}" for end in ("", ".weight"))
            return [*found, *(places[name] for name in magnitudes if name in places)]
    return []


def _plain(name: str) -> str:
    return name.removeprefix("base_model.model.")


def _sha256(parts: list[StoredTensor]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        with open_regular(part.file) as file:
            file.seek(part.start)
            for chunk in _chunks(file, part.end - part.start):
                digest.update(chunk)
    return digest.hexdigest()


def _chunks(file: Any, left: int) -> Iterator[bytes]:
    while left and (chunk := file.read(min(left, _CHUNK_BYTES))):
        left -= len(chunk)
        yield chunk
