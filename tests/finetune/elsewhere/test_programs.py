"""What axolotl, LLaMA-Factory, Unsloth, TRL and transformers record is recognised, each value with its file."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import folders
from folders import state, write

from finetune.elsewhere.reading import Asked, read_checkpoint
from finetune.kinds import FINETUNE
from harness_tasks.reading import read_json

CARD, YAML, ADAPTER = "README.md", "training_args.yaml", "adapter_config.json"


def read(checkpoint: Path, base: Path, output: Path) -> dict[str, Any]:
    read_checkpoint(Asked(str(checkpoint), str(base)), output)
    found: dict[str, Any] = read_json(output / "finetune.json", FINETUNE)
    return found


def verdicts(record: dict[str, Any]) -> dict[str, str]:
    return {each["id"]: each["verdict"] for each in record["guards"]}


def test_axolotl(tiny_model: Path, tmp_path: Path) -> None:
    found = read(folders.axolotl(tiny_model, tmp_path / "lora-out"), tiny_model, tmp_path / "out")
    assert found["method"] == "qlora"  # the adapter's own file says only LoRA
    assert (found["seed"], found["steps"], found["epochs"]) == (42, 8, 1.0)
    assert found["recipe"] == {
        "lora_r": 16, "lora_alpha": 32, "lora_dropout": 0.05, "lora_targets": "down_proj,q_proj",
        "learning_rate": 0.0002, "schedule": "cosine", "warmup_steps": 10, "weight_decay": 0.01, "epochs": 1,
        "gradient_accumulation_steps": 2, "micro_batch_size": 4, "batch_size": 8, "max_length": 2048, "dev_share": 0.1,
        "sample_packing": True, "load_in_4bit": True, "load_in_8bit": False, "bf16": "auto",
        "optimizer": "adamw_8bit", "train_batch_size": 4,
    }  # fmt: skip
    sources = found["recorded_in"]
    assert sources["recipe.batch_size"] == CARD
    assert sources["recipe.learning_rate"] == sources["seed"] == f"{CARD} (axolotl config)"
    assert sources["recipe.lora_r"] == ADAPTER
    assert sources["steps"] == sources["loss_curve"] == "checkpoint-8/trainer_state.json"
    assert found["loss_curve"] == [{"step": n, "loss": 3 - n / 8} for n in range(1, 9)]
    assert found["evaluation_curve"] == [{"step": 8, "loss": 1.5}]
    assert found["data"] == {"source": "recorded", "name": "teknium/GPT4-LLM-Cleaned,~/rows.jsonl"}
    assert found["versions"] == {
        "axolotl": "0.12.2", "peft": "0.17.0", "transformers": "4.55.2", "torch": "2.7.1+cu128", "datasets": "4.0.0",
        "tokenizers": "0.21.4",
    }  # fmt: skip
    assert found["disagreements"] == []
    assert verdicts(found)["quantised-base"] == "warn"
    assert found["not_read"] == [
        {
            "file": "training_args.bin",
            "would_hold": "the arguments of the trainer: learning rate, batch size, seed and all others",
        }
    ]


def test_llama_factory(tiny_model: Path, tmp_path: Path) -> None:
    found = read(folders.llama_factory(tiny_model, tmp_path / "train"), tiny_model, tmp_path / "out")
    assert (found["method"], found["steps"], found["epochs"], found["seconds"]) == ("lora", 8, 3.0, 80.25)
    expected = {
        "lora_r": 8, "lora_alpha": 16, "learning_rate": 5e-5, "schedule": "cosine", "epochs": 3.0, "max_length": 2048,
        "max_grad_norm": 1.0, "gradient_accumulation_steps": 8, "per_device_train_batch_size": 2, "template": "llama3",
        "stage": "sft", "optimizer": "adamw_torch",
    }  # fmt: skip
    assert {key: found["recipe"][key] for key in expected} == expected
    assert not {"output_dir", "dataset_dir", "model_name_or_path", "trust_remote_code", "report_to"} & set(
        found["recipe"]
    )
    assert found["recorded_in"]["recipe.learning_rate"] == "llamaboard_config.yaml"
    assert found["recorded_in"]["recipe.optimizer"] == YAML
    assert found["loss_curve"][0] == {"step": 1, "loss": 2.875}
    assert found["recorded_in"]["loss_curve"] == "trainer_log.jsonl"
    # `all` there, and the modules' names in the adapter's own file: both are said
    assert found["recipe"]["lora_targets"] == f"down_proj,q_proj ({ADAPTER}), all-linear ({YAML})"
    assert [each["value"] for each in found["disagreements"]] == ["recipe.lora_targets"]


def test_unsloth(tiny_model: Path, tmp_path: Path) -> None:
    found = read(folders.unsloth(tiny_model, tmp_path / "lora_model"), tiny_model, tmp_path / "out")
    assert found["method"] == "qlora"
    assert found["recorded_in"]["method"] == ADAPTER
    assert found["recipe"] == {"lora_r": 16, "lora_alpha": 16, "lora_dropout": 0, "lora_targets": "down_proj,q_proj"}
    assert not {"steps", "epochs", "loss_curve", "seconds"} & set(found)
    assert found["seed"] is None
    assert (verdicts(found)["quantised-base"], verdicts(found)["other-base"]) == ("warn", "warn")


def test_trl(tiny_model: Path, tmp_path: Path) -> None:
    found = read(folders.trl(tiny_model, tmp_path / "out"), tiny_model, tmp_path / "read")
    assert (found["method"], found["steps"], found["epochs"], found["tokens"]["input"]) == ("lora", 8, 2.0, 2220)
    assert found["recipe"] == {
        "lora_r": 4, "lora_alpha": 16, "lora_dropout": 0.05, "lora_targets": "q_proj,v_proj", "num_train_epochs": 2,
        "largest_logged_learning_rate": 0.001, "train_batch_size": 4,
    }  # fmt: skip
    assert len(found["loss_curve"]) == 8
    assert [point["step"] for point in found["evaluation_curve"]] == [4, 8]
    assert found["versions"]["trl"] == "1.16.0"


def test_a_checkpoint_within_a_run_has_the_configurations_of_the_run(tiny_model: Path, tmp_path: Path) -> None:
    write(tmp_path / "run" / "config.yml", folders.AXOLOTL | {"adapter": None, "load_in_4bit": False})
    found = read(folders.trainer(tiny_model, tmp_path / "run"), tiny_model, tmp_path / "out")
    assert (found["method"], found["steps"], found["epochs"]) == ("full", 8, 1.0)
    assert found["recorded_in"]["recipe.learning_rate"] == found["recorded_in"]["method"] == "../config.yml"
    assert set(found["elsewhere"]["files"]) > {"../config.yml", "trainer_state.json", "config.json"}


def test_a_whole_model_has_no_method_unless_a_file_says_it(tiny_model: Path, tmp_path: Path) -> None:
    found = read(folders.trainer(tiny_model, tmp_path / "run"), tiny_model, tmp_path / "out")
    assert found["method"] is None
    assert found["elsewhere"]["kind"] == "model"


def test_an_earlier_checkpoint_that_the_run_kept_is_known_by_its_bytes(tiny_model: Path, tmp_path: Path) -> None:
    run = folders.axolotl(tiny_model, tmp_path / "run")
    write(run / "checkpoint-16" / "trainer_state.json", state(16))
    (run / "checkpoint-16" / "adapter_model.safetensors").write_bytes(b"other")
    found = read(run, tiny_model, tmp_path / "out")
    assert (found["steps"], found["chosen_step"], len(found["loss_curve"])) == (16, 8, 16)


def test_the_steps_of_a_run_that_went_on_are_not_recorded(tiny_model: Path, tmp_path: Path) -> None:
    run = folders.axolotl(tiny_model, tmp_path / "run")
    write(run / "checkpoint-8" / "trainer_state.json", state(8, of=16))
    (run / "checkpoint-8" / "adapter_model.safetensors").unlink()
    assert "steps" not in read(run, tiny_model, tmp_path / "out")


def test_two_files_that_differ_are_both_said(tiny_model: Path, tmp_path: Path) -> None:
    run = folders.llama_factory(tiny_model, tmp_path / "run")
    write(run / YAML, folders.LLAMA_FACTORY | {"learning_rate": 1e-4, "seed": 1})
    write(run / "other.yml", folders.AXOLOTL | {"seed": 2, "adapter": "lora", "load_in_4bit": False})
    found = read(run, tiny_model, tmp_path / "out")
    assert found["seed"] is None
    said = {each["value"]: each["files"] for each in found["disagreements"]}
    assert said["seed"] == {"other.yml": 2, YAML: 1}
    assert said["recipe.learning_rate"] == {"llamaboard_config.yaml": 5e-5, "other.yml": 0.0002, YAML: 1e-4}
    for value in ("5e-05 (llamaboard_config.yaml)", "0.0002 (other.yml)", f"0.0001 ({YAML})"):
        assert value in found["recipe"]["learning_rate"]
    assert verdicts(found)["recorded-values"] == "warn"


def test_our_own_checkpoint_is_read_by_its_record(checkpoint: Path, tiny_model: Path, tmp_path: Path) -> None:
    found = read(checkpoint, tiny_model, tmp_path / "out")
    own = json.loads((checkpoint / "finetune.json").read_text())
    assert (found["method"], found["seed"], found["steps"]) == ("lora", own["seed"], own["steps"])
    assert found["loss_curve"] == own["loss_curve"]
    assert found["recipe"]["learning_rate"] == own["recipe"]["learning_rate"]
    assert found["disagreements"] == []


@pytest.mark.filterwarnings("ignore")
def test_trls_trainer_itself(tiny_model: Path, tmp_path: Path) -> None:
    trl = pytest.importorskip("trl", reason="the dependency group `bench` is not installed")
    from datasets import Dataset
    from peft import LoraConfig

    rows = Dataset.from_list([{"prompt": f"review {i}:", "completion": " good" if i % 2 else " bad"} for i in range(8)])
    arguments = trl.SFTConfig(output_dir=str(tmp_path / "run"), num_train_epochs=1, per_device_train_batch_size=4,
                              logging_steps=1, report_to="none", use_cpu=True, bf16=False, learning_rate=1e-3,
                              warmup_steps=0)  # fmt: skip
    made = trl.SFTTrainer(model=str(tiny_model), args=arguments, train_dataset=rows, peft_config=LoraConfig(r=4))
    made.train()
    made.save_model()
    found = read(tmp_path / "run", tiny_model, tmp_path / "out")
    assert (found["steps"], found["epochs"], found["recipe"]["lora_r"]) == (2, 1.0, 4)
    logged = [entry["loss"] for entry in made.state.log_history if "loss" in entry]
    assert [point["loss"] for point in found["loss_curve"]] == logged
