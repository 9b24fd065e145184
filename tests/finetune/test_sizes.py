"""Sizes are read from modules, by hand for families that name them each in its own way; plans are made for them."""

from pathlib import Path
from typing import Any

import pytest
from short_runs import run_of
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from finetune.ledger import count
from finetune.plan import plan
from finetune.sizes import Sizes, sizes_of

SMALL: dict[str, Any] = {"vocab_size": 259, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
FAMILIES: dict[str, tuple[dict[str, Any], int]] = {
    # the configuration's names for hidden size 24, two layers and three heads, and the inner width that follows
    "gpt2": ({"n_embd": 24, "n_layer": 2, "n_head": 3, "n_inner": 60}, 60),
    "gpt_bigcode": ({"n_embd": 24, "n_layer": 2, "n_head": 3}, 96),  # four times the hidden size, where it is not named
    "gptj": ({"n_embd": 24, "n_layer": 2, "n_head": 3, "rotary_dim": 4}, 96),
    "opt": ({"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "ffn_dim": 60,
             "word_embed_proj_dim": 10}, 60),
    "bloom": ({"hidden_size": 24, "n_layer": 2, "n_head": 3}, 96),
    "falcon": ({"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "ffn_hidden_size": 60}, 60),
    "mpt": ({"d_model": 24, "n_layers": 2, "n_heads": 3, "expansion_ratio": 2}, 96),  # transformers has 4 there
    "xglm": ({"d_model": 24, "num_layers": 2, "attention_heads": 3, "ffn_dim": 60}, 60),
    "mamba": ({"hidden_size": 24, "num_hidden_layers": 2, "expand": 2, "state_size": 4}, 48),
}  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_sizes_that_each_family_names_in_its_own_way(family: str) -> None:
    values, inner = FAMILIES[family]
    assert sizes_of(AutoConfig.for_model(family, **SMALL, **values)) == Sizes(
        layers=2, hidden=24, inner=inner, keys=24, vocabulary=259, idle=0, stored=None
    )


def test_experts_that_a_token_does_not_reach_are_idle() -> None:
    config = AutoConfig.for_model(
        "qwen3_moe", **SMALL, hidden_size=24, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
        head_dim=8, num_experts=5, num_experts_per_tok=2, moe_intermediate_size=10, intermediate_size=7,
        mlp_only_layers=[0], dtype="bfloat16",
    )  # fmt: skip
    # A dense layer and two of five experts of three matrices each, three of them not reached.
    assert sizes_of(config) == Sizes(
        layers=3, hidden=24, inner=32, keys=16, vocabulary=259, idle=2 * 3 * 3 * 24 * 10, stored="bfloat16"
    )
    assert count(config)["MLP"].counted >= 2 * 5 * 3 * 24 * 10 + 3 * 24 * 7


@pytest.mark.parametrize("family", ["gpt2", "opt"])
def test_a_run_is_planned(family: str, tiny_model: Path, tmp_path: Path) -> None:
    config = AutoConfig.for_model(family, **SMALL, **FAMILIES[family][0])
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "model")
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(tmp_path / "model")
    found = plan(run_of(tmp_path / "model", tmp_path / "out"))
    assert found.parameters is not None
    whole = found.parameters["total"] - found.parameters["added"]
    assert whole == AutoModelForCausalLM.from_config(config).num_parameters()
    assert (found.operations or 0) > 4 * found.tokens * found.parameters["added"]
    assert (found.memory_bytes or 0) > 4 * whole
