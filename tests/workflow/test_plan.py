"""What `make plan` reckons, without a network and without weights."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from harness_tasks import TASKS_PATH
from harness_tasks.loading import load_task
from workflow.__main__ import app
from workflow.plan import START_S, _size

ROOT = Path(__file__).resolve().parents[2]


def plan(monkeypatch: pytest.MonkeyPatch, study: str, *options: str) -> dict[str, Any]:
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(app, ["plan", f"studies/{study}.yaml", "--json", *options])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_the_assignments_study_is_planned_from_the_shipped_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    found = plan(monkeypatch, "llama-3.2-1b", "--teraflops", "100")
    assert found["parameters"] == 1_235_814_400
    steps = {step["step"]: step for step in found["steps"]}
    assert steps["score base on sst2_llama"]["rows"] == 13_470
    assert steps["score base on squad_llama"]["rows"] == 26_064
    assert steps["prior of base on squad_llama"]["trainable"] is None
    assert steps["prior of sst2_llama-lora-seed1 on sst2_llama"]["memory_bytes"] > 1_235_814_400 * 2
    assert steps["overlap with the rows of sst2_llama-lora-seed1"]["rows"] == 13_470
    train = steps["fine-tune sst2_llama-lora-seed1"]
    assert train["rows"] == 53_879
    assert train["trainable"] == 11_272_192
    assert train["memory_bytes"] > 1_235_814_400 * 2 + 11_272_192 * 16
    # about 4 operations a parameter and token at 100 TFLOP/s: two forwards, two back through what is frozen; fewer for
    # the embeddings, which are looked up; beside what a process takes to start
    a_parameter_and_token = (train["seconds"] - START_S) * 100e12 / 1_235_814_400 / train["tokens"]
    assert 3 < a_parameter_and_token < 4.2


def test_the_demo_is_planned_before_its_model_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    found = plan(monkeypatch, "demo", "--teraflops", "0.1")
    assert found["parameters"] == 134_515_008
    assert len(found["steps"]) == 14
    # rank 16 on the linear layers of the upper 15 of 30 layers: half of 4,884,480
    assert {step["trainable"] for step in found["steps"] if step["step"].startswith("fine-tune")} == {2_442_240}


def test_scoring_by_hf_shared_is_reckoned_at_twice_the_speed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    text = (ROOT / "studies" / "demo.yaml").read_text()
    times = {}
    for backend in ("hf-shared", "hf"):
        (tmp_path / "mine.yaml").write_text(f"{text}backend: {backend}\n")
        result = CliRunner().invoke(app, ["plan", str(tmp_path / "mine.yaml"), "--json", "--teraflops", "0.1"])
        assert result.exit_code == 0, result.output
        steps = {step["step"]: step for step in json.loads(result.stdout)["steps"]}
        times[backend] = steps["score base on reviews_demo"]["seconds"] - START_S
    assert times["hf"] == pytest.approx(2 * 134_515_008 * 38_000 / 0.1e12)
    assert times["hf-shared"] == pytest.approx(times["hf"] / 2)


def test_text_and_json_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    text = CliRunner().invoke(app, ["plan", "studies/llama-3.2-1b.yaml", "--teraflops", "100"]).stdout
    assert "1,235,814,400 parameters" in text
    assert "53,879" in text
    assert "11,272,192" in text
    assert "13 steps, 13 to do" in text


def test_a_model_that_is_nowhere_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    text = (ROOT / "studies" / "llama-3.2-1b.yaml").read_text().replace("  config: ", "  # config: ")
    (tmp_path / "mine.yaml").write_text(text)
    result = CliRunner().invoke(app, ["plan", str(tmp_path / "mine.yaml")])
    assert result.exit_code == 2
    assert "the configuration of meta-llama/Llama-3.2-1B cannot be had" in result.stderr
    assert "`model: config:`" in result.stderr


@pytest.mark.parametrize("task", ["reviews_demo", "passages_demo"])
def test_declared_sizes_are_the_real_ones(task: str) -> None:
    size, loaded = _size(task), load_task(task)
    assert size is not None
    assert (size["train"], size["scored"]) == (len(loaded.training_docs()), len(loaded.test_docs()))


def test_declared_sizes_of_sst2_are_the_real_ones(data_dir: Path) -> None:
    for task in ("sst2_llama", "sst2_llama_glue"):
        size, loaded = _size(task), load_task(task, metadata={"data_dir": str(data_dir)})
        assert size is not None
        assert (size["train"], size["scored"]) == (len(loaded.training_docs()), len(loaded.eval_docs))


def test_every_task_declares_its_size() -> None:
    for path in TASKS_PATH.glob("*/*.yaml"):
        size = _size(path.stem)
        assert size is not None
        assert set(size) == {"train", "scored", "prompt_tokens", "new_tokens", "row_tokens"}
