"""A checkpoint as one GGUF file: quantised weights, tokenizer, chat template and configuration, read back and compared.

The format and its names are those of the package `gguf` (ggml-org/llama.cpp, gguf-py), which also quantises. Of the
Llama architecture the rows of queries and keys are in another order there, as its rotary embeddings pair neighbours:
https://github.com/ggml-org/llama.cpp/blob/master/convert_hf_to_gguf.py (`LlamaModel.permute`).
"""

import math
from pathlib import Path
from typing import Any, Literal, NamedTuple

from finetune.export.gguf_tokenizer import Vocabulary, vocabulary_of
from harness_tasks.errors import UserError

Quantisation = Literal["F32", "F16", "BF16", "Q8_0", "Q4_0"]
BLOCK = 32
"""Weights that share a scale in `Q8_0` and `Q4_0`; a matrix whose rows it does not divide is kept in 16 bits."""
ARCHITECTURES = {
    "LlamaForCausalLM": "LLAMA",
    "MistralForCausalLM": "LLAMA",
    "Qwen2ForCausalLM": "QWEN2",
    "Qwen3ForCausalLM": "QWEN3",
}
"""transformers' classes whose weights are written, and gguf's name of the architecture."""
TOLERANCE = 1e-3
"""Largest difference of logits, as a share of the largest, between the file read back and the quantised weights."""


class Exported(NamedTuple):
    """A written file: its size, the weights that were kept in 16 bits, and the largest difference when read back."""

    path: Path
    size_bytes: int
    kept: list[str]
    difference: float


def export_gguf(checkpoint: Path, output: Path, quantisation: Quantisation, *, base: str | None = None) -> Exported:
    """Returns what was written to ``output``: the checkpoint, an adapter merged into its base, in ``quantisation``.

    The embeddings of a `Q4_0` file are in `Q8_0`, as llama.cpp keeps them in more bits as well; vectors stay float32.
    The file is read back by transformers, and must give the logits of the weights that the quantised ones stand for.

    Raises:
        UserError: the checkpoint cannot be loaded, has a head or an architecture that this does not write, or a
            tokenizer that has no name in llama.cpp; ``output`` is there, or what is read back is another model.
    """
    from finetune.merge import merged_model
    from finetune.models import base_config, base_of, load_checkpoint, load_config, load_tokenizer

    if output.exists():
        raise UserError(f"{output} is there already", "it would be replaced", "name a new file with --output")
    is_adapter = (checkpoint / "adapter_config.json").is_file()
    place, revision, config = str(checkpoint), None, None
    if is_adapter:
        path, base_revision, head = base_of(checkpoint, base)
        _refuse_head(checkpoint, head)
        config = base_config(path, base_revision)
        if not any((checkpoint / name).is_file() for name in ("tokenizer.json", "tokenizer_config.json")):
            place, revision = path, base_revision
    else:
        config = load_config(str(checkpoint), None)
    _refuse_architecture(checkpoint, config)
    tokenizer = load_tokenizer(place, revision)
    vocabulary_of(tokenizer, len(tokenizer))  # what it cannot write is told before the weights are loaded
    import torch

    model = merged_model(checkpoint, base=base) if is_adapter else load_checkpoint(checkpoint, dtype=torch.float32)
    model = model.eval()
    partial = output.with_name(f".{output.name}.partial")
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        kept = _write(partial, model, tokenizer, quantisation, name=checkpoint.name)
        difference = _read_back(partial, model)
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)
    return Exported(output, output.stat().st_size, kept, difference)


def _refuse_head(checkpoint: Path, head: str) -> None:
    if head != "causal":
        raise UserError(
            f"{checkpoint} answers with the head {head}",
            "GGUF has a place for the head of a language model alone: the file would answer in words",
            "export a checkpoint that was trained with the head causal",
        )


