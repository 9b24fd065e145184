"""`tensors.json`: what changed, against the saved weights and a merged model; what did not, by its hash."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from short_runs import run_of

from finetune.recipe import Recipe
from finetune.tensors import before_training, tensor_changes
from finetune.train import CausalTrainer, train


def rows_of(checkpoint: Path) -> list[dict[str, Any]]:
    found = json.loads((checkpoint / "tensors.json").read_text())
    assert found["checkpoint"] == checkpoint.name
    rows: list[dict[str, Any]] = found["tensors"]
    return rows


def relative_change(before: Any, after: Any) -> float:
    before, after = np.asarray(before, np.float64), np.asarray(after, np.float64)
    return float(np.linalg.norm(after - before) / np.linalg.norm(before))


@pytest.fixture(scope="module")
def weights(tiny_model: Path) -> dict[str, Any]:
    return dict(load_file(tiny_model / "model.safetensors"))


def test_lora_leaves_every_base_tensor_as_it_was(checkpoint: Path, weights: dict[str, Any]) -> None:
    base = [row for row in rows_of(checkpoint) if not row.get("adapter")]
    assert {row["name"]: row["sha256_before"] for row in base} == {
        name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in weights.items()
    }
    for row in base:
        assert row["sha256_after"] == row["sha256_before"]
        assert row["trained"] is False
        assert row["relative_change"] is None
        assert row["shape"] == list(weights[row["name"]].shape)


def test_loras_effective_change_is_what_a_merge_adds(
    checkpoint: Path, tiny_model: Path, weights: dict[str, Any]
) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny_model), str(checkpoint))
    merged = model.merge_and_unload().state_dict()
    changed = {name: relative_change(weights[name], merged[name]) for name in weights}
    adapted = {row["name"]: row for row in rows_of(checkpoint) if row.get("adapter")}
    assert set(adapted) == {name for name, change in changed.items() if change > 0}
    assert len(adapted) == 2 * 7  # seven matrices in each of two layers
    for name, row in adapted.items():
        assert row["relative_change"] > 0
        assert row["relative_change"] == pytest.approx(changed[name], rel=1e-4)
        assert row["sha256_before"] != row["sha256_after"]
        assert row["trained"] is True
        assert row["layer"] == int(name.split(".")[2])
        assert row["kind"] == ("attention" if "self_attn" in name else "MLP")


def test_an_adapters_hash_is_that_of_its_saved_matrices(checkpoint: Path) -> None:
    saved = load_file(checkpoint / "adapter_model.safetensors")
    (row,) = (
        row for row in rows_of(checkpoint) if row.get("adapter") and row["name"] == "model.layers.1.mlp.up_proj.weight"
    )
    matrices = (saved[f"base_model.model.model.layers.1.mlp.up_proj.lora_{letter}.weight"] for letter in "AB")
    assert row["sha256_after"] == hashlib.sha256(b"".join(matrix.tobytes() for matrix in matrices)).hexdigest()


def test_full_fine_tuning_is_measured_on_every_tensor(
    tiny_model: Path, weights: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after a resumption: what counts as before is the base model, not the trainer's checkpoint."""
    run = run_of(tiny_model, tmp_path / "full", method="full", recipe=Recipe(epochs=1, batch_size=7, save_steps=2))
    whole, stopped = CausalTrainer.compute_loss, []

    def stopping(self: Any, *arguments: Any, **options: Any) -> Any:
        if self.state.global_step == 3 and not stopped:
            stopped.append(3)
            raise KeyboardInterrupt
        return whole(self, *arguments, **options)

    monkeypatch.setattr(CausalTrainer, "compute_loss", stopping)
    with pytest.raises(KeyboardInterrupt):
        train(run)
    train(run)
    assert json.loads((run.output / "finetune.json").read_text())["resumed_at_steps"] == [2]
    after = load_file(run.output / "model.safetensors")
    rows = {row["name"]: row for row in rows_of(run.output)}
    assert set(rows) == set(weights)  # the tied head once, as the embeddings
    for name, row in rows.items():
        assert row["trained"] is True
        assert row["relative_change"] == pytest.approx(relative_change(weights[name], after[name]), rel=1e-9)
        assert row["sha256_before"] == hashlib.sha256(weights[name].tobytes()).hexdigest()
        assert row["sha256_after"] == hashlib.sha256(after[name].tobytes()).hexdigest()
    kinds = {name: row["kind"] for name, row in rows.items()}
    assert kinds["model.embed_tokens.weight"] == "embeddings"
    assert kinds["model.norm.weight"] == kinds["model.layers.0.input_layernorm.weight"] == "norms"
    assert rows["model.embed_tokens.weight"]["layer"] is None


def test_an_untied_head_stands_alone_and_a_frozen_tensor_that_moves_is_seen(tiny_model: Path) -> None:
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(tiny_model, tie_word_embeddings=False)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.requires_grad_(False)
    model.lm_head.weight.requires_grad_(True)
    model.model.norm.weight.data.zero_()
    model.model.norm.weight.requires_grad_(True)
    before = before_training(model)
    assert set(before.copies) == {"lm_head.weight", "model.norm.weight"}  # nothing frozen is copied
    model.lm_head.weight.data *= 1.5
    model.model.norm.weight.data += 1
    model.model.embed_tokens.weight.data[0] += 1
    rows = {row["name"]: row for row in tensor_changes(model, before)}
    assert rows["lm_head.weight"]["kind"] == "head"
    assert rows["lm_head.weight"]["relative_change"] == pytest.approx(0.5, rel=1e-2)  # bfloat16 rounds
    assert rows["model.norm.weight"]["relative_change"] is None  # of nothing there is no share
    moved = {name for name, row in rows.items() if row["sha256_before"] != row["sha256_after"]}
    assert moved == {"lm_head.weight", "model.norm.weight", "model.embed_tokens.weight"}
    assert rows["model.embed_tokens.weight"]["trained"] is False


def test_lora_on_the_embeddings(tiny_model: Path) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    weight = base.model.embed_tokens.weight.detach().clone()
    model = get_peft_model(base, LoraConfig(r=2, lora_alpha=6, target_modules=["embed_tokens"], task_type="CAUSAL_LM"))
    before = before_training(model)
    layer = model.get_base_model().model.embed_tokens
    torch.nn.init.normal_(layer.lora_embedding_A["default"])
    torch.nn.init.normal_(layer.lora_embedding_B["default"])
    (row,) = (row for row in tensor_changes(model, before) if row.get("adapter"))
    assert (row["name"], row["kind"]) == ("model.embed_tokens.weight", "embeddings")
    merged = model.merge_and_unload().get_input_embeddings().weight
    assert row["relative_change"] == pytest.approx(relative_change(weight, merged.detach()), rel=1e-4)
