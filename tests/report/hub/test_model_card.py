"""The model card: huggingface_hub's own parsers and checks accept it, and its numbers are those of the facts."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from fake_hub import FakeHub
from huggingface_hub import ModelCard, parse_eval_result_entries

from report.hub.card import base_on_hub, loading
from tests.report.hub.conftest import run_push
from tests.report.pushable_study import write_pushable
from tests.report.synthetic import folder_of

REVIEWS, PASSAGES = "reviews-lora-seed1", "passages-lora-seed1"


@pytest.fixture
def card(study: Path) -> Callable[..., str]:
    """Returns the card of a checkpoint, as a dry run prints it."""

    def printed(name: str = REVIEWS, file: Path = study, *arguments: str) -> str:
        result = run_push(file, "--dry-run", *arguments)
        assert result.exit_code == 0, result.output
        found = re.search(rf"^model \S+{name}.*?\n\n(---\n.*?)\nfiles of ", result.stdout, re.DOTALL | re.MULTILINE)
        assert found
        return found[1]

    return printed


def edited(path: Path, edit: Callable[[Any], object]) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def test_the_card_is_one_that_huggingface_hub_loads_validates_and_writes_as_it_was(
    hub: FakeHub, card: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "README.md").write_text(card(), encoding="utf-8")
    loaded = ModelCard.load(tmp_path / "README.md")
    loaded.validate()
    assert hub.count("POST /api/validate-yaml") == 1
    assert loaded.content == card()
    assert loaded.data.license == "apache-2.0"
    assert loaded.data.library_name == "peft"
    assert loaded.data.pipeline_tag == "text-generation"
    assert loaded.data.get("base_model") is None  # the synthetic base stands on no Hub


def test_the_hubs_checks_are_asked_before_anything_is_made(
    hub: FakeHub, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fake_hub._wrong_with", lambda _: ["license: must be one of the known ones"])
    result = run_push(study)
    assert result.exit_code == 2
    assert "the Hub does not accept the metadata of the card of ada/small-reviews-lora-seed1" in result.stderr
    assert "license: must be one of the known ones" in result.stderr
    assert hub.repositories == {}


def test_every_score_stands_in_the_model_index_in_full_with_its_interval(card: Callable[..., str], study: Path) -> None:
    facts = json.loads((folder_of(study) / "facts.json").read_text(encoding="utf-8"))
    scores = facts["tasks"][0]["comparisons"][0]["scores"]
    results = ModelCard(card()).data.eval_results
    assert [result.metric_value for result in results] == [score["after"]["value"] for score in scores]
    accuracy = results[0]
    # Two of forty are wrong, one in each of two films out of twenty: see synthetic.
    assert (accuracy.metric_type, accuracy.metric_value) == ("accuracy", 0.95)
    assert (accuracy.metric_args["items"], accuracy.metric_args["clusters"]) == (40, 20)
    interval = scores[0]["after"]["interval"]
    assert accuracy.metric_args["lower"] == interval["lower"]
    assert accuracy.metric_args["upper"] == interval["upper"]
    assert accuracy.metric_args["signature"] == "acc as the test has it|version 1"
    assert (accuracy.task_type, accuracy.dataset_type) == ("text-classification", "reviews")
    assert ModelCard(card(PASSAGES)).data.eval_results[0].task_type == "question-answering"


def test_the_card_says_data_recipe_limits_and_how_to_load(card: Callable[..., str]) -> None:
    text = card()
    for said in (
        "On `reviews`, fine-tuning improves accuracy: it rises from 0.500 (zero-shot) to 0.950",
        "One training seed (1): the intervals cover the sampling of items only",
        "rows trained on, of those available | 200 of 2,000",
        "| `lora_r` | 16 |",
        "aftertune train --model build/base --task reviews",
        "apache-2.0, the licence of the base model.",
    ):
        assert said in text
    assert "passages" not in text
    block = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert block
    compile(block[1], "card", "exec")
    assert 'base = AutoModelForCausalLM.from_pretrained("FOLDER-OF-THE-BASE-MODEL")' in block[1]
    assert 'PeftModel.from_pretrained(base, "YOUR-ACCOUNT/small-reviews-lora-seed1").eval()' in block[1]


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_classifiers_lines_run_and_give_its_labels(method: Any, tiny_model: Path, tmp_path: Path) -> None:
    """A batch of two texts of unlike length, which needs a padding token, and the labels' own names."""
    from finetune.models import load_config, load_model, load_tokenizer, save_model
    from finetune.recipe import Recipe
    from finetune.run import Run

    run = Run(model=str(tiny_model), task="any", output=tmp_path, method=method, head="sequence-classification",
              recipe=Recipe(lora_r=2).resolved(method), dtype="float32", device="cpu")  # fmt: skip
    model = load_model(run, load_config(run.model, None), labels=("bad", "good", "mixed"), pad_id=0)
    save_model(model, load_tokenizer(run.model, None), tmp_path, pad_id=0, stop_ids=())
    recipe = [{"name": {"value": "head"}, "value": {"value": "sequence-classification"}}]
    subject: Any = SimpleNamespace(
        head="sequence-classification", is_adapter=method == "lora", base=str(tiny_model), repo=str(tmp_path), labels=3,
        files=tuple(path.name for path in tmp_path.iterdir()), recipe=recipe,
    )  # fmt: skip
    lines = loading(subject).removeprefix("```python\n").removesuffix("```")
    names: dict[str, Any] = {}
    exec(lines, names)
    assert len(names["labels"]) == 2
    assert set(names["labels"]) <= {"bad", "good", "mixed"}
    assert names["model"].config.id2label == {0: "bad", 1: "good", 2: "mixed"}


