"""A large file in pieces, as Xet storage gives it: hf_xet asks which pieces make a range of it, and fetches them.

Each file is one xorb of chunks that are stored as they are: a header of eight bytes (version, packed length, scheme
none, length), then the bytes.
"""

from typing import Any

CHUNK_BYTES = 65536
HEADER_BYTES = 8


def xorb(data: bytes) -> bytes:
    """Returns a file's pieces, one after the other, each with its header."""
    chunks = [data[start : start + CHUNK_BYTES] for start in range(0, len(data), CHUNK_BYTES)]
    return b"".join(_header(len(chunk)) + chunk for chunk in chunks)


def reconstruction(digest: str, size: int, first: int, last: int, url: str) -> dict[str, Any]:
    """Returns how the bytes ``first`` to ``last`` (inclusive) of a file are put together from its pieces."""
    begin, end = first // CHUNK_BYTES, last // CHUNK_BYTES + 1
    chunks = {"start": begin, "end": end}
    length = min(end * CHUNK_BYTES, size) - begin * CHUNK_BYTES
    start = begin * (CHUNK_BYTES + HEADER_BYTES)
    stored = {"start": start, "end": start + length + (end - begin) * HEADER_BYTES - 1}
    return {
        "offset_into_first_range": first % CHUNK_BYTES,
        "terms": [{"hash": digest, "unpacked_length": length, "range": chunks}],
        "fetch_info": {digest: [{"range": chunks, "url": url, "url_range": stored}]},
    }


def _header(length: int) -> bytes:
    size = length.to_bytes(3, "little")
    return b"\0" + size + b"\0" + size
