"""What `hf` would load as another model than the folder holds, or in part at random, is refused before."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from small_models import SMALL
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    BartConfig,
    BertConfig,
)

from finetune.prepare import prepare
from finetune.run import Run
from harness_tasks.errors import UserError
from harness_tasks.models.heads import fetch_weights
from harness_tasks.models.language_models import sees_the_future

BART = BartConfig(d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
                  encoder_ffn_dim=24, decoder_ffn_dim=24, vocab_size=259, pad_token_id=0, bos_token_id=1,
                  eos_token_id=2, decoder_start_token_id=2, forced_eos_token_id=None)  # fmt: skip


def write(made: Any, folder: Path, tokenizer: Path) -> Path:
    made.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tokenizer).save_pretrained(folder)
    return folder


def planned(model: Path, tmp_path: Path) -> None:
    """Prepares a run on a model's folder, as `plan` and `train` do."""
    prepare(Run(model=str(model), task="passages_demo", output=tmp_path / "out", device="cpu", dtype="float32"))


@pytest.mark.parametrize(
    "values",
    [
        {"model_type": "bert", "is_decoder": False},
        {"model_type": "bert", "is_decoder": True},
        {"model_type": "electra"},
        {"model_type": "xlm", "emb_dim": 16, "n_heads": 2, "n_layers": 1, "n_words": 90},
        {"model_type": "gemma3_text", "use_bidirectional_attention": True},
        {"model_type": "gemma3_text"},
        {"model_type": "gpt_neox"},
    ],
)
def test_what_sees_the_future_is_said_to(values: dict[str, Any]) -> None:
    """The expectation is measured: whether logits change with a token that comes later."""
    sizes = {} if values["model_type"] == "xlm" else SMALL | {"num_hidden_layers": 1}
    config = AutoConfig.for_model(**sizes | values)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config).eval()
    for weight in model.parameters():
        if weight.dim() > 1:
            torch.nn.init.normal_(weight, 0, 0.5)
    with torch.inference_mode():
        one, other = (model(input_ids=torch.tensor([[5, 6, 7, 8, last]])).logits[0, :4] for last in (9, 10))
    assert (sees_the_future(config) is not None) == (not torch.allclose(one, other, atol=1e-5))


def test_an_encoder_is_neither_scored_as_a_language_model_nor_trained_as_one(tiny_model: Path, tmp_path: Path) -> None:
    config = BertConfig(**SMALL | {"vocab_size": 259})
    folder = write(AutoModelForMaskedLM.from_config(config), tmp_path / "bert", tiny_model)
    for use in (lambda: fetch_weights("hf", {"pretrained": str(folder)}), lambda: planned(folder, tmp_path)):
        with pytest.raises(UserError, match=r"is an encoder .bert, is_decoder: false., asked") as caught:
            use()
        assert "--head sequence-classification" in caught.value.mend


def test_an_encoder_decoder_is_scored_whole_and_its_decoder_not_trained(tiny_model: Path, tmp_path: Path) -> None:
    folder = write(AutoModelForSeq2SeqLM.from_config(BART), tmp_path / "bart", tiny_model)
    fetch_weights("hf", {"pretrained": str(folder)})
    with pytest.raises(UserError, match=r"is an encoder-decoder .bart., to be trained as a causal language model"):
        planned(folder, tmp_path)


def test_a_decoder_alone_is_not_loaded_with_a_random_encoder(tiny_model: Path, tmp_path: Path) -> None:
    folder = write(AutoModelForCausalLM.from_config(BART), tmp_path / "decoder", tiny_model)
    with pytest.raises(UserError, match="the decoder alone of an encoder-decoder") as caught:
        fetch_weights("hf-shared", {"pretrained": str(folder)})
    assert caught.value.mend == "add backend=causal to --model_args"
    fetch_weights("hf-shared", {"pretrained": str(folder), "backend": "causal"})


def test_a_tensor_that_is_missing_is_not_made_at_random(tiny_model: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    weights = load_file(folder / "model.safetensors")
    lost = "model.layers.1.mlp.up_proj.weight"
    del weights[lost]
    save_file({**weights, "unused": torch.zeros(1)}, folder / "model.safetensors", metadata={"format": "pt"})
    for model in ("hf", "hf-shared", "hf-recorded"):
        with pytest.raises(UserError, match=f"no weights for 1 tensors of LlamaForCausalLM, the first {lost}"):
            fetch_weights(model, {"pretrained": str(folder)})
    with pytest.raises(UserError, match=f"no weights for 1 tensors of LlamaForCausalLM, the first {lost}"):
        planned(folder, tmp_path)
