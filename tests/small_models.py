"""Configurations of models that are small enough to be made in a test, of any architecture."""

from typing import Any

SMALL: dict[str, Any] = {
    "vocab_size": 90, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 2, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
SWITCH_TOKENS = 20
"""The length from which on the frequencies of `LONGROPE` are others."""
LONGROPE: dict[str, Any] = {
    "original_max_position_embeddings": SWITCH_TOKENS,
    "max_position_embeddings": 80,
    "rope_parameters": {
        "rope_type": "longrope", "rope_theta": 1e4, "short_factor": [1.0] * 4, "long_factor": [4.0] * 4,
        "original_max_position_embeddings": SWITCH_TOKENS,
    },
}  # fmt: skip
"""Beside `SMALL` for Phi-3."""
