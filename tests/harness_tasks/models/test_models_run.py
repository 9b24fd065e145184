"""Heads through the commands: the class that a checkpoint needs, results, lengths, priors, warnings."""

import hashlib
import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from instances import asked
from random_heads import note_task, write_adapter, write_head
from typer.testing import CliRunner

from harness_tasks import UserError
from harness_tasks.__main__ import app
from harness_tasks.lengths import write_lengths
from harness_tasks.models.heads import check_model, read_json_file, tokenizer_place
from harness_tasks.models.making import chat_template_of, make_model
from harness_tasks.models.overlapping_tasks import are_related, trained_on, warning_of_related
from harness_tasks.scoring.arguments import check_arguments
from tests.in_this_process import aftertune

KINDS = {"SEQ_CLS": "hf-seqcls", "QUESTION_ANS": "hf-span"}


@pytest.fixture(scope="module")
def heads(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """`model_args` by a name: whole checkpoints and adapters of both kinds, and language models."""
    folder = tmp_path_factory.mktemp("heads")
    found = {"hf": {"pretrained": str(tiny_model)}}
    for kind, name in KINDS.items():
        found[name] = {"pretrained": str(write_head(tiny_model, folder / name, kind))}
        adapter = str(write_adapter(tiny_model, folder / f"{name}-adapter", kind))
        found[f"{name} adapter"] = {"pretrained": str(tiny_model), "peft": adapter}
    return found


@pytest.mark.parametrize("asked", ["hf", "hf-seqcls", "hf-span"])
@pytest.mark.parametrize("given", ["hf", "hf-seqcls", "hf-seqcls adapter", "hf-span", "hf-span adapter"])
def test_each_head_has_one_class(heads: dict[str, dict[str, str]], asked: str, given: str) -> None:
    needed = given.split()[0]
    if asked == needed:
        check_model(asked, heads[given])
        return
    with pytest.raises(UserError) as caught:
        check_model(asked, heads[given])
    place = heads[given].get("peft") or heads[given]["pretrained"]
    words = {"hf": "a language model", "hf-seqcls": "a classifier", "hf-span": "a span reader"}
    assert caught.value.found.startswith(f"{place} is {words[needed]} (")
    assert caught.value.found.endswith(f"), and the model class is {asked}")
    assert caught.value.mend == f"write --model {needed}"
    if asked == "hf":
        assert "a random output layer, and its scores would look plausible" in caught.value.why


def test_an_adapter_given_as_the_model_is_refused(heads: dict[str, dict[str, str]], tiny_model: Path) -> None:
    adapter = heads["hf-seqcls adapter"]["peft"]
    with pytest.raises(UserError, match="is an adapter, given as `pretrained`") as caught:
        check_model("hf", {"pretrained": adapter})
    assert caught.value.mend == f"write --model hf-seqcls --model_args pretrained={tiny_model},peft={adapter}"


def test_qloras_adapter_is_not_scored_on_the_base_as_it_is(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({"task_type": "CAUSAL_LM"}))
    (tmp_path / "finetune.json").write_text(json.dumps({"method": "qlora"}))
    given = {"pretrained": str(tiny_model), "peft": str(tmp_path)}
    with pytest.raises(UserError) as caught:
        check_model("hf", given)
    assert caught.value.found == f"{tmp_path} was trained by QLoRA, and is to be scored on the base as it is"
    assert "on others it is another model" in caught.value.why
    assert caught.value.mend == (
        f"run aftertune merge {tmp_path} --output DIR, and score it with --model hf --model_args pretrained=DIR"
    )
    check_model("hf", {**given, "load_in_4bit": True})
    (tmp_path / "finetune.json").write_text(json.dumps({"method": "lora"}))
    check_model("hf", given)


def test_what_cannot_be_told_is_not_judged(tmp_path: Path, tiny_model: Path) -> None:
    check_model("hf-seqcls", {"pretrained": str(tmp_path)})
    check_model("vllm", {"pretrained": str(tiny_model)})
    check_model("hf", {})
    (tmp_path / "config.json").write_text('{"architectures": ["BertForMaskedLM"]}')
    check_model("hf", {"pretrained": str(tmp_path)})
    with pytest.raises(UserError, match=r"is neither classifier nor span reader \(BertForMaskedLM\)") as caught:
        check_model("hf-span", {"pretrained": str(tmp_path)})
    assert caught.value.mend == "name a checkpoint that is a span reader"
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(UserError, match=r"config\.json is not complete JSON"):
        read_json_file(str(tmp_path), "config.json")
    assert read_json_file(str(tmp_path), "finetune.json") is None


@pytest.mark.parametrize("named", ["pretrained", "peft"])
def test_what_the_hub_does_not_give_is_refused_before_anything_is_loaded(tiny_model: Path, named: str) -> None:
    with pytest.raises(UserError, match="nobody/has-this"):
        check_model("hf-seqcls", {"pretrained": str(tiny_model), named: "nobody/has-this"})


def test_a_span_reader_has_no_worked_examples(heads: dict[str, dict[str, str]]) -> None:
    with pytest.raises(UserError, match="2 few-shot examples for a span reader"):
        check_model("hf-span", heads["hf-span"], num_fewshot=2)
    check_model("hf-seqcls", heads["hf-seqcls"], num_fewshot=2)


def test_the_command_refuses_before_anything_is_loaded(heads: dict[str, dict[str, str]], tmp_path: Path) -> None:
    """The class is unset: lm_eval's default is `hf`."""
    place = heads["hf-seqcls"]["pretrained"]
    words = ["--model_args", f"pretrained={place}", "--tasks", "reviews_demo", "--output_path", "out"]
    done = aftertune("score", *words, folder=tmp_path)
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-3:] == [
        f"Found: {place} is a classifier (LlamaForSequenceClassification), and the model class is hf",
        "Why it matters: the class loads it as a language model, with a random output layer, and its scores would "
        "look plausible",
        "To mend it: write --model hf-seqcls",
    ]
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("given", ["hf-seqcls adapter", "hf-span"])
def test_results_and_lengths_are_those_of_any_model(
    heads: dict[str, dict[str, str]], given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = "reviews_demo" if "seqcls" in given else "passages_demo"
    words = ",".join(f"{key}={value}" for key, value in heads[given].items()) + ",dtype=float32"
    arguments = ["--model", given.split()[0], "--model_args", words, "--tasks", task, "--limit", "3", "--device", "cpu"]
    arguments += ["--batch_size", "2", "--output_path", str(tmp_path / "out"), "--log_samples"]
    # lm_eval logs to the runner's stderr
    monkeypatch.setattr(logging.getLogger("lm_eval"), "handlers", [])
    monkeypatch.setattr(logging.root, "handlers", logging.root.handlers[:])
    done = CliRunner().invoke(app, ["run", *arguments])
    assert done.exit_code == 0, done.output
    assert task in done.stdout
    assert f"Scoring with {given.split()[0]}" in done.stderr
    (results,) = tmp_path.glob("out/*/results_*.json")
    (samples,) = tmp_path.glob("out/*/samples_*.jsonl")
    found = json.loads(results.read_text())
    assert found["config"]["model"] == given.split()[0]
    assert found["config"]["model_args"] == {**heads[given], "dtype": "float32"}
    assert found["config"]["model_num_parameters"] > 26_000
    assert (found["config"]["model_dtype"], found["max_length"]) == ("torch.float32", 4096)
    write_lengths(samples, results, output=tmp_path / "lengths.jsonl")
    header, *rows = [json.loads(line) for line in (tmp_path / "lengths.jsonl").open()]
    samples_sha256 = hashlib.sha256(samples.read_bytes()).hexdigest()
    assert header == {"max_length_tokens": 4096, "max_answer_tokens": None, "samples_sha256": samples_sha256}
    for row, sample in zip(rows, map(json.loads, samples.open()), strict=True):
        doc = sample["doc"]
        if task == "reviews_demo":
            read = len(sample["arguments"]["gen_args_0"]["arg_0"].encode()) + 1  # a byte a token, and <bos>
        else:
            read = len(f"Question: {doc['question']}\nPassage: {doc['context']}".encode()) + 2  # <eos> too
        assert row == {
            "doc_id": sample["doc_id"],
            "prompt_tokens": read,
            "answer_tokens": None,
            "truncated": False,
            "ended": None,
            "cut_off": None,
        }


def test_the_prior_of_a_classifier(heads: dict[str, dict[str, str]], tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    place = heads["hf-seqcls"]["pretrained"]
    words = ["prior", "reviews_demo", "--model_args", f"pretrained={place}", "--device", "cpu"]
    refused = CliRunner().invoke(app, [*words, "--output", str(tmp_path / "prior.json")])
    assert refused.exit_code == 2
    assert "write --model hf-seqcls" in refused.stderr
    done = CliRunner().invoke(app, [*words, "--model", "hf-seqcls", "--output", str(tmp_path / "prior.json")])
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "prior.json").read_text())
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(place), AutoTokenizer.from_pretrained(place)
    for one, text in zip(found["inputs"], ("", "N/A", "[MASK]"), strict=True):
        prompt = f"{text}\nQuestion: Is this sentence positive or negative?\nAnswer:"
        with torch.no_grad():
            wanted = model(torch.tensor([tokenizer(prompt)["input_ids"]])).logits[0].log_softmax(-1)
        assert one["log_likelihoods"] == pytest.approx(wanted.tolist(), abs=1e-5)


