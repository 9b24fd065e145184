"""The Hub client's cache, written as it writes it: each file under its digest, and a link to it for each commit."""

import hashlib
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet

LARGE = (".safetensors", ".parquet")


def write_commit(cache: Path, kind: str, repo: str, commit: str, files: Mapping[str, bytes], branch: str = "") -> Path:
    """Returns the folder of the commit in the cache folder ``cache``, after writing its files there."""
    place = cache / f"{kind}s--{repo.replace('/', '--')}"
    snapshot = place / "snapshots" / commit
    for name, data in files.items():
        blob = place / "blobs" / digest(name, data)
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(data)
        link = snapshot / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to("/".join([".."] * (2 + name.count("/"))) + f"/blobs/{blob.name}")
        assert link.resolve() == blob.resolve()
    if branch:
        (place / "refs").mkdir(parents=True, exist_ok=True)
        (place / "refs" / branch).write_text(commit)
    return snapshot


def digest(name: str, data: bytes) -> str:
    if name.endswith(LARGE):
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def flip_bit(file: Path) -> Path:
    """Returns the stored file behind a link, after flipping one bit in its middle; its size and time stay."""
    stored = file.resolve()
    times = stored.stat()
    data = bytearray(stored.read_bytes())
    data[len(data) // 2] ^= 1
    stored.write_bytes(data)
    os.utime(stored, ns=(times.st_atime_ns, times.st_mtime_ns))
    return stored


def sst2_parquet(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Returns rows as the Hub has those of SST-2: with ``idx``, and labels as numbers."""
    schema = pyarrow.schema([("idx", pyarrow.int32()), ("sentence", pyarrow.string()), ("label", pyarrow.int64())])
    return _parquet([{"idx": i, **row} for i, row in enumerate(rows)], schema)


def squad_parquet(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Returns rows as the Hub has those of SQuAD."""
    text = pyarrow.string()
    answers = pyarrow.struct([("text", pyarrow.list_(text)), ("answer_start", pyarrow.list_(pyarrow.int32()))])
    fields = [*((name, text) for name in ("id", "title", "context", "question")), ("answers", answers)]
    return _parquet(rows, pyarrow.schema(fields))


def _parquet(rows: Sequence[Mapping[str, Any]], schema: pyarrow.Schema) -> bytes:
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(list(rows), schema=schema), buffer)
    return buffer.getvalue()
