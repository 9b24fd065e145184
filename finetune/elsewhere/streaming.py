"""Tensors in safetensors files, read a piece at a time: hashed and compared in memory that does not grow with them.

The library's `safe_open` maps whole files into memory, where every page that was read counts as the process's own; and
a hash would need a second reading. Here each byte is read once.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness_tasks.models.weights import StoredTensor
from harness_tasks.reading import open_regular

PIECE = 1 << 21
"""Numbers that are read at a time."""
_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32",
    "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
}  # fmt: skip
"""torch's names of the dtypes whose values can be compared; packed ones (F4, F6) are compared by their bytes."""


def dtype_name(tensor: StoredTensor) -> str:
    """Returns torch's name of a tensor's dtype, or the format's own where torch has none that can be compared."""
    return _DTYPES.get(tensor.dtype, tensor.dtype)


@dataclass(frozen=True)
class Compared:
    """Two tensors beside each other: their hashes, ‖after − before‖ and ‖before‖ (Frobenius, added up in float64).

    Of tensors with different numbers of rows only the ``rows`` that both have are compared, of which ``rows_moved``
    differ. ``change`` is None where no value could be compared. Where the dtypes differ, both hashes are of values in
    the second one's dtype, as loading and saving the first in it gives.
    """

    sha256_before: str
    sha256_after: str
    change: float | None
    norm: float
    rows: int
    rows_moved: int

    @property
    def relative_change(self) -> float | None:
        """‖after − before‖ / ‖before‖; None where it is no number: of zeros, and of values that are not finite."""
        if self.change is None or not self.norm:
            return None
        ratio = self.change / self.norm
        return ratio if math.isfinite(ratio) else None


def compare(before: StoredTensor, after: StoredTensor) -> Compared:
    """Returns two stored tensors compared, row by row along their first axis; neither is ever held whole.

    Their shapes may differ in the first axis only, else just the hashes are given.
    """
    known = before.dtype in _DTYPES and after.dtype in _DTYPES
    if before.shape[1:] != after.shape[1:] or len(before.shape) != len(after.shape) or not known:
        return Compared(sha256(before), sha256(after), None, 0.0, 0, 0)
    width = math.prod(before.shape[1:])
    rows = min(before.shape[0], after.shape[0]) if before.shape else 1
    hashes = hashlib.sha256(), hashlib.sha256()
    squares, norm, moved = 0.0, 0.0, 0
    pairs = zip(pieces(before, width, rows), pieces(after, width, rows), strict=True)
    for old, new in pairs:
        old_as_new, wide = old.to(new.dtype), old.double()
        hashes[0].update(_bytes(old_as_new).numpy().data)
        hashes[1].update(_bytes(new).numpy().data)
        norm += float(wide.square().sum())
        if not _bytes(old_as_new).equal(_bytes(new)):
            squares += float((new.double() - wide).square().sum())
            if width and not old.numel() % width:
                moved += int((old_as_new != new).view(-1, width).any(dim=1).sum())
    for digest, tensor in zip(hashes, (before, after), strict=True):
        for piece in pieces(tensor, width, None, start=rows):
            digest.update(_bytes(piece.to(_torch_dtype(after))).numpy().data)
    first, second = (digest.hexdigest() for digest in hashes)
    return Compared(first, second, math.sqrt(squares), math.sqrt(norm), rows, moved)


def norm_and_sha256(tensor: StoredTensor) -> tuple[float | None, str]:
    """Returns the Frobenius norm of a tensor, None where its dtype has no values to add up, and its hash."""
    if tensor.dtype not in _DTYPES:
        return None, sha256(tensor)
    digest, squares = hashlib.sha256(), 0.0
    for piece in pieces(tensor, math.prod(tensor.shape[1:]), None):
        digest.update(_bytes(piece).numpy().data)
        squares += float(piece.double().square().sum())
    return math.sqrt(squares), digest.hexdigest()


def sha256(*tensors: StoredTensor) -> str:
    """Returns the SHA-256 of the tensors' bytes, one after the other."""
    digest = hashlib.sha256()
    for tensor in tensors:
        for piece in _raw(tensor, 8 * PIECE, tensor.start):
            digest.update(piece)
    return digest.hexdigest()


def loaded(tensor: StoredTensor) -> Any:
    """Returns a small tensor, an adapter's matrix, as float64 in its shape."""
    import torch

    parts = [piece.double() for piece in pieces(tensor, math.prod(tensor.shape[1:]), None)]
    return torch.cat(parts).view(tensor.shape) if parts else torch.zeros(tensor.shape, dtype=torch.float64)


def pieces(tensor: StoredTensor, width: int, rows: int | None, start: int = 0) -> Iterator[Any]:
    """Yields a tensor's numbers from row ``start`` on, flat, in whole rows of ``width`` numbers where one fits a piece.

    ``rows``: how many rows from the first are there to be read; None: all. A yielded piece is overwritten by the next.
    """
    import torch

    dtype = _torch_dtype(tensor)
    size = dtype.itemsize
    total = (tensor.end - tensor.start) // size
    last = total if rows is None else min(total, rows * max(width, 1))
    at_once = max(1, PIECE // width) * width if 0 < width <= PIECE else PIECE
    for piece in _raw(tensor, at_once * size, tensor.start + start * width * size, tensor.start + last * size):
        yield torch.frombuffer(piece, dtype=dtype)


def _raw(tensor: StoredTensor, at_once: int, start: int, end: int | None = None) -> Iterator[memoryview]:
    """Yields a tensor's bytes in one buffer that is filled again and again."""
    left = (tensor.end if end is None else end) - start
    buffer = memoryview(bytearray(max(0, min(at_once, left))))
    with open_regular(tensor.file) as file:
        file.seek(start)
        while left > 0:
            part = buffer[: min(at_once, left)]
            if file.readinto(part) != len(part):
                raise OSError(f"{tensor.file} became shorter while it was read")
            yield part
            left -= len(part)


def _bytes(numbers: Any) -> Any:
    import torch

    return numbers.view(torch.uint8)


def _torch_dtype(tensor: StoredTensor) -> Any:
    import torch

    return getattr(torch, _DTYPES[tensor.dtype])
