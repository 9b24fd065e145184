"""The files in a ZIP archive that another program wrote, each read within bounds and nothing of it unpacked to disk.

Python's `zipfile` knows no Zstandard (method 93) before 3.14, by which Inspect compresses its logs: pyarrow does.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from harness_tasks.errors import UserError
from harness_tasks.reading import MIB, Kind, parse_json, text_of

MOST_MEMBERS = 500_000
MOST_MIB = 4096
"""What all files of an archive may come to, unpacked; one alone is bounded by its kind."""

_STORED, _DEFLATED, _ZSTANDARD = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, 93
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_ENCRYPTED = 0x1


class Archive:
    """The files in a ZIP archive, by name.

    Raises:
        UserError: it is no whole archive; a name is a path out of it or stands twice; a file is encrypted or compressed
            in another way than the three known; or unpacked they come to more than `MOST_MIB`.
    """

    def __init__(self, content: bytes, path: Path, kind: Kind) -> None:
        self._content, self._path, self._kind = content, path, kind
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                members = [member for member in archive.infolist() if not member.is_dir()]
        except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, OSError, struct.error) as error:
            self._refuse(f"is no complete ZIP archive ({_reason(error)})")
        if len(members) > MOST_MEMBERS or sum(member.file_size for member in members) > MOST_MIB * MIB:
            self._refuse(f"unpacks to more than {MOST_MIB:,} MiB or {MOST_MEMBERS:,} files")
        for member in members:
            self._check(member)
        self._members = {member.filename: member for member in members}
        if len(self._members) < len(members):
            self._refuse("holds two files of one name")

    @cached_property
    def names(self) -> Sequence[str]:
        """The names of the files, in the archive's order."""
        return list(self._members)

    def json(self, name: str, kind: Kind) -> Any:
        """Returns what the JSON file ``name`` holds, of the kind's schema; UserError where it is damaged or too large.

        It is never unpacked beyond the size that the archive states, nor beyond the kind's.
        """
        shown = Path(f"{self._path}/{name}")
        return parse_json(text_of(self._unpacked(name, kind), shown, kind), shown, kind)

    def _unpacked(self, name: str, kind: Kind) -> bytes:
        member = self._members.get(name)
        if member is None:
            self._refuse(f"holds no {name}")
        if member.file_size > kind.limit_mib * MIB:
            self._refuse(f"holds {name} of more than {kind.limit_mib} MiB")
        try:
            found = self._decompressed(member)
        except (OSError, zlib.error, struct.error, ValueError) as error:
            self._refuse(f"holds a damaged {name} ({_reason(error)})")
        if len(found) != member.file_size or zlib.crc32(found) != member.CRC:
            self._refuse(f"holds a damaged {name} (its size or checksum is not the one that the archive states)")
        return found

    def _decompressed(self, member: zipfile.ZipInfo) -> bytes:
        """Returns the bytes of a file, one more than it states at most."""
        head = self._content[member.header_offset : member.header_offset + 30]
        signature, name_length, extra_length = _LOCAL_HEADER.unpack(head)
        if signature != b"PK\x03\x04":
            raise ValueError("no file begins where the archive says")
        start = member.header_offset + 30 + name_length + extra_length
        packed, most = self._content[start : start + member.compress_size], member.file_size + 1
        if member.compress_type == _STORED:
            return packed[:most]
        if member.compress_type == _DEFLATED:
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, most)
        # Here, because it takes longer to load than `--help` may.
        import pyarrow

        with pyarrow.CompressedInputStream(pyarrow.BufferReader(packed), "zstd") as stream:
            return bytes(stream.read(most))

    def _check(self, member: zipfile.ZipInfo) -> None:
        name = member.filename
        parts = name.replace("\\", "/").split("/")
        if not parts[0] or ".." in parts or ":" in parts[0]:
            self._refuse(f"holds a file by a path out of it ({name!r:.60})")
        if member.flag_bits & _ENCRYPTED:
            self._refuse(f"holds an encrypted file ({name!r:.60})")
        if member.compress_type not in (_STORED, _DEFLATED, _ZSTANDARD):
            self._refuse(f"holds a file compressed by method {member.compress_type} ({name!r:.60})")

    def _refuse(self, found: str) -> NoReturn:
        raise UserError(f"{self._path} {found}", self._kind.why, self._kind.mend)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
