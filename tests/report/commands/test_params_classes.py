"""`aftertune params` of models with none of the three heads, and of configurations that make no model."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from report.__main__ import app


def params(tmp_path: Path, config: dict[str, Any], *options: str) -> Any:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    return CliRunner().invoke(app, ["params", str(path), *options])


@pytest.mark.parametrize(
    ("config", "architecture", "head", "total"),
    [
        # By their types alone they are published models: T5-small, CLIP ViT-B/32, Whisper-tiny, of the sizes on their
        # cards: 60.5, 151 and 37.8 million. (https://huggingface.co/google-t5/t5-small and the like)
        ({"model_type": "t5"}, "T5ForConditionalGeneration", "conditional-generation", 60_506_624),
        ({"model_type": "clip"}, "CLIPModel", "none", 151_277_313),
        ({"model_type": "whisper"}, "WhisperForConditionalGeneration", "conditional-generation", 37_760_640),
        # The configuration names the class; BERT-base without a head: https://arxiv.org/abs/1810.04805, 110 million.
        ({"model_type": "bert", "architectures": ["BertModel"]}, "BertModel", "none", 109_482_240),
        ({"model_type": "bert", "architectures": ["BertForMaskedLM"]}, "BertForMaskedLM", "masked-lm", 109_514_298),
    ],
)
def test_what_transformers_builds_is_counted_and_its_class_said(
    tmp_path: Path, config: dict[str, Any], architecture: str, head: str, total: int
) -> None:
    done = params(tmp_path, config, "--json")
    assert done.exit_code == 0, done.stderr
    ledger = json.loads(done.stdout)
    assert (ledger["architecture"], ledger["head"], ledger["total"]) == (architecture, head, total)
    assert sum(line["counted"] for line in ledger["components"]) == total
    assert all(line["closed_form"] is None for line in ledger["components"])


def test_t5s_components_by_hand(tmp_path: Path) -> None:
    # 6 + 6 layers of width 512: 18 attentions of 4 × 512², 12 MLPs of 2 × 512 × 2,048, two tables of 32 × 8 positions.
    ledger = json.loads(params(tmp_path, {"model_type": "t5"}, "--json").stdout)
    lines = {line["component"]: line["counted"] for line in ledger["components"]}
    assert lines["attention"] == 18 * 4 * 512**2
    assert lines["MLP"] == 12 * 2 * 512 * 2048
    assert lines["norms"] == (6 * 2 + 6 * 3 + 2) * 512
    assert lines["embeddings"] == 32_128 * 512 + 2 * 32 * 8
    assert ledger["tied"] == 3 * 32_128 * 512


@pytest.mark.parametrize(
    ("config", "mlp", "head", "other", "added"),
    [
        # BERT-base: 12 MLPs of 768 × 3,072 twice with biases; a pooler of 768² + 768 is none of them, nor a head.
        (
            {"model_type": "bert", "architectures": ["BertForSequenceClassification"]},
            12 * (2 * 768 * 3072 + 3072 + 768), 2 * 768 + 2, 768**2 + 768, 2 * 768 + 2,
        ),
        # ELECTRA-small: its heads of pre-training are heads, and no part of what comes new.
        (
            {"model_type": "electra", "architectures": ["ElectraForPreTraining"]},
            12 * (2 * 256 * 1024 + 1024 + 256), 256**2 + 256 + 256 + 1, 0, 0,
        ),
        # BART-large: `fc1` and `fc2` are its MLPs, in 12 + 12 layers.
        ({"model_type": "bart"}, 24 * (2 * 1024 * 4096 + 4096 + 1024), 0, 0, 0),
        (
            {"model_type": "distilbert", "architectures": ["DistilBertForMaskedLM"]},
            6 * (2 * 768 * 3072 + 3072 + 768), 768**2 + 768 + 2 * 768 + 30_522, 0, 0,
        ),
    ],
)  # fmt: skip
def test_an_mlp_is_an_mlp_by_whatever_name_and_a_head_a_head(
    tmp_path: Path, config: dict[str, Any], mlp: int, head: int, other: int, added: int
) -> None:
    ledger = json.loads(params(tmp_path, config, "--json").stdout)
    lines = {line["component"]: line["counted"] for line in ledger["components"]}
    assert (lines["MLP"], lines["head"], lines.get("other", 0), ledger["added"]) == (mlp, head, other, added)


def small_llava() -> dict[str, Any]:
    text = {"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "intermediate_size": 128}
    text |= {"num_attention_heads": 4, "num_key_value_heads": 4, "vocab_size": 320}
    vision = {"model_type": "clip_vision_model", "hidden_size": 32, "num_hidden_layers": 2, "intermediate_size": 64}
    vision |= {"num_attention_heads": 4, "image_size": 32, "patch_size": 8, "projection_dim": 32}
    return {"model_type": "llava", "text_config": text, "vision_config": vision}


def test_a_model_that_sees_is_counted_with_all_of_its_parts(tmp_path: Path) -> None:
    ledger = json.loads(params(tmp_path, small_llava(), "--json").stdout)
    assert ledger["architecture"] == "LlavaForConditionalGeneration"
    text = 2 * (4 * 64**2 + 3 * 64 * 128 + 2 * 64) + 64
    vision = 2 * (4 * (32**2 + 32) + 2 * 32 * 64 + 64 + 32 + 4 * 32) + 2 * 2 * 32
    projector = 32 * 64 + 64 + 64**2 + 64
    patches = 3 * 8 * 8 * 32 + 32 + (16 + 1) * 32
    assert ledger["total"] == text + vision + projector + patches + 2 * 320 * 64


def test_lora_on_such_a_model_is_refused(tmp_path: Path) -> None:
    done = params(tmp_path, {"model_type": "t5"}, "--lora-r", "8")
    assert done.exit_code == 2
    assert "Found: --lora-r 8 on a T5ForConditionalGeneration" in done.stderr


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"model_type": "llama", "hidden_size": 0}, ""),
        ({"model_type": "llama", "hidden_size": -64}, "transformers makes no LlamaForCausalLM"),
        ({"model_type": "llama", "architectures": -1}, "has at `architectures` -1"),
        ({"model_type": "llama", "architectures": [None]}, "has at `architectures.0` None"),
        ({"model_type": "llama", "num_hidden_layers": 10**9}, "`num_hidden_layers` is 1000000000"),
        ({"model_type": "llama", "vocab_size": "many"}, ""),
        ({"model_type": "nemotron"}, "transformers makes no NemotronForCausalLM"),
        ({"model_type": "dbrx"}, "transformers makes no DbrxForCausalLM"),
        ({"model_type": "ministral"}, "transformers makes no MinistralForCausalLM"),
        ({"model_type": "reformer"}, "transformers makes no Reformer"),
        ({"model_type": "gemma3n"}, "Gemma3n"),
    ],
)
def test_a_configuration_of_which_there_is_no_model(tmp_path: Path, config: dict[str, Any], said: str) -> None:
    done = params(tmp_path, config)
    assert done.exit_code == 2, done.stdout
    assert re.match(r"Found: .+\nWhy it matters: .+\nTo mend it: .+\n$", done.stderr)
    assert said in done.stderr


@pytest.mark.slow
def test_no_type_of_model_ends_in_a_traceback(tmp_path: Path) -> None:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    counted = 0
    for kind in CONFIG_MAPPING:
        done = params(tmp_path, {"model_type": kind})
        assert done.exit_code in (0, 2), (kind, done.exception)
        counted += done.exit_code == 0
    assert counted > 500
