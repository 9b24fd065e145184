"""The ledger against published counts, hand sums, and peft's and torch's own counts."""

import json
import math
import re
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from peft import IA3Config, LoraConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    BertConfig,
    GPT2Config,
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
    Qwen3Config,
    T5Config,
)

from finetune import closed_form, ledger
from finetune.ledger import LedgerError, count, count_adapter, ledger_of, shown_name
from harness_tasks.errors import UserError

LLAMA_1B = Path(__file__).parent.parent / "data" / "llama-3.2-1b" / "config.json"
QV = ["q_proj", "v_proj"]


def llama(**values: Any) -> LlamaConfig:
    small = {
        "vocab_size": 50, "hidden_size": 12, "intermediate_size": 20, "num_hidden_layers": 3,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 4, "tie_word_embeddings": True,
    }  # fmt: skip
    return LlamaConfig(**(small | values))


def smollm2(hidden: int, inner: int, layers: int, heads: int, key_value_heads: int) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=49152,
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=key_value_heads,
        tie_word_embeddings=True,
    )


CONFIGS = {
    "Llama-3.2-1B": lambda: LlamaConfig.from_dict(json.loads(LLAMA_1B.read_text())),
    "SmolLM2-135M": lambda: smollm2(576, 1536, 30, 9, 3),
    "SmolLM2-360M": lambda: smollm2(960, 2560, 32, 15, 5),
}

# model: (causal, tied, sequence classification with 2 labels, question answering), measured and published counts
HEADS = {
    "Llama-3.2-1B": (1_235_814_400, 262_668_288, 1_235_818_496, 1_235_818_498),
    "SmolLM2-135M": (134_515_008, 28_311_552, 134_516_160, 134_516_162),
    "SmolLM2-360M": (361_821_120, 47_185_920, 361_823_040, 361_823_042),
}

# model: trainable with r8 q,v; r8 all linear; r16 all linear; r8 q,v with a 2-label head; r8 q,v with a QA head
ADAPTERS = {
    "Llama-3.2-1B": (851_968, 5_636_096, 11_272_192, 856_064, 856_066),
    "SmolLM2-135M": (460_800, 2_442_240, 4_884_480, 461_952, 461_954),
    "SmolLM2-360M": (819_200, 4_341_760, 8_683_520, 821_120, 821_122),
}


@pytest.mark.parametrize("model", HEADS)
def test_heads_of_published_models(model: str) -> None:
    causal, tied, classifier, reader = HEADS[model]
    config = CONFIGS[model]()
    plain = count(config)
    assert (plain.total, plain.trainable, plain.added, plain.tied) == (causal, causal, 0, tied)
    assert (plain["head"].counted, plain["head"].formula) == (0, "0; tied to the embeddings")
    classified = count(config, head="sequence-classification", labels=2)
    assert (classified.total, classified.added, classified.tied) == (classifier, classifier - causal, 0)
    read = count(config, head="question-answering")
    assert (read.total, read.added, read.tied) == (reader, reader - causal, 0)
    assert plain.total + tied == {"Llama-3.2-1B": 1_498_482_688, "SmolLM2-135M": 162_826_560}.get(model, 409_007_040)


@pytest.mark.parametrize("model", ADAPTERS)
def test_adapters_of_published_models(model: str) -> None:
    qv8, all8, all16, classifier, reader = ADAPTERS[model]
    config = CONFIGS[model]()
    causal = HEADS[model][0]
    for expected, rank, targets in ((qv8, 8, QV), (all8, 8, None), (all16, 16, None)):
        found = count(config, lora_r=rank, lora_targets=targets, method="lora")
        assert (found.trainable, found.added, found.total) == (expected, expected, causal + expected)
        assert found["adapter"].closed_form == expected
    # peft's own print-out counts the head twice here: 1,236,674,560 for Llama-3.2-1B
    found = count(config, head="sequence-classification", lora_r=8, lora_targets=QV)
    assert (found.trainable, found.total, found.added) == (classifier, HEADS[model][2] + qv8, classifier)
    found = count(config, head="question-answering", lora_r=8, lora_targets=QV)
    assert (found.trainable, found.total, found.added) == (reader, HEADS[model][3] + qv8, reader)


def test_components_of_llama_1b_by_hand() -> None:
    components = {line.component: line.counted for line in count(CONFIGS["Llama-3.2-1B"]()).components}
    assert components == {
        "embeddings": 128_256 * 2_048,  # 262,668,288
        "attention": 16 * (2 * 2_048 * 2_048 + 2 * 2_048 * 512),
        "MLP": 16 * 3 * 2_048 * 8_192,
        "norms": 33 * 2_048,
        "head": 0,
    }
    assert components["attention"] + components["MLP"] + 32 * 2_048 == 16 * 60_821_504  # the note's hand sum


