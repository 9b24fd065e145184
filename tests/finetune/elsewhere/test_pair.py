"""A checkpoint that is no checkpoint of the base is refused before a weight is read; what else differs is said."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).resolve().parent))

from checkpoints import LORA, write_full, write_lora
from folders import settings, write

from aftertune import app
from finetune.elsewhere import streaming
from finetune.elsewhere.reading import Asked, read_checkpoint
from harness_tasks.errors import UserError
from studies.tiny_model import write_tiny_model


@pytest.fixture
def no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the reading of any tensor fail."""

    def read(*_: Any) -> Any:
        raise AssertionError("a weight was read")

    monkeypatch.setattr(streaming, "_raw", read)


@pytest.fixture(scope="module")
def lora(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lora(tiny_model, tmp_path_factory.mktemp("lora") / "mine", tokenizer=True)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the tiny one's shapes, with other weights."""
    return write_tiny_model(tmp_path_factory.mktemp("other") / "other", seed=1)


def wide(tmp_path: Path) -> Path:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=259, hidden_size=48, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, tie_word_embeddings=True,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(tmp_path / "wide")
    return tmp_path / "wide"


def refused(checkpoint: Path, base: Path, **asked: Any) -> UserError:
    with pytest.raises(UserError) as caught:
        read_checkpoint(Asked(str(checkpoint), str(base), **asked), checkpoint.parent / "refused")
    assert not (checkpoint.parent / "refused").exists()
    assert caught.value.exit_code == 2
    return caught.value


def read(checkpoint: Path, base: Path, output: Path, **asked: Any) -> dict[str, dict[str, str]]:
    """Returns the verdicts by their ids."""
    read_checkpoint(Asked(str(checkpoint), str(base), **asked), output)
    record = json.loads((output / "finetune.json").read_text())
    return {each["id"]: each for each in record["guards"]}


@pytest.mark.usefixtures("no_weights")
@pytest.mark.parametrize("kind", ["adapter", "model"])
def test_another_width_is_refused_with_both_names(kind: str, lora: Path, tiny_model: Path, tmp_path: Path) -> None:
    base, checkpoint = wide(tmp_path), lora if kind == "adapter" else tiny_model
    error = refused(checkpoint, base)
    assert error.found.startswith(f"{checkpoint} does not fit the base {base}: ")
    assert "32" in error.found
    assert "48" in error.found
    if kind == "adapter":
        assert str(tiny_model) in error.why
    assert error.mend == "name the base that it was made from with --base"


@pytest.mark.usefixtures("no_weights")
def test_another_vocabulary_of_the_same_width_is_refused(lora: Path, other: Path, tmp_path: Path) -> None:
    base = Path(shutil.copytree(other, tmp_path / "base"))
    content = json.loads((base / "tokenizer.json").read_text())
    vocabulary = content["model"]["vocab"]
    content["model"]["vocab"] = dict(zip(vocabulary, reversed(vocabulary.values()), strict=True))
    content["added_tokens"] = []
    (base / "tokenizer.json").write_text(json.dumps(content))
    error = refused(lora, base)
    assert error.found.startswith(f"of the 259 tokens of the base {base}, 1 have the same id in {lora}, which names")
    assert error.mend == "name the base that it was made from with --base"


@pytest.mark.usefixtures("no_weights")
def test_the_same_shapes_with_other_weights_are_refused_by_hash(lora: Path, other: Path, tiny_model: Path) -> None:
    error = refused(lora, other)
    assert error.found.startswith(f"the adapter {lora} was trained on the model with the hash ")
    assert error.mend == (
        "name the base that the adapter was trained on with --base, or allow it with --allow other-base"
    )


def test_and_allowed_by_a_flag(lora: Path, other: Path, tmp_path: Path) -> None:
    assert read(lora, other, tmp_path / "out", allow=("other-base",))["other-base"]["verdict"] == "warn"


def test_a_base_that_is_not_here_is_not_told(lora: Path, other: Path, tmp_path: Path) -> None:
    checkpoint = Path(shutil.copytree(lora, tmp_path / "mine"))
    settings(checkpoint, base_model_name_or_path="/home/ada/models/somewhere")
    found = read(checkpoint, other, tmp_path / "out")["other-base"]
    assert found["verdict"] == "warn"
    assert "it was trained on somewhere, a folder that is not here" in found["found"]


@pytest.mark.usefixtures("no_weights")
@pytest.mark.parametrize("kind", ["adapter", "model"])
def test_pickled_weights_alone_are_refused_and_how_to_convert_them_is_said(
    kind: str, lora: Path, tiny_model: Path, tmp_path: Path
) -> None:
    checkpoint = Path(shutil.copytree(lora if kind == "adapter" else tiny_model, tmp_path / "mine"))
    stored = next(checkpoint.glob("*.safetensors"))
    name = "adapter_model.bin" if kind == "adapter" else "pytorch_model.bin"
    stored.rename(checkpoint / name)
    error = refused(checkpoint, tiny_model)
    assert error.found == f"the checkpoint {checkpoint} holds its weights in {name} only"
    assert "loading one can run code" in error.why
    assert 'save_pretrained("mine-safetensors")' in error.mend
    assert ("peft" if kind == "adapter" else "transformers") in error.mend


@pytest.mark.usefixtures("no_weights")
def test_the_base_itself_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tiny_model)
    error = refused(tmp_path / "link", tiny_model)
    assert error.found == f"the checkpoint {tmp_path / 'link'} is the base {tiny_model} itself"


