"""The YAML files: none is skipped in silence, each says what a report must know, prompts are these to the letter."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import pytest
from lm_eval.tasks import TaskManager
from lm_eval.tasks._yaml_loader import load_yaml

from harness_tasks import TASKS_PATH, metrics

TASKS = {
    "sst2_llama": ("acc", 1, "source_sentence"),
    "sst2_llama_glue": ("acc", 1, None),
    "squad_llama": ("f1", 100, "context"),
    "squad_v1_llama": ("f1", 100, "context"),
    "squad_v2_llama": ("f1", 100, "context"),
    "reviews_demo": ("acc", 1, "film"),
    "passages_demo": ("f1", 100, "context"),
}
TEXTS = ("passages_text", "text_file")
CLASSIFICATION = ["acc", "precision", "recall", "f1", "mcc", "brier", "ece"]
ANSWERS = ["exact", "f1", "HasAns_exact", "HasAns_f1", "NoAns_exact", "NoAns_f1"]
ANSWERS += ["meteor", "meteor_exact_stem", "rouge1", "rouge2", "rougeL", "bleu"]


def rendered(template: str, doc: Mapping[str, Any]) -> str:
    """Returns a prompt as lm_eval renders it."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    return environment.from_string(template).render(**doc)


def config(name: str) -> Mapping[str, Any]:
    return load_yaml(next(TASKS_PATH.glob(f"*/{name}.yaml")))


def test_every_yaml_file_is_indexed() -> None:
    # lm_eval skips a file that it cannot parse without a word.
    files = list(TASKS_PATH.rglob("*.yaml"))
    manager = TaskManager(include_defaults=False, include_path=str(TASKS_PATH))
    assert set(manager.all_subtasks) == {file.stem for file in files} == {*TASKS, *TEXTS}


def test_no_name_is_one_of_lm_evals_own() -> None:
    import lm_eval.tasks

    shipped = Path(lm_eval.tasks.__file__).parent
    assert not [name for name in (*TASKS, *TEXTS) if list(shipped.rglob(f"{name}.yaml"))]


@pytest.mark.parametrize("name", TASKS)
def test_metadata_and_metrics(name: str) -> None:
    primary, scale, cluster = TASKS[name]
    task = config(name)
    metadata = task["metadata"]
    assert (metadata["primary"], metadata["scale"], metadata.get("cluster")) == (primary, scale, cluster)
    assert metadata["version"] == 1.1
    assert metadata["input"] == ("sentence" if primary == "acc" else "question")
    assert metadata["data"] == metadata["signature"] == {}
    assert metadata["about"].endswith(".")
    assert task["training_split"] == "train"
    assert task["fewshot_split"] == "fewshot"
    assert "num_fewshot" not in task  # 0 written out would make lm_eval ignore --num_fewshot
    names = [metric["metric"] for metric in task["metric_list"]]
    lower = [metric["metric"] for metric in task["metric_list"] if not metric["higher_is_better"]]
    own = {m["metric"]: m["aggregation"] for m in task["metric_list"] if m["aggregation"] != "mean"}
    if primary == "acc":
        assert names == CLASSIFICATION
        assert (metadata["labels"], metadata["positive_label"]) == (["negative", "positive"], 1)
        assert lower == ["brier", "ece"]
        # lm_eval bootstraps its own f1 and mcc 100,000 times.
        assert own == {
            **{score: getattr(metrics, score) for score in ("precision", "recall", "f1", "mcc")},
            "ece": metrics.expected_calibration_error,
        }
    else:
        assert names == [name_ for name_ in ANSWERS if name != "squad_v1_llama" or not name_.startswith("NoAns")]
        assert lower == []
        assert own == {"bleu": metrics.corpus_bleu}
        assert task["generation_kwargs"] == {"until": ["\n"], "max_gen_toks": 32, "do_sample": False}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_has_lm_evals_likelihoods_and_nothing_to_train_on(name: str) -> None:
    import lm_eval.tasks

    task, wikitext = config(name), Path(lm_eval.tasks.__file__).parent / "wikitext" / "wikitext.yaml"
    assert {metric["metric"] for metric in load_yaml(wikitext)["metric_list"]} == {
        metric["metric"] for metric in task["metric_list"] if metric["higher_is_better"] is False
    }
    assert (task["metadata"]["primary"], "scale" in task["metadata"]) == ("bits_per_byte", False)
    assert not {"training_split", "fewshot_split", "num_fewshot"} & set(task)


@pytest.mark.parametrize("name", ["sst2_llama", "sst2_llama_glue", "reviews_demo"])
def test_the_sentiment_prompt(name: str) -> None:
    task = config(name)
    prompt = rendered(task["doc_to_text"], {"sentence": "it 's a charming and often affecting journey . "})
    assert prompt == (
        "it 's a charming and often affecting journey .\nQuestion: Is this sentence positive or negative?\nAnswer:"
    )
    assert task["doc_to_choice"] == ["negative", "positive"]
    assert task["doc_to_target"] == "label"


def test_the_sentiment_prompt_is_lm_evals_own_but_for_the_strip() -> None:
    import lm_eval.tasks

    own = load_yaml(Path(lm_eval.tasks.__file__).parent / "glue" / "sst2" / "default.yaml")
    ours = config("sst2_llama")
    assert own["doc_to_text"].replace("{{sentence}}", "{{sentence.strip()}}") == ours["doc_to_text"]
    assert own["doc_to_choice"] == ours["doc_to_choice"]


PASSAGE = {"context": "Oak burns slowly. ", "question": " What burns slowly?", "answers": {"text": ["Oak", "oak"]}}


@pytest.mark.parametrize("name", ["squad_llama", "squad_v2_llama", "passages_demo"])
def test_the_question_prompt(name: str) -> None:
    assert rendered(config(name)["doc_to_text"], PASSAGE) == (
        'Answer the question with words copied from the passage, or "unanswerable" if it does not say.\n'
        "Passage: Oak burns slowly.\n"
        "Question: What burns slowly?\n"
        "Answer:"
    )


def test_the_question_prompt_of_v1_names_no_way_out() -> None:
    assert rendered(config("squad_v1_llama")["doc_to_text"], PASSAGE) == (
        "Answer the question with words copied from the passage.\n"
        "Passage: Oak burns slowly.\nQuestion: What burns slowly?\nAnswer:"
    )


@pytest.mark.parametrize(
    ("texts", "expected"), [(["Oak", "oak"], "Oak"), ([], "unanswerable"), (["[1]"], "[1]"), (["a\nb"], "a b")]
)
def test_the_target_of_a_question(texts: list[str], expected: str) -> None:
    # "[1]": lm_eval would read a rendered template of that look as a Python list.
    assert config("squad_llama")["doc_to_target"]({"answers": {"text": texts}}) == expected


@pytest.mark.parametrize("folder", ["sst2", "squad", "reviews_demo", "passages_demo"])
def test_each_readme_names_its_tasks_prompt_and_changes(folder: str) -> None:
    text = (TASKS_PATH / folder / "README.md").read_text(encoding="utf-8")
    for file in (TASKS_PATH / folder).glob("*.yaml"):
        assert f"`{file.stem}`" in text
        prompt = load_yaml(file)["doc_to_text"]
        assert re.sub(r"\{\{(\w+)\.strip\(\)\}\}", r"{\1}", prompt) in text
    assert "### Changelog\n\n* **1.1** " in text
    assert "### Licence" in text
