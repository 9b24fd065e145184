"""A LoRA adapter in one product a layer gives what peft gives; other adapters are left to peft."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from random_heads import write_adapter
from transformers import AutoModelForCausalLM

from harness_tasks.models.fast_lora import quicken

IDS = torch.tensor([[5, 17, 3, 99, 42, 7, 7, 60], [1, 2, 3, 4, 5, 6, 7, 8]])


def load(tiny_model: Path, adapter: Path, dtype: torch.dtype) -> Any:
    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=dtype)
    return PeftModel.from_pretrained(base, str(adapter)).eval()


def logits(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        return model(input_ids=IDS).logits.float()


@pytest.fixture
def adapter(tiny_model: Path, tmp_path: Path) -> Path:
    return write_adapter(tiny_model, tmp_path / "adapter", "CAUSAL_LM")


def test_in_float32_it_is_the_same_sum(tiny_model: Path, adapter: Path) -> None:
    model = load(tiny_model, adapter, torch.float32)
    wanted = logits(model)
    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    assert not torch.allclose(wanted, logits(base), atol=0.1)
    assert quicken(model) == 2 * 2  # query and value, two layers
    assert torch.allclose(logits(model), wanted, atol=1e-4)


def test_in_bfloat16_it_is_as_far_from_the_truth_as_pefts_way(tiny_model: Path, adapter: Path) -> None:
    truth = logits(load(tiny_model, adapter, torch.float32))
    model = load(tiny_model, adapter, torch.bfloat16)
    pefts = (logits(model) - truth).abs().mean()
    assert quicken(model) == 4
    ours = (logits(model) - truth).abs().mean()
    assert ours < 1.3 * pefts


@pytest.mark.parametrize("kind", ["dora", "bias", "training", "disabled", "merged"])
def test_what_is_not_plain_is_left_to_peft(kind: str, tiny_model: Path) -> None:
    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    more: dict[str, Any] = {"use_dora": kind == "dora", "lora_bias": kind == "bias"}
    model = get_peft_model(base, LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False, **more))
    model.train(kind == "training")
    if kind == "disabled":
        model.base_model.disable_adapter_layers()
    if kind == "merged":
        model.merge_adapter()
    assert quicken(model) == 0


def test_the_base_is_itself_again_once_the_adapter_is_taken_off(tiny_model: Path, adapter: Path) -> None:
    wanted = logits(AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32))
    model = load(tiny_model, adapter, torch.float32)
    quicken(model)
    assert torch.equal(logits(model.unload()), wanted)
