"""What changed in the weights: against peft's own merge, and against torch's subtraction of whole tensors."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

sys.path.insert(0, str(Path(__file__).resolve().parent))

from checkpoints import LORA, write_full, write_lora

from finetune.elsewhere.reading import Asked, read_checkpoint

CONFIGS: dict[str, Any] = {
    "plain": LoraConfig(**LORA),
    "rsLoRA": LoraConfig(**LORA, use_rslora=True),
    "DoRA": LoraConfig(**LORA, use_dora=True),
    "DoRA on the embeddings": LoraConfig(**{**LORA, "target_modules": ["q_proj", "embed_tokens"]}, use_dora=True),
    "patterns": LoraConfig(**LORA, rank_pattern={"down_proj": 2}, alpha_pattern={"q_proj": 32, "1.mlp.down_proj": 3}),
    "embeddings": LoraConfig(**{**LORA, "target_modules": ["q_proj", "embed_tokens"]}),
    "embeddings saved": LoraConfig(**LORA, modules_to_save=["embed_tokens"]),
    "some tokens": LoraConfig(**LORA, trainable_token_indices=[5, 80, 258]),
}


def read(checkpoint: Path, base: Path, output: Path) -> dict[str, Any]:
    read_checkpoint(Asked(str(checkpoint), str(base)), output)
    found: dict[str, Any] = json.loads((output / "tensors.json").read_text())
    return found


def by_name(found: dict[str, Any], *, adapter: bool = False) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in found["tensors"] if bool(row.get("adapter")) == adapter}


def sha256(tensor: torch.Tensor) -> str:
    return hashlib.sha256(tensor.contiguous().view(torch.uint8).numpy().tobytes()).hexdigest()


def relative(after: torch.Tensor, before: torch.Tensor) -> float:
    return float((after.double() - before.double()).norm() / before.double().norm())


@pytest.mark.parametrize("kind", CONFIGS)
def test_an_adapters_changes_are_those_of_pefts_merge(kind: str, tiny_model: Path, tmp_path: Path) -> None:
    adapter = write_lora(tiny_model, tmp_path / "adapter", CONFIGS[kind])
    found = read(adapter, tiny_model, tmp_path / "out")
    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float64)
    before = {name: tensor.clone() for name, tensor in base.state_dict().items()}
    after = PeftModel.from_pretrained(base, str(adapter)).merge_and_unload().state_dict()
    changed = {name for name in before if not after[name].equal(before[name])} - {"lm_head.weight"}
    rows = by_name(found, adapter=True) | {name: row for name, row in by_name(found).items() if row["trained"]}
    assert set(rows) == changed
    assert found["not_computed"] == {}
    for name, row in rows.items():
        assert row["relative_change"] == pytest.approx(relative(after[name], before[name]), rel=1e-6), name
    frozen = {name: row for name, row in by_name(found).items() if not row["trained"]}
    stored = load_file(tiny_model / "model.safetensors")
    assert {name: (row["sha256_before"], row["sha256_after"]) for name, row in frozen.items()} == {
        name: (sha256(stored[name]),) * 2 for name in frozen
    }


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("use_dora", [False, True])
def test_layers_that_lie_the_other_way_round(use_dora: bool, tmp_path: Path) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    ends = {"bos_token_id": 1, "eos_token_id": 2}
    config = GPT2Config(vocab_size=100, n_embd=32, n_layer=2, n_head=2, n_positions=64, **ends)
    GPT2LMHeadModel(config).save_pretrained(tmp_path / "base")
    lora = LoraConfig(r=4, target_modules=["c_attn"], fan_in_fan_out=True, use_dora=use_dora, task_type="CAUSAL_LM")
    adapter = write_lora(tmp_path / "base", tmp_path / "adapter", lora)
    rows = by_name(read(adapter, tmp_path / "base", tmp_path / "out"), adapter=True)
    base = AutoModelForCausalLM.from_pretrained(tmp_path / "base", dtype=torch.float64)
    before = {name: tensor.clone() for name, tensor in base.state_dict().items()}
    after = PeftModel.from_pretrained(base, str(adapter)).merge_and_unload().state_dict()
    assert len(rows) == 2
    for name, row in rows.items():
        assert row["relative_change"] == pytest.approx(relative(after[name], before[name]), rel=1e-6), name


def test_a_whole_models_changes_are_torchs(tiny_model: Path, tmp_path: Path) -> None:
    found = read(write_full(tiny_model, tmp_path / "full"), tiny_model, tmp_path / "out")
    before, after = (load_file(folder / "model.safetensors") for folder in (tiny_model, tmp_path / "full"))
    rows = by_name(found)
    assert set(rows) == set(before)
    for name, row in rows.items():
        assert (row["sha256_before"], row["sha256_after"]) == (sha256(before[name]), sha256(after[name]))
        assert row["trained"] == ("layers.1" in name)
        expected = relative(after[name], before[name]) if row["trained"] else None
        assert row["relative_change"] == (expected if expected is None else pytest.approx(expected, rel=1e-9))
    assert (found["identical"], found["only_in_base"], found["only_in_checkpoint"]) == (False, [], [])
    assert rows["model.layers.1.self_attn.q_proj.weight"]["kind"] == "attention"
    assert (
        rows["model.layers.1.input_layernorm.weight"] | {"layer": 1, "kind": "norms", "shape": [32]}
        == rows["model.layers.1.input_layernorm.weight"]
    )


def test_an_exact_copy_is_identical_though_its_tied_head_is_written_out(tiny_model: Path, tmp_path: Path) -> None:
    copy = write_full(tiny_model, tmp_path / "copy", only="nothing")
    tensors = load_file(copy / "model.safetensors")
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].clone()
    save_file(tensors, copy / "model.safetensors")
    found = read(copy, tiny_model, tmp_path / "out")
    assert found["identical"]
    assert not any(row["trained"] for row in found["tensors"])
    assert "lm_head.weight" not in by_name(found)


def test_another_dtype_is_compared_by_value(tiny_model: Path, tmp_path: Path) -> None:
    half = write_full(tiny_model, tmp_path / "half", dtype=torch.bfloat16)
    found = by_name(read(half, tiny_model, tmp_path / "out"))
    assert {name for name, row in found.items() if row["trained"]} == {name for name in found if "layers.1" in name}
    row = found["model.norm.weight"]
    assert (row["dtype_before"], row["dtype_after"]) == ("float32", "bfloat16")


def test_rows_of_embeddings_are_counted(tiny_model: Path, tmp_path: Path) -> None:
    full = write_full(tiny_model, tmp_path / "full", only="nothing")
    tensors = load_file(full / "model.safetensors")
    embeddings = tensors["model.embed_tokens.weight"]
    norm = float(embeddings.double().norm())
    embeddings[[3, 200]] += 1.0
    tensors["model.embed_tokens.weight"] = torch.cat([embeddings, torch.ones(4, 32)])
    save_file(tensors, full / "model.safetensors")
    row = by_name(read(full, tiny_model, tmp_path / "out"))["model.embed_tokens.weight"]
    assert (row["rows"], row["rows_moved"], row["rows_added"], row["shape"]) == (259, 2, 4, [263, 32])
    assert row["relative_change"] == pytest.approx(64**0.5 / norm, rel=1e-6)  # two rows of 32 ones


def test_an_adapter_as_peft_initialises_it_changes_nothing(tiny_model: Path, tmp_path: Path) -> None:
    from peft import get_peft_model

    model = get_peft_model(AutoModelForCausalLM.from_pretrained(tiny_model), LoraConfig(**LORA))
    model.save_pretrained(tmp_path / "adapter")
    assert read(tmp_path / "adapter", tiny_model, tmp_path / "out")["identical"]
