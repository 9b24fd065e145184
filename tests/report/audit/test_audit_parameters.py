"""Claimed numbers of parameters, against published counts and against models that are built and counted."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoConfig

from finetune.ledger import count
from report.audit.architectures import KEYS, Shape, shape
from report.audit.figures import printed
from report.audit.numbers import HeadName, Lora, all_biases, totals, trained
from report.audit.parameters import Subject, audit_parameters, audit_quotient, audit_share

DATA = Path(__file__).resolve().parents[2] / "data"
LLAMA_1B = json.loads((DATA / "llama-3.2-1b" / "config.json").read_text(encoding="utf-8"))
TINY = {
    "model_type": "llama", "vocab_size": 40, "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 2,
    "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4, "attention_bias": False, "mlp_bias": False,
}  # fmt: skip
ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
BERT = {"model_type": "bert", "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12,
        "num_attention_heads": 12, "vocab_size": 30522}  # fmt: skip
DISTILBERT = {"model_type": "distilbert", "dim": 768, "hidden_dim": 3072, "n_layers": 6, "vocab_size": 30522}
ROBERTA = BERT | {"model_type": "roberta", "vocab_size": 50265, "max_position_embeddings": 514, "type_vocab_size": 1}
ALBERT = BERT | {"model_type": "albert", "vocab_size": 30000, "embedding_size": 128}
GPT2 = {"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257}
T5_SMALL = {"model_type": "t5", "d_model": 512, "d_kv": 64, "d_ff": 2048, "num_layers": 6, "num_heads": 8,
            "vocab_size": 32128}  # fmt: skip
T5_BASE = T5_SMALL | {"d_model": 768, "d_ff": 3072, "num_layers": 12, "num_heads": 12}
FLAN_T5_BASE = T5_BASE | {"d_ff": 2048, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
GEMMA_2B = {"model_type": "gemma", "hidden_size": 2048, "intermediate_size": 16384, "num_hidden_layers": 18,
            "num_attention_heads": 8, "num_key_value_heads": 1, "vocab_size": 256000}  # fmt: skip
PYTHIA_70M = {"model_type": "gpt_neox", "hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 6,
              "vocab_size": 50304}  # fmt: skip
OPT_125M = {"model_type": "opt", "hidden_size": 768, "ffn_dim": 3072, "num_hidden_layers": 12, "vocab_size": 50272,
            "max_position_embeddings": 2048}  # fmt: skip
LLAMA_7B = {"model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
            "num_attention_heads": 32, "vocab_size": 32000}  # fmt: skip


def told(
    text: str,
    architecture: dict[str, Any] = LLAMA_1B,
    *,
    of: Any = "total",
    head: HeadName | None = "causal",
    labels: int | None = None,
    lora: Lora | None = None,
    method: str = "lora",
) -> tuple[str, str]:
    subject = Subject("Llama-3.2-1B", architecture, head, labels, lora, method)
    outcome = audit_parameters(printed(text), subject, of=of)
    return outcome.verdict, outcome.arithmetic


def lora(r: int | None = 8, *targets: str, layers: int | None = None) -> Lora:
    return Lora(r, targets or None, layers)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        # the published counts of Llama-3.2-1B and of peft's print-outs on it
        ("1,235,814,400", {}),
        ("1235814400", {"of": "trainable"}),
        ("1,235,818,496", {"head": "sequence-classification", "labels": 2}),
        ("1,235,818,496", {"head": "sequence-classification"}),
        ("1,235,818,496", {"head": None}),
        ("1,235,818,498", {"head": "question-answering"}),
        ("1,236,666,368", {"lora": lora(8, "q_proj", "v_proj")}),
        ("851,968", {"of": "trainable", "lora": lora(8, "q_proj", "v_proj")}),
        ("11,272,192", {"of": "trainable", "lora": lora(16, *ALL)}),
        ("11,272,192", {"of": "trainable", "lora": lora(16)}),
        ("1,235,814,400", {"lora": lora(16, *ALL)}),  # merged
        ("1.24B", {"head": "sequence-classification", "labels": 2}),
        ("1,235,800,000", {}),
        ("1 235 814 400", {}),
        ("1.235.814.400", {}),
        ("1.24 bn", {}),
        ("4,096", {"of": "trainable", "head": "sequence-classification", "labels": 2}),
        ("1,498,482,688", {}),  # tied embeddings counted twice, as a sum over a state_dict does
        ("973,146,112", {}),  # without the embeddings, as Qwen's cards have it
        # peft 0.21 counts the frozen copy of a head beside an adapter
        ("1,236,674,560", {"head": "sequence-classification", "labels": 2, "lora": lora(8, "q_proj", "v_proj")}),
        ("856,064", {"of": "trainable", "head": "sequence-classification", "lora": lora(8, "q_proj", "v_proj")}),
        # LoRA in 8 of 16 layers: 8 × 8 × (2048 + 2048 + 2048 + 512) = 425,984
        ("425,984", {"of": "trainable", "lora": lora(8, "q_proj", "v_proj", layers=8)}),
    ],
)
def test_numbers_that_can_be(text: str, options: dict[str, Any]) -> None:
    assert told(text, **options)[0] == "holds"


@pytest.mark.parametrize(
    ("text", "architecture", "head", "labels"),
    [
        # published counts, from papers, cards and the Hub's own count of safetensors
        ("109,482,240", BERT, None, None),
        ("109,482,240", BERT, "none", None),
        ("108,310,272", BERT | {"vocab_size": 28996}, None, None),  # bert-base-cased
        ("109,483,778", BERT, "sequence-classification", 2),
        ("108,893,186", BERT, "question-answering", None),
        ("109,514,298", BERT, "masked", None),
        ("110,106,428", BERT, "pretraining", None),
        ("110M", BERT, None, None),
        ("110M", BERT, "sequence-classification", 2),
        ("66,362,880", DISTILBERT, None, None),
        ("66,955,010", DISTILBERT, "sequence-classification", 2),
        ("66,985,530", DISTILBERT, "masked", None),
        ("67.0M", DISTILBERT, "masked", None),
        ("66M", DISTILBERT, None, None),
        ("124,645,632", ROBERTA, None, None),
        ("124,647,170", ROBERTA, "sequence-classification", 2),
        ("125M", ROBERTA, None, None),
        ("11,683,584", ALBERT, None, None),
        ("124,439,808", GPT2, None, None),
        ("124,441,344", GPT2, "sequence-classification", 2),
        ("123.65M", GPT2, "causal", None),  # without its position embeddings, as nanoGPT counts
        ("137,022,720", GPT2, "causal", None),  # with the causal masks, as the Hub counts
        ("163,037,184", GPT2, "causal", None),  # the tied matrix twice
        ("60,506,624", T5_SMALL, "causal", None),
        ("222,903,552", T5_BASE, "causal", None),
        ("220M", T5_BASE, None, None),
        ("247,577,856", FLAN_T5_BASE, "causal", None),
        ("2,506,172,416", GEMMA_2B, None, None),
        ("2.51B", GEMMA_2B, "causal", None),
        ("2B", GEMMA_2B, "causal", None),  # its name, by its parameters without embeddings
        ("70,426,624", PYTHIA_70M, "causal", None),
        ("18,915,328", PYTHIA_70M, "causal", None),  # non-embedding parameters, as its paper gives them
        ("125,239,296", OPT_125M, "causal", None),
        ("6,738,415,616", LLAMA_7B, "causal", None),
        ("7B", LLAMA_7B, "causal", None),
    ],
)
def test_published_counts_of_other_architectures_hold(
    text: str, architecture: dict[str, Any], head: HeadName | None, labels: int | None
) -> None:
    verdict, arithmetic = told(text, architecture, head=head, labels=labels)
    assert verdict == "holds", arithmetic


@pytest.mark.parametrize(
    ("text", "architecture", "options"),
    [
        ("2.1M", LLAMA_1B, {"of": "trainable", "lora": lora(21, "q_proj", "v_proj")}),  # 2,236,416 is 2.2M
        ("1.2B", GEMMA_2B | {"num_hidden_layers": 7}, {}),  # 1,295,017,984, cut off
        ("1178.6M", LLAMA_1B, {}),  # 2^20: 1,235,814,400 / 1,048,576 = 1178.56
        ("1,235,816,448", LLAMA_1B, {}),  # with a padding token
        ("425,984", LLAMA_1B, {"of": "trainable", "lora": lora(8, "q_proj", "v_proj")}),  # 8 of 16 layers
        ("851,968", LLAMA_1B, {"of": "trainable", "lora": lora(8)}),  # peft's own default targets
        ("892,928", LLAMA_1B, {"of": "trainable", "lora": lora(8, "q_proj", "v_proj")}),  # DoRA
        ("851,968", LLAMA_1B, {"of": "trainable", "lora": lora(None)}),
        ("9,437,184", LLAMA_1B, {"of": "trainable", "lora": lora(8, "Wqkv")}),
        ("20,480", LLAMA_1B, {"of": "trainable", "lora": lora(10), "method": "prompt-tuning"}),
        ("60,821,504", LLAMA_1B, {"of": "trainable"}),
        ("109,483,778", BERT, {"head": "masked"}),
        ("300M", {"model_type": "mamba"}, {}),
        ("300M", {"model_type": "bert"}, {}),
        ("184M", {"model_type": "deberta-v2", "hidden_size": 768}, {"head": "sequence-classification"}),
    ],
)
def test_what_is_not_said_or_not_known_cannot_be_told(
    text: str, architecture: dict[str, Any], options: dict[str, Any]
) -> None:
    verdict, arithmetic = told(text, architecture, **options)
    if text == "109,483,778":  # a classifier's number, given for a masked language model: that is no way to count it
        assert verdict == "impossible"
        return
    assert verdict == "cannot be told", arithmetic


def test_old_prints_of_qlora_count_two_weights_as_one() -> None:
    """The print-out of many early QLoRA runs on Llama-7B, whose packed bytes peft counted as parameters."""
    options: dict[str, Any] = {"lora": lora(8, "q_proj", "v_proj"), "method": "qlora"}
    assert told("4,194,304", LLAMA_7B, of="trainable", **options)[0] == "holds"
    assert told("3,504,607,232", LLAMA_7B, **options)[0] == "holds"
    subject = Subject("Llama-7B", LLAMA_7B, None, None, lora(8, "q_proj", "v_proj"), "qlora")
    assert audit_share(printed("0.11967971650867153"), subject).verdict == "holds"


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
        ("851,968", {"lora": lora(8, "q_proj", "v_proj")},
         "851,968 is the number of the adapter alone: what is trained, not the total."),
        ("1,236,666,368", {"of": "trainable", "lora": lora(8, "q_proj", "v_proj")},
         "is the number of the whole model with its adapter: the total, not what is trained."),
        ("1,235,818,498", {"head": "sequence-classification", "labels": 2}, "with a question-answering head."),
        ("1.26B", {}, "The nearest possible number is 1,235,814,400, that of the whole model; the one given is"),
        ("1,498,482,689", {"of": "trainable"}, "the one given is 262,668,289 more."),
        ("1,235,814,401", {"head": None}, "the one given is 1 more."),
        ("117M", {}, "that of the whole model"),
    ],
)  # fmt: skip
def test_numbers_that_cannot_be(text: str, options: dict[str, Any], remark: str) -> None:
    verdict, arithmetic = told(text, **options)
    assert verdict == "impossible", arithmetic
    assert remark in arithmetic


def test_an_unknown_architecture_cannot_be_told() -> None:
    verdict, arithmetic = told("124,439,808", TINY | {"model_type": "gpt3"})
    assert verdict == "cannot be told"
    assert arithmetic == "No closed form is known for the architecture gpt3: use aftertune params."
    assert told("1", {"model_type": "gpt2"})[1] == (
        "The configuration of the architecture gpt2 lacks n_embd, n_layer, vocab_size."
    )


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("head", ["causal", "sequence-classification", "question-answering"])
def test_counts_are_those_of_built_models(head: Any, tied: bool) -> None:
    architecture = TINY | {"tie_word_embeddings": tied}
    config = AutoConfig.for_model("llama", **{k: value for k, value in architecture.items() if k != "model_type"})
    labels = 3 if head == "sequence-classification" else None
    for adapter in (None, lora(2, "q_proj", "down_proj")):
        sizes = {"lora_r": adapter.r, "lora_targets": adapter.targets} if adapter else {}
        ledger = count(config, head=head, labels=3, **sizes)  # type: ignore[arg-type]
        for of, number in (("total", ledger.total), ("trainable", ledger.trainable)):
            assert told(str(number), architecture, of=of, head=head, labels=labels, lora=adapter)[0] == "holds"
            assert told(str(number), architecture, of=of, head=None, lora=adapter)[0] == "holds"
        assert told(str(ledger.total + 1), architecture, head=head, labels=labels, lora=adapter)[0] == "impossible"


def same(kinds: tuple[str, ...], values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {kind: dict(values) for kind in kinds}


SMALL: dict[str, dict[str, Any]] = {
    **same(("bert", "roberta", "xlm-roberta", "camembert"), {
        "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 40,
        "max_position_embeddings": 20, "type_vocab_size": 2}),
    **same(("mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "llama", "phi3"), {
        "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
        "num_key_value_heads": 1, "vocab_size": 40, "head_dim": 6, "attention_bias": True, "pad_token_id": 0}),
    **same(("t5", "mt5"), {"d_model": 8, "d_kv": 3, "d_ff": 16, "num_layers": 2, "num_decoder_layers": 3,
                                    "num_heads": 2, "vocab_size": 40, "tie_word_embeddings": True}),
    "gpt2": {"n_embd": 8, "n_layer": 2, "n_head": 2, "vocab_size": 40, "n_inner": 12, "n_positions": 20},
    "gpt_neox": {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
                 "vocab_size": 40},
    "opt": {"hidden_size": 8, "ffn_dim": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 40,
            "max_position_embeddings": 20, "word_embed_proj_dim": 4, "do_layer_norm_before": False},
    "distilbert": {"dim": 8, "hidden_dim": 16, "n_layers": 2, "n_heads": 2, "vocab_size": 40},
}  # fmt: skip
SMALL |= {name: SMALL["bert"] | {"embedding_size": 4} for name in ("electra", "albert")}
SMALL["llama"] = SMALL["llama"] | {"mlp_bias": True}


@pytest.mark.parametrize("kind", KEYS)
def test_closed_forms_are_what_transformers_builds(kind: str) -> None:
    """Totals of every head, and what peft trains and prints on the first linear modules, on the meta device."""
    import torch
    import transformers
    from peft import LoraConfig, get_peft_model

    classes: dict[str, Any] = {
        "causal": transformers.AutoModelForSeq2SeqLM if "t5" in kind else transformers.AutoModelForCausalLM,
        "sequence-classification": transformers.AutoModelForSequenceClassification,
        "question-answering": transformers.AutoModelForQuestionAnswering,
        "token-classification": transformers.AutoModelForTokenClassification,
        "masked": transformers.AutoModelForMaskedLM,
        "pretraining": transformers.AutoModelForPreTraining,
        "none": transformers.AutoModel,
    }
    architecture = SMALL[kind] | {"model_type": kind}
    found = shape(architecture)
    assert isinstance(found, Shape)
    built = 0
    heads: list[Any] = list(found.heads)
    for head in heads:
        labels = 3 if "classification" in head else 2
        config = AutoConfig.for_model(kind, **SMALL[kind], num_labels=labels)
        if type(config) not in classes[head]._model_mapping:
            continue
        with torch.device("meta"):
            model = classes[head].from_config(config)
        built += 1
        total = sum(parameter.numel() for parameter in model.parameters())
        assert next(totals(found, head, labels, None)).parameters == total, head
        if head == "none":
            names = ((name, bias.numel()) for name, bias in model.named_parameters() if name.endswith("bias"))
            assert all_biases(found) == sum(n for name, n in names if "pooler" not in name)
            continue
        targets = tuple(found.modules)[:2]
        task = {"sequence-classification": "SEQ_CLS", "token-classification": "TOKEN_CLS",
                "question-answering": "QUESTION_ANS"}.get(head)  # fmt: skip
        with torch.device("meta"):
            wrapped = get_peft_model(model, LoraConfig(r=2, target_modules=list(targets), task_type=task))
        is_trained, is_all = wrapped.get_nb_trainable_parameters()
        adapter = lora(2, *targets)
        assert is_trained in {n.parameters for n in trained(found, head, labels, adapter) if n.is_stated}, head
        assert is_all in {n.parameters for n in totals(found, head, labels, adapter) if n.is_stated}, head
        of_labels = labels if "classification" in head else None
        share = f"{100 * is_trained / is_all:.4f}"
        assert audit_share(printed(share), Subject("it", architecture, head, of_labels, adapter)).verdict == "holds", (
            head
        )
    assert built >= 3


@pytest.mark.parametrize(
    ("text", "says", "verdict"),
    [
        ("0.0689", "is", "holds"),  # as peft prints it: per cent without a sign
        ("0.0689 %", "is", "holds"),
        ("0.07 %", "is", "holds"),
        ("0.000689", "is", "holds"),
        ("0.068 %", "is", "cannot be told"),  # cut off
        ("1 %", "below", "holds"),
        ("0.05 %", "below", "cannot be told"),  # in 8 layers of 16, say
        ("0.01 %", "above", "holds"),
        ("5 %", "above", "cannot be told"),  # with copies of the embeddings
        ("99 %", "above", "impossible"),
        ("5 %", "is", "impossible"),
    ],
)
def test_shares_of_trained_parameters(text: str, says: Any, verdict: str) -> None:
    subject = Subject("Llama-3.2-1B", LLAMA_1B, "causal", None, lora(8, "q_proj", "v_proj"))
    assert audit_share(printed(text), subject, says=says).verdict == verdict
    assert audit_share(printed(text), subject._replace(lora=None), says=says).verdict in ("holds", "cannot be told")


def test_a_share_is_the_quotient_of_two_printed_numbers() -> None:
    def quotient(share: str, part: str, whole: str, says: Any = "is") -> str:
        return audit_quotient(printed(share), printed(part), printed(whole), says=says).verdict

    assert quotient("0.0689", "851,968", "1,236,666,368") == "holds"
    assert quotient("0.07 %", "0.85M", "1.24B") == "holds"
    assert quotient("0.06 %", "851,968", "1,236,666,368") == "cannot be told"  # 0.0689, cut off
    assert quotient("1 %", "851,968", "1,236,666,368", "below") == "holds"
    assert quotient("7 %", "851,968", "1,236,666,368") == "impossible"
    assert quotient("1 %", "851,968", "1,236,666,368", "above") == "impossible"


def cut(number: float, places: int) -> str:
    return f"{int(number * 10**places) / 10**places:.{places}f}"


@settings(max_examples=80, deadline=None)
@given(data=st.data(), kind=st.sampled_from(sorted(KEYS)))
def test_an_honest_count_in_any_notation_is_never_impossible(data: st.DataObject, kind: str) -> None:
    """What a model of that kind has, or what is trained of it, by any way to count, in any notation, part unsaid."""
    architecture = {
        key: data.draw(st.integers(1, 12)) * 8
        if isinstance(value, int) and value > 3 and key != "pad_token_id"
        else value
        for key, value in SMALL[kind].items()
    } | {"model_type": kind}
    found = shape(architecture)
    assert isinstance(found, Shape)
    head: HeadName = data.draw(st.sampled_from(sorted(found.heads)))
    labels = data.draw(st.integers(2, 9))
    modules = data.draw(st.lists(st.sampled_from(sorted(found.modules)), min_size=1, unique=True))
    layers = data.draw(st.none() | st.integers(1, found.layers))
    adapter = data.draw(st.sampled_from([None, Lora(data.draw(st.sampled_from([1, 4, 8])), tuple(modules), layers)]))
    of = data.draw(st.sampled_from(["total", "trainable"]))
    numbers = (totals if of == "total" else trained)(found, head, labels, adapter)
    number = data.draw(st.sampled_from([n.parameters for n in numbers if n.is_stated and n.parameters > 0]))
    places = data.draw(st.integers(0, 2))
    text = data.draw(st.sampled_from([
        str(number), f"{number:,}", f"{number:_}", f"{number:,}".replace(",", " "),
        f"{number / 1e3:.{places}f}K", f"{cut(number / 1e3, places)}K", f"{number / 1e6:.{places + 2}f}M",
        f"{cut(number / 1e6, places + 2)} million", f"{number / 2**20:.{places + 2}f}M",
        f"{number / 2**10:.{places}f}k",
    ]))  # fmt: skip
    said = data.draw(st.sampled_from(["all", "no head", "no targets", "no layers", "no rank"]))
    heard = adapter and adapter._replace(
        targets=None if said == "no targets" else adapter.targets,
        layers=None if said in ("no layers", "no targets") else adapter.layers,
        r=None if said == "no rank" else adapter.r,
    )
    of_labels = labels if "classification" in head and data.draw(st.booleans()) else None
    verdict, arithmetic = told(
        text, architecture, of=of, head=None if said == "no head" else head, labels=of_labels, lora=heard
    )
    assert verdict != "impossible", arithmetic


def test_a_number_may_be_larger_than_any_that_is_known() -> None:
    big = TINY | {"hidden_size": 10**9, "vocab_size": 10**9}
    assert told("9" * 40, big)[0] == "impossible"
    assert audit_share(printed("50 %"), Subject("it", big, None)).verdict == "cannot be told"


FLAN_T5_XXL = FLAN_T5_BASE | {"d_model": 4096, "d_ff": 10240, "num_layers": 24, "num_heads": 64}
MISTRAL = {"model_type": "mistral", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
           "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 32000}  # fmt: skip


@pytest.mark.parametrize(
    ("model", "count", "verdict"),
    [
        (MISTRAL, "7.3B", "cannot be told"),  # Mistral's announcement; 7,241,732,096 rounded up
        (MISTRAL, "7.24B", "holds"),
        (MISTRAL, "7.5B", "impossible"),
        (BERT, "~110M", "holds"),
        (BERT, "about 100M", "cannot be told"),
        (BERT, ">100M", "holds"),
        (BERT, "under 50M", "impossible"),
        (BERT, "100-120M", "holds"),
        (BERT, "~200M", "impossible"),
        (LLAMA_7B, "3.5B", "cannot be told"),  # loaded in 4 bits: 3,500,412,928
        (LLAMA_7B, "4.5B", "impossible"),
        (FLAN_T5_XXL, "11,135,332,352", "holds"),
        (FLAN_T5_XXL, "11.3B", "holds"),  # the Hub counts the shared embeddings under each name in the files
    ],
)
def test_counts_that_are_published_so(model: dict[str, Any], count: str, verdict: str) -> None:
    assert audit_parameters(printed(count), Subject("it", model)).verdict == verdict


def test_the_plainest_number_is_named() -> None:
    told = audit_parameters(printed("109,482,240"), Subject("BERT", BERT)).arithmetic
    assert told.endswith("The number given is that of the whole model without a head.")


def test_an_adapter_whose_modules_are_not_named_may_be_on_the_output_matrix() -> None:
    # The commonest notebook of QLoRA on Mistral: all linear layers and lm_head, which peft counted with packed weights:
    # 3,837,112,320 with rank 32, so 3,794,591,744 with rank 16.
    subject = Subject("it", MISTRAL, "causal", lora=Lora(16), method="qlora")
    assert audit_parameters(printed("3,794,591,744"), subject).verdict == "cannot be told"
    assert audit_parameters(printed("42,520,576"), subject, of="trainable").verdict == "cannot be told"
    named = subject._replace(lora=Lora(32, (*ALL, "lm_head")))
    assert audit_parameters(printed("3,837,112,320"), named).verdict == "holds"
    assert audit_parameters(printed("85,041,152"), named, of="trainable").verdict == "holds"


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("1,855,499", "cannot be told"),  # peft's documentation: bias="all" adds 271,360 to adapter and head
        ("1,584,139", "holds"),
        ("1,633,291", "cannot be told"),  # bias="lora_only": 24 layers × 2 × 1,024 more
        ("1,855,500", "impossible"),
    ],
)
def test_biases_may_be_trained_beside_an_adapter(text: str, verdict: str) -> None:
    large = ROBERTA | {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24}
    adapter = lora(16, "query", "value")
    found = told(text, large, of="trainable", head="token-classification", labels=11, lora=adapter)
    assert found[0] == verdict, found[1]
    assert told("355,894,283", large, head="token-classification", labels=11, lora=adapter)[0] == "holds"


def test_what_is_said_to_be_trained_beside_an_adapter_accuses_nobody() -> None:
    large = ROBERTA | {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24}
    adapter = lora(16, "query", "value")._replace(is_more_trained=True)
    options: dict[str, Any] = {"of": "trainable", "head": "token-classification", "labels": 11, "lora": adapter}
    assert told("1,855,499", large, **options)[0] == "holds"  # bias="all", which the write-up says
    assert told("5,000,000", large, **options)[0] == "cannot be told"
    assert told("1,000", large, **options)[0] == "impossible"  # fewer than the adapter's own
    subject = Subject("it", large, "token-classification", 11, adapter)
    assert audit_share(printed("40 %"), subject).verdict == "cannot be told"


def test_embeddings_and_norms_may_be_trained_beside_an_adapter() -> None:
    """LongLoRA on Llama-2-7B: adapters of rank 8 on the attention, the embeddings 131,072,000, 65 norms of 4,096."""
    adapter = lora(8, "q_proj", "k_proj", "v_proj", "o_proj")
    assert told("139,726,848", LLAMA_7B, of="trainable", lora=adapter)[0] == "cannot be told"
    assert told("139,726,849", LLAMA_7B, of="trainable", lora=adapter)[0] == "impossible"
