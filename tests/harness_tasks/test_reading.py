"""Files of others: what is no regular file, too large, damaged, nested or of another shape is an error with a name."""

import os
import socket
from pathlib import Path

import pytest
from typing_extensions import TypedDict

from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file
from harness_tasks.kinds import ShardSample
from harness_tasks.reading import Kind, checked, read_bytes, read_json, read_rows, read_text, read_yaml


class Point(TypedDict):
    x: float
    name: str


PLAIN = Kind("the file of points", "no point is known", "write it again", limit_mib=1)
POINT = Kind("the file of points", "no point is known", "write it again", schema=Point)


def found(call: object, *arguments: object) -> str:
    with pytest.raises(UserError) as caught:
        call(*arguments)  # type: ignore[operator]
    assert caught.value.why
    assert caught.value.mend
    return caught.value.found


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "points"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("kind", "said"), [("fifo", "a pipe"), ("folder", "a folder"), ("device", "a device"), ("socket", "a socket")]
)
def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path, kind: str, said: str) -> None:
    path = tmp_path / "points"
    server = socket.socket(socket.AF_UNIX)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path = Path("/dev/zero")
    else:
        server.bind(str(path))
    assert f"it is {said}, not a file" in found(read_bytes, path, PLAIN)
    with pytest.raises(OSError, match=said):
        sha256_file(path)
    server.close()


def test_a_link_to_a_pipe_is_one_and_a_link_to_a_file_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "to_pipe").symlink_to("pipe")
    (tmp_path / "to_file").symlink_to(written(tmp_path, "text"))
    assert "a pipe" in found(read_bytes, tmp_path / "to_pipe", PLAIN)
    assert read_text(tmp_path / "to_file", PLAIN) == "text"


def test_a_missing_file_has_the_kinds_three_parts(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        read_bytes(tmp_path / "points", PLAIN)
    assert str(caught.value) == (
        f"Found: the file of points {tmp_path / 'points'} is missing\n"
        "Why it matters: no point is known\nTo mend it: write it again"
    )
    assert "cannot be read" in found(read_bytes, "a\0b", PLAIN)
    assert "cannot be read" in found(read_bytes, tmp_path / ("x" * 300), PLAIN)


def test_a_files_size_is_bounded_and_the_bound_can_be_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "x" * (2**20 + 1))
    assert "is larger than 1 MiB" in found(read_bytes, path, PLAIN)
    monkeypatch.setenv("AFTERTUNE_MAX_FILE_MIB", "2")
    assert len(read_bytes(path, PLAIN)) == 2**20 + 1
    for wrong in ("much", "-1", "nan", "inf"):
        monkeypatch.setenv("AFTERTUNE_MAX_FILE_MIB", wrong)
        assert f"AFTERTUNE_MAX_FILE_MIB is '{wrong}'" in found(read_bytes, path, PLAIN)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"\xff{}", "is no UTF-8 text (byte 0)"),
        ('{"x": 1', "is not complete JSON"),
        ("", "is not complete JSON"),
        ("[" * 100_000, "it is nested too deeply"),
        ('{"x": ' * 10_000, "it is nested too deeply"),
        ("9" * 5000, "cannot be read"),
        ('{"x": NaN}', "holds a bare NaN"),
        ('{"x": 1e999}', "holds a bare 1e999"),
        ('{"x": -Infinity}', "holds a bare -Infinity"),
    ],
)
def test_json_that_is_not_sound_is_refused(tmp_path: Path, text: str | bytes, said: str) -> None:
    assert said in found(read_json, written(tmp_path, text), PLAIN)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"x": 1}', "lacks `name`"),
        ('{"x": "1", "name": "a"}', "has at `x` '1': input should be a valid number"),
        ('{"x": true, "name": "a"}', "has at `x` True"),
        ('{"x": 1, "name": null}', "has at `name` None"),
        ("[1]", "has at what it holds [1]"),
    ],
)
def test_json_of_another_shape_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    assert said in found(read_json, path, POINT)
    assert f"line 2 of the file of points {path}" in found(
        read_rows, written(tmp_path, '{"x": 1, "name": "a"}\n' + text), POINT
    )


def test_what_fits_is_returned_as_it_stands(tmp_path: Path) -> None:
    path = written(tmp_path, '{"x": 1, "name": "a\\u2028b", "more": [1]}\n\n{"x": 0.5, "name": "c\u2028d"}\n')
    assert read_rows(path, POINT) == [{"x": 1, "name": "a\u2028b", "more": [1]}, {"x": 0.5, "name": "c\u2028d"}]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\na: 2", "the key a occurs twice"),
        ("b: {a: 1, a: 2}", "the key a occurs twice"),
        ("1: 2", "the key 1 is no text"),
        ("on: 2", "the key on is no text"),
        ("? [a]\n: 2", "is no text"),
        ("a: !!int x", "cannot be read as YAML"),
        ("a: !!python/object/apply:os.system [ls]", "cannot be read as YAML"),
        ("a: 2024-13-45", "cannot be read as YAML"),
        ("a: &b [*b]", "an alias stands inside"),
        ("[" * 3000, "nested too deeply"),
        ("a: {" * 3000, "nested too deeply"),
        ("a: [", "cannot be read as YAML"),
        ("a: \0", "cannot be read as YAML"),
        ("a: 1\n---\nb: 2", "cannot be read as YAML"),
        ("\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10) if i else 'x'}]" for i in range(9)), "200,000"),
    ],
)
def test_yaml_that_is_not_sound_is_refused(tmp_path: Path, text: str, said: str) -> None:
    assert said in found(read_yaml, written(tmp_path, text), PLAIN)


def test_anchors_and_merged_keys_are_read(tmp_path: Path) -> None:
    text = "base: &base {one: 1, two: 2}\nnext: &next {<<: *base, two: 3}\nlast: {<<: *next, four: 4}\n"
    read = read_yaml(written(tmp_path, text), PLAIN)
    assert read["next"] == {"one": 1, "two": 3}
    assert read["last"] == {"one": 1, "two": 3, "four": 4}
    assert read_yaml(written(tmp_path, ""), PLAIN) is None


def test_half_a_surrogate_in_the_wrong_place_is_said() -> None:
    """Pydantic cannot put the message of such an error together."""
    row = {
        "doc_id": 0,
        "filter": "none",
        "doc_hash": "a",
        "prompt_hash": "b",
        "target_hash": "c",
        "metrics": ["\ud800"],
    }
    kind = Kind("the row", "it is merged", "score it again", schema=ShardSample)
    with pytest.raises(UserError) as caught:
        checked(row, "part.jsonl", kind, line=3)
    assert caught.value.found == "line 3 of the row part.jsonl holds half a surrogate where something else is due"
    assert checked({**row, "\ud800": 1, "metrics": ["\ud800"]}, "part.jsonl", kind)["\ud800"] == 1
