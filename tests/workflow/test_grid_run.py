"""The steps of a grid and of shards: what is shared is done once, and all comes to one leaderboard."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from studies.tiny_model import write_tiny_model

ROOT = Path(__file__).resolve().parents[2]
GRID = """
title: Two random models
models:
  - {id: tiny-random, name: one}
  - {id: other, name: two}
tasks:
  reviews_demo: {limit: 40, train_rows: 96, recipe: {batch_size: 16, lora_r: 4}}
  passages_demo: {limit: 21, train_rows: 28, recipe: {batch_size: 7, lora_r: 4}}
seeds: [1, 2]
dtype: float32
device: cpu
authors: [{name: a, did: b}]
"""


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "workflow", "run", "pair.yaml", *options]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def jobs(folder: Path) -> Counter[str]:
    """Returns how many jobs of each rule a run would do."""
    done = run(folder, "--dry-run")
    assert done.returncode == 0, done.stderr
    table = (done.stdout + done.stderr).rpartition("Job stats:")[2].partition("Reasons")[0]
    return Counter({rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pair.yaml").write_text(GRID)
    write_tiny_model(tmp_path / "other", seed=7)
    return tmp_path


def test_a_base_is_scored_once_for_all_its_checkpoints(folder: Path) -> None:
    found = jobs(folder)
    assert found["train"] == 2 * 2 * 2
    assert found["score"] == 2 * 2 + 2 * 2 * 2  # bases on both tasks, checkpoints on their own
    assert found["base_model"] == 1  # the other model is a folder
    assert (found["report"], found["compare"], found["all"]) == (2, 1, 1)


def test_a_score_in_shards_is_joined(folder: Path) -> None:
    (folder / "pair.yaml").write_text(GRID + "shards: 3\n")
    found = jobs(folder)
    assert (found["score_shard"], found["join"], found["score"]) == (3 * 12, 12, 0)


def test_a_folder_that_is_no_model_ends_it_before_any_step(folder: Path) -> None:
    (folder / "other" / "config.json").unlink()
    done = run(folder)
    assert done.returncode == 2
    assert "the folder other holds no config.json" in done.stderr
    assert not (folder / "build" / "pair" / "one").exists()


def test_a_model_that_is_nowhere_ends_it_before_any_step(folder: Path) -> None:
    (folder / "pair.yaml").write_text(GRID.replace("{id: other, name: two}", "{id: nobody/nothing, name: two}"))
    done = run(folder)
    assert done.returncode == 2
    assert (
        "Found: there is no folder nobody/nothing here, and the model nobody/nothing is not in the Hub's cache"
        in done.stderr
    )
    assert "the study starts from that model" in done.stderr
    assert not (folder / "build" / "pair" / "one").exists()


@pytest.mark.parametrize(
    ("config", "study", "found"),
    [
        ('{"model_type": "vit"}', GRID, "other: a model of type vit with the head causal"),
        (
            '{"model_type": "olmo2"}',
            GRID + "formulations: [causal, question-answering]\nonly:\n  - {formulation: causal}\n"
            "  - {task: passages_demo}\n",
            "other: a model of type olmo2 with the head question-answering",
        ),
        ('{"model_type": "lama"}', GRID, "has the model_type lama"),
    ],
)
def test_a_model_that_cannot_do_the_task_ends_it_before_any_step(
    folder: Path, config: str, study: str, found: str
) -> None:
    (folder / "other" / "config.json").write_text(config)
    (folder / "pair.yaml").write_text(study)
    done = run(folder)
    assert done.returncode == 2
    assert done.stderr.startswith("Found: ")
    assert found in done.stderr
    assert "To mend it: " in done.stderr
    assert not (folder / "build" / "pair" / "one").exists()


def test_a_backend_that_is_not_installed_is_told_before_any_step(folder: Path) -> None:
    (folder / "pair.yaml").write_text(GRID + "backend: vllm\n")
    done = run(folder)
    assert done.returncode == 2
    assert "pip install 'aftertune[vllm]'" in done.stderr


@pytest.mark.slow
def test_a_grid_comes_to_a_page_a_model_and_a_leaderboard(folder: Path) -> None:
    (folder / "pair.yaml").write_text(GRID.replace("seeds: [1, 2]", "seeds: [1]") + "shards: 2\n")
    done = run(folder)
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.splitlines()[-1] == "build/pair/compare.html"
    for model in ("one", "two"):
        assert (folder / "build" / "pair" / model / "report.html").is_file()
    board = (folder / "build" / "pair" / "compare.md").read_text()
    assert "reviews_demo-lora-seed1" in board
    assert jobs(folder) == Counter()
