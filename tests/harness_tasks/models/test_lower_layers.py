"""What adapters leave as it is below them: which layers those are, and that what they make is kept within a budget."""

from pathlib import Path
from typing import Any

import pytest
import torch
from random_heads import write_adapter
from safetensors import safe_open
from transformers import AutoModelForCausalLM

from harness_tasks.models.lower_layers import LowerLayers, first_changed

TEXT = (5, 17, 3, 99, 42, 7, 7, 60)


@pytest.fixture
def model(tiny_model: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32).eval()


def logits(model: Any, text: tuple[int, ...]) -> torch.Tensor:
    with torch.inference_mode():
        return model(input_ids=torch.tensor([text])).logits


def layer_calls(model: Any) -> list[int]:
    """Returns a list into which each call of a layer's feed-forward block puts the layer's number."""
    calls: list[int] = []
    for number, layer in enumerate(model.model.layers):
        layer.mlp.register_forward_hook(lambda *_, number=number: calls.append(number))
    return calls


def names(folder: Path) -> list[str]:
    with safe_open(folder / "adapter_model.safetensors", framework="pt") as tensors:
        return list(tensors.keys())


def test_the_first_layer_with_a_tensor_of_any_adapter(model: Any, tiny_model: Path, tmp_path: Path) -> None:
    upper = names(write_adapter(tiny_model, tmp_path / "upper", "CAUSAL_LM", layers=[1]))
    every = names(write_adapter(tiny_model, tmp_path / "every", "CAUSAL_LM"))
    assert first_changed(model, [upper, upper]) == 1
    assert first_changed(model, [upper, every]) == 0
    assert first_changed(model, []) is None


@pytest.mark.parametrize("tensor", ["model.embed_tokens.lora_embedding_A", "lm_head.weight", "model.norm.weight"])
def test_a_tensor_in_no_layer_may_change_all(model: Any, tensor: str) -> None:
    inside = "base_model.model.model.layers.1.mlp.up_proj.lora_A.weight"
    assert first_changed(model, [[inside]]) == 1
    assert first_changed(model, [[inside, f"base_model.model.{tensor}"]]) is None


def test_a_part_that_is_known_passes_over_the_layers_below(model: Any) -> None:
    wanted, calls = logits(model, TEXT), layer_calls(model)
    below = LowerLayers(model, 1, 10**9)
    for _ in range(2):
        with below.known([(TEXT, 0)]):
            assert torch.equal(logits(model, TEXT), wanted)
    assert calls == [0, 1, 1]
    with below.known([(TEXT[:4], 0)]):  # another one
        logits(model, TEXT[:4])
    logits(model, TEXT)  # not named
    assert calls == [0, 1, 1, 0, 1, 0, 1]
    below.end()
    with below.known([(TEXT, 0)]):
        logits(model, TEXT)
    assert calls[-2:] == [0, 1]


def test_nothing_is_kept_beyond_the_budget(model: Any) -> None:
    calls, size = layer_calls(model), len(TEXT) * model.config.hidden_size * 4
    below = LowerLayers(model, 1, size + 10)
    other = TEXT[::-1]
    for text in (TEXT, other, TEXT, other):
        with below.known([(text, 0)]):
            logits(model, text)
    assert calls == [0, 1, 0, 1, 1, 0, 1]


def test_a_forward_that_fails_keeps_nothing(model: Any) -> None:
    calls = layer_calls(model)
    below = LowerLayers(model, 1, 10**9)
    with pytest.raises(RuntimeError), below.known([(TEXT, 0)]):
        raise RuntimeError
    with below.known([(TEXT, 0)]):
        logits(model, TEXT)
    assert calls == [0, 1]