def test_a_classifiers_card_loads_it_with_its_labels(card: Callable[..., str], study: Path) -> None:
    record = folder_of(study) / "checkpoints" / REVIEWS / "finetune.json"
    edited(record, lambda c: c.update(labels=["no", "yes"], recipe={**c["recipe"], "head": "sequence-classification"}))
    text = card()
    assert 'AutoModelForSequenceClassification.from_pretrained("FOLDER-OF-THE-BASE-MODEL", num_labels=2)' in text
    assert "pipeline_tag: text-classification" in text


def test_whole_weights_need_no_base(card: Callable[..., str], study: Path) -> None:
    home = folder_of(study) / "checkpoints" / REVIEWS
    (home / "adapter_model.safetensors").rename(home / "model.safetensors")
    (home / "adapter_config.json").rename(home / "config.json")
    text = card()
    assert 'model = AutoModelForCausalLM.from_pretrained("YOUR-ACCOUNT/small-reviews-lora-seed1")' in text
    assert "library_name: transformers" in text
    assert "peft" not in text.partition("| recipe |")[0].partition("---\n\n")[2]


def test_an_adapter_of_dequantised_weights_says_so(card: Callable[..., str], study: Path) -> None:
    edited(folder_of(study) / "model.json", lambda c: c.update(dequantised_from="Q4_1"))
    assert "The adapter was trained and scored on weights dequantised from Q4_1" in card()


def test_a_checkpoint_without_scores_says_so_and_has_no_index(tmp_path: Path, card: Callable[..., str]) -> None:
    file = write_pushable(tmp_path / "other")
    shutil.rmtree(folder_of(file) / "scores" / REVIEWS)
    text = card(REVIEWS, file)
    assert "model-index" not in text
    assert "On `reviews`, what fine-tuning did (LoRA, seed 1) is not known: base model " in text


def test_a_benchmark_of_the_hub_gets_its_results_file_unless_it_was_cut(hub: FakeHub, study: Path) -> None:
    declared = {"dataset": "maker/benchmark", "task_id": "default", "revision": "0123abc"}
    for side, task in ((REVIEWS, "reviews"), (PASSAGES, "passages")):
        results = folder_of(study) / "scores" / side / task / "results.json"
        edited(results, lambda c, task=task: c["configs"][task]["metadata"].update(benchmark=declared))
    # The passages are not all there: a benchmark that was not scored whole has no result.
    for side in ("base", PASSAGES):
        results = folder_of(study) / "scores" / side / "passages" / "results.json"
        edited(results, lambda c: c["n-samples"]["passages"].update(original=1000))
    assert run_push(study).exit_code == 0
    found = hub.repositories[f"model/ada/small-{REVIEWS}"].files
    (entry,) = parse_eval_result_entries(yaml.safe_load(found[".eval_results/reviews.yaml"]))
    assert (entry.dataset_id, entry.task_id, entry.dataset_revision) == ("maker/benchmark", "default", "0123abc")
    assert entry.value == 0.95
    assert "40 items" in str(entry.notes)
    assert not [name for name in hub.repositories[f"model/ada/small-{PASSAGES}"].files if name.startswith(".eval")]


