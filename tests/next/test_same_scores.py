"""The next lm_eval gives our seven tasks the scores that 0.4.13 gives them: on the same rows, prompts and model."""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from next_scores import DEMO, TASKS, write_data

STABLE = os.environ.get("STABLE_PYTHON")

pytestmark = pytest.mark.skipif(
    not STABLE, reason="two environments are compared: `make test-next` names the other in STABLE_PYTHON"
)


@pytest.fixture(scope="module")
def both(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """What lm_eval 0.4.13 gives, and what the one of this environment gives."""
    folder = tmp_path_factory.mktemp("both")
    data = write_data(folder / "data")
    found = []
    for python in (str(STABLE), sys.executable):
        output = folder / f"{len(found)}.json"
        script = str(Path(__file__).with_name("next_scores.py"))
        done = subprocess.run([python, script, str(tiny_model), str(data), str(output)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        found.append(json.loads(output.read_text(encoding="utf-8")))
    return found[0], found[1]


def test_the_two_are_two(both: Any) -> None:
    words = [str(STABLE), "-c", "import importlib.metadata as m; print(m.version('lm_eval'))"]
    assert subprocess.run(words, capture_output=True, text=True).stdout.strip() == "0.4.13"
    assert version("lm_eval") == "0.5.0.dev1"
    assert both[0].keys() == both[1].keys()


@pytest.mark.parametrize("name", [*TASKS, *DEMO])
@pytest.mark.parametrize("by", ["hf-recorded", "hf-shared"])
@pytest.mark.parametrize("shots", [0, 2])
def test_scores_are_the_same(both: Any, name: str, by: str, shots: int) -> None:
    stable, following = (found[f"{name}, {shots} shots, {by}"] for found in both)
    assert following["items"] == stable["items"]
    assert following["scores"].keys() == stable["scores"].keys()
    # 0.4.13 has no standard error of a function of ours; 0.5 draws one from samples of the items, 100,000 times.
    known = {key: value for key, value in stable["scores"].items() if value != "N/A"}
    assert {key: following["scores"][key] for key in known} == known
    assert {key.partition(",")[0].endswith("_stderr") for key in set(stable["scores"]) - set(known)} <= {True}
    assert following["higher_is_better"] == stable["higher_is_better"]


@pytest.mark.parametrize("name", [*TASKS, *DEMO])
@pytest.mark.parametrize("what", ["training rows", "prior", "rendering"])
def test_rows_priors_and_renderings_are_the_same(both: Any, name: str, what: str) -> None:
    stable, following = (found[f"{name}, {what}"] for found in both)
    assert following == stable
