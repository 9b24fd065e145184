"""Merging: the arithmetic by hand, every head, what it was merged from, and what it refuses."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, set_seed

from finetune.merge import merge, merged_model
from finetune.models import load_checkpoint, load_config, load_model, load_tokenizer, save_model
from finetune.recipe import Recipe
from finetune.record import weights_fingerprint
from finetune.run import Run
from harness_tasks.errors import UserError
from harness_tasks.guards.verdicts import GuardError

HEADS = ("causal", "sequence-classification", "question-answering")
MATRIX = "layers.1.mlp.down_proj"
IDS = torch.tensor([[5, 80, 90, 100, 110], [6, 70, 60, 0, 0]])  # 0 is the padding


def adapter_of(model: Path, folder: Path, method: Any = "lora", head: Any = "causal", dtype: Any = "float32") -> Path:
    """Returns ``folder`` with an adapter whose matrices have moved at random, and the record of a run."""
    recipe = Recipe(lora_r=2).resolved(method)
    run = Run(
        model=str(model), task="any", output=folder, method=method, head=head, recipe=recipe, dtype=dtype, device="cpu"
    )
    labels = ("a", "b", "c") if head == "sequence-classification" else ()
    set_seed(1)
    made = load_model(run, load_config(str(model), None), labels=labels, pad_id=0)
    for parameter in made.parameters():
        if parameter.requires_grad:
            parameter.data += 0.1 * torch.randn_like(parameter)
    tokenizer = load_tokenizer(str(model), None)
    save_model(made, tokenizer, folder, pad_id=0, stop_ids=(13,) if head == "causal" else ())
    base = {"path": str(model), "fingerprint": weights_fingerprint(model)}
    record = {"checkpoint": folder.name, "method": method, "dtype": dtype, "base": base}
    (folder / "finetune.json").write_text(json.dumps(record))
    return folder


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        found = model(input_ids=IDS, attention_mask=(IDS != 0).long(), use_cache=False)
    return torch.stack([found.start_logits, found.end_logits]) if "start_logits" in found else found.logits


def by_hand(base: Path, adapter: Path, body: str) -> torch.Tensor:
    """Returns the merged matrix: W + scale·BA, and for DoRA its rows at the trained lengths."""
    weight = load_file(base / "model.safetensors")[f"model.{MATRIX}.weight"].double()
    saved = load_file(adapter / "adapter_model.safetensors")
    name = f"base_model.model.{body}.{MATRIX}.lora_"
    scale = 2  # alpha is twice the rank
    new = weight + scale * saved[name + "B.weight"].double() @ saved[name + "A.weight"].double()
    magnitude = saved.get(name + "magnitude_vector")
    if magnitude is None:
        return new
    return new / new.square().sum(1, keepdim=True).sqrt() * magnitude.double()[:, None]


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("method", ["lora", "dora"])
def test_the_merged_model_is_the_adapter_on_its_base(tiny_model: Path, tmp_path: Path, method: Any, head: Any) -> None:
    adapter = adapter_of(tiny_model, tmp_path / "adapter", method, head)
    assert merge(adapter, output=tmp_path / "merged") == tmp_path / "merged"
    body = "transformer" if head == "question-answering" else "model"
    merged = load_file(tmp_path / "merged" / "model.safetensors")
    torch.testing.assert_close(merged[f"{body}.{MATRIX}.weight"].double(), by_hand(tiny_model, adapter, body))
    assert not any("lora" in name or "modules_to_save" in name for name in merged)
    expected = logits(load_checkpoint(adapter))
    torch.testing.assert_close(logits(load_checkpoint(tmp_path / "merged")), expected)
    torch.testing.assert_close(logits(merged_model(adapter)), expected)
    config = AutoConfig.from_pretrained(tmp_path / "merged")
    assert config.architectures == [type(load_checkpoint(tmp_path / "merged")).__name__]
    if head == "sequence-classification":
        assert list(config.id2label.values()) == ["a", "b", "c"]


def test_what_it_was_merged_from_stands_beside_it(tiny_model: Path, tmp_path: Path) -> None:
    adapter = adapter_of(tiny_model, tmp_path / "adapter")
    merge(adapter, output=tmp_path / "merged")
    weights = (tiny_model / "model.safetensors").read_bytes()
    assert json.loads((tmp_path / "merged" / "merged_from.json").read_text()) == {
        "adapter": json.loads((adapter / "finetune.json").read_text()),
        "base_fingerprint": hashlib.sha256(hashlib.sha256(weights).hexdigest().encode()).hexdigest(),
        "adapter_sha256": hashlib.sha256((adapter / "adapter_model.safetensors").read_bytes()).hexdigest(),
    }
    assert not list(tmp_path.glob(".*"))


def test_the_ends_and_the_padding_go_along(tiny_model: Path, tmp_path: Path) -> None:
    merge(adapter_of(tiny_model, tmp_path / "adapter"), output=tmp_path / "merged")
    for file in ("config.json", "generation_config.json"):
        found = json.loads((tmp_path / "merged" / file).read_text())
        assert (found["eos_token_id"], found["pad_token_id"]) == ([13, 2], 0)
    assert AutoTokenizer.from_pretrained(tmp_path / "merged").eos_token_id == 2


def test_it_is_kept_in_the_bases_own_dtype(tiny_model: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.bfloat16).save_pretrained(base)
    load_tokenizer(str(tiny_model), None).save_pretrained(base)
    merge(adapter_of(base, tmp_path / "adapter", "dora", "question-answering"), output=tmp_path / "merged")
    saved = load_file(tmp_path / "merged" / "model.safetensors")
    assert {weight.dtype for weight in saved.values()} == {torch.bfloat16}
    assert json.loads((tmp_path / "merged" / "config.json").read_text())["dtype"] == "bfloat16"
    summed = by_hand(base, tmp_path / "adapter", "transformer").to(torch.bfloat16)  # in float32 or finer, then rounded
    assert (saved[f"transformer.{MATRIX}.weight"] == summed).double().mean() > 0.99


def test_it_is_not_merged_twice(tiny_model: Path, tmp_path: Path) -> None:
    adapter = adapter_of(tiny_model, tmp_path / "adapter")
    merge(adapter, output=tmp_path / "merged")
    with pytest.raises(UserError) as caught:
        merge(adapter, output=tmp_path / "twice", base=str(tmp_path / "merged"))
    assert caught.value.found == (
        f"the base {tmp_path / 'merged'} already holds this adapter's weights (merged_from.json)"
    )
    assert caught.value.why == "merged twice, what training changed would count double"
    assert not (tmp_path / "twice").exists()


def test_it_is_not_merged_into_another_base(tiny_model: Path, tmp_path: Path) -> None:
    adapter = adapter_of(tiny_model, tmp_path / "adapter")
    other = shutil.copytree(tiny_model, tmp_path / "other")
    merge(adapter, output=tmp_path / "moved", base=str(other))  # the same weights elsewhere
    set_seed(5)
    AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(tiny_model)).save_pretrained(other)
    with pytest.raises(UserError) as caught:
        merge(adapter, output=tmp_path / "merged", base=str(other))
    assert caught.value.found == (
        f"the adapter {adapter} was trained on the model with the hash {weights_fingerprint(tiny_model)[:12]}…, and "
        f"{other} has the hash {weights_fingerprint(other)[:12]}…"
    )
    assert caught.value.mend.endswith("or allow it with --allow adapter-base")


def test_a_strangers_adapter_is_not_merged_into_another_base_unless_it_is_allowed(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    adapter = adapter_of(tiny_model, tmp_path / "adapter")
    (adapter / "finetune.json").unlink()  # what other programs train has none: adapter_config.json names the folder
    other = tmp_path / "other"
    set_seed(5)
    AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(tiny_model)).save_pretrained(other)
    load_tokenizer(str(tiny_model), None).save_pretrained(other)
    with pytest.raises(GuardError, match="was trained on the model with the hash"):
        merge(adapter, output=tmp_path / "merged", base=str(other))
    assert not (tmp_path / "merged").exists()
    merge(adapter, output=tmp_path / "merged", base=str(other), allowed=["adapter-base"])
    assert "Warning (guard adapter-base): the adapter" in capsys.readouterr().err
    record = json.loads((tmp_path / "merged" / "merged_from.json").read_text())
    assert (record["allowed"], record["base_fingerprint"]) == (["adapter-base"], weights_fingerprint(other))


def test_an_adapter_that_does_not_run_is_said(tiny_model: Path, tmp_path: Path) -> None:
    adapter = adapter_of(tiny_model, tmp_path / "adapter")
    settings = json.loads((adapter / "adapter_config.json").read_text())
    # peft takes what it finds, and trips over it in the forward pass
    (adapter / "adapter_config.json").write_text(json.dumps(settings | {"alora_invocation_tokens": {"value": None}}))
    with pytest.raises(UserError) as caught:
        merge(adapter, output=tmp_path / "merged")
    assert caught.value.found.startswith(f"the adapter {adapter} cannot be run on {tiny_model} ('dict' object cannot")
    assert not (tmp_path / "merged").exists()


def test_an_adapter_on_a_merged_model_is_merged(tiny_model: Path, tmp_path: Path) -> None:
    merge(adapter_of(tiny_model, tmp_path / "first"), output=tmp_path / "merged")
    second = adapter_of(tmp_path / "merged", tmp_path / "second", "dora")
    merge(second, output=tmp_path / "again")
    torch.testing.assert_close(logits(load_checkpoint(tmp_path / "again")), logits(load_checkpoint(second)))


def test_what_cannot_be_merged(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no adapter_config\.json"):
        merge(tiny_model, output=tmp_path / "merged")
    adapter = adapter_of(tiny_model, tmp_path / "adapter")
    with pytest.raises(UserError, match=r"the output folder .* is not empty"):
        merge(adapter, output=tiny_model)
    with pytest.raises(UserError, match="the adapter's base model nowhere cannot be loaded"):
        merge(adapter, output=tmp_path / "merged", base="nowhere")
    settings = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps(settings | {"task_type": "TOKEN_CLS"}))
    with pytest.raises(UserError, match="an adapter for the task type TOKEN_CLS"):
        merge(adapter, output=tmp_path / "merged")
    (adapter / "adapter_model.safetensors").unlink()
    with pytest.raises(UserError, match=r"holds no adapter_model\.safetensors"):
        merge(adapter, output=tmp_path / "merged")
    assert not (tmp_path / "merged").exists()
