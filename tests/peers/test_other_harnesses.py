"""lighteval and Inspect, each run anew, beside lm_eval on the same rows: recounted scores are the recorded ones."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.report.compare.lm_eval_folders import compared

PYTHON = os.environ.get("PEERS_PYTHON")
ROOT = Path(__file__).parents[2]
ROWS = ROOT / "tests" / "data" / "peers"

pytestmark = pytest.mark.skipif(
    not PYTHON, reason="it takes another environment: `make peers` names its interpreter in PEERS_PYTHON"
)


def run(folder: Path, *words: str) -> str:
    """Returns what a command printed; it runs in ``folder``, so that no path of this machine is recorded."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(words, capture_output=True, text=True, cwd=folder, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder with the rows and what each harness made of them."""
    folder = tmp_path_factory.mktemp("peers")
    for name in ("reviews.jsonl", "peer_reviews.yaml"):
        (folder / name).write_bytes((ROWS / name).read_bytes())
    (folder / "rows").mkdir()
    (folder / "rows" / "test.jsonl").write_bytes((ROWS / "reviews.jsonl").read_bytes())
    run(folder, sys.executable, "-m", "tests.peers.lively_model", "tiny")
    arguments = "--model hf --model_args pretrained=tiny,dtype=float32 --include_path . --tasks peer_reviews"
    options = "--output_path lm_eval --log_samples --device cpu --batch_size 4"
    run(folder, sys.executable, "-m", "lm_eval", "run", *arguments.split(), *options.split())
    run(folder, str(PYTHON), "-m", "tests.peers.with_lighteval", ".", "tiny", "lighteval")
    run(folder, sys.executable, "-m", "aftertune", "embedded", "--output", "small")
    run(folder, str(PYTHON), "-m", "tests.peers.with_inspect", ".", "inspect", "small")
    return folder


def test_recounted_scores_are_the_recorded_ones(folder: Path) -> None:
    lists = [folder / "lm_eval", folder / "lighteval", folder / "inspect" / "eval"]
    facts = compared(lists, clusters=["peer_reviews:film"])
    (task,) = facts["tasks"]
    board = next(board for board in task["boards"] if board["metric"]["value"] == "acc")
    by = {row["harness"]["value"].split()[0].rstrip(","): row["score"] for row in board["rows"]}
    recorded = {
        "lm_eval": value(folder / "lm_eval", "peer_reviews", "acc,none"),
        "lighteval": value(folder / "lighteval", "peer_reviews|0", "acc"),
        "Inspect": accuracy(folder, "eval"),
    }
    assert {name: score["value"] for name, score in by.items()} == pytest.approx(recorded, abs=1e-9)
    # Eight films: the items were read, and give the recorded numbers again.
    assert {(score["n"], score["clusters"]) for score in by.values()} == {(24, 8)}
    assert all(pair["unpaired"] is None and pair["refused"] is None for pair in board["pairs"])
    assert recorded["lighteval"] == pytest.approx(recorded["lm_eval"], abs=1e-9)  # one model, one prompt


def test_a_real_models_answers_in_inspect(folder: Path) -> None:
    (task,) = compared([folder / "inspect" / "hf"], clusters=["peer_reviews:film"])["tasks"]
    board = next(board for board in task["boards"] if board["metric"]["value"] == "acc")
    (row,) = board["rows"]
    assert 0 < row["score"]["value"] < 1
    assert row["score"]["value"] == pytest.approx(accuracy(folder, "hf"), abs=1e-9)
    assert (row["score"]["n"], row["score"]["clusters"]) == (24, 8)
    assert row["caution"] is None


def test_a_run_that_broke_off_and_several_epochs(folder: Path) -> None:
    for name, items in (("broken", 15), ("epochs", 8), ("json", 6)):
        (task,) = compared([folder / "inspect" / name])["tasks"]
        (row,) = task["boards"][0]["rows"]
        assert row["score"]["n"] == items
        assert (row["caution"] is not None) == (name == "broken")


def accuracy(folder: Path, name: str) -> float:
    """Returns the accuracy that an Inspect log records, as Inspect itself reads it."""
    script = "import sys; from inspect_ai.log import read_eval_log as read; "
    script += "print(read(sys.argv[1], header_only=True).results.scores[0].metrics['accuracy'].value)"
    (log,) = (folder / "inspect" / name).glob("*.eval")
    return float(json.loads(run(folder, str(PYTHON), "-c", script, str(log))))


def value(folder: Path, task: str, key: str) -> Any:
    """Returns a score as the result file below ``folder`` records it."""
    (file,) = folder.rglob("results_*.json")
    return json.loads(file.read_text("utf-8"))["results"][task][key]
