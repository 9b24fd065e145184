"""What every verb of our command lines runs inside."""

import io
import json
import sys

import pytest
import typer

from harness_tasks.errors import UserError, exit_on_user_error


@pytest.mark.parametrize(
    ("encoding", "text", "written"),
    [
        ("utf-8", "half \ud800, minus −", "half \\ud800, minus −"),
        ("ascii", "minus −, é", "minus \\u2212, \\xe9"),
        ("cp1252", "minus −, é", "minus \\u2212, é"),
    ],
)
def test_what_a_terminal_cannot_write_is_written_by_its_number(
    monkeypatch: pytest.MonkeyPatch, encoding: str, text: str, written: str
) -> None:
    stdout = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stdout)
    with exit_on_user_error():
        print(text, end="")
    stdout.flush()
    assert stdout.buffer.getvalue().decode(encoding) == written


def test_json_with_half_a_surrogate_is_still_json(monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", stdout)
    with exit_on_user_error():
        print(json.dumps("\ud800", ensure_ascii=False))
    stdout.flush()
    assert json.loads(stdout.buffer.getvalue()) == "\ud800"


def test_a_users_mistake_is_three_parts_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as left, exit_on_user_error():
        raise UserError("this", "that", "so")
    assert left.value.exit_code == 2
    assert capsys.readouterr().err == "Found: this\nWhy it matters: that\nTo mend it: so\n"