VARIANTS = {
    "tied": llama(),
    "untied": llama(tie_word_embeddings=False),
    "attention_bias": llama(attention_bias=True),
    "mlp_bias": llama(mlp_bias=True),
    "all heads": llama(num_key_value_heads=4),
    "one key head": llama(num_key_value_heads=1, head_dim=None, hidden_size=16),
    "mistral": MistralConfig(**{**llama().to_dict(), "model_type": "mistral", "sliding_window": 8}),
    "qwen2": Qwen2Config(
        vocab_size=50, hidden_size=12, intermediate_size=20, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, tie_word_embeddings=False,
    ),
    "qwen3": Qwen3Config(
        vocab_size=50, hidden_size=12, intermediate_size=20, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, head_dim=6, attention_bias=True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("head", ["causal", "sequence-classification", "question-answering"])
@pytest.mark.parametrize("name", VARIANTS)
def test_closed_form_holds_and_every_formula_gives_its_number(name: str, head: Any) -> None:
    for adapter in ({}, {"lora_r": 3}, {"lora_r": 2, "lora_targets": ["o_proj", "down_proj"], "lora_layers": [2, 0]}):
        found = count(VARIANTS[name], head=head, labels=5, **adapter)
        assert found.total == sum(line.counted for line in found.components)
        for line in found.components:
            assert line.closed_form == line.counted
            arithmetic = line.formula.partition(";")[0].replace("×", "*")
            assert re.fullmatch(r"[\d+*() ]+", arithmetic)
            assert eval(arithmetic) == line.counted


def test_totals_agree_with_torch_on_a_real_model() -> None:
    config = llama(attention_bias=True, mlp_bias=True)
    model = AutoModelForCausalLM.from_config(config)
    assert ledger_of(model).total == sum(parameter.numel() for parameter in model.parameters())
    assert ledger_of(model).tied == 50 * 12
    untied = AutoModelForCausalLM.from_config(llama(tie_word_embeddings=False))
    assert ledger_of(untied)["head"].counted == 50 * 12
    assert ledger_of(untied).tied == 0


def test_frozen_parameters_of_a_live_model_are_not_trainable() -> None:
    model = AutoModelForCausalLM.from_config(llama())
    for name, parameter in model.named_parameters():
        parameter.requires_grad = "norm" in name
    found = ledger_of(model)
    assert found.trainable == found["norms"].trainable == 3 * 2 * 12 + 12


def test_some_layers_only() -> None:
    whole, part = count(llama(), lora_r=4), count(llama(), lora_r=4, lora_layers=[0, 2])
    assert 3 * part.added == 2 * whole.added
    assert part["adapter"].formula.startswith("2 × 4 × (")


def test_a_classifier_on_peft_counts_its_head_once() -> None:
    config = llama(num_labels=3)
    base = AutoModelForSequenceClassification.from_config(config)
    plain = sum(parameter.numel() for parameter in base.parameters())
    model = get_peft_model(base, LoraConfig(r=2, target_modules=QV, task_type="SEQ_CLS"))
    trainable, everything = model.get_nb_trainable_parameters()
    found = ledger_of(model)
    assert found["head"].counted == found["head"].trainable == 3 * 12
    assert found.trainable == trainable
    assert found.total == everything - 3 * 12  # peft counts the frozen original of the head as well
    assert found.total == plain + found["adapter"].counted


def test_dora_and_lora_bias_add_one_number_an_output() -> None:
    # one layer of q_proj (12 -> 16) and v_proj (12 -> 8): 2 × (12 + 16 + 12 + 8) = 96, and 24 for each extra
    for extra in ("use_dora", "lora_bias"):
        adapter = LoraConfig(r=2, target_modules=QV, layers_to_transform=1, task_type="CAUSAL_LM", **{extra: True})
        found = count_adapter(llama(), adapter)
        assert found["adapter"].counted == found["adapter"].closed_form == 120


def test_each_method_trains_what_its_closed_form_says() -> None:
    # rank 2 on all seven matrices of three layers: A and B, in + out each; DoRA a number more for each output
    pairs = ((12, 16), (12, 8), (12, 8), (16, 12), (12, 20), (12, 20), (20, 12))
    lora = 3 * 2 * sum(inputs + outputs for inputs, outputs in pairs)
    dora = lora + 3 * sum(outputs for _, outputs in pairs)
    heads = {"causal": 0, "sequence-classification": 5 * 12, "question-answering": 2 * 12 + 2}
    for head, size in heads.items():
        for method, adapter in (("lora", lora), ("qlora", lora), ("dora", dora)):
            found = count(llama(), head=head, labels=5, lora_r=2, method=method)
            assert found.trainable == found.closed_form_trainable(method) == adapter + size
        whole = count(llama(), head=head, labels=5, method="full")
        assert whole.trainable == whole.closed_form_trainable("full") == whole.total
        if size:
            alone = count(llama(), head=head, labels=5, method="head")
            assert alone.trainable == alone.closed_form_trainable("head") == alone["head"].trainable == size
            assert alone.total == whole.total
    untied = count(llama(tie_word_embeddings=False), method="head")
    assert untied.trainable == untied.closed_form_trainable("head") == 50 * 12


def test_an_adapter_that_never_attached_is_not_what_the_closed_form_says() -> None:
    model = get_peft_model(AutoModelForSequenceClassification.from_config(llama()), LoraConfig(r=2, target_modules=QV))
    for name, parameter in model.named_parameters():
        parameter.requires_grad = "score" in name
    found = ledger_of(model)
    assert found.trainable == 2 * 12
    assert found.closed_form_trainable("lora") == 3 * 2 * (12 + 16 + 12 + 8) + 2 * 12


def test_a_closed_form_that_is_unknown_stays_unknown() -> None:
    found = count(GPT2Config(n_layer=1), lora_r=2, method="dora")
    assert found.closed_form_trainable("dora") is None
    assert found.closed_form_trainable("full") is None


@pytest.mark.parametrize(
    ("tied_in_peft", "head", "tied"), [(False, 50 * 12, 0), (True, 0, 50 * 12)], ids=["parted", "kept tied"]
)
def test_trained_embeddings(tied_in_peft: bool, head: int, tied: int) -> None:
    adapter = LoraConfig(
        r=2,
        target_modules=QV,
        modules_to_save=["embed_tokens"],
        ensure_weight_tying=tied_in_peft,
        task_type="CAUSAL_LM",
    )
    found = count_adapter(llama(), adapter)
    assert found["embeddings"].counted == found["embeddings"].trainable == 50 * 12
    assert (found["head"].counted, found.tied) == (head, tied)


def test_only_the_active_adapter_counts() -> None:
    model = get_peft_model(AutoModelForCausalLM.from_config(llama()), LoraConfig(r=2, target_modules=QV))
    alone = ledger_of(model)
    model.add_adapter("other", LoraConfig(r=5, target_modules=["o_proj"]))
    assert ledger_of(model) == alone


@pytest.mark.parametrize(
    ("adapter", "says"),
    [
        (LoraConfig(r=2, target_modules=r".*\.0\..*q_proj"), "targets other than"),
        (LoraConfig(r=2, target_modules=["model.layers.0.self_attn.q_proj"]), "targets other than"),
        (LoraConfig(r=2, target_modules=["embed_tokens"]), "targets other than"),
        (LoraConfig(r=2, target_modules=QV, rank_pattern={"q_proj": 4}), "rank_pattern"),
        (IA3Config(target_modules=["k_proj", "down_proj"], feedforward_modules=["down_proj"]), "known for IA3"),
    ],
)
def test_adapters_without_closed_form_say_so(adapter: Any, says: str) -> None:
    with torch.device("meta"):
        model = get_peft_model(AutoModelForCausalLM.from_config(llama()), adapter)
    found = ledger_of(model)
    assert found["adapter"].closed_form is None
    assert says in found["adapter"].formula
    assert found["adapter"].counted == model.get_nb_trainable_parameters()[0] > 0
    assert found["MLP"].closed_form == found["MLP"].counted


def test_gpt2_is_counted_without_closed_form() -> None:
    found = count(GPT2Config(), lora_r=8)
    # the published 124,439,808; LoRA on c_attn, both c_proj and c_fc of 12 layers
    assert found.total - found.added == 124_439_808
    assert found.added == 12 * 8 * ((768 + 2304) + (768 + 768) + (768 + 3072) + (3072 + 768))
    assert found.tied == 50_257 * 768
    assert found["embeddings"].counted == (50_257 + 1_024) * 768
    assert {line.closed_form for line in found.components} == {None}
    assert found["norms"].formula == "no closed form known for gpt2"
    assert "other" not in {line.component for line in found.components}


def test_bert_classifier_pools_into_other() -> None:
    found = count(BertConfig(), head="sequence-classification", labels=2)
    assert found.total == 109_483_778  # the published count of BERT-base uncased with two labels
    assert found["head"].counted == 2 * 768 + 2


def test_disagreement_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    real = closed_form.closed_forms

    def wrong(*given: Any, **named: Any) -> dict[str, Any]:
        return real(*given, **named) | {"norms": (85, "85")}

    ledger._count.cache_clear()  # what was counted before is not counted again
    monkeypatch.setattr(closed_form, "closed_forms", wrong)
    with pytest.raises(LedgerError) as caught:
        count(llama())
    assert caught.value.found == "norms: 84 parameters counted, 85 by the closed form 85"
    assert "neither may be printed" in caught.value.why


@pytest.mark.parametrize(
    ("values", "found", "mend"),
    [
        ({"head": "sequence-classification", "labels": 0}, "--labels 0", "--labels 2"),
        ({"head": "causal-lm"}, "--head causal-lm", "write --head causal"),
        ({"lora_r": 0}, "LoRA rank 0", "--lora-r 8"),
        ({"lora_targets": QV}, "no LoRA rank", "add --lora-r"),
        ({"lora_r": 4, "method": "full"}, "the method full with LoRA rank 4", "either the method lora"),
        ({"method": "lora"}, "the method lora with LoRA rank None", "either the method lora"),
        ({"method": "dora"}, "the method dora with LoRA rank None", "either the method lora"),
        ({"method": "head"}, "a causal LM of type llama whose head is tied", "--method lora"),
        ({"lora_r": 4, "method": "head"}, "the method head with LoRA rank 4", "either the method lora"),
        ({"lora_r": 4, "lora_targets": ["q_prj"]}, "no module called q_prj in LlamaForCausalLM", "write q_proj"),
        ({"lora_r": 4, "lora_targets": []}, "an empty list of LoRA targets", "name modules"),
        ({"lora_r": 4, "lora_layers": [1, 3]}, "LoRA on layer 3", "name layers among them"),
        ({"lora_r": 4, "lora_layers": []}, "an empty list of LoRA layers", "name layers"),
    ],
)
def test_wrong_values(values: dict[str, Any], found: str, mend: str) -> None:
    with pytest.raises(UserError) as caught:
        count(llama(), **values)
    assert found in caught.value.found
    assert mend in caught.value.mend


def test_a_model_without_such_a_head() -> None:
    with pytest.raises(UserError, match="a model of type t5 with the head causal"):
        count(T5Config())


def test_unknown_task_type_of_an_adapter() -> None:
    adapter = LoraConfig(r=2, target_modules=QV, task_type="TOKEN_CLS")
    with pytest.raises(UserError, match="an adapter for the task type TOKEN_CLS"):
        count_adapter(llama(), adapter)


def test_the_configuration_is_left_alone_and_nothing_is_allocated_or_printed(capfd: pytest.CaptureFixture) -> None:
    config = llama()
    before = config.to_json_string()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        count(config, head="sequence-classification", labels=7, lora_r=2)
    assert config.to_json_string() == before
    assert torch.get_default_device() == torch.device("cpu")
    assert capfd.readouterr() == ("", "")


def test_the_same_question_is_counted_once_and_another_anew() -> None:
    """Hidden size 8, 2 of 4 wide heads: each of q and k is 8 × 8; rank 1 on q adds 16 a layer, rank 2 the double."""
    config = LlamaConfig(vocab_size=16, hidden_size=8, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)
    first = count(config, lora_r=1, lora_targets=["q_proj"])
    assert (count(config, lora_r=1, lora_targets=["q_proj"]), first.added) == (first, 16)
    assert count(config, lora_r=2, lora_targets=["q_proj"]).added == 32
    config.num_hidden_layers = 2  # the same object, and another model
    assert count(config, lora_r=1, lora_targets=["q_proj"]).added == 32


def test_packed_and_partitioned_tensors_count_logically() -> None:
    packed = SimpleNamespace(quant_state=SimpleNamespace(shape=torch.Size([64, 32])), numel=lambda: 1024)
    assert ledger._numel(packed) == 64 * 32
    assert ledger._numel(SimpleNamespace(ds_numel=99, numel=lambda: 0)) == 99
    assert ledger._numel(torch.empty(3, 4)) == math.prod((3, 4))


def test_as_json_is_the_contract() -> None:
    value = json.loads(json.dumps(count(llama(), name="toy").as_json()))
    assert list(value) == ["model", "architecture", "head", "total", "trainable", "added", "tied", "components"]
    assert (value["model"], value["architecture"], value["head"]) == ("toy", "LlamaForCausalLM", "causal")
    assert value["components"][3] == {
        "component": "norms", "counted": 84, "closed_form": 84, "formula": "3 × 2 × 12 + 12", "trainable": 84,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/home/someone/models/llama", "llama"),
        ("/home/someone/llama/config.json", "llama"),
        ("~/models/llama/", "llama"),
        ("tests/data/llama-3.2-1b/config.json", "tests/data/llama-3.2-1b/config.json"),
        ("build/base/", "build/base"),
        ("meta-llama/Llama-3.2-1B", "meta-llama/Llama-3.2-1B"),
    ],
)
def test_shown_name_leaks_no_home(path: str, shown: str) -> None:
    assert shown_name(path) == shown
