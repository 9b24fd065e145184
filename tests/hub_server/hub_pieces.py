"""A large file in pieces, as Xet storage gives and takes it: hf_xet asks which pieces make a file, and fetches or puts
them.

An xorb is chunks one after the other, each with a header of eight bytes: version, packed length, scheme, length. What
we give is packed by no scheme; what a client puts may be packed by LZ4, its bytes sorted by their place within four. A
shard says which chunks of which xorbs make a file, and the file's SHA-256.
"""

import hashlib
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow

CHUNK_BYTES = 65536
HEADER_BYTES = 8
RECORD_BYTES = 48
VERIFIED, DESCRIBED = 1 << 31, 1 << 30
"""Flags of a file in a shard: a record more for each of its parts, and one with its SHA-256."""


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


def files_of(shard: bytes, xorbs: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Yields the SHA-256 and the bytes of each file that a shard describes, made of the chunks of ``xorbs``."""
    place = RECORD_BYTES  # after the shard's own header
    while (record := shard[place : place + RECORD_BYTES])[:32] != b"\xff" * 32:
        flags, count = struct.unpack_from("<II", record, 32)
        parts = [shard[place + RECORD_BYTES * (1 + part) :][:RECORD_BYTES] for part in range(count)]
        place += RECORD_BYTES * (1 + count * (2 if flags & VERIFIED else 1))
        data = b""
        for part in parts:
            _, _, begin, end = struct.unpack_from("<IIII", part, 32)
            data += b"".join(_chunks(xorbs[_name(part[:32])])[begin:end])
        assert flags & DESCRIBED, "a file without its SHA-256"
        digest = _name(shard[place : place + 32])
        place += RECORD_BYTES
        assert hashlib.sha256(data).hexdigest() == digest, "the pieces are not the file"
        yield digest, data


def _header(length: int) -> bytes:
    size = length.to_bytes(3, "little")
    return b"\0" + size + b"\0" + size


def _chunks(packed: bytes) -> list[bytes]:
    """Returns an xorb's chunks, unpacked."""
    chunks, place = [], 0
    while place + HEADER_BYTES <= len(packed) and packed[place] == 0:
        size, scheme = int.from_bytes(packed[place + 1 : place + 4], "little"), packed[place + 4]
        length = int.from_bytes(packed[place + 5 : place + 8], "little")
        place += HEADER_BYTES
        data = packed[place : place + size]
        if scheme:
            data = pyarrow.decompress(data, decompressed_size=length, codec="lz4", asbytes=True)
        chunks.append(_unsorted(data) if scheme == 2 else data)
        place += size
    return chunks


def _unsorted(data: bytes) -> bytes:
    """Returns bytes in their order, of which every fourth was put beside each other."""
    whole, start = bytearray(len(data)), 0
    for offset in range(4):
        count = len(range(offset, len(data), 4))
        whole[offset::4] = data[start : start + count]
        start += count
    return bytes(whole)


def _name(digest: bytes) -> str:
    """Returns a hash as Xet writes it: four numbers of eight bytes, the last byte first."""
    return b"".join(digest[start : start + 8][::-1] for start in range(0, 32, 8)).hex()
