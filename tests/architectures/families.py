"""Tiny random causal LMs of transformers' architectures: two layers, hidden size 64, float32, the tests' tokenizer.

Windows and rope switches lie at 16 to 64 tokens, far below the prompts, so that what depends on them shows.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HIDDEN, INNER, LAYERS, HEADS, GROUPS, POSITIONS, VOCABULARY = 64, 128, 2, 4, 2, 2048, 259


@dataclass(frozen=True)
class Family:
    """One architecture with its trap: ``model_type`` and the values that its configuration has beside the sizes."""

    name: str
    model_type: str
    values: dict[str, Any] = field(default_factory=dict)


def _family(name: str, model_type: str | None = None, **values: Any) -> Family:
    return Family(name, model_type or name, values)


_LONG = {"rope_type": "longrope", "rope_theta": 10000.0, "original_max_position_embeddings": 64, "factor": 32.0}
_LONG |= {"short_factor": [1.0] * 8, "long_factor": [4.0] * 8}
_YARN = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 8.0, "original_max_position_embeddings": 256}
_DYNAMIC = {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 4.0}
_ROUTED = {"num_experts": 4, "num_local_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
_LATENT: dict[str, Any] = {"head_dim": None, "num_key_value_heads": HEADS} | {
    "q_lora_rank": 24,
    "kv_lora_rank": 16,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 8,
    "v_head_dim": 16,
}
_GROUPED = {"n_routed_experts": 4, "n_group": 2, "topk_group": 1, "num_experts_per_tok": 2, "n_shared_experts": 1}
_GROUPED |= {"moe_intermediate_size": 32, "first_k_dense_replace": 1}
_STATES = {"mamba_n_heads": 8, "mamba_d_head": 16, "mamba_d_state": 8, "mamba_n_groups": 1, "mamba_chunk_size": 16}

FAMILIES = [
    _family("llama"),
    _family("llama-dynamic", "llama", max_position_embeddings=64, rope_parameters=_DYNAMIC),
    _family("llama-yarn", "llama", rope_parameters=_YARN),
    _family("mistral", sliding_window=16),
    _family("qwen2", use_sliding_window=True, sliding_window=16, max_window_layers=1),
    _family("qwen3"),
    _family("gemma"),
    _family("gemma2", sliding_window=16),
    _family("gemma3", "gemma3_text", sliding_window=16, sliding_window_pattern=2),
    _family("gemma3n", "gemma3n_text", sliding_window=16, num_kv_shared_layers=0, laurel_rank=8, altup_num_inputs=2,
            hidden_size_per_layer_input=8, vocab_size_per_layer_input=VOCABULARY,
            layer_types=["sliding_attention", "full_attention"], activation_sparsity_pattern=[0.0, 0.0]),
    _family("phi"),
    _family("phi3-longrope", "phi3", original_max_position_embeddings=64, rope_parameters=_LONG),
    _family("phimoe", **_ROUTED),
    _family("gpt2"),
    _family("gpt-neo", "gpt_neo", attention_types=[[["global", "local"], 1]], window_size=16),
    _family("gptj", rotary_dim=8),
    _family("gpt-neox", "gpt_neox"),
    _family("gpt-bigcode", "gpt_bigcode"),
    _family("opt", word_embed_proj_dim=HIDDEN),
    _family("bloom"),
    _family("falcon", new_decoder_architecture=True, num_kv_heads=2),
    _family("falcon-alibi", "falcon", alibi=True, new_decoder_architecture=False, multi_query=False, bias=True),
    _family("mpt", d_model=HIDDEN, expansion_ratio=2),
    _family("xglm"),
    _family("codegen", rotary_dim=8),
    _family("stablelm"),
    _family("starcoder2", sliding_window=16),
    _family("olmo"),
    _family("olmo2"),
    _family("olmo3", sliding_window=16, layer_types=["sliding_attention", "full_attention"]),
    _family("olmoe", **_ROUTED),
    _family("mixtral", **_ROUTED),
    _family("qwen2-moe", "qwen2_moe", shared_expert_intermediate_size=32, **_ROUTED),
    _family("qwen3-moe", "qwen3_moe", **_ROUTED),
    _family("qwen3-next", "qwen3_next", shared_expert_intermediate_size=32, linear_num_value_heads=4,
            linear_num_key_heads=2, linear_key_head_dim=16, linear_value_head_dim=16,
            layer_types=["linear_attention", "full_attention"], **_ROUTED),
    _family("deepseek-v2", "deepseek_v2", **_LATENT, **_GROUPED),
    _family("deepseek-v3", "deepseek_v3", **_LATENT, **_GROUPED),
    _family("jamba", mamba_d_state=8, mamba_dt_rank=8, attn_layer_period=2, attn_layer_offset=1, expert_layer_period=2,
            expert_layer_offset=1, use_mamba_kernels=False, **_ROUTED),
    _family("mamba", state_size=8, time_step_rank=8),
    _family("mamba2", num_heads=8, head_dim=16, state_size=8, n_groups=1, chunk_size=16),
    _family("recurrent-gemma", "recurrent_gemma", lru_width=HIDDEN, attention_window_size=16,
            block_types=["recurrent", "attention"]),
    _family("bamba", attn_layer_indices=[1], **_STATES),
    _family("granite"),
    _family("granitemoe", **_ROUTED),
    _family("granitemoehybrid", layer_types=["mamba", "attention"], shared_intermediate_size=32, **_STATES, **_ROUTED),
    _family("gpt-oss", "gpt_oss", sliding_window=16, layer_types=["sliding_attention", "full_attention"],
            rope_parameters={"rope_type": "default", "rope_theta": 10000.0}, **_ROUTED),
    _family("llama4", "llama4_text", attention_chunk_size=16, no_rope_layers=[1, 0], intermediate_size_mlp=INNER,
            interleave_moe_layer_step=2, layer_types=["chunked_attention", "full_attention"], **_ROUTED),
    _family("cohere"),
    _family("cohere2", sliding_window=16, layer_types=["sliding_attention", "full_attention"]),
    _family("smollm3", no_rope_layers=[1, 0], use_sliding_window=False),
    _family("glm", partial_rotary_factor=0.5),
    _family("lfm2", layer_types=["conv", "full_attention"], block_ff_dim=INNER),
    _family("modernbert-decoder", local_attention=16, layer_types=["sliding_attention", "full_attention"],
            classifier_pooling="mean"),
    _family("nemotron"),
    _family("deepseek-v4", "deepseek_v4", sliding_window=16, q_lora_rank=24, qk_rope_head_dim=8, n_routed_experts=4,
            num_experts_per_tok=2, layer_types=["heavily_compressed_attention", "compressed_sparse_attention"]),
    _family("roberta", is_decoder=True),
]  # fmt: skip


def config_of(family: Family) -> Any:
    """Returns transformers' configuration of a family at its tiny sizes."""
    from transformers import CONFIG_MAPPING

    kind = CONFIG_MAPPING[family.model_type]
    sizes: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": GROUPS,
        "head_dim": HIDDEN // HEADS,
        "max_position_embeddings": POSITIONS,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }
    # what another family calls them
    sizes |= {"ffn_dim": INNER, "ffn_hidden_size": INNER, "n_inner": INNER, "rotary_dim": 8, "num_heads": HEADS}
    declared = kind().to_dict()
    known = {*declared, *kind.attribute_map}
    chosen = {name: value for name, value in sizes.items() if name in known} | family.values
    return kind(**{name: value for name, value in chosen.items() if value is not None})


def write_family(family: Family, folder: Path, tokenizer: Path, *, seed: int = 0) -> Path:
    """Returns ``folder`` after writing to it the family's random model and the tokenizer in ``tokenizer``."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config_of(family), dtype=torch.float32)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if weight.dim() >= 2 and "A_log" not in name and "conv" not in name:
                    weight.normal_(0, 1.2 / HIDDEN**0.5)  # large enough for answers to differ
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tokenizer).save_pretrained(folder)
    return folder
