"""What `make plan` says of a grid: the sum of its studies' plans, its longest chain, and so many steps at a time."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from studies import load_grid
from workflow.__main__ import app
from workflow.grid_plan import longest_path
from workflow.plan import PlannedStep

GRID = """
title: Two sizes
models:
  - {id: org/small, config: small.json}
  - {id: org/large, config: large.json}
tasks: {reviews_demo: , passages_demo: }
methods: [lora, full]
seeds: [1, 2]
device: cpu
dtype: float32
authors: [{name: a, did: b}]
"""
LLAMA = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "vocab_size": 512,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}


def step(name: str, seconds: float, *, done: bool = False) -> PlannedStep:
    return PlannedStep(name, done, None, None, None, None, seconds)


def test_the_longest_chain_is_the_slowest_checkpoints() -> None:
    steps = [
        step("base model into build/base", 40),
        step("score base on a", 30),
        step("score base on b", 200),
        step("fine-tune a-lora-seed1", 100),
        step("score a-lora-seed1 on a", 30),
        step("fine-tune b-qlora-seed1", 120),
        step("merge b-qlora-seed1", 15),
        step("score b-qlora-seed1 on b", 90),
        step("parameter counts, facts and report", 45),
    ]
    assert longest_path(steps) == 40 + 120 + 15 + 90 + 45
    steps[5] = step("fine-tune b-qlora-seed1", 120, done=True)
    assert longest_path(steps) == 40 + 200 + 45


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("both.yaml").write_text(GRID)
    for name, layers in (("small", 2), ("large", 4)):
        Path(f"{name}.json").write_text(json.dumps({**LLAMA, "num_hidden_layers": layers}))
    return tmp_path


def planned(*words: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["plan", *words, "--teraflops", "0.1", "--json"])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_grid_is_the_sum_of_its_studies(folder: Path) -> None:
    load_grid("both.yaml").write()
    grid = planned("both.yaml")
    each = [planned(f"build/both/{name}.yaml") for name in ("small", "large")]
    assert [line["parameters"] for line in grid["studies"]] == [one["parameters"] for one in each]
    assert (
        grid["steps"] == sum(len(one["steps"]) for one in each) == 2 * (1 + 2 * 2 + 8 * 4 + 1)
    )  # the first: its download
    assert grid["accelerator_hours"] * 3600 == pytest.approx(sum(one["seconds"] for one in each))
    assert grid["disk_bytes"] == sum(one["disk_bytes"] for one in each)
    longest = max(longest_path([PlannedStep(**step) for step in one["steps"]]) for one in each)
    assert grid["critical_path_seconds"] == longest
    assert list(grid["seconds_at_a_time"]) == ["1", "8", "64"]


def test_steps_at_a_time_share_the_work_down_to_the_longest_chain(folder: Path) -> None:
    work = planned("both.yaml")["accelerator_hours"] * 3600
    two = planned("both.yaml", "--at-a-time", "2")
    assert two["seconds_at_a_time"] == {"2": pytest.approx(work / 2)}
    many = planned("both.yaml", "--at-a-time", "1000")
    assert many["seconds_at_a_time"] == {"1000": many["critical_path_seconds"]}


def test_the_text_has_a_line_a_model_and_the_totals(folder: Path) -> None:
    text = CliRunner().invoke(app, ["plan", "both.yaml", "--teraflops", "0.1"]).stdout
    found = planned("both.yaml")
    for line in found["studies"]:
        assert f"{line['study']:<44} {line['parameters']:>15,}" in text
    assert f"{found['steps']} steps, {found['to_do']} to do" in text
    assert "processor-hours; critical path" in text


def test_an_impossible_grid_is_refused(folder: Path) -> None:
    Path("both.yaml").write_text(GRID + "exclude: [{model: tiny}]\n")
    result = CliRunner().invoke(app, ["plan", "both.yaml"])
    assert result.exit_code == 2
    assert "names the model tiny" in result.stderr
