"""A folder with each family's model, made once a session when it is first asked for."""

from collections.abc import Callable
from pathlib import Path

import pytest
from families import FAMILIES, write_family


@pytest.fixture(scope="session")
def model_of(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Returns the folder of the family with a name."""
    root, families = tmp_path_factory.mktemp("families"), {family.name: family for family in FAMILIES}

    def made(name: str) -> Path:
        folder = root / name
        return folder if folder.exists() else write_family(families[name], folder, tiny_model)

    return made
