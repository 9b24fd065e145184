"""Checkpoints with random heads: whole, or adapters, also of the language model, on the tiny model's architecture."""

import json
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)

AUTO_CLASSES = {
    "SEQ_CLS": AutoModelForSequenceClassification,
    "QUESTION_ANS": AutoModelForQuestionAnswering,
    "CAUSAL_LM": AutoModelForCausalLM,
}


def write_head(base: Path, folder: Path, kind: str, *, labels: tuple[str, ...] = ("negative", "positive")) -> Path:
    """Returns ``folder`` after writing a whole checkpoint of ``kind`` (peft's task type) and its tokenizer to it."""
    config = AutoConfig.from_pretrained(base)
    if kind == "SEQ_CLS":
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: index for index, label in enumerate(labels)}
    _random(AUTO_CLASSES[kind].from_config, config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder


def write_adapter(
    base: Path, folder: Path, kind: str, *, labels: int = 2, seed: int = 3, layers: list[int] | None = None
) -> Path:
    """Returns ``folder`` after writing a LoRA adapter, and its head if any, on the language model ``base`` to it."""
    from peft import LoraConfig, get_peft_model

    config = AutoConfig.from_pretrained(base)
    config.num_labels = labels
    model = AUTO_CLASSES[kind].from_pretrained(base, config=config)
    targets = ["q_proj", "v_proj"]
    lora = LoraConfig(r=2, target_modules=targets, task_type=kind, init_lora_weights=False, layers_to_transform=layers)
    _random(lambda: get_peft_model(model, lora), seed=seed).save_pretrained(folder)
    return folder


def note_task(folder: Path, task: str) -> Path:
    """Returns ``folder`` after writing a `finetune.json` that says on which task it was trained."""
    (folder / "finetune.json").write_text(json.dumps({"task": task}))
    return folder


def _random(make: Any, *arguments: Any, seed: int = 3) -> Any:
    """Returns a model whose weights are large enough for its answers to differ."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = make(*arguments)
        with torch.no_grad():
            for name, weights in model.named_parameters():
                if "norm" not in name:
                    weights.normal_(0, 0.3)
    return model