def _refuse_architecture(checkpoint: Path, config: Any) -> None:
    """Raises UserError for a model whose weights are not written, or whose positions llama.cpp would read otherwise."""
    names = config.architectures or ["?"]
    if "LM" not in names[0] and "For" in names[0]:
        _refuse_head(checkpoint, names[0])
    reason = "" if names[0] in ARCHITECTURES else f"is a {names[0]}"
    if not reason and names[0] == "MistralForCausalLM" and config.sliding_window:
        reason = f"reads a sliding window of {config.sliding_window} tokens, which llama.cpp's `llama` does not"
    if not reason and (kind := _rope(config).get("rope_type", "default")) not in ("default", "linear", "llama3"):
        reason = f"scales its rotary embeddings by {kind}"
    if reason:
        raise UserError(
            f"the model of {checkpoint} {reason}",
            f"these are written: {', '.join(ARCHITECTURES)}, with plain, linear or Llama 3's rotary embeddings",
            "merge it (`aftertune merge`), and convert the folder with llama.cpp's own convert_hf_to_gguf.py",
        )


def _rope(config: Any) -> dict[str, Any]:
    return dict(getattr(config, "rope_parameters", None) or {})


def _write(path: Path, model: Any, tokenizer: Any, quantisation: Quantisation, *, name: str) -> list[str]:
    """Returns the weights that were kept in 16 bits; ``model`` then has those that the written ones stand for."""
    import gguf
    import torch

    config, parameters = model.config, dict(model.named_parameters())
    architecture = gguf.MODEL_ARCH[ARCHITECTURES[config.architectures[0]]]
    names, kept = gguf.get_tensor_name_map(architecture, config.num_hidden_layers), list[str]()
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[architecture])
    _describe(writer, config, name, quantisation)
    _add_tokenizer(writer, tokenizer, vocabulary_of(tokenizer, int(model.get_input_embeddings().weight.shape[0])))
    if (factors := _llama3_factors(config)) is not None:
        writer.add_tensor("rope_freqs.weight", factors)
    for own, parameter in parameters.items():
        written = names.get_name(own, try_suffixes=(".weight", ".bias"))
        if written is None:
            raise UserError(
                f"the model has the weights {own}, which the architecture {architecture.name} of GGUF has no place for",
                "the file would be another model than the checkpoint",
                "export a model without weights of its own making",
            )
        weights = parameter.detach().float().numpy()
        heads = _permuted_heads(config, architecture, written)
        if heads:
            weights = _permuted(weights, heads)
        kind = _type_of(weights, written, quantisation)
        if kind.name == "F16" and quantisation.startswith("Q"):
            kept.append(own)
        data = gguf.quants.quantize(weights, kind)
        writer.add_tensor(written, data, raw_dtype=kind)
        stood_for = gguf.quants.dequantize(data, kind)
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(_permuted(stood_for, heads, back=True) if heads else stood_for.copy()))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return kept


def _describe(writer: Any, config: Any, name: str, quantisation: Quantisation) -> None:
    import gguf

    rope, heads = _rope(config), config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // heads
    writer.add_name(name)
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_file_type(gguf.LlamaFileType[_FILE_TYPES[quantisation]])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_rope_dimension_count(width)
    writer.add_key_length(width)
    writer.add_value_length(width)
    writer.add_rope_freq_base(float(rope.get("rope_theta", 10_000.0)))
    if rope.get("rope_type") == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(float(rope["factor"]))


_FILE_TYPES: dict[Quantisation, str] = {
    "F32": "ALL_F32", "F16": "MOSTLY_F16", "BF16": "MOSTLY_BF16", "Q8_0": "MOSTLY_Q8_0", "Q4_0": "MOSTLY_Q4_0",
}  # fmt: skip


