"""The facts of the synthetic study, as they are read from facts.json."""

import copy
from typing import Any

import pytest

from report.page.whole import collect
from studies import load_study
from tests.report.synthetic import folder_of, write_study


@pytest.fixture(scope="session")
def computed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The facts of a study with a classification and an extraction."""
    study = write_study(tmp_path_factory.mktemp("exports"), title="A trial & more_of it")
    found: dict[str, Any] = collect(load_study(study), study, folder_of(study)).as_json()
    return found


@pytest.fixture
def facts(computed: dict[str, Any]) -> dict[str, Any]:
    """A copy of the same facts, for a test to change."""
    return copy.deepcopy(computed)
