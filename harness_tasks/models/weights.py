"""The one rule on files with weights: they are complete safetensors files.

It holds for all that is scored, planned, trained on, merged or pushed.
"""

import math
import os
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any, NamedTuple, NoReturn

from pydantic import Field
from typing_extensions import TypedDict

from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file
from harness_tasks.reading import Kind, checked, open_regular, parse_json, text_of

_LARGEST_HEADER_BYTES = 100_000_000
"""As the safetensors library has it."""
_BITS = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64), **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16), **dict.fromkeys(("I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2"), 8),
    **dict.fromkeys(("F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8), **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6), "F4": 4,
}  # fmt: skip
_Size = Annotated[int, Field(ge=0, lt=2**63)]


class _Entry(TypedDict):
    dtype: str
    shape: list[_Size]
    data_offsets: Annotated[list[_Size], Field(min_length=2, max_length=2)]


WEIGHTS = Kind(
    "the weights", "nobody could load the model without them", "copy the file again, or train again", limit_mib=2**24
)
_HEADER = Kind(
    "the header of the weights",
    "nobody could load the model",
    "copy or download the file again, or train the checkpoint again: it was cut off or changed",
    schema=dict[str, dict[str, Any]],
)
_ENTRIES = replace(_HEADER, schema=dict[str, _Entry])


class StoredTensor(NamedTuple):
    """A tensor in a safetensors file: where its bytes lie, its shape, and the format's name of its dtype."""

    file: Path
    start: int
    end: int
    shape: tuple[int, ...]
    dtype: str


def safetensors_in(folder: Path) -> list[Path]:
    """Returns the folder's safetensors files, in the order of their names; raises `UserError` where there are none."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        others = sorted(
            path.name for kind in ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5") for path in folder.glob(kind)
        )
        raise UserError(
            f"the folder {folder} holds no *.safetensors file" + (f", but {others[0]}" if others else ""),
            "weights are read from safetensors alone: other formats can run code when they are loaded",
            "save the model with save_pretrained of a current transformers or peft, and name that folder",
        )
    return files


def weights_sha256(file: Path) -> str:
    """Returns the SHA-256 of a safetensors file, computed once for as long as nobody writes it anew.

    Raises:
        UserError: it is not whole.
    """
    return _sha256(str(file), file.stat().st_mtime_ns)


@cache
def _sha256(file: str, changed_ns: int) -> str:
    tensors_of(Path(file))
    return sha256_file(file)


def tensors_of(path: Path, *, shown: str | None = None) -> dict[str, StoredTensor]:
    """Returns the tensors of a safetensors file by name; only its header is read.

    The library's `safe_open` tells neither where a tensor's bytes lie, which hashes need, nor the header's text, in
    which a token could stand; and it would wait for a pipe's writer.

    ``shown`` is what errors call the file, in place of its path.

    Raises:
        UserError: it is no regular file, or its header or its length is not that of a whole one.
    """
    name = shown or str(path)
    content = header_of(path, shown=name)
    try:
        header = parse_json(text_of(content, name, _HEADER), name, _HEADER)
        entries = checked({own: entry for own, entry in header.items() if own != "__metadata__"}, name, _ENTRIES)
    except UserError as error:
        _refuse(name, error.found)
    size, offset, end = path.stat().st_size, 8 + len(content), 0
    tensors = {}
    for tensor, entry in sorted(entries.items(), key=lambda item: item[1]["data_offsets"]):
        first, last = entry["data_offsets"]
        bits = math.prod(entry["shape"]) * _BITS.get(entry["dtype"], 0)
        if entry["dtype"] not in _BITS or first != end or 8 * (last - first) != bits:
            _refuse(name, f"the tensor {tensor} does not lie where its header says")
        shape, dtype = tuple(entry["shape"]), entry["dtype"]
        tensors[tensor], end = StoredTensor(path, offset + first, offset + last, shape, dtype), last
    if offset + end != size:
        _refuse(name, f"its tensors take {offset + end:,} bytes, and the file has {size:,}")
    return tensors


def header_of(path: Path, *, shown: str | None = None) -> bytes:
    """Returns the header of a safetensors file, in which alone text can stand; raises as `tensors_of`."""
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > min(size - 8, _LARGEST_HEADER_BYTES):
                _refuse(shown or str(path), f"its header would have {length:,} bytes, and the file has {size:,}")
            return file.read(length)
    except OSError as error:
        _refuse(shown or str(path), error.strerror or str(error))


def _refuse(shown: str, problem: str) -> NoReturn:
    raise UserError(f"{shown} is not a complete safetensors file: {problem}", _HEADER.why, _HEADER.mend) from None