def _add_tokenizer(writer: Any, tokenizer: Any, vocabulary: Vocabulary) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(vocabulary.pre)
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(vocabulary.kinds)
    if vocabulary.merges:
        writer.add_token_merges(vocabulary.merges)
    for kind, place in (
        (writer.add_bos_token_id, tokenizer.bos_token_id),
        (writer.add_eos_token_id, tokenizer.eos_token_id),
        (writer.add_unk_token_id, tokenizer.unk_token_id),
        (writer.add_pad_token_id, tokenizer.pad_token_id),
    ):
        if place is not None:
            kind(place)
    bare = tokenizer("a").input_ids
    writer.add_add_bos_token(tokenizer.bos_token_id is not None and bare[:1] == [tokenizer.bos_token_id])
    writer.add_add_space_prefix(False)
    if tokenizer.chat_template:
        writer.add_chat_template(tokenizer.chat_template)


def _llama3_factors(config: Any) -> Any:
    """Returns what each frequency is divided by under Llama 3's scaling, as llama.cpp reads it; None without it.

    The same rule as transformers' `_compute_llama3_parameters`.
    """
    import numpy as np

    rope = _rope(config)
    if rope.get("rope_type") != "llama3":
        return None
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    frequencies = float(rope["rope_theta"]) ** (-np.arange(0, width, 2, dtype=np.float64) / width)
    lengths = 2 * math.pi / frequencies
    factor, low, high = rope["factor"], rope["low_freq_factor"], rope["high_freq_factor"]
    context = rope["original_max_position_embeddings"]
    smooth = (context / lengths - low) / (high - low)
    between = 1 / ((1 - smooth) / factor + smooth)
    found = np.where(lengths < context / high, 1.0, np.where(lengths > context / low, factor, between))
    return found.astype(np.float32)


def _permuted_heads(config: Any, architecture: Any, written: str) -> int:
    """Returns the heads whose rows are in another order in the file; 0 where they are as they were."""
    if architecture.name != "LLAMA":
        return 0
    if ".attn_q." in written:
        return int(config.num_attention_heads)
    return int(config.num_key_value_heads) if ".attn_k." in written else 0


def _permuted(weights: Any, heads: int, *, back: bool = False) -> Any:
    """Returns the rows of each head with its two halves interleaved, or (``back``) parted again."""
    half = weights.shape[0] // heads // 2
    shape = (heads, half, 2, *weights.shape[1:]) if back else (heads, 2, half, *weights.shape[1:])
    return weights.reshape(shape).swapaxes(1, 2).reshape(weights.shape).copy()


def _type_of(weights: Any, written: str, quantisation: Quantisation) -> Any:
    import gguf

    if weights.ndim < 2:
        return gguf.GGMLQuantizationType.F32
    if quantisation.startswith("Q") and weights.shape[-1] % BLOCK:
        return gguf.GGMLQuantizationType.F16
    more = quantisation == "Q4_0" and written in ("token_embd.weight", "output.weight")
    return gguf.GGMLQuantizationType["Q8_0" if more else quantisation]


def _read_back(path: Path, expected: Any) -> float:
    """Returns the largest difference of logits between the file, read by transformers, and ``expected``.

    It is read by what it says of itself, but for Llama 3's scaling and the width of Qwen 3's heads, which transformers
    does not take from a file.
    """
    import torch
    from transformers import AutoModelForCausalLM

    is_told = _rope(expected.config).get("rope_type") == "llama3" or expected.config.model_type == "qwen3"
    own = {"config": expected.config} if is_told else {}
    found = AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32, local_files_only=True, **own
    ).eval()
    rows = int(expected.get_input_embeddings().weight.shape[0])
    ids = torch.tensor([[(7919 * n + 31) % rows for n in range(24)]])
    with torch.no_grad():
        one, other = (model(input_ids=ids, use_cache=False).logits for model in (found, expected))
    largest, difference = float(other.abs().max()), float((one - other).abs().max())
    if not difference <= TOLERANCE * max(1.0, largest):
        raise UserError(
            f"the file, read back by transformers, has logits that differ by {difference:.3g}, of up to {largest:.3g}",
            "it is another model than the checkpoint",
            "export it as F32, and report the difference with the checkpoint's config.json",
        )
    return difference