def test_an_exact_copy_is_identical_and_allowed(tiny_model: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_model, tmp_path / "copy"))
    found = read(copy, tiny_model, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "tensors.json").read_text())["identical"] is True
    assert {each["verdict"] for each in found.values()} == {"pass"}


@pytest.mark.usefixtures("no_weights")
def test_a_runs_folder_without_weights_names_its_checkpoints(tiny_model: Path, tmp_path: Path) -> None:
    write(tmp_path / "run" / "checkpoint-4" / "trainer_state.json", {})
    write(tmp_path / "run" / "checkpoint-12" / "trainer_state.json", {})
    assert refused(tmp_path / "run", tiny_model).mend == f"name one of them: {tmp_path / 'run' / 'checkpoint-12'}"


def classifier(base: Path, folder: Path, labels: list[str] | None, *, count: int = 2) -> Path:
    from transformers import AutoModelForSequenceClassification

    named = dict(enumerate(labels)) if labels else None
    AutoModelForSequenceClassification.from_pretrained(
        base, num_labels=len(labels) if labels else count, **({"id2label": named} if named else {})
    ).save_pretrained(folder)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(base / file, folder / file)
    return folder


@pytest.mark.usefixtures("no_weights")
@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (["a", "b", "c"], "reviews_demo asks for 2 choices, and the classifier has 3 labels"),
        (["POSITIVE", "NEGATIVE"], "the classifier's labels are POSITIVE, NEGATIVE, and the choices of reviews_demo"),
        (["ham", "spam"], "the labels of "),
    ],
)
def test_a_classifier_of_another_task_is_refused(
    labels: list[str], found: str, tiny_model: Path, tmp_path: Path
) -> None:
    error = refused(classifier(tiny_model, tmp_path / "mine", labels), tiny_model, tasks=("reviews_demo",))
    assert error.found.startswith(found)
    assert "each choice is scored by the label in its place" in error.why


@pytest.mark.usefixtures("no_weights")
def test_a_classifier_is_not_scored_on_a_task_without_choices(tiny_model: Path, tmp_path: Path) -> None:
    mine = classifier(tiny_model, tmp_path / "mine", ["negative", "positive"])
    error = refused(mine, tiny_model, tasks=("passages_demo",))
    assert error.found == f"{mine} is a classifier, and passages_demo has no choices"


@pytest.mark.parametrize(
    ("labels", "verdict"), [(["Negative", "positive"], "pass"), (None, "warn"), (["NEG", "POS"], "warn")]
)
def test_labels_that_may_be_the_tasks_are_said(
    labels: list[str] | None, verdict: str, tiny_model: Path, tmp_path: Path
) -> None:
    mine = classifier(tiny_model, tmp_path / "mine", labels)
    assert read(mine, tiny_model, tmp_path / "out", tasks=("reviews_demo",))["labels"]["verdict"] == verdict
    record = json.loads((tmp_path / "out" / "finetune.json").read_text())
    assert (record["elsewhere"]["head"], record["labels"]) == ("sequence-classification", labels)
    tensors = json.loads((tmp_path / "out" / "tensors.json").read_text())
    assert tensors["only_in_checkpoint"] == ["score.weight"]
    head = next(row for row in tensors["tensors"] if row["name"] == "score.weight")
    assert (head["kind"], head["trained"], head["sha256_before"], head["relative_change"]) == ("head", True, None, None)


