"""Held-out text: the shipped passages, and the paragraphs of a user's file; stock lm_eval's bits per byte."""

import json
from pathlib import Path

import pytest

from harness_tasks import TASKS_PATH
from harness_tasks.errors import UserError
from harness_tasks.held_out.hooks import load_file, load_passages
from harness_tasks.loading import load_task


def test_the_passages_are_those_of_the_scored_questions() -> None:
    file = json.loads((TASKS_PATH / "passages_demo" / "test.json").read_text(encoding="utf-8"))
    expected = [part["context"] for article in file["data"] for part in article["paragraphs"]]
    assert load_passages()["test"]["text"] == expected
    assert len(set(expected)) == 24


def test_a_file_is_read_by_paragraph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text.txt").write_bytes("\ufeffOne – and\r\nmore.\r\n \r\nTwo.\n\n\nOne – and\nmore.".encode())
    monkeypatch.setenv("TEXTS", str(tmp_path))
    assert load_file(text_file="$TEXTS/text.txt")["test"]["text"] == ["One – and\nmore.", "Two."]
    described: dict[str, object] = {}
    load_file(text_file=str(tmp_path / "text.txt"), data=described)
    assert (described["source"], described["name"], described["rows"]) == ("folder", "text.txt", {"test": 2})


@pytest.mark.parametrize(
    ("content", "found"),
    [(None, "is missing"), (b" \n\n\t\n", "holds no text"), (b"\xff\xfe\x00", "is no UTF-8 text")],
)
def test_a_file_without_text_is_refused(tmp_path: Path, content: bytes | None, found: str) -> None:
    path = tmp_path / "text.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        load_file(text_file=str(path))
    assert found in caught.value.found
    assert caught.value.why == "the likelihood of its paragraphs is measured"
    assert "--metadata" in caught.value.mend


def test_a_file_must_be_named() -> None:
    with pytest.raises(UserError, match="was given no file"):
        load_task("text_file")
