"""Two processes with gloo, started as `finetune/accelerate/README.md` says, train what one trains."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file
from short_runs import TASK, TASKS, run_of

from finetune.recipe import Recipe
from finetune.row_log import irregularities, read_row_log
from finetune.train import train

CONFIGURATIONS = Path(__file__).parents[2] / "finetune" / "accelerate"
OPTIONS: dict[str, Any] = {"epochs": 2, "batch_size": 7, "lora_r": 4, "dev_share": 0.2, "learning_rate": 5e-3}


def _launch(model: Path, output: Path) -> None:
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(CONFIGURATIONS / "cpu-2.yaml")]
    options = {**OPTIONS, "model": model, "output": output, "task": TASK, "include_path": TASKS, "train_rows": 31}
    options |= {"dtype": "float32", "device": "cpu"}
    words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    done = subprocess.run(
        [*launcher, "-m", "aftertune", "train", *words, "--no-proof"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_two_processes_train_what_one_trains(tiny_model: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    _launch(tiny_model, two)
    train(run_of(tiny_model, one, recipe=Recipe(**OPTIONS), train_rows=31))
    records = [json.loads((folder / "finetune.json").read_text()) for folder in (one, two)]
    assert [record["processes"] for record in records] == [1, 2]
    losses = [[entry["loss"] for entry in record["loss_curve"]] for record in records]
    assert losses[1] == pytest.approx(losses[0], abs=1e-4)
    assert losses[0][-1] < losses[0][0] - 0.01  # it is a curve
    curves = [[entry["loss"] for entry in record["dev_curve"]] for record in records]
    assert curves[1] == pytest.approx(curves[0], abs=1e-4)
    weights = [load_file(folder / "adapter_model.safetensors") for folder in (one, two)]
    for name, tensor in weights[0].items():
        torch.testing.assert_close(weights[1][name], tensor, rtol=0, atol=1e-4)
    logs = [read_row_log(folder) for folder in (one, two)]
    rows = records[1]["data"]["rows"]
    assert irregularities(logs[1], row_count=rows, epochs=2) == []
    assert [sorted(line["rows"]) for line in logs[1]] == [sorted(line["rows"]) for line in logs[0]]


@pytest.mark.parametrize("path", sorted(CONFIGURATIONS.glob("*.yaml")), ids=lambda path: path.stem)
def test_accelerate_takes_every_configuration(path: Path) -> None:
    from accelerate.commands.config.config_args import ClusterConfig, load_config_from_file

    config = load_config_from_file(str(path))  # unknown keys are refused
    assert isinstance(config, ClusterConfig)
    assert config.num_processes > 1
    assert (CONFIGURATIONS / "README.md").read_text().count(f"`{path.name}`")
    assert yaml.safe_load(path.read_text())["mixed_precision"] == "no"  # the recipe's dtype decides
