"""Folders as axolotl, LLaMA-Factory, Unsloth and TRL leave them, after their documentation; random weights."""

import json
import shutil
from pathlib import Path
from typing import Any

import yaml
from checkpoints import LORA, write_full, write_lora
from peft import LoraConfig

DATA = Path(__file__).resolve().parents[2] / "data" / "elsewhere"
AXOLOTL: dict[str, Any] = {
    "base_model": "NousResearch/Llama-3.2-1B", "adapter": "qlora", "load_in_4bit": True, "load_in_8bit": False,
    "datasets": [{"path": "teknium/GPT4-LLM-Cleaned", "type": "alpaca"}, {"path": "/home/ada/rows.jsonl"}],
    "val_set_size": 0.1, "output_dir": "/home/ada/outputs/lora-out", "sequence_len": 2048, "sample_packing": True,
    "lora_r": 16, "lora_alpha": 32, "lora_dropout": 0.05, "lora_target_modules": ["q_proj", "down_proj"],
    "gradient_accumulation_steps": 2, "micro_batch_size": 4, "num_epochs": 1, "optimizer": "adamw_8bit",
    "lr_scheduler": "cosine", "learning_rate": 0.0002, "bf16": "auto", "warmup_steps": 10, "weight_decay": 0.01,
    "wandb_project": "ours", "hf_use_auth_token": True, "wandb_api_key": "0123456789abcdef0123456789abcdef01234567",
    "special_tokens": {"pad_token": "<|end_of_text|>"}, "seed": 42,
}  # fmt: skip
CARD = """---
library_name: peft
base_model: NousResearch/Llama-3.2-1B
tags:
- axolotl
- generated_from_trainer
datasets:
- teknium/GPT4-LLM-Cleaned
---

[<img src="https://raw.githubusercontent.com/axolotl-ai-cloud/axolotl/main/image/axolotl-badge-web.png"/>](axolotl)
<details><summary>See axolotl config</summary>

axolotl version: `0.12.2`
```yaml
{configuration}
```

</details><br>

# lora-out

### Training hyperparameters

The following hyperparameters were used during training:
- learning_rate: 0.0002
- train_batch_size: 4
- eval_batch_size: 4
- seed: 42
- gradient_accumulation_steps: 2
- total_train_batch_size: 8
- optimizer: Use adamw_8bit with betas=(0.9,0.999) and epsilon=1e-08
- lr_scheduler_type: cosine
- lr_scheduler_warmup_steps: 10
- num_epochs: 1.0

### Training results

| Training Loss | Epoch | Step | Validation Loss |
|:-------------:|:-----:|:----:|:---------------:|
| 1.2           | 1.0   | 8    | 1.1             |

### Framework versions

- PEFT 0.17.0
- Transformers 4.55.2
- Pytorch 2.7.1+cu128
- Datasets 4.0.0
- Tokenizers 0.21.4
"""
LLAMA_FACTORY: dict[str, Any] = {
    "bf16": True, "cutoff_len": 2048, "dataset": "identity,alpaca_en_demo", "dataset_dir": "data",
    "ddp_timeout": 180000000, "do_train": True, "finetuning_type": "lora", "flash_attn": "auto",
    "gradient_accumulation_steps": 8, "learning_rate": 5.0e-05, "logging_steps": 5, "lora_alpha": 16,
    "lora_dropout": 0, "lora_rank": 8, "lora_target": "all", "lr_scheduler_type": "cosine", "max_grad_norm": 1.0,
    "max_samples": 100000, "model_name_or_path": "/home/ada/models/Llama-3.2-1B", "num_train_epochs": 3.0,
    "optim": "adamw_torch", "output_dir": "saves/Llama-3.2-1B/lora/train_2025-06-01-10-00-00", "packing": False,
    "per_device_train_batch_size": 2, "plot_loss": True, "report_to": "none", "save_steps": 100, "stage": "sft",
    "template": "llama3", "trust_remote_code": True, "warmup_steps": 0,
}  # fmt: skip
LLAMA_BOARD: dict[str, Any] = {
    "top.booster": "auto", "top.checkpoint_path": [], "top.finetuning_type": "lora", "top.model_name": "Llama-3.2-1B",
    "top.quantization_bit": "none", "top.rope_scaling": "none", "top.template": "llama3", "train.batch_size": 2,
    "train.compute_type": "bf16", "train.cutoff_len": 2048, "train.dataset": ["identity", "alpaca_en_demo"],
    "train.dataset_dir": "data", "train.gradient_accumulation_steps": 8, "train.learning_rate": "5e-5",
    "train.lora_alpha": 16, "train.lora_dropout": 0, "train.lora_rank": 8, "train.lora_target": "",
    "train.lr_scheduler_type": "cosine", "train.max_grad_norm": "1.0", "train.max_samples": "100000",
    "train.num_train_epochs": "3.0", "train.use_dora": False, "train.val_size": 0, "train.warmup_steps": 0,
    "train.training_stage": "Supervised Fine-Tuning",
}  # fmt: skip


