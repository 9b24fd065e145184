"""The options of a training run: what is recorded as its command."""

import sys
from pathlib import Path

import pytest

from finetune.options import run_of

WORDS = ["train", "--model", "a b"]


@pytest.mark.parametrize(
    ("program", "command"),
    [
        ("/home/ada/.venv/bin/aftertune", "aftertune"),
        ("/home/ada/project/aftertune.py", "aftertune"),  # of `python -m aftertune`
        ("/home/ada/project/finetune/__main__.py", "python -m finetune"),
        ("mine.py", "mine.py"),
    ],
)
def test_the_recorded_command_is_the_one_that_ran(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str, command: str
) -> None:
    monkeypatch.setattr(sys, "argv", [program, *WORDS])
    run = run_of({"model": "a b", "task": "reviews_demo", "output": tmp_path})
    assert run.command == f"{command} train --model 'a b'"
