"""The study of eight kinds of task, scored once for all tests."""

import shutil
from pathlib import Path

import pytest

from tests.eight_tasks.scored import write_study


@pytest.fixture(scope="session")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of the study that `write_study` writes: not to be written to."""
    return write_study(tmp_path_factory.mktemp("eight")).parent.parent


@pytest.fixture
def study(scored: Path, tmp_path: Path) -> Path:
    """The file of a copy of it."""
    root = tmp_path / "copy"
    shutil.copytree(scored, root)
    return root / "studies" / "eight.yaml"
