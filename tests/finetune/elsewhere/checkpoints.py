"""Checkpoints as other programs leave them: trained by nobody, moved at random, saved by peft and transformers."""

import shutil
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

LORA: dict[str, Any] = {"r": 4, "target_modules": ["q_proj", "down_proj"], "task_type": "CAUSAL_LM"}


def moved(model: Any, only: str = "") -> Any:
    """Returns a model whose trainable parameters with ``only`` in their names have moved at random."""
    torch.manual_seed(3)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.requires_grad and only in name:
                weight.add_(torch.randn_like(weight) * 0.2)
    return model


def write_lora(base: Path, folder: Path, config: Any = None, *, tokenizer: bool = False) -> Path:
    """Returns ``folder`` with an adapter on the model in ``base``."""
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), config or LoraConfig(**LORA))
    moved(model).save_pretrained(folder)
    if tokenizer:
        AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder


def write_full(base: Path, folder: Path, *, only: str = "layers.1", dtype: torch.dtype | None = None) -> Path:
    """Returns ``folder`` with a whole model that differs from ``base`` in the tensors with ``only`` in their names."""
    model = moved(AutoModelForCausalLM.from_pretrained(base), only)
    model = model if dtype is None else model.to(dtype)
    model.save_pretrained(folder)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(base / file, folder / file)
    return folder
