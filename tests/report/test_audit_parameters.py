"""Claimed numbers of parameters, against published counts and against models that are built and counted."""

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import LlamaConfig

from finetune.ledger import count
from report.audit.figures import printed
from report.audit.parameters import audit_parameters

LLAMA_1B = json.loads(
    (Path(__file__).resolve().parents[1] / "data" / "llama-3.2-1b" / "config.json").read_text(encoding="utf-8")
)
TINY = {
    "model_type": "llama", "vocab_size": 40, "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 2,
    "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4, "attention_bias": False, "mlp_bias": False,
}  # fmt: skip
ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def told(text: str, architecture: dict[str, Any] = LLAMA_1B, **options: Any) -> tuple[str, str]:
    outcome = audit_parameters(printed(text), architecture, model="Llama-3.2-1B", **options)
    return outcome.verdict, outcome.arithmetic


@pytest.mark.parametrize(
    ("text", "options"),
    [
        # the published counts of Llama-3.2-1B and of peft's print-outs on it
        ("1,235,814,400", {}),
        ("1235814400", {"of": "trainable"}),
        ("1,235,818,496", {"head": "sequence-classification"}),
        ("1,235,818,498", {"head": "question-answering"}),
        ("1,236,666,368", {"lora_r": 8, "lora_targets": ["q_proj", "v_proj"]}),
        ("851,968", {"of": "trainable", "lora_r": 8, "lora_targets": ["q_proj", "v_proj"]}),
        ("11,272,192", {"of": "trainable", "lora_r": 16, "lora_targets": ALL}),
        ("1,235,814,400", {"lora_r": 16, "lora_targets": ALL}),  # merged
        ("1.24B", {"head": "sequence-classification"}),
        ("1,235,800,000", {}),
        ("4,096", {"of": "trainable", "head": "sequence-classification"}),
    ],
)
def test_numbers_that_can_be(text: str, options: dict[str, Any]) -> None:
    assert told(text, **options)[0] == "holds"


def test_the_nearest_number_is_named() -> None:
    verdict, arithmetic = told("1,235,814,400", head="sequence-classification", labels=2)
    assert verdict == "impossible"
    assert arithmetic == (
        "1,235,814,400 is given as the total number of parameters of Llama-3.2-1B with a sequence-classification head "
        "for 2 labels. Such a model has embeddings 262,668,288 + attention 167,772,160 + MLP 805,306,368 + norms "
        "67,584 + head 4,096 = 1,235,818,496 parameters. The nearest possible number is 1,235,818,496, that of the "
        "whole model; the one given is 4,096 fewer. 1,235,814,400 is the number of Llama-3.2-1B as a "
        "causal language model."
    )


@pytest.mark.parametrize(
    ("text", "options", "remark"),
    [
        ("851,968", {"lora_r": 8, "lora_targets": ["q_proj", "v_proj"]},
         "851,968 is the number of the adapter alone: what is trained, not the total."),
        ("1,236,666,368", {"of": "trainable", "lora_r": 8, "lora_targets": ["q_proj", "v_proj"]},
         "is the number of the whole model: the total, not what is trained."),
        ("1,498,482,688", {}, "is the number of Llama-3.2-1B with its tied embeddings counted twice."),
        ("973,146,112", {}, "is the number of Llama-3.2-1B without its embeddings."),
        ("1,235,818,498", {"head": "sequence-classification"}, "with a question-answering head."),
        ("1.25B", {}, "The nearest possible number is 1,235,814,400, that of the whole model; the one given is"),
    ],
)  # fmt: skip
def test_numbers_given_in_anothers_place(text: str, options: dict[str, Any], remark: str) -> None:
    verdict, arithmetic = told(text, **options)
    assert verdict == "impossible"
    assert remark in arithmetic


def test_what_is_frozen_cannot_be_told() -> None:
    verdict, arithmetic = told("60,821,504", of="trainable")
    assert verdict == "cannot be told"
    assert arithmetic.endswith("Freezing some tensors gives other numbers; which is not said.")
    assert told("1,235,814,401", of="trainable")[0] == "impossible"  # more than there are


def test_an_unknown_architecture_cannot_be_told() -> None:
    verdict, arithmetic = told("124,439,808", TINY | {"model_type": "gpt2"})
    assert verdict == "cannot be told"
    assert arithmetic == "No closed form is known for the architecture gpt2: use report params."


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("head", ["causal", "sequence-classification", "question-answering"])
def test_counts_are_those_of_built_models(head: Any, tied: bool) -> None:
    architecture = TINY | {"tie_word_embeddings": tied}
    config = LlamaConfig(**{key: value for key, value in architecture.items() if key != "model_type"})
    for lora in ({}, {"lora_r": 2, "lora_targets": ["q_proj", "down_proj"]}):
        ledger = count(config, head=head, labels=3, **lora)  # type: ignore[arg-type]
        for of, number in (("total", ledger.total), ("trainable", ledger.trainable)):
            assert told(str(number), architecture, of=of, head=head, labels=3, **lora)[0] == "holds"
        assert told(str(ledger.total + 1), architecture, head=head, labels=3, **lora)[0] == "impossible"
