"""What `make plan` estimates, without a network and without weights."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from harness_tasks import TASKS_PATH
from harness_tasks.loading import load_task
from studies import load_study
from workflow.__main__ import app
from workflow.plan import START_S, _size

ROOT = Path(__file__).resolve().parents[2]
DEMO = load_study(ROOT / "studies" / "demo.yaml")


def plan(monkeypatch: pytest.MonkeyPatch, study: str, *options: str) -> dict[str, Any]:
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(app, ["plan", f"studies/{study}.yaml", "--declared", "--json", *options])
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
    assert steps["overlap of sst2_llama with the rows of sst2_llama-lora-seed1"]["rows"] == 13_470
    train = steps["fine-tune sst2_llama-lora-seed1"]
    assert train["rows"] == 53_879
    assert train["trainable"] == 11_272_192
    assert train["memory_bytes"] > 1_235_814_400 * 2 + 11_272_192 * 16
    # about 4 operations a parameter and token at four tenths of 100 TFLOP/s: two forwards, two back through what is
    # frozen; fewer for the embeddings, which are looked up; beside a process's start and the rendering of the rows
    rendering = 53_879 * (0.95e-3 + 24 * 5.3e-6 + 1e-4)
    a_parameter_and_token = (train["seconds"] - START_S - rendering) * 40e12 / 1_235_814_400 / train["tokens"]
    assert 3 < a_parameter_and_token < 4.2
    assert (found["teraflops"], found["efficiency"]) == (100, 0.4)
    # SQuAD's rendering and guards took four minutes on the whole of it
    squad = steps["fine-tune squad_llama-lora-seed1"]
    assert 200 < 104_255 * (0.95e-3 + 221 * 5.3e-6 + 1e-4) < 260 < squad["seconds"]
    # the largest step counts, not the mean row: `aftertune plan-training` said 34.3 GB on rows of SQuAD's shape
    assert squad["memory_bytes"] == pytest.approx(34.3e9, rel=0.1)
    assert steps["download meta-llama/Llama-3.2-1B"]["download_bytes"] == 2 * 1_235_814_400
    assert steps["download meta-llama/Llama-3.2-1B"]["seconds"] == pytest.approx(2 * 1_235_814_400 / 20e6)
    assert found["disk_bytes"] > found["download_bytes"] > 2 * 1_235_814_400


def test_downloads_take_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    found = plan(monkeypatch, "llama-3.2-1b", "--teraflops", "100", "--bandwidth", "100", "--efficiency", "0.2")
    steps = {step["step"]: step for step in found["steps"]}
    assert steps["download meta-llama/Llama-3.2-1B"]["seconds"] == pytest.approx(2 * 1_235_814_400 / 100e6)
    slow = steps["fine-tune sst2_llama-lora-seed1"]["seconds"]
    again = plan(monkeypatch, "llama-3.2-1b", "--teraflops", "100")
    fast = next(step["seconds"] for step in again["steps"] if step["step"] == "fine-tune sst2_llama-lora-seed1")
    rest = START_S + 53_879 * (0.95e-3 + 24 * 5.3e-6 + 1e-4)
    assert slow - rest == pytest.approx(2 * (fast - rest))
    result = CliRunner().invoke(app, ["plan", "studies/tiny.yaml", "--efficiency", "0.2"])
    assert result.exit_code == 2
    assert "--efficiency 0.2 without --teraflops" in result.stderr


def test_a_studys_plan_names_the_gpus_that_would_do(monkeypatch: pytest.MonkeyPatch) -> None:
    fits = plan(monkeypatch, "llama-3.2-1b", "--teraflops", "100")["fits"]["squad_llama-lora-seed1"]
    assert [fit["gigabytes"] for fit in fits] == [16, 24, 40, 80]
    assert [(fit["method"], fit["gradient_accumulation_steps"]) for fit in fits[2:]] == [("lora", 1), ("lora", 1)]
    assert all(fit["memory_bytes"] <= 0.9e9 * fit["gigabytes"] for fit in fits)
    assert fits[0]["gradient_accumulation_steps"] > fits[1]["gradient_accumulation_steps"] > 1


def test_the_demo_is_planned_before_its_model_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    found = plan(monkeypatch, "demo", "--teraflops", "0.1")
    assert found["parameters"] == 134_515_008
    assert len(found["steps"]) == 14
    # rank 16 on the linear layers of the upper 15 of 30 layers: half of 4,884,480
    assert {step["trainable"] for step in found["steps"] if step["step"].startswith("fine-tune")} == {2_442_240}


def test_scoring_by_hf_shared_is_estimated_at_twice_the_speed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    text = (ROOT / "studies" / "demo.yaml").read_text()
    times = {}
    for backend in ("hf-shared", "hf"):
        (tmp_path / "mine.yaml").write_text(f"{text}backend: {backend}\n")
        result = CliRunner().invoke(
            app, ["plan", str(tmp_path / "mine.yaml"), "--declared", "--json", "--teraflops", "0.1"]
        )
        assert result.exit_code == 0, result.output
        steps = {step["step"]: step for step in json.loads(result.stdout)["steps"]}
        times[backend] = steps["score base on reviews_demo"]["seconds"] - START_S - 1000 * (1.05e-3 + 37 * 5.3e-6)
    assert times["hf"] == pytest.approx(2 * 134_515_008 * 38_000 / 0.04e12)
    assert times["hf-shared"] == pytest.approx(times["hf"] / 2)


def test_text_and_json_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    text = CliRunner().invoke(app, ["plan", "studies/llama-3.2-1b.yaml", "--declared", "--teraflops", "100"]).stdout
    assert "1,235,814,400 parameters" in text
    assert "53,879" in text
    assert "11,272,192" in text
    assert "16 steps, 16 to do" in text
    assert "100 TFLOP/s (given) × 0.4 that steps reach (model FLOPs utilisation)" in text
    assert "squad_llama-lora-seed1 on a GPU of 16 GB: with gradient_accumulation_steps 4; 24 GB: with" in text


def test_a_model_that_is_nowhere_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    text = (ROOT / "studies" / "llama-3.2-1b.yaml").read_text().replace("  config: ", "  # config: ")
    (tmp_path / "mine.yaml").write_text(text)
    result = CliRunner().invoke(app, ["plan", str(tmp_path / "mine.yaml")])
    assert result.exit_code == 2
    assert "Found: " in result.stderr
    assert "bring the cache from a machine where `hf download meta-llama/Llama-3.2-1B` has run" in result.stderr


@pytest.mark.parametrize("task", ["reviews_demo", "passages_demo"])
def test_declared_sizes_are_the_real_ones(task: str) -> None:
    size, loaded = _size(DEMO, task), load_task(task)
    assert size is not None
    assert (size["train"], size["scored"]) == (len(loaded.training_docs()), len(loaded.test_docs()))


def test_declared_sizes_of_sst2_are_the_real_ones(data_dir: Path) -> None:
    for task in ("sst2_llama", "sst2_llama_glue"):
        size, loaded = _size(DEMO, task), load_task(task, metadata={"data_dir": str(data_dir)})
        assert size is not None
        assert (size["train"], size["scored"]) == (len(loaded.training_docs()), len(loaded.eval_docs))


def test_every_task_declares_its_size() -> None:
    for path in TASKS_PATH.glob("*/*.yaml"):
        size = _size(DEMO, path.stem)
        if path.stem == "text_file":  # the user's
            assert size is None
            continue
        assert size is not None
        if path.stem == "passages_text":  # for scoring alone
            assert set(size) == {"scored", "prompt_tokens", "new_tokens", "longest_tokens"}
            continue
        needed = {"train", "scored", "prompt_tokens", "new_tokens", "row_tokens", "sequence_rows", "longest_tokens"}
        assert set(size) - {"downloaded"} == needed


def test_few_shot_prompts_are_as_much_longer_as_they_have_examples(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(ROOT)
    (tmp_path / "mine.yaml").write_text((ROOT / "studies" / "demo.yaml").read_text() + "experiments: {few_shot: [4]}\n")
    words = ["plan", str(tmp_path / "mine.yaml"), "--declared", "--json", "--teraflops", "0.1"]
    steps = {step["step"]: step for step in json.loads(CliRunner().invoke(app, words).stdout)["steps"]}
    assert steps["score base on reviews_demo"]["tokens"] == 1000 * (37 + 1)
    assert steps["score base-4-shot on reviews_demo"]["tokens"] == 1000 * (5 * 37 + 1)
    assert steps["score base-4-shot on passages_demo"]["rows"] == 112
