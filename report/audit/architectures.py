"""The parameters of known architectures from their configurations alone: arithmetic, without torch and without a model.

A body is what all heads share. Every form is held against models that transformers builds, in the tests.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

Modules = dict[str, list[tuple[int, int, int]]]
"""By name: the inputs, outputs and number of the linear layers that bear it."""


class HeadParameters(NamedTuple):
    """The parameters that stand beside a body."""

    fixed: int
    per_label: int = 0
    frozen: int = 0
    """Those of ``fixed`` that peft does not train beside an adapter: a pooler, a layer before the classifier."""

    def parameters(self, labels: int) -> int:
        """Returns how many there are for so many labels."""
        return self.fixed + self.per_label * labels


class Shape(NamedTuple):
    """An architecture's body, its heads, and what an adapter can be put on."""

    body: dict[str, int]
    """Parameters by component."""
    heads: dict[str, HeadParameters]
    modules: Modules
    layers: int
    hidden: int
    """Width of an embedding: what a token more in the vocabulary adds."""
    vocabulary: int
    is_tied: bool
    """Whether the causal head's output matrix is that of the embeddings."""
    beside: Mapping[str, int] = MappingProxyType({})
    """What is sometimes counted as well (> 0) or left out (< 0), by its name."""
    biased: frozenset[str] = frozenset()
    """The modules that have a bias."""
    other_biases: int = 0
    """Biases of the body that are no module's: those of layer norms, and of a projection of the embeddings."""


def shape(config: Mapping[str, Any]) -> Shape | str:
    """Returns the shape of the model that ``config`` (keys of a config.json) describes, or why it is not known."""
    kind = str(config.get("model_type"))
    if kind not in _FORMS:
        return f"No closed form is known for the architecture {kind}: use aftertune params."
    form, defaults = _FORMS[kind]
    given = {key: value for key, value in config.items() if value is not None}
    values = {**defaults, **given}
    lacking = [key for key in KEYS[kind] if key not in values]
    if lacking:
        return f"The configuration of the architecture {kind} lacks {', '.join(lacking)}."
    return form(values)


