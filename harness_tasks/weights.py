"""Whether weights are whole, and those that training left: by the hashes in `tensors.json` beside them."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from harness_tasks.errors import UserError
from harness_tasks.kinds import TENSORS
from harness_tasks.reading import open_regular, read_json

_LARGEST_HEADER_BYTES = 100_000_000
"""As the safetensors library has it."""
_BITS = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64), **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16), **dict.fromkeys(("I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2"), 8),
    **dict.fromkeys(("F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8), **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6), "F4": 4,
}  # fmt: skip
_CHUNK_BYTES = 1 << 24


class Place(NamedTuple):
    """Where a tensor's bytes lie."""

    file: Path
    start: int
    end: int


def check_own_weights(folder: str | Path) -> None:
    """Raises UserError where the weights in a checkpoint's folder are broken, or not those that training left.

    Of a folder without `tensors.json`, which is none that our training left, nothing is said.
    """
    home = Path(folder)
    if (home / "tensors.json").is_file():
        check_weights(home, sorted(file.name for file in home.glob("*.safetensors")))


def check_weights(home: Path, names: list[str]) -> None:
    """Raises UserError where a safetensors file in ``home`` is broken, or holds other weights than training left.

    ``names``: of the files. Where there is no `tensors.json`, only their form can be checked.
    """
    places: dict[str, Place] = {}
    for name in names:
        places |= {_plain(tensor): place for tensor, place in tensors_of(home / name).items()}
    if not (home / "tensors.json").is_file():
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


def tensors_of(path: Path) -> dict[str, Place]:
    """Returns where each tensor lies in a safetensors file.

    Raises:
        UserError: its header or its length is not that of a whole one.
    """
    try:
        with open_regular(path) as file:
            size = path.stat().st_size
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > min(size - 8, _LARGEST_HEADER_BYTES):
                _refuse(path, f"its header would have {length:,} bytes, and the file has {size:,}")
            header = json.loads(file.read(length))
        return _places(path, header, 8 + length, size)
    except UserError:
        raise
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        _refuse(path, str(error) or type(error).__name__)


def _places(path: Path, header: Mapping[str, Any], offset: int, size: int) -> dict[str, Place]:
    entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
    places, end = {}, 0
    for name, entry in sorted(entries.items(), key=lambda item: tuple(item[1]["data_offsets"])):
        first, last = entry["data_offsets"]
        bits = math.prod(entry["shape"]) * _BITS[entry["dtype"]]
        if first != end or 8 * (last - first) != bits:
            _refuse(path, f"the tensor {name} does not lie where its header says")
        places[name], end = Place(path, offset + first, offset + last), last
    if offset + end != size:
        _refuse(path, f"its tensors take {offset + end:,} bytes, and the file has {size:,}")
    return places


def _parts(row: Mapping[str, Any], places: Mapping[str, Place]) -> list[Place]:
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


def _sha256(parts: list[Place]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        with part.file.open("rb") as file:
            file.seek(part.start)
            for chunk in _chunks(file, part.end - part.start):
                digest.update(chunk)
    return digest.hexdigest()


def _chunks(file: Any, left: int) -> Iterator[bytes]:
    while left and (chunk := file.read(min(left, _CHUNK_BYTES))):
        left -= len(chunk)
        yield chunk


def _refuse(path: Path, problem: str) -> NoReturn:
    raise UserError(
        f"{path} is no whole safetensors file: {problem}",
        "nothing can load it whole",
        "train the checkpoint again, or put its own weights back",
    ) from None
