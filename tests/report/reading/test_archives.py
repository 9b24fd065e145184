"""An archive that is damaged, a bomb, or names paths out of itself is refused in three parts, before it is unpacked."""

import io
import struct
import zipfile
import zlib
from pathlib import Path

import pyarrow
import pytest

from harness_tasks.errors import UserError
from harness_tasks.reading import Kind
from report.reading.archives import Archive

KIND = Kind("the log", "scores are read from it", "copy it again", limit_mib=1)


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", compression=method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return held.getvalue()


def in_zstandard(name: str, content: bytes, *, size: int | None = None) -> bytes:
    """Returns an archive of one file in two frames of Zstandard; ``size``: what it states, where that is another."""
    half = len(content) // 2
    packed = b"".join(pyarrow.compress(part, codec="zstd", asbytes=True) for part in (content[:half], content[half:]))
    stated = len(content) if size is None else size
    about = struct.pack("<HHHHLLLHH", 0, 93, 0, 0, zlib.crc32(content), len(packed), stated, len(name), 0)
    head = b"PK\x03\x04" + struct.pack("<H", 20) + about + name.encode() + packed
    entry = b"PK\x01\x02" + struct.pack("<HH", 20, 20) + about + struct.pack("<HHHLL", 0, 0, 0, 0, 0) + name.encode()
    end = b"PK\x05\x06" + struct.pack("<HHHHLLH", 0, 0, 1, 1, len(entry), len(head), 0)
    return head + entry + end


def opened(content: bytes) -> Archive:
    return Archive(content, Path("a.eval"), KIND)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_what_is_whole_is_read(method: int) -> None:
    archive = opened(zipped(("header.json", b'{"a": 1}'), ("samples/1_epoch_1.json", b"[2]"), method=method))
    assert archive.names == ["header.json", "samples/1_epoch_1.json"]
    assert archive.json("header.json", KIND) == {"a": 1}


def test_zstandard_is_read_in_any_number_of_frames_and_not_beyond_the_stated_size() -> None:
    content = b'{"a": "%s"}' % (b"x" * 5000)
    assert opened(in_zstandard("header.json", content)).json("header.json", KIND)["a"] == "x" * 5000
    with pytest.raises(UserError, match=r"holds a damaged header\.json"):
        opened(in_zstandard("header.json", content, size=100)).json("header.json", KIND)


@pytest.mark.parametrize("name", ["/etc/passwd", "samples/../../out.json", "..\\out.json", "C:\\out.json"])
def test_a_path_out_of_the_archive_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="holds a file by a path out of it") as error:
        opened(zipped((name, b"{}")))
    assert (error.value.why, error.value.mend) == (KIND.why, KIND.mend)


def test_two_files_of_one_name_are_refused() -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = zipped(("header.json", b"{}"), ("header.json", b"[]"))
    with pytest.raises(UserError, match="holds two files of one name"):
        opened(content)


def test_a_bomb_is_refused_by_the_size_that_it_states() -> None:
    content = zipped(("header.json", b"[" + b" " * (2 * 2**20) + b"]"))
    assert len(content) < 10_000
    with pytest.raises(UserError, match=r"holds header\.json of more than 1 MiB"):
        opened(content).json("header.json", KIND)
    huge = bytearray(in_zstandard("header.json", b"[]"))
    at = huge.index(b"PK\x01\x02") + 24
    huge[at : at + 4] = struct.pack("<L", 2**32 - 2)
    many = bytes(huge)
    assert opened(many).names == ["header.json"]  # 4 GiB less a byte: allowed in all, and not by the kind
    with pytest.raises(UserError, match="of more than 1 MiB"):
        opened(many).json("header.json", KIND)


def test_a_bomb_that_lies_about_its_size_is_not_unpacked() -> None:
    content = bytearray(zipped(("header.json", b"[" + b" " * (2 * 2**20) + b"]")))
    at = content.index(b"PK\x01\x02") + 24
    content[at : at + 4] = struct.pack("<L", 100)
    with pytest.raises(UserError, match="its size or checksum is not the one that the archive states"):
        opened(bytes(content)).json("header.json", KIND)


def test_damage_is_refused() -> None:
    whole = zipped(("header.json", b'{"a": 1}'), method=zipfile.ZIP_STORED)
    for content, said in (
        (whole[:-30], "is no complete ZIP archive"),
        (b"", "is no complete ZIP archive"),
        (whole.replace(b'{"a": 1}', b'{"a": 2}'), "its size or checksum is not the one"),
        (zipped(("a", b"b"), method=zipfile.ZIP_BZIP2), "holds a file compressed by method 12"),
    ):
        with pytest.raises(UserError, match=said):
            opened(content).json("header.json", KIND)
    with pytest.raises(UserError, match=r"holds no other.json"):
        opened(whole).json("other.json", KIND)
    encrypted = bytearray(whole)
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(UserError, match="holds an encrypted file"):
        opened(bytes(encrypted))
