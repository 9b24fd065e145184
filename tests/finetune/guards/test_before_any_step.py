"""Whatever stops `train` stops a study before any step: every guard, by the same words."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from cases import CASES
from test_guards import arguments_of
from typer.testing import CliRunner

from finetune.__main__ import app as finetune
from finetune.guards import GuardError
from studies import Grid, load_grid
from workflow import examined, step_commands
from workflow.__main__ import app as workflow


def grid_of(folder: Path, **values: Any) -> Grid:
    """Returns a study of one checkpoint of the tiny model, which is at home in ``folder``."""
    study = {"title": "A trial", "model": {"id": "tiny-random"}, "tasks": {"reviews_demo": {"train_rows": 20}}}
    study |= {"device": "cpu", "dtype": "float32", "authors": [{"name": "Ada", "did": "all"}], **values}
    (folder / "trial.yaml").write_text(yaml.safe_dump(study))
    return load_grid(folder / "trial.yaml")


@pytest.mark.parametrize("name", CASES)
def test_what_stops_a_run_stops_the_study(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    case = CASES[name]
    if case.guard == "disk":
        monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=1000))
    monkeypatch.chdir(tmp_path)
    grid = grid_of(tmp_path, model={"id": str(tiny_model)})
    words = ["aftertune", "train", *arguments_of(case, tiny_model, tmp_path)]
    monkeypatch.setattr(step_commands, "train", lambda study, checkpoint: [*words, "--save-steps", "25"])
    with pytest.raises(GuardError) as stopped:
        examined.examine(grid)
    trained = CliRunner().invoke(finetune, words[1:])
    assert trained.exit_code == stopped.value.exit_code == 1
    (verdict,) = [verdict for verdict in stopped.value.verdicts if verdict.id == case.guard]
    name_of_run = "reviews_demo-lora-seed1: "
    assert verdict.found.startswith(name_of_run)
    found = verdict.found.removeprefix(name_of_run)
    assert f"Guard {case.guard}: {found}\nWhy it matters: {verdict.why}\n" in trained.stderr
    assert f"To mend it: {verdict.mend}\n" in trained.stderr
    assert not (tmp_path / "build" / "trial").exists()  # what stops a run is not kept: it is asked again


def test_plan_and_run_end_before_any_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    grid_of(tmp_path, tasks={"reviews_demo": {"train_rows": 20, "recipe": {"max_length": 30, "lora_r": 4}}})
    for verb in ("plan", "run"):
        result = CliRunner().invoke(workflow, [verb, "trial.yaml"])
        assert result.exit_code == 1, result.output
        if verb == "plan":  # what `run` prints comes from a process of its own
            assert "Guard truncation: reviews_demo-lora-seed1: " in result.stderr
            assert "training rows are longer than max_length = 30 tokens" in result.stderr
            assert "To mend it: raise max_length to " in result.stderr
    assert {path.name for path in (tmp_path / "build").glob("trial/*")} <= {".lock"}


def test_both_plans_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The study's plan says of a training run what `aftertune plan-training` says of it, on the same rows."""
    monkeypatch.chdir(tmp_path)
    tasks = {"passages_demo": {"train_rows": 28, "recipe": {"batch_size": 7, "epochs": 2, "lora_r": 4}}}
    (study,) = grid_of(tmp_path, tasks=tasks, seeds=[1, 2]).studies.values()
    result = CliRunner().invoke(workflow, ["plan", "trial.yaml", "--json", "--teraflops", "0.1"])
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout[result.stdout.index("{") :])
    steps = {step["step"]: step for step in summary["steps"]}
    words = step_commands.train(study, study.trained_checkpoints()[0])
    alone = CliRunner().invoke(finetune, ["plan", *words[2:], "--json"])
    found = json.loads(alone.stdout)
    for seed in (1, 2):  # one look at the rows stands for both
        step = steps[f"fine-tune passages_demo-lora-seed{seed}"]
        assert step["memory_bytes"] == found["memory_bytes"]
        assert (step["tokens"], step["trainable"]) == (found["tokens"]["input"], found["parameters"]["trained"])
        assert step["rows"] == found["rows"]["train"] == 28
    assert summary["fits"] == {"passages_demo-lora-seed1": found["fits"]}
    assert summary["rows_not_looked_at"] == []
    kept = json.loads((tmp_path / "build/trial/plans/passages_demo-lora-seed1.json").read_text())
    # what preparing took, the operations over four tenths of a tenth of 10^12 a second, and a process's start
    seconds = steps["fine-tune passages_demo-lora-seed1"]["seconds"]
    assert seconds == pytest.approx(6 + kept["found"]["preparation_seconds"] + found["operations"] / 0.04e12)


def test_rows_are_looked_at_again_when_the_study_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    looked = "reading the training rows of trial: reviews_demo-lora-seed1"
    for rows, again in ((20, True), (20, False), (24, True)):
        grid = grid_of(tmp_path, tasks={"reviews_demo": {"train_rows": rows}})
        assert examined.is_known(grid) is not again
        (found,) = examined.examine(grid)
        assert found.found is not None
        assert found.found["rows"]["train"] == rows
        assert (looked in capsys.readouterr().err) is again


def test_rows_that_cannot_be_had_are_said_to_be_unseen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = Path(__file__).parents[2] / "data" / "llama-3.2-1b" / "config.json"
    grid_of(tmp_path, model={"id": "acme/not-here", "config": str(config)})
    result = CliRunner().invoke(workflow, ["plan", "trial.yaml", "--teraflops", "100"])
    assert result.exit_code == 0, result.output
    assert "the rows of reviews_demo-lora-seed1 cannot be read: " in result.stderr
    assert "not read: the rows of reviews_demo-lora-seed1." in result.stdout