def test_an_adapter_with_a_new_head(tiny_model: Path, tmp_path: Path) -> None:
    from checkpoints import moved
    from peft import get_peft_model
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(tiny_model, num_labels=2)
    moved(get_peft_model(model, LoraConfig(r=4, target_modules=["q_proj"], task_type="SEQ_CLS"))).save_pretrained(
        tmp_path / "mine"
    )
    found = read(tmp_path / "mine", tiny_model, tmp_path / "out", tasks=("reviews_demo",))
    assert found["saved-modules"] == {"id": "saved-modules", "verdict": "pass", "found": "it saves score whole"}
    assert found["labels"]["found"].startswith("its labels are numbers: they stand, in this order, for the choices of ")
    assert refused(tmp_path / "mine", tiny_model, tasks=("passages_demo",)).found.endswith("has no choices")


def test_what_differs_beside_the_weights_is_listed(tiny_model: Path, tmp_path: Path) -> None:
    mine = write_full(tiny_model, tmp_path / "mine", dtype=torch.bfloat16)
    write(mine / "generation_config.json", {"do_sample": True, "temperature": 0.6, "eos_token_id": 2})
    (mine / "chat_template.jinja").write_text("{{ messages }}")
    content = json.loads((mine / "tokenizer.json").read_text())
    content["added_tokens"].append({**content["added_tokens"][0], "id": 259, "content": "<|im_start|>"})
    write(mine / "tokenizer.json", content)
    config = json.loads((mine / "tokenizer_config.json").read_text())
    write(mine / "tokenizer_config.json", config | {"eos_token": "<|im_start|>", "padding_side": "left"})
    found = read(mine, tiny_model, tmp_path / "out")
    assert found["tokenizer"]["verdict"] == "warn"
    assert "1 tokens added: <|im_start|>" in found["tokenizer"]["found"]
    assert "eos_token is <|im_start|>, and the base's <eos>" in found["tokenizer"]["found"]
    assert found["chat-template"]["found"] == "the chat templates differ"
    assert "temperature is 0.6, and the base's not set" in found["generation"]["found"]
    assert found["embeddings"]["found"] == "1 of its tokens have no embedding: <|im_start|>"
    assert found["dtype"]["found"] == "the base is stored in float32, the checkpoint in bfloat16"


def test_a_module_that_is_named_and_not_saved_is_said(tiny_model: Path, tmp_path: Path) -> None:
    mine = write_lora(tiny_model, tmp_path / "mine", LoraConfig(**LORA, modules_to_save=["embed_tokens"]))
    assert read(mine, tiny_model, tmp_path / "out")["saved-modules"]["found"] == "it saves model.embed_tokens whole"
    file = mine / "adapter_model.safetensors"
    save_file({name: tensor for name, tensor in load_file(file).items() if "lora" in name}, file)
    found = read(mine, tiny_model, tmp_path / "again")["saved-modules"]
    assert (found["verdict"], found["found"]) == (
        "warn",
        "it names the saved modules embed_tokens, and their weights are not in its file",
    )


def test_names_with_other_prefixes_are_found(tiny_model: Path, tmp_path: Path) -> None:
    mine = write_full(tiny_model, tmp_path / "mine")
    tensors = load_file(mine / "model.safetensors")
    renamed = {name.replace("model.", "model.language_model.", 1): tensor for name, tensor in tensors.items()}
    save_file(renamed, mine / "model.safetensors")
    read(mine, tiny_model, tmp_path / "out")
    rows = json.loads((tmp_path / "out" / "tensors.json").read_text())["tensors"]
    assert {row["name"] for row in rows if row["trained"]} == {name for name in renamed if "layers.1" in name}


def test_the_command_line(lora: Path, tiny_model: Path, tmp_path: Path) -> None:
    words = ["read-checkpoint", str(lora), "--base", str(tiny_model), "--output", str(tmp_path / "out")]
    done = CliRunner().invoke(app, [*words, "--name", "mine-lora", "--trained-on", "reviews_demo"])
    assert (done.exit_code, done.stdout) == (0, f"{tmp_path / 'out'}\n")
    record = json.loads((tmp_path / "out" / "finetune.json").read_text())
    assert (record["checkpoint"], record["task"], record["method"]) == ("mine-lora", "reviews_demo", "lora")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["finetune.json", "tensors.json"]
    done = CliRunner().invoke(app, [*words, "--allow", "tokenizer"])
    assert (done.exit_code, done.stderr.splitlines()[0]) == (
        2,
        "Found: --allow tokenizer: there is no such check that can be allowed",
    )
