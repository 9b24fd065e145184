"""Parameters by closed form: computed from a configuration alone, never from a model.

Known for Llama and its nearest kin (grouped-query attention, gated MLP, RMSNorm), and for LoRA on it. For any other
architecture the closed form is None and the formula says so.
"""

import ast
from dataclasses import dataclass
from typing import Any

Form = tuple[int | None, str]  # parameters, and the arithmetic that gives them

# Kin of Llama by model_type: which biases attention has, and whether query and key are normalised a head.
_ATTENTION: dict[str, tuple[bool | None, bool | None, bool]] = {
    # query, key and value bias; output bias (None: as `attention_bias` says); query and key norms
    "llama": (None, None, False),
    "mistral": (False, False, False),
    "qwen2": (True, False, False),
    "qwen3": (None, None, True),
}


@dataclass(frozen=True)
class _Shape:
    """The sizes that the formulas need; all in numbers of features, layers or tokens."""

    layers: int
    hidden: int
    inner: int
    query: int
    key: int
    head: int
    vocabulary: int
    tied: bool
    bias_qkv: bool
    bias_out: bool
    bias_mlp: bool
    norm_heads: bool


def closed_forms(config: Any, *, head: str, adapter: Any = None) -> dict[str, Form]:
    """Returns (parameters, formula) for each component of a model with that head, and of its adapter.

    ``config``: a transformers configuration, whose ``num_labels`` is a classification head's width.
    ``adapter``: peft's configuration of the adapter, or None.
    """
    shape = _shape(config, adapter)
    if shape is None:
        unknown: Form = (None, f"no closed form known for {config.model_type}")
        return dict.fromkeys(("embeddings", "attention", "MLP", "norms", "head", "adapter", "other"), unknown)
    s = shape
    attention = f"{s.hidden} × {s.query} + 2 × {s.hidden} × {s.key} + {s.query} × {s.hidden}"
    attention += f" + {s.query} + 2 × {s.key}" if s.bias_qkv else ""
    attention += f" + {s.hidden}" if s.bias_out else ""
    mlp = f"3 × {s.hidden} × {s.inner}" + (f" + 2 × {s.inner} + {s.hidden}" if s.bias_mlp else "")
    norms = f"{s.layers} × 2 × {s.hidden} + {s.hidden}" + (f" + {s.layers} × 2 × {s.head}" if s.norm_heads else "")
    forms = {
        "embeddings": _form(f"{s.vocabulary} × {s.hidden}"),
        "attention": _form(f"{s.layers} × ({attention})"),
        "MLP": _form(f"{s.layers} × ({mlp})"),
        "norms": _form(norms),
        "head": _head(s, head, config),
    }
    if adapter is not None:
        forms["adapter"] = _adapter(s, adapter)
    return forms


def _shape(config: Any, adapter: Any) -> _Shape | None:
    if config.model_type not in _ATTENTION:
        return None
    bias_qkv, bias_out, norm_heads = _ATTENTION[config.model_type]
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    own_bias = bool(getattr(config, "attention_bias", False))
    # peft trains copies of these; unless told to keep them tied, the copy parts from the matrix it was tied to
    saved = {name.rpartition(".")[2] for name in getattr(adapter, "modules_to_save", None) or ()}
    untied = bool(saved & {"embed_tokens", "lm_head"}) and not getattr(adapter, "ensure_weight_tying", False)
    return _Shape(
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        inner=config.intermediate_size,
        query=config.num_attention_heads * head,
        key=config.num_key_value_heads * head,
        head=head,
        vocabulary=config.vocab_size,
        tied=bool(config.tie_word_embeddings) and not untied,
        bias_qkv=own_bias if bias_qkv is None else bias_qkv,
        bias_out=own_bias if bias_out is None else bias_out,
        bias_mlp=config.model_type == "llama" and bool(config.mlp_bias),
        norm_heads=norm_heads,
    )


def _head(s: _Shape, head: str, config: Any) -> Form:
    if head == "sequence-classification":
        return _form(f"{config.num_labels} × {s.hidden}", "no bias")
    if head == "question-answering":
        return _form(f"2 × {s.hidden} + 2", "start and end, with bias")
    return _form("0", "tied to the embeddings") if s.tied else _form(f"{s.vocabulary} × {s.hidden}")


def _adapter(s: _Shape, adapter: Any) -> Form:
    """LoRA puts r × in + out × r beside a matrix of in × out: r × (in + out); DoRA adds a magnitude an output."""
    peft_type = getattr(adapter.peft_type, "value", adapter.peft_type)
    if peft_type != "LORA":
        return None, f"no closed form known for {peft_type}"
    special = ("rank_pattern", "target_parameters", "layer_replication", "trainable_token_indices", "exclude_modules")
    used = [name for name in special if getattr(adapter, name, None)]
    targets = adapter.target_modules
    sizes = {
        "q_proj": (s.hidden, s.query),
        "k_proj": (s.hidden, s.key),
        "v_proj": (s.hidden, s.key),
        "o_proj": (s.query, s.hidden),
        "gate_proj": (s.hidden, s.inner),
        "up_proj": (s.hidden, s.inner),
        "down_proj": (s.inner, s.hidden),
    }
    # a name with a layer's number in it, or a regular expression, picks modules one by one
    names = [] if isinstance(targets, str) else sorted({str(name).rpartition(".")[2] for name in targets or ()})
    numbered = any(part.isdigit() for name in targets or () for part in str(name).split("."))
    if used or not names or numbered or not set(names) <= set(sizes):
        what = ", ".join(used) or "targets other than the layers' own linear modules by name"
        return None, f"no closed form: the adapter has {what}"
    layers = adapter.layers_to_transform
    count = s.layers if layers is None else 1 if isinstance(layers, int) else len(layers)
    pairs = [sizes[name] for name in sizes if name in names]
    formula = f"{count} × {adapter.r} × (" + " + ".join(f"{rows} + {columns}" for rows, columns in pairs) + ")"
    outputs = " + ".join(str(columns) for _, columns in pairs)
    for extra in ("use_dora", "lora_bias"):
        formula += f" + {count} × ({outputs})" if getattr(adapter, extra, False) else ""
    return _form(formula)


def _form(formula: str, remark: str = "") -> Form:
    """Returns the formula's value and how it is shown: the value is worked out from the very text that is printed."""
    value = _value(ast.parse(formula.replace("×", "*"), mode="eval").body)
    return value, f"{formula}; {remark}" if remark else formula


def _value(node: ast.expr) -> int:
    match node:
        case ast.Constant(value=int(value)):
            return value
        case ast.BinOp(left, ast.Add(), right):
            return _value(left) + _value(right)
        case ast.BinOp(left, ast.Mult(), right):
            return _value(left) * _value(right)
    raise ValueError(f"no arithmetic of whole numbers: {ast.unparse(node)}")
