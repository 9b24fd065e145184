"""One bad file among many is named and passed over with exit 0, with 2 where asked; 1 keeps meaning a regression."""

import os
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from report.__main__ import app
from tests.report.compare.lm_eval_folders import TIME, right, write_folder

LATER = "2026-11-26T00-00-00.000001"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["compare", *map(str, arguments)])


CONTENT = {
    "cut off": b'{"results": {"even": ',
    "no text": b"\xff\xfe",
    "wrong": b'{"results": {"even": {"acc,none": 1}}, "configs": 3}',
    "deep": b"[" * 100_000,
    "stranger": b'{"accuracy": 0.9}',
    "empty": b"",
    "no score": b'{"results": {"even": {"alias": "even"}}, "configs": {}}',
}


def bad(path: Path, how: str) -> None:
    if how == "pipe":
        os.mkfifo(path)
    elif how == "folder":
        path.mkdir()
    elif how == "unreadable":
        path.symlink_to("nowhere")
    else:
        path.write_bytes(CONTENT[how])


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("cut off", "is not complete JSON"),
        ("no text", "is no UTF-8 text"),
        ("wrong", "has at `configs` 3: "),
        ("deep", "nested too deeply"),
        ("stranger", "holds no `results` by task"),
        ("empty", "is not complete JSON"),
        ("no score", "holds no score"),
        ("pipe", "it is a pipe, not a file"),
        ("folder", "it is a folder, not a file"),
        ("unreadable", "is missing"),
    ],
)
def test_a_bad_file_among_others(tmp_path: Path, how: str, said: str) -> None:
    write_folder(tmp_path / "out", "one", {"even": right(3, 4)})
    (tmp_path / "out" / "two").mkdir()
    file = tmp_path / "out" / "two" / f"results_{TIME}.json"
    bad(file, how)
    done = run(tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    assert f"passed over out/two/results_{TIME}.json: " in done.stderr
    assert said in done.stderr
    assert "## Files that were passed over" in done.stdout
    assert "## Task: even" in done.stdout
    strict = run(tmp_path / "out", "--strict")
    assert (strict.exit_code, strict.stdout) == (2, "")
    assert strict.stderr.count("\n") >= 2
    # Alone it leaves nothing.
    assert run(file).exit_code == 2
    assert run(tmp_path / "out" / "two").exit_code == 2


def test_a_gate_is_not_passed_by_older_scores_beside_a_damaged_file(tmp_path: Path) -> None:
    gate = ("--fail-on-regression", "even:acc")
    for name in ("old", "new"):
        write_folder(tmp_path / name, "mine", {"even": right(90, 100)})
    newest = tmp_path / "new" / "mine" / f"results_{LATER}.json"
    newest.write_text('{"results": {"even": ')
    done = run(tmp_path / "old", tmp_path / "new", *gate)
    assert done.exit_code == 2
    assert "may hold newer ones" in done.stderr
    newest.write_text('{"accuracy": 0.9}')  # another tool's, which is whole
    assert run(tmp_path / "old", tmp_path / "new", *gate).exit_code == 0


def test_a_sample_file_that_is_damaged_leaves_the_score_unpaired(tmp_path: Path) -> None:
    for name in ("one", "two"):
        file = write_folder(tmp_path, name, {"even": right(30, 40)})
    samples = file.parent / f"samples_even_{TIME}.jsonl"
    samples.write_text(samples.read_text()[:-20])
    done = run(tmp_path)
    assert done.exit_code == 0
    assert f"two/results_{TIME}.json: the samples of even: line 40 of the sample file" in done.stderr
    assert "unpaired: no samples of both" in done.stdout
    assert str(tmp_path.parent) not in done.stdout


def test_a_link_to_a_folder_elsewhere_and_packed_files_are_named(tmp_path: Path) -> None:
    write_folder(tmp_path / "out", "one", {"even": right(3, 4)}, samples=False)
    write_folder(tmp_path / "elsewhere", "two", {"even": right(2, 4)})
    (tmp_path / "out" / "two").symlink_to(tmp_path / "elsewhere" / "two")
    (tmp_path / "out" / "latest").symlink_to(tmp_path / "out" / "one")  # what is in it is read anyway
    (tmp_path / "out" / "one" / f"samples_even_{TIME}.jsonl.gz").write_bytes(b"\x1f\x8b")
    done = run(tmp_path / "out")
    assert done.exit_code == 0
    assert "passed over out/two: two is a link to a folder elsewhere" in done.stderr
    assert f"samples_even_{TIME}.jsonl.gz is compressed" in done.stderr
    assert done.stderr.count("passed over") == 2
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "two").symlink_to(tmp_path / "elsewhere" / "two")
    only = run(alone)
    assert only.exit_code == 2
    assert "is a link to a folder elsewhere" in only.stderr
