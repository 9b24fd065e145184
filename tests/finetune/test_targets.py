"""LoRA is put where peft takes it; what it refuses is named in three parts, with what can be adapted."""

from pathlib import Path
from typing import Any

import pytest
from small_models import SMALL
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from typer.testing import CliRunner

from finetune.__main__ import app
from finetune.ledger import count
from finetune.targets import adaptable_matrices, layer_indices, lora_target_names
from harness_tasks.errors import UserError

EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 8}
VALUES: dict[str, dict[str, Any]] = {
    "llama": {},
    "gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 2},
    "falcon": {"alibi": True, "new_decoder_architecture": False, "multi_query": False},
    "mamba": {"state_size": 4},
    "bert": {"is_decoder": True},
    "roberta": {"is_decoder": True},
    "qwen2_moe": {**EXPERTS, "shared_expert_intermediate_size": 8},
    "deepseek_v3": {"q_lora_rank": 8, "kv_lora_rank": 8, "qk_rope_head_dim": 4, "qk_nope_head_dim": 4, "v_head_dim": 8,
                    "n_routed_experts": 4, "n_group": 2, "topk_group": 1, "num_experts_per_tok": 2,
                    "moe_intermediate_size": 8, "first_k_dense_replace": 1},
    "llama4_text": {**EXPERTS, "head_dim": 8, "interleave_moe_layer_step": 1, "layer_types": ["full_attention"] * 2},
    "gemma3n_text": {"head_dim": 8, "num_kv_shared_layers": 0, "laurel_rank": 4, "altup_num_inputs": 3,
                     "hidden_size_per_layer_input": 4, "vocab_size_per_layer_input": 90,
                     "layer_types": ["full_attention"] * 2, "activation_sparsity_pattern": [0.0, 0.0]},
}  # fmt: skip
ATTENTION = ["k_proj", "o_proj", "q_proj", "v_proj"]


def config_of(family: str) -> Any:
    return AutoConfig.for_model(family, **{**SMALL, **VALUES[family]})


@pytest.mark.parametrize(
    ("family", "expected", "left_out"),
    [
        ("llama", [*ATTENTION, "down_proj", "gate_proj", "up_proj"], []),
        ("gpt2", ["c_attn", "c_fc", "c_proj"], []),
        ("falcon", ["dense", "dense_4h_to_h", "dense_h_to_4h", "query_key_value"], []),  # a subclass of its own
        ("mamba", ["dt_proj", "in_proj", "x_proj"], ["out_proj"]),  # whose forward reads the weight itself
        # The heads have a layer called `dense` too.
        ("bert", ["query", "key", "value", "intermediate.dense", "output.dense"], ["dense"]),
        ("roberta", ["query", "key", "value", "intermediate.dense", "output.dense"], ["dense"]),
        ("qwen2_moe", [*ATTENTION, "gate_proj", "up_proj", "down_proj"], ["gate", "experts"]),  # the shared expert's
        # Of these names of the shared expert peft makes the routed ones, all in one tensor.
        ("deepseek_v3", ["kv_b_proj", "o_proj", "q_a_proj"], ["gate_proj", "up_proj", "down_proj"]),
        ("llama4_text", ATTENTION, ["router"]),  # gives back indices too
        ("gemma3n_text", [*ATTENTION, "altup_projections.0", "altup_projections.1"], ["0", "1"]),
    ],
)
def test_the_default_is_what_peft_takes(family: str, expected: list[str], left_out: list[str]) -> None:
    model = AutoModelForCausalLM.from_config(config_of(family))
    found = lora_target_names(model, None)
    assert set(expected) <= set(found)
    assert not set(left_out) & set(found)
    ledger = count(config_of(family), lora_r=2)
    matrices = dict(model.named_parameters())
    adapted = [matrices[name] for name in adaptable_matrices(config_of(family), "causal")]
    assert ledger.trainable == sum(2 * sum(matrix.shape) for matrix in adapted)  # rank 2 on in and out


@pytest.mark.parametrize(
    ("family", "targets", "found", "named"),
    [
        ("mamba", ["out_proj"], "LoRA on out_proj of MambaForCausalLM: peft refuses it", "dt_proj, in_proj, x_proj"),
        ("deepseek_v3", ["gate_proj"], "LoRA on gate_proj of DeepseekV3ForCausalLM: peft refuses it", "o_proj, q_a"),
        ("deepseek_v3", ["down_proj"], "down_proj of DeepseekV3ForCausalLM: peft puts it on", "o_proj, q_a"),
        ("gemma3n_text", ["0"], "LoRA on 0 of Gemma3nForCausalLM: peft refuses it", "altup_projections.0"),
        ("qwen2_moe", ["experts"], "mlp.experts.gate_up_proj holds all experts in one tensor", "--method full"),
        (
            "qwen2_moe",
            ["q_proj", "gate_up_proj"],
            "LoRA on gate_up_proj of Qwen2MoeForCausalLM: model.layers.0.",
            "q_p",
        ),
        ("deepseek_v3", ["experts.down_proj"], "mlp.experts.down_proj holds all experts in one tensor", "o_proj, q_a"),
        ("llama", ["input_layernorm"], "LoRA on input_layernorm of LlamaForCausalLM: peft refuses it", "down_proj"),
    ],
)
def test_what_peft_refuses_is_named(family: str, targets: list[str], found: str, named: str) -> None:
    with pytest.raises(UserError) as caught:
        count(config_of(family), lora_r=2, lora_targets=targets)
    assert found in caught.value.found
    assert named in caught.value.mend


def test_plan_and_train_refuse_fused_experts_alike(tiny_model: Path, tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    config = AutoConfig.for_model("qwen2_moe", **{**SMALL, **VALUES["qwen2_moe"], "vocab_size": len(tokenizer)})
    for part in (AutoModelForCausalLM.from_config(config), tokenizer):
        part.save_pretrained(tmp_path / "model")
    asked = ["--model", str(tmp_path / "model"), "--task", "reviews_demo", "--train-rows", "20"]
    asked += ["--output", str(tmp_path / "out"), "--lora-targets", "experts"]
    planned, trained = (CliRunner().invoke(app, [verb, *asked]) for verb in ("plan", "train"))
    assert (planned.exit_code, trained.exit_code) == (1, 1)  # the guard trainable-count
    said = "model.layers.0.mlp.experts.gate_up_proj holds all experts in one tensor"
    assert all(said in " ".join(result.output.split()) for result in (planned, trained))
    assert "or train the experts too with --method full" in trained.output
    assert not (tmp_path / "out").exists()


def test_layers_by_number() -> None:
    assert layer_indices(config_of("gpt2"), [1, 0, 1]) == [0, 1]
    with pytest.raises(UserError, match="LoRA on layer 2"):
        layer_indices(config_of("gpt2"), [2])
