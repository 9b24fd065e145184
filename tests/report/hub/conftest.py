"""A study that can be pushed, and a Hub to push it to."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "hub_server"))

from fake_hub import TOKEN, FakeHub, running
from typer.testing import CliRunner, Result

from tests.report.pushable_study import write_pushable
from tests.report.synthetic import folder_of

Push = Callable[..., Result]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A running Hub, to which huggingface_hub's client is turned; nobody waits between two tries."""
    from huggingface_hub import constants

    with running() as found:
        monkeypatch.setattr(constants, "ENDPOINT", found.address)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setattr("time.sleep", lambda _: None)
        # The client's log is bound to the stream of the first test, which is closed by the second.
        monkeypatch.setattr("logging.raiseExceptions", False)
        yield found


@pytest.fixture
def study(tmp_path: Path, pushable: Path) -> Path:
    """A study with two trained and scored checkpoints and its facts; the weights are a few bytes."""
    shutil.copytree(pushable.parent.parent, tmp_path, dirs_exist_ok=True)
    return tmp_path / "studies" / pushable.name


@pytest.fixture(scope="session")
def pushable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one that `study` copies: its facts are computed once."""
    from report.page.whole import facts_now
    from studies import load_study

    file = write_pushable(tmp_path_factory.mktemp("pushable"))
    facts = facts_now(load_study(file), file, folder_of(file))
    (folder_of(file) / "facts.json").write_text(json.dumps(facts.as_json()), encoding="utf-8")
    return file


@pytest.fixture
def push(study: Path) -> Push:
    """Runs `aftertune push` on the study, in this process."""
    return lambda *arguments: run_push(study, *arguments)


def run_push(study: Path, *arguments: str) -> Result:
    import typer

    from report.commands.push import push as command

    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(command)
    return CliRunner().invoke(app, [str(study), "--output", str(folder_of(study)), *arguments])