HOSTILE = [
    "<script>alert(1)</script>",
    "{{ 1234567 * 9 }} {% raw %}",
    "---\nlicense: mit\n---\n# another card",
    "a | b | c\n| d |",
    "[click](javascript:alert(1))",
    "\u202eright to left",
    '"; import os; """',
    "![x](https://tracker.test/x.png)",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_of_a_study_stays_text(text: str, tmp_path: Path, card: Callable[..., str]) -> None:
    model = {"id": "embedded", "name": "small", "licence": text, "source": text}
    file = write_pushable(tmp_path / "other", title=text, model=model)
    edited(folder_of(file) / "model.json", lambda c: c.update(name=text, source=text, licence=text))
    page = card(REVIEWS, file)
    loaded = ModelCard(page)
    assert (loaded.data.license, loaded.data.license_name) == ("other", text.strip())
    body = page.split("\n---\n", 1)[1]
    assert "<script" not in body.replace("\\<script", "")
    assert "](javascript" not in body.replace("\\](javascript", "")
    assert "![x]" not in body
    assert "11111103" not in body
    assert body.count("\n# ") == 1
    for line in body.splitlines():
        if line.startswith("| name |"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 3


def test_a_name_on_the_hub_comes_from_the_id_or_the_page() -> None:
    assert base_on_hub("maker/small", False, None) == "maker/small"
    assert base_on_hub("build/base", True, "https://huggingface.co/maker/small/") == "maker/small"
    assert base_on_hub("build/base", True, "https://example.org/maker/small") is None
    assert base_on_hub("build/base", True, "https://huggingface.co/maker/small/tree/main") is None


def test_a_studys_own_card_is_taken_first(card: Callable[..., str], study: Path) -> None:
    own = study.parent / "templates"
    own.mkdir()
    (own / "model_card.md.j2").write_text("# {{ name }}\n\nOur course's card of {{ model.name | text }}.\n", "utf-8")
    text = card()
    assert text.endswith("---\n\n# small-reviews-lora-seed1\n\nOur course's card of small.\n")
    (own / "model_card.md.j2").write_text("{{ modle.name | text }}\n", "utf-8")
    result = run_push(study, "--dry-run")
    assert result.exit_code == 2
    assert "there is no fact `modle`; the nearest one is `model`" in result.stderr


def test_the_same_facts_give_the_same_bytes(card: Callable[..., str]) -> None:
    assert card() == card()


def test_the_card_says_by_which_class_and_dtype_it_was_scored(study: Path, card: Callable[..., str]) -> None:
    """lm_eval's `hf` takes logarithms in the weights' dtype, and another class in the one that it recorded."""

    def scored(model: str, **config: Any) -> str:
        for name in ("base", REVIEWS):
            path = folder_of(study) / "scores" / name / "reviews" / "results.json"
            given = {"model": model, "model_dtype": "torch.bfloat16", **config}
            if name == REVIEWS and "model_args" in given:  # the results say which checkpoint was scored
                given["model_args"] = {**given["model_args"], "peft": f"build/trial/checkpoints/{REVIEWS}"}
            edited(path, lambda found, given=given: found["config"].update(given))
        return card()

    by = "dtype: torch.bfloat16; dtype of the log-likelihoods: torch.{}."
    page = scored("hf", model_args={"pretrained": "small"})
    assert f"Scored by lm_eval's model class `hf`; {by.format('bfloat16')}" in page
    results = yaml.safe_load(page.split("---")[1])["model-index"][0]["results"]
    arguments = results[0]["metrics"][0]["args"]
    assert arguments | {"model_class": "hf", "dtype": "torch.bfloat16", "softmax_dtype": "torch.bfloat16"} == arguments
    page = scored("hf-shared", softmax_dtype="torch.float32")
    assert f"Scored by lm_eval's model class `hf-shared`; {by.format('float32')}" in page
    page = scored("hf", softmax_dtype=None, model_args={"pretrained": "small", "softmax_dtype": "float32"})
    assert "Scored by lm_eval's model class `hf`; dtype: torch.bfloat16; dtype of the log-likelihoods: float32." in page
    page = scored("vllm", softmax_dtype=None, model_args={"pretrained": "small"})
    assert "`vllm`; dtype: torch.bfloat16; dtype of the log-likelihoods: missing (scores/" in page


def test_guards_that_were_allowed_are_on_the_card_of_what_was_scored_so(card: Callable[..., str], study: Path) -> None:
    assert "--allow" not in card()
    for name, guards in (("base", ["shots"]), (REVIEWS, ["adapter-base"])):
        file = folder_of(study) / "scores" / name / "reviews" / "results.json"
        edited(file, lambda results, guards=guards: results["configs"]["reviews"]["metadata"].update(allowed=guards))
    said = card()
    assert "> **Warning.** On `reviews`, LoRA, seed 1 was scored although these guards" in said
    assert "> **Warning.** On `reviews`, the base model (zero-shot) was scored although these guards" in said
    assert "--allow" not in card(PASSAGES)