def state(steps: int, *, of: int | None = None, epoch: float = 1.0) -> dict[str, Any]:
    """Returns a trainer's state after ``steps``, with a loss a step and an evaluation at the end."""
    losses = [{"epoch": epoch * n / steps, "grad_norm": 1.0, "learning_rate": 1e-4, "loss": 3 - n / 8, "step": n}
              for n in range(1, steps + 1)]  # fmt: skip
    last = {"epoch": epoch, "eval_loss": 1.5, "eval_runtime": 2.0, "eval_steps_per_second": 4.0, "step": steps}
    return {
        "best_global_step": None, "best_metric": None, "best_model_checkpoint": None, "epoch": epoch, "eval_steps": 8,
        "global_step": steps, "is_hyper_param_search": False, "is_local_process_zero": True,
        "is_world_process_zero": True, "log_history": [*losses, last], "logging_steps": 1, "max_steps": of or steps,
        "num_input_tokens_seen": 0, "num_train_epochs": 1, "save_steps": 8, "stateful_callbacks": {},
        "total_flos": 1e15, "train_batch_size": 4, "trial_name": None, "trial_params": None,
    }  # fmt: skip


def write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value) if path.suffix == ".json" else yaml.safe_dump(value))


def settings(folder: Path, **values: Any) -> None:
    """Changes values in an adapter's configuration."""
    file = folder / "adapter_config.json"
    write(file, json.loads(file.read_text()) | values)


def axolotl(base: Path, folder: Path) -> Path:
    """A QLoRA run of axolotl's: its configuration in the model card, the trainer's state in the last checkpoint."""
    config = LoraConfig(r=16, lora_alpha=32, lora_dropout=0.05, target_modules=LORA["target_modules"])
    write_lora(base, folder, config, tokenizer=True)
    settings(folder, base_model_name_or_path="NousResearch/Llama-3.2-1B", peft_version="0.17.0")
    (folder / "README.md").write_text(CARD.format(configuration=yaml.safe_dump(AXOLOTL)))
    write(folder / "checkpoint-8" / "trainer_state.json", state(8))
    shutil.copy(folder / "adapter_model.safetensors", folder / "checkpoint-8")
    (folder / "training_args.bin").write_bytes(b"\x80\x04cnever\nloaded\n.")
    return folder


def llama_factory(base: Path, folder: Path) -> Path:
    """A LoRA run of LLaMA-Factory's web page."""
    config = LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj", "down_proj"], task_type="CAUSAL_LM")
    write_lora(base, folder, config, tokenizer=True)
    write(folder / "training_args.yaml", LLAMA_FACTORY)
    write(folder / "llamaboard_config.yaml", LLAMA_BOARD)
    rows = [{"current_steps": n, "total_steps": 8, "loss": 3 - n / 8, "lr": 5e-5, "epoch": 3 * n / 8, "percentage": 1.0,
             "elapsed_time": "0:00:10", "remaining_time": "0:00:00"} for n in range(1, 9)]  # fmt: skip
    (folder / "trainer_log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    results = {"epoch": 3.0, "total_flos": 1e15, "train_loss": 2.4375, "train_runtime": 80.25,
               "train_samples_per_second": 3.0, "train_steps_per_second": 0.1}  # fmt: skip
    for name in ("train_results.json", "all_results.json"):
        write(folder / name, results)
    return folder


def unsloth(base: Path, folder: Path) -> Path:
    """Unsloth's notebook: `lora_model/` as `save_pretrained` leaves it, on one of Unsloth's own packed copies."""
    config = LoraConfig(r=16, lora_alpha=16, lora_dropout=0, target_modules=["q_proj", "down_proj"], bias="none")
    write_lora(base, folder, config, tokenizer=True)
    settings(folder, base_model_name_or_path="unsloth/llama-3.2-1b-instruct-unsloth-bnb-4bit")
    (folder / "README.md").write_text(
        "---\nbase_model: unsloth/llama-3.2-1b-instruct-unsloth-bnb-4bit\ntags:\n- text-generation-inference\n"
        "- transformers\n- unsloth\n- llama\n- trl\nlicense: apache-2.0\nlanguage:\n- en\n---\n\n# Uploaded model\n"
    )
    return folder


def trl(base: Path, folder: Path) -> Path:
    """What TRL 1.16's SFTTrainer wrote, with another adapter of the same shape."""
    config = LoraConfig(r=4, lora_alpha=16, lora_dropout=0.05, target_modules=["q_proj", "v_proj"])
    write_lora(base, folder, config, tokenizer=True)
    shutil.copytree(DATA / "trl-1.16", folder, dirs_exist_ok=True)
    settings(folder, base_model_name_or_path=str(base))
    return folder


def trainer(base: Path, folder: Path) -> Path:
    """A whole model that transformers' own Trainer saved in its `checkpoint-8`."""
    write_full(base, folder / "checkpoint-8")
    write(folder / "checkpoint-8" / "trainer_state.json", state(8, of=16))
    return folder / "checkpoint-8"
