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

from finetune.models import load_config, load_model
from finetune.recipe import Recipe
from finetune.run import Run
from finetune.tensors import before_training, tensor_changes
from finetune.train import train
from finetune.trainer import FinetuneTrainer


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
    whole, stopped = FinetuneTrainer.compute_loss, []

    def stopping(self: Any, *arguments: Any, **options: Any) -> Any:
        if self.state.global_step == 3 and not stopped:
            stopped.append(3)
            raise KeyboardInterrupt
        return whole(self, *arguments, **options)

    monkeypatch.setattr(FinetuneTrainer, "compute_loss", stopping)
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


def made(tiny_model: Path, method: Any, head: Any, **recipe: Any) -> Any:
    """Returns a run's model before training; its labels are two."""
    values = {"recipe": Recipe(lora_r=2, **recipe).resolved(method), "dtype": "float32", "device": "cpu"}
    run = Run(model=str(tiny_model), task="any", output=Path("none"), method=method, head=head, **values)
    labels = ("no", "yes") if head == "sequence-classification" else ()
    torch.manual_seed(1)
    return load_model(run, load_config(run.model, None), labels=labels, pad_id=0)


def moved(model: Any) -> dict[str, Any]:
    """Returns the rows of ``model`` by name and kind of change, after all that is trained has moved at random."""
    before = before_training(model)
    torch.manual_seed(2)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.1 * torch.randn_like(parameter)
    rows = tensor_changes(model, before)
    assert all((row["sha256_before"] != row["sha256_after"]) == row["trained"] for row in rows)
    return {row["name"] + (" adapter" if row.get("adapter") else ""): row for row in rows}


def test_a_new_head_is_measured_against_what_its_seed_made_it(tiny_model: Path) -> None:
    for method in ("lora", "head"):
        model = made(tiny_model, method, "question-answering")
        head = model.get_base_model().qa_outputs.modules_to_save["default"] if method == "lora" else model.qa_outputs
        first, at_first = head.weight.detach().clone(), hashlib.sha256(head.weight.detach().numpy().tobytes())
        rows = moved(model)
        assert rows["qa_outputs.weight"] == {
            "name": "qa_outputs.weight",
            "layer": None,
            "kind": "head",
            "shape": [2, 32],
            "trained": True,
            "sha256_before": at_first.hexdigest(),
            "sha256_after": hashlib.sha256(head.weight.detach().numpy().tobytes()).hexdigest(),
            "relative_change": pytest.approx(relative_change(first, head.weight.detach())),
        }
        assert rows["qa_outputs.bias"]["relative_change"] is None  # it begins as zeros
        assert {name for name, row in rows.items() if row["trained"] and not row.get("adapter")} == {
            "qa_outputs.weight", "qa_outputs.bias",
        }  # fmt: skip
        assert len([row for row in rows.values() if row.get("adapter")]) == (14 if method == "lora" else 0)


def test_the_head_alone_leaves_every_tensor_of_the_body(tiny_model: Path, weights: dict[str, Any]) -> None:
    rows = moved(made(tiny_model, "head", "sequence-classification"))
    assert set(rows) == {*weights, "score.weight"}
    for name, array in weights.items():
        assert rows[name]["sha256_after"] == hashlib.sha256(array.tobytes()).hexdigest()


@pytest.mark.parametrize("head", ["causal", "sequence-classification"])
def test_doras_change_is_what_a_merge_adds(tiny_model: Path, weights: dict[str, Any], head: Any) -> None:
    model = made(tiny_model, "dora", head)
    at_first = [row for row in tensor_changes(model, before_training(model)) if row.get("adapter")]
    assert len(at_first) == 14
    assert all(row["relative_change"] < 1e-6 for row in at_first)  # B is 0, and the magnitudes are the rows' lengths
    rows = moved(model)
    merged = model.merge_and_unload().state_dict()
    for name in weights:
        if "proj" in name:
            expected = relative_change(weights[name], merged[name])
            assert rows[f"{name} adapter"]["relative_change"] == pytest.approx(expected, rel=1e-5)


def test_doras_magnitude_alone_is_a_change(tiny_model: Path) -> None:
    model = made(tiny_model, "dora", "causal", lora_targets="up_proj", lora_last_layers=1)
    before = before_training(model)
    layer = model.get_base_model().model.layers[1].mlp.up_proj
    layer.lora_magnitude_vector["default"].weight.data *= 1.25
    (row,) = (row for row in tensor_changes(model, before) if row.get("adapter"))
    assert row["sha256_before"] != row["sha256_after"]
    assert row["relative_change"] == pytest.approx(0.25, rel=1e-6)


@pytest.mark.parametrize("target", ["c_fc", "wte"])
def test_dora_on_matrices_that_lie_the_other_way_round(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    base = GPT2LMHeadModel(GPT2Config(vocab_size=30, n_positions=8, n_embd=6, n_layer=1, n_head=2))
    part = base.transformer.wte if target == "wte" else base.transformer.h[0].mlp.c_fc
    weight = part.weight.detach().clone()
    adapter = LoraConfig(r=2, target_modules=[target], use_dora=True, fan_in_fan_out=target == "c_fc")
    model = get_peft_model(base, adapter)
    monkeypatch.setattr("finetune.tensors.CHUNK", 60)  # several pieces
    rows = [row for row in moved(model).values() if row.get("adapter")]
    assert len(rows) == 1
    merged = model.merge_and_unload()
    part = merged.transformer.wte if target == "wte" else merged.transformer.h[0].mlp.c_fc
    assert rows[0]["relative_change"] == pytest.approx(relative_change(weight, part.weight.detach()), rel=1e-5)


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