def _decoder(c: Mapping[str, Any]) -> Shape:
    """Llama and its kin: grouped-query attention, a gated MLP, norms without bias."""
    kind, d, inner, layers, v = (
        c["model_type"], c["hidden_size"], c["intermediate_size"], c["num_hidden_layers"], c["vocab_size"],
    )  # fmt: skip
    width = c.get("head_dim") or d // c["num_attention_heads"]
    q, kv = c["num_attention_heads"] * width, c.get("num_key_value_heads", c["num_attention_heads"]) * width
    modules: Modules = {
        "q_proj": [(d, q, layers)], "k_proj": [(d, kv, layers)], "v_proj": [(d, kv, layers)],
        "o_proj": [(q, d, layers)], "gate_proj": [(d, inner, layers)], "up_proj": [(d, inner, layers)],
        "down_proj": [(inner, d, layers)],
    }  # fmt: skip
    biases_out = bool(c.get("attention_bias")) and kind not in ("qwen2", "mistral", "phi3")
    biases_qkv = kind == "qwen2" or biases_out
    attention = d * q + 2 * d * kv + q * d + (q + 2 * kv if biases_qkv else 0) + (d if biases_out else 0)
    mlp = 3 * d * inner + (2 * inner + d if kind == "llama" and c.get("mlp_bias") else 0)
    norms = layers * (4 if kind in ("gemma2", "gemma3_text") else 2) * d + d
    norms += layers * 2 * width if kind in ("qwen3", "gemma3_text") else 0
    if kind == "phi3":
        modules = {
            "qkv_proj": [(d, q + 2 * kv, layers)], "o_proj": [(q, d, layers)],
            "gate_up_proj": [(d, 2 * inner, layers)], "down_proj": [(inner, d, layers)],
        }  # fmt: skip
    body = {"embeddings": v * d, "attention": layers * attention, "MLP": layers * mlp, "norms": norms}
    heads = _heads_of_a_decoder(d, v, c["tie_word_embeddings"])
    # Older versions kept the rotary frequencies as a buffer in each layer.
    beside = {"with the rotary frequencies of its layers": layers * (width // 2)}
    with_bias = [name for name, has in (("q_proj k_proj v_proj", biases_qkv), ("o_proj", biases_out),
                                        ("gate_proj up_proj down_proj", kind == "llama" and c.get("mlp_bias"))) if has
                 ]  # fmt: skip
    biased = frozenset(" ".join(with_bias).split())
    return Shape(body, heads, modules, layers, d, v, c["tie_word_embeddings"], beside, biased)


def _heads_of_a_decoder(d: int, v: int, is_tied: bool) -> dict[str, HeadParameters]:
    return {
        "causal": HeadParameters(0 if is_tied else v * d),
        "sequence-classification": HeadParameters(0, d),
        "question-answering": HeadParameters(2 * d + 2),
        "token-classification": HeadParameters(0, d + 1),
        "none": HeadParameters(0),
    }


def _gpt2(c: Mapping[str, Any]) -> Shape:
    d, layers, v, places = c["n_embd"], c["n_layer"], c["vocab_size"], c["n_positions"]
    inner = c.get("n_inner") or 4 * d
    modules: Modules = {
        "c_attn": [(d, 3 * d, layers)], "c_proj": [(d, d, layers), (inner, d, layers)], "c_fc": [(d, inner, layers)],
    }  # fmt: skip
    body = {
        "embeddings": v * d, "position embeddings": places * d, "attention": layers * (4 * d * d + 4 * d),
        "MLP": layers * (2 * d * inner + inner + d), "norms": layers * 4 * d + 2 * d,
    }  # fmt: skip
    beside = {"with the causal masks of its layers": layers * places**2, "without its position embeddings": -places * d}
    tied = c["tie_word_embeddings"]
    heads = _heads_of_a_decoder(d, v, tied)
    return Shape(body, heads, modules, layers, d, v, tied, beside, frozenset(modules), body["norms"] // 2)


def _gpt_neox(c: Mapping[str, Any]) -> Shape:
    d, inner, layers, v = c["hidden_size"], c["intermediate_size"], c["num_hidden_layers"], c["vocab_size"]
    modules: Modules = {
        "query_key_value": [(d, 3 * d, layers)], "dense": [(d, d, layers)],
        "dense_h_to_4h": [(d, inner, layers)], "dense_4h_to_h": [(inner, d, layers)],
    }  # fmt: skip
    body = {
        "embeddings": v * d, "attention": layers * (4 * d * d + (4 * d if c["attention_bias"] else 0)),
        "MLP": layers * (2 * d * inner + inner + d), "norms": layers * 4 * d + 2 * d,
    }  # fmt: skip
    tied = c["tie_word_embeddings"]
    heads = _heads_of_a_decoder(d, v, tied)
    biased = frozenset(name for name in modules if c["attention_bias"] or name.startswith("dense_"))
    return Shape(body, heads, modules, layers, d, v, tied, {}, biased, body["norms"] // 2)


def _opt(c: Mapping[str, Any]) -> Shape:
    d, inner, layers, v = c["hidden_size"], c["ffn_dim"], c["num_hidden_layers"], c["vocab_size"]
    width, places = c.get("word_embed_proj_dim") or d, c["max_position_embeddings"] + 2
    modules: Modules = {
        **{name: [(d, d, layers)] for name in ("q_proj", "k_proj", "v_proj", "out_proj")},
        "fc1": [(d, inner, layers)], "fc2": [(inner, d, layers)],
    }  # fmt: skip
    final = 2 * d if c["do_layer_norm_before"] and not c["_remove_final_layer_norm"] else 0
    body = {
        "embeddings": v * width, "position embeddings": places * d,
        "projections of the embeddings": 2 * d * width if width != d else 0,
        "attention": layers * (4 * d * d + 4 * d), "MLP": layers * (2 * d * inner + inner + d),
        "norms": layers * 4 * d + final,
    }  # fmt: skip
    tied = c["tie_word_embeddings"]
    heads = {
        "causal": HeadParameters(0 if tied else v * width),
        "sequence-classification": HeadParameters(0, width),
        "question-answering": HeadParameters(2 * width + 2),
        "none": HeadParameters(0),
    }
    beside = {"without its position embeddings": -places * d}
    return Shape(body, heads, modules, layers, width, v, tied, beside, frozenset(modules), body["norms"] // 2)


def _encoder(c: Mapping[str, Any]) -> Shape:
    """BERT, RoBERTa and ELECTRA: an encoder with biases everywhere."""
    kind, d, inner, layers, v = (
        c["model_type"], c["hidden_size"], c["intermediate_size"], c["num_hidden_layers"], c["vocab_size"],
    )  # fmt: skip
    width = c.get("embedding_size") or d if kind == "electra" else d
    places, types = c["max_position_embeddings"], c["type_vocab_size"]
    pooler = d * d + d
    modules: Modules = {
        **{name: [(d, d, layers)] for name in ("query", "key", "value")},
        "dense": [(d, d, layers), (d, inner, layers), (inner, d, layers)],
    }
    body = {
        "embeddings": v * width, "position embeddings": places * width, "token type embeddings": types * width,
        "projection of the embeddings": width * d + d if width != d else 0,
        "attention": layers * (4 * d * d + 4 * d), "MLP": layers * (2 * d * inner + inner + d),
        "norms": 2 * width + layers * 4 * d,
    }  # fmt: skip
    transform = d * width + width + 2 * width + v  # of the masked-language-model head; its matrix is the embeddings'
    heads = {
        "masked": HeadParameters(transform),
        "sequence-classification": HeadParameters(pooler, d + 1, frozen=pooler if kind == "bert" else 0),
        "question-answering": HeadParameters(2 * d + 2),
        "token-classification": HeadParameters(0, d + 1),
        "none": HeadParameters(0 if kind == "electra" else pooler),
    }
    beside = {"with its position ids": places}
    if kind == "bert":
        heads["pretraining"] = HeadParameters(transform + pooler + 2 * d + 2)
    if kind == "electra":
        heads["pretraining"] = HeadParameters(d * d + d + d + 1)
    else:
        beside |= {"without its pooler": -pooler, "with a pooler": pooler}
    others = body["norms"] // 2 + (d if width != d else 0)
    return Shape(body, heads, modules, layers, width, v, True, beside, frozenset(modules), others)


def _distilbert(c: Mapping[str, Any]) -> Shape:
    d, inner, layers, v, places = (
        c["dim"],
        c["hidden_dim"],
        c["n_layers"],
        c["vocab_size"],
        c["max_position_embeddings"],
    )
    modules: Modules = {
        **{name: [(d, d, layers)] for name in ("q_lin", "k_lin", "v_lin", "out_lin")},
        "lin1": [(d, inner, layers)], "lin2": [(inner, d, layers)],
    }  # fmt: skip
    body = {
        "embeddings": v * d, "position embeddings": places * d, "attention": layers * (4 * d * d + 4 * d),
        "MLP": layers * (2 * d * inner + inner + d), "norms": 2 * d + layers * 4 * d,
    }  # fmt: skip
    before = d * d + d
    heads = {
        "masked": HeadParameters(before + 2 * d + v),
        "sequence-classification": HeadParameters(before, d + 1),
        "question-answering": HeadParameters(2 * d + 2),
        "token-classification": HeadParameters(0, d + 1),
        "none": HeadParameters(0),
    }
    beside = {"with its position ids": places}
    return Shape(body, heads, modules, layers, d, v, True, beside, frozenset(modules), body["norms"] // 2)


def _albert(c: Mapping[str, Any]) -> Shape:
    """ALBERT shares one layer's parameters among all layers of a group."""
    d, inner, width, v = c["hidden_size"], c["intermediate_size"], c["embedding_size"], c["vocab_size"]
    own, pooler = c["num_hidden_groups"] * c["inner_group_num"], d * d + d
    modules: Modules = {
        **{name: [(d, d, own)] for name in ("query", "key", "value", "dense")},
        "ffn": [(d, inner, own)], "ffn_output": [(inner, d, own)],
    }  # fmt: skip
    places = c["max_position_embeddings"]
    body = {
        "embeddings": v * width, "position embeddings": places * width,
        "token type embeddings": c["type_vocab_size"] * width, "projection of the embeddings": width * d + d,
        "attention": own * (4 * d * d + 4 * d), "MLP": own * (2 * d * inner + inner + d),
        "norms": 2 * width + own * 4 * d,
    }  # fmt: skip
    transform = d * width + width + 2 * width + v
    heads = {
        "masked": HeadParameters(transform),
        "pretraining": HeadParameters(transform + pooler + 2 * d + 2),
        "sequence-classification": HeadParameters(pooler, d + 1, frozen=pooler),
        "question-answering": HeadParameters(2 * d + 2),
        "token-classification": HeadParameters(0, d + 1),
        "none": HeadParameters(pooler),
    }
    beside = {"with its position ids": places, "without its pooler": -pooler, "with a pooler": pooler}
    return Shape(body, heads, modules, own, width, v, True, beside, frozenset(modules), body["norms"] // 2 + d)


def _t5(c: Mapping[str, Any]) -> Shape:
    d, v, inner, ff = c["d_model"], c["vocab_size"], c["num_heads"] * c["d_kv"], c["d_ff"]
    encoder = c["num_layers"]
    decoder = c.get("num_decoder_layers") or encoder
    is_gated = str(c["feed_forward_proj"]).startswith("gated")
    both, attended = encoder + decoder, encoder + 2 * decoder
    bias = c["relative_attention_num_buckets"] * c["num_heads"]
    modules: Modules = {
        **{name: [(d, inner, attended)] for name in ("q", "k", "v")}, "o": [(inner, d, attended)],
        **{name: [(d, ff, both)] for name in (("wi_0", "wi_1") if is_gated else ("wi",))}, "wo": [(ff, d, both)],
    }  # fmt: skip
    mlp = (3 if is_gated else 2) * d * ff
    body = {
        "embeddings": v * d, "attention": attended * 4 * d * inner, "position biases": 2 * bias, "MLP": both * mlp,
        "norms": encoder * 2 * d + decoder * 3 * d + 2 * d,
    }  # fmt: skip
    tied = c["tie_word_embeddings"]
    heads = {
        "causal": HeadParameters(0 if tied else v * d),
        "sequence-classification": HeadParameters(d * d + d, d + 1),
        "question-answering": HeadParameters(2 * d + 2),
        "none": HeadParameters(0),
    }
    of_decoder = decoder * (8 * d * inner + mlp + 3 * d) + bias + d
    # The embeddings are one tensor, which encoder and decoder name too, and which files may hold under each name.
    beside = {"without its decoder": -of_decoder, "with its embeddings counted twice": v * d,
              "with its embeddings counted three times": 2 * v * d}  # fmt: skip
    if not tied:  # transformers 5 ties them whatever the configuration says
        beside["with its output matrix tied to its embeddings"] = -v * d
    return Shape(body, heads, modules, encoder if encoder == decoder else 1, d, v, tied, beside)


Form = Callable[[Mapping[str, Any]], Shape]
_LLAMA_KEYS = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size")
_GROUPED = (*_LLAMA_KEYS, "num_key_value_heads")
_BERT_KEYS = ("hidden_size", "intermediate_size", "num_hidden_layers", "vocab_size", "max_position_embeddings",
              "type_vocab_size")  # fmt: skip
_GEMMA = {"tie_word_embeddings": True, "head_dim": 256}
_T5_KEYS = ("d_model", "d_kv", "d_ff", "num_layers", "num_heads", "vocab_size")
_T5 = {"tie_word_embeddings": True, "relative_attention_num_buckets": 32, "feed_forward_proj": "relu"}
_TYPES = {"type_vocab_size": 2, "max_position_embeddings": 512}

_KNOWN: dict[str, tuple[Form, tuple[str, ...], dict[str, Any]]] = {
    "llama": (_decoder, _LLAMA_KEYS, {"tie_word_embeddings": False}),
    "mistral": (_decoder, _GROUPED, {"tie_word_embeddings": False}),
    "qwen2": (_decoder, _GROUPED, {"tie_word_embeddings": False}),
    "qwen3": (_decoder, _GROUPED, {"tie_word_embeddings": False, "head_dim": 128}),
    "phi3": (_decoder, _LLAMA_KEYS, {"tie_word_embeddings": False}),
    "gemma": (_decoder, _GROUPED, _GEMMA),
    "gemma2": (_decoder, _GROUPED, _GEMMA),
    "gemma3_text": (_decoder, _GROUPED, _GEMMA),
    "gpt2": (_gpt2, ("n_embd", "n_layer", "vocab_size"), {"n_positions": 1024, "tie_word_embeddings": True}),
    "gpt_neox": (_gpt_neox, ("hidden_size", "intermediate_size", "num_hidden_layers", "vocab_size"),
                 {"attention_bias": True, "tie_word_embeddings": False}),
    "opt": (_opt, ("hidden_size", "ffn_dim", "num_hidden_layers", "vocab_size", "max_position_embeddings"),
            {"do_layer_norm_before": True, "_remove_final_layer_norm": False, "tie_word_embeddings": True}),
    "bert": (_encoder, _BERT_KEYS, _TYPES),
    "roberta": (_encoder, _BERT_KEYS, {}),
    "xlm-roberta": (_encoder, _BERT_KEYS, {}),
    "camembert": (_encoder, _BERT_KEYS, {}),
    "electra": (_encoder, (*_BERT_KEYS, "embedding_size"), _TYPES),
    "distilbert": (_distilbert, ("dim", "hidden_dim", "n_layers", "vocab_size"), {"max_position_embeddings": 512}),
    "albert": (_albert, (*_BERT_KEYS, "embedding_size"), {**_TYPES, "num_hidden_groups": 1, "inner_group_num": 1}),
    "t5": (_t5, _T5_KEYS, _T5),
    "mt5": (_t5, _T5_KEYS, {**_T5, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}),
}  # fmt: skip
"""By model type: the form, the keys that it needs, and what a config.json that leaves a key out means by it."""
_FORMS = {kind: (form, defaults) for kind, (form, _, defaults) in _KNOWN.items()}
KEYS = {kind: keys for kind, (_, keys, _) in _KNOWN.items()}
"""By model type: the keys of its configuration that the number of parameters needs."""
