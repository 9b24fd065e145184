"""`aftertune task new` in an empty folder."""

from pathlib import Path

import pytest
from own_task.made import New
from typer.testing import CliRunner

from aftertune import app


@pytest.fixture
def new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> New:
    """The command, run in the test's folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, ["task", "new", *map(str, words)])