def test_related_tasks() -> None:
    assert are_related("reviews_demo", "sst2_llama_glue")
    assert are_related("sst2_llama", "reviews_demo")  # the other one declares it
    assert not are_related("passages_demo", "reviews_demo")
    assert not are_related("unheard_of", "passages_demo")


def test_a_related_task_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = note_task(tmp_path, "sst2_llama")
    (place / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")  # of no tensors
    warning = (
        f"Warning: {place} was trained on sst2_llama, whose items overlap with those of reviews_demo. What it was "
        "trained on may be scored here, so the scores may be too high. Score it on a task without such an overlap, or "
        "say so beside the number."
    )
    assert check_arguments(["--model_args", f"pretrained={place}", "--tasks", "passages_demo,reviews_demo"]).names
    assert capsys.readouterr().err.splitlines()[-1] == warning
    assert warning_of_related({"pretrained": "base", "peft": str(place)}, ["reviews_demo"]) == warning
    assert warning_of_related({"pretrained": str(place)}, ["sst2_llama", "passages_demo"]) is None
    assert warning_of_related({"pretrained": "base"}, ["reviews_demo"]) is None


def test_a_merged_model_was_trained_on_its_adapters_task(tmp_path: Path) -> None:
    assert trained_on({"pretrained": str(tmp_path)}) is None
    (tmp_path / "merged_from.json").write_text(json.dumps({"adapter": {"task": "reviews_demo"}}))
    assert trained_on({"pretrained": str(tmp_path)}) == "reviews_demo"
    assert trained_on({}) is None


def test_where_a_heads_tokenizer_is(heads: dict[str, dict[str, str]], tiny_model: Path, tmp_path: Path) -> None:
    """An adapter may have been trained with another tokenizer than its base's, and then has it beside it."""
    arguments: dict[str, Any] = heads["hf-span adapter"]
    assert tokenizer_place(arguments) == str(tiny_model)
    assert tokenizer_place({**arguments, "tokenizer": "other"}) == "other"
    (tmp_path / "tokenizer_config.json").write_text("{}")
    assert tokenizer_place({**arguments, "peft": str(tmp_path)}) == str(tmp_path)


@pytest.mark.parametrize(
    ("model", "more", "task", "is_warned"),
    [
        ("hf", ",dtype=bfloat16", "reviews_demo", True),
        ("hf", "", "reviews_demo", True),  # the checkpoint's own, bfloat16
        ("hf", ",dtype=float16", "reviews_demo", True),
        ("hf", ",dtype=float32", "reviews_demo", False),
        ("hf", ",dtype=bfloat16,softmax_dtype=float32", "reviews_demo", False),
        ("hf", ",dtype=bfloat16", "passages_demo", False),  # it generates: no logarithm is taken
        ("hf-shared", ",dtype=bfloat16", "reviews_demo", False),
        ("hf-recorded", ",dtype=bfloat16", "reviews_demo", False),
    ],
)
def test_rounded_logarithms_are_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], model: str, more: str, task: str, is_warned: bool
) -> None:
    (tmp_path / "config.json").write_text('{"architectures": ["LlamaForCausalLM"], "dtype": "bfloat16"}')
    (tmp_path / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")  # of no tensors
    check_arguments(["--model", model, "--model_args", f"pretrained={tmp_path}{more}", "--tasks", task])
    warned = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Warning: --model hf")]
    assert len(warned) == is_warned
    if is_warned:
        assert "Add softmax_dtype=float32 to --model_args" in warned[0]


def test_logarithms_are_taken_in_float32(tiny_model: Path) -> None:
    """Beside the float32 log-softmax of the very bfloat16 logits; lm_eval's `hf` rounds each of them to 8 bits."""
    from lm_eval.models.huggingface import HFLM

    from harness_tasks.models.recorded_lm import RecordedLM
    from harness_tasks.models.shared_lm import SharedLM

    context, choices = "A fine film.", (" a", " b", "c" * 70)  # the last one is longer than `hf-shared` reads itself
    requests = [asked("loglikelihood", context, text) for text in choices]
    settings: dict[str, Any] = {"pretrained": str(tiny_model), "dtype": "bfloat16", "device": "cpu", "batch_size": 1}
    plain = HFLM(**settings)
    wanted = []
    for text in choices:
        prompt, own = plain._encode_pair(context, text)
        logits = plain.model(torch.tensor([prompt + own[:-1]])).logits[0, -len(own) :]
        wanted.append(float(logits.float().log_softmax(-1)[range(len(own)), own].sum()))
    for lm in (RecordedLM(**settings), SharedLM(**settings)):
        found = [value for value, _ in lm.loglikelihood(requests, disable_tqdm=True)]
        assert found == pytest.approx(wanted, abs=0.02)  # another order of sums in the layers
        assert lm.get_model_info()["softmax_dtype"] == "torch.float32"
        assert any(value * 64 % 1 for value in found[:2])  # no steps of bfloat16
    rounded = [value for value, _ in plain.loglikelihood(requests, disable_tqdm=True)]
    assert all(value * 32 % 1 == 0 for value in rounded[:2])


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("config.json", {"hidden_size": 48}),  # the weights have other shapes
        ("config.json", {"num_attention_heads": "two"}),
        ("tokenizer_config.json", {"extra_special_tokens": 5}),
        ("tokenizer_config.json", {"tokenizer_class": "BertTokenizerOfMyOwn", "eos_token": ["a", "b"]}),
    ],
)
def test_a_model_that_the_stock_class_cannot_make_is_said_in_three_parts(
    tiny_model: Path, tmp_path: Path, file: str, changes: dict[str, Any]
) -> None:
    model = shutil.copytree(tiny_model, tmp_path / "model")
    (model / file).write_text(json.dumps(json.loads((model / file).read_text()) | changes))
    words = ["run", "--model", "hf", "--model_args", f"pretrained={model}", "--tasks", "reviews_demo", "--limit", "1"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2, result.output
    assert f"Found: {model} cannot be loaded (" in result.stderr


def test_a_class_without_a_folder_that_cannot_be_made_is_named() -> None:
    with pytest.raises(UserError) as caught:
        make_model("openai-completions", {"model": "davinci-002", "num_concurrent": "many"})
    assert caught.value.found.startswith("the model class openai-completions cannot be loaded (")


def test_only_the_template_is_blamed_for_what_the_template_raises(tiny_model: Path) -> None:
    lm = make_model("hf", {"pretrained": str(tiny_model)}, device="cpu")
    template = chat_template_of(lm, "hf", {"pretrained": str(tiny_model)})
    assert template([{"role": "user", "content": "A"}]) == lm.apply_chat_template([{"role": "user", "content": "A"}])
    lm.tokenizer.chat_template = "{{ raise_exception('not this one') }}"
    with pytest.raises(UserError) as caught:
        template([{"role": "user", "content": "A"}])
    assert caught.value.found == f"the tokenizer of {tiny_model} cannot be used (not this one)"


@pytest.mark.parametrize("model", ["hf", "hf-shared", "hf-recorded"])
def test_a_tokenizer_without_a_start_and_an_end_is_said(tiny_model: Path, tmp_path: Path, model: str) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    (folder / "tokenizer_config.json").unlink()
    words = ["--model", model, "--model_args", f"pretrained={folder}"]
    result = CliRunner().invoke(app, ["run", *words, "--tasks", "reviews_demo", "--limit", "1"])
    assert result.exit_code == 2, result.output
    own = f"{folder} cannot be loaded (its tokenizer has neither a start nor an end token)"
    stock = f"the tokenizer of {folder} cannot be used ("
    assert f"Found: {stock if model == 'hf' else own}" in result.stderr
    again = CliRunner().invoke(app, ["prior", "reviews_demo", *words, "--output", str(tmp_path / "prior.json")])
    assert again.exit_code == 2
    assert f"Found: {stock if model == 'hf' else own}" in again.stderr


def test_a_chat_template_that_refuses_the_prompt_is_said(tiny_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    (folder / "chat_template.jinja").write_text("{{ raise_exception('one message alone') }}")
    words = ["run", "--model", "hf", "--model_args", f"pretrained={folder}", "--tasks", "reviews_demo", "--limit", "1"]
    result = CliRunner().invoke(app, [*words, "--apply_chat_template"])
    assert result.exit_code == 2, result.output
    assert f"Found: the tokenizer of {folder} cannot be used (one message alone)" in result.stderr


@pytest.mark.parametrize("model", ["hf", "hf-shared"])
@pytest.mark.parametrize(
    ("changes", "missing"), [({"num_hidden_layers": 3}, 9), ({"tie_word_embeddings": False}, 1)], ids=str
)
def test_weights_that_would_be_random_are_not_scored(
    tiny_model: Path, tmp_path: Path, model: str, changes: dict[str, Any], missing: int
) -> None:
    """A Llama layer has four matrices of attention, three of its MLP and two norms; a tied head is the embeddings."""
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    assert (config["num_hidden_layers"], config["tie_word_embeddings"]) == (2, True)
    (folder / "config.json").write_text(json.dumps(config | changes))
    words = ["run", "--model", model, "--model_args", f"pretrained={folder}", "--tasks", "reviews_demo", "--limit", "1"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2, result.output
    said = f"Found: {folder} has no weights for {missing} tensors of LlamaForCausalLM, the first "
    assert said in result.stderr
    assert "Why it matters: they would be random, and the scores would look plausible" in result.stderr


def test_layers_that_the_configuration_leaves_out_are_said(tiny_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 1}))
    words = ["run", "--model", "hf", "--model_args", f"pretrained={folder}", "--tasks", "reviews_demo", "--limit", "1"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert f"Warning: {folder} holds 9 tensors for which its configuration has no layer, the first model.layers.1." in (
        result.stderr
    )
