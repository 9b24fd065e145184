"""The synthetic study, whose items the explorer shows."""

import copy
from pathlib import Path
from typing import Any

import pytest

from tests.report.synthetic import folder_of, write_study


@pytest.fixture
def study_folder(tmp_path: Path) -> Path:
    """The build folder of the synthetic study, for a test to change."""
    return folder_of(write_study(tmp_path))


@pytest.fixture(scope="session")
def _computed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    from report.page.whole import collect
    from studies import load_study

    study = write_study(tmp_path_factory.mktemp("explorer"))
    found: dict[str, Any] = collect(load_study(study), study, folder_of(study)).as_json()
    return found


@pytest.fixture
def facts(_computed: dict[str, Any]) -> dict[str, Any]:
    """The facts of the synthetic study, for a test to change."""
    return copy.deepcopy(_computed)
