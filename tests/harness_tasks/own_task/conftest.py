"""`aftertune task new` in an empty folder, without lm_eval's index of its own tasks, which takes seconds."""

from pathlib import Path

import pytest
from own_task.made import New
from typer.testing import CliRunner

from aftertune import app
from harness_tasks.own_task import making


@pytest.fixture(autouse=True)
def taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of lm_eval's own tasks; the slow tests look at the real index."""

    class Index:
        all_tasks = ("sst2", "arc_easy")

    monkeypatch.setattr(making, "task_manager", lambda *_, **__: Index())


@pytest.fixture
def new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> New:
    """The command, run in the test's folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, ["task", "new", *map(str, words)])
