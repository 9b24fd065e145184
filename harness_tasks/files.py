"""Files that are written whole or not at all, and their hashes."""

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from harness_tasks.reading import open_regular


def write_text(path: str | Path, text: str) -> None:
    """Writes ``text`` (UTF-8) to ``path`` as `write_bytes` does."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: str | Path, content: bytes) -> None:
    """Writes ``content`` to ``path`` whole or not at all: a sibling temporary file is renamed into place."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_json(path: str | Path, value: Any) -> None:
    """Writes ``value`` as `json_text` has it, whole or not at all; raises ValueError on nan."""
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """Returns ``value`` as strict, indented, key-sorted JSON; raises ValueError on nan."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def write_jsonl(path: str | Path, rows: list[dict[str, Any]]) -> None:
    """Writes one strict JSON object a line, whole or not at all."""
    write_text(path, "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows))


def sha256_file(path: str | Path) -> str:
    """Returns the file's SHA-256 as 64 hex digits; raises OSError where it is no regular file."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_text(text: str) -> str:
    """Returns the SHA-256 of ``text`` in UTF-8 as 64 hex digits; a lone surrogate, which JSON may name, is encoded too.

    >>> sha256_text("abc")[:16]
    'ba7816bf8f01cfea'
    """
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def sha256_json(value: Any) -> str:
    """Returns the SHA-256 (64 hex digits) of ``value``'s canonical JSON: sorted keys, no spaces, UTF-8.

    >>> sha256_json({"b": 1, "a": 2}) == sha256_json({"a": 2, "b": 1})
    True
    """
    return sha256_text(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False))


def usual_modes(folder: Path) -> None:
    """Gives each file in ``folder`` the mode that a new file has: safetensors writes its own for their owner alone."""
    for path in folder.iterdir():
        if path.is_file() and not path.is_symlink():
            os.chmod(path, 0o666 & ~_umask())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
