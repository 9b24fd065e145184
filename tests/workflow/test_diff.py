"""`aftertune diff`: the study that it writes, what it refuses before any work, and a whole run of tiny models."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness_tasks.errors import UserError
from studies import Elsewhere, Study, TaskGroup, load_grid, load_study
from studies.tiny_model import write_tiny_model
from tests.eight_tasks.written import write_tasks
from tests.in_this_process import aftertune
from workflow.diff import Asked, detectable, name_of, write_study

TASKS = ["reviews_demo", "passages_demo"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a base model, and beside it a copy, other weights, an adapter, its merge, and classifiers."""
    import torch
    from peft import LoraConfig, PeftModel, get_peft_model
    from transformers import (
        AutoConfig,
        AutoModelForCausalLM,
        AutoModelForSequenceClassification,
        Qwen2Config,
        Qwen2ForCausalLM,
    )

    folder = tmp_path_factory.mktemp("models")
    base = write_tiny_model(folder / "base")
    shutil.copytree(base, folder / "copy")
    write_tiny_model(folder / "other", seed=1)
    torch.manual_seed(3)
    lora = LoraConfig(task_type="CAUSAL_LM", r=2, target_modules=["q_proj"], init_lora_weights=False)
    get_peft_model(AutoModelForCausalLM.from_pretrained(base), lora).save_pretrained(folder / "adapter")
    adapted = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), str(folder / "adapter"))
    adapted.merge_and_unload().save_pretrained(folder / "merged")
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(base / name, folder / "merged")
    other_family = Qwen2Config(**{**AutoConfig.from_pretrained(base).to_diff_dict(), "model_type": "qwen2"})
    Qwen2ForCausalLM(other_family).save_pretrained(folder / "qwen")
    labels = {"id2label": {0: "negative", 1: "positive"}, "label2id": {"negative": 0, "positive": 1}}
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=2, **labels)
    model.save_pretrained(folder / "classifier")
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(base / name, folder / "classifier")
    shutil.copytree(folder / "classifier", folder / "moods")
    config = json.loads((folder / "moods" / "config.json").read_text(encoding="utf-8"))
    config |= {"id2label": {"0": "joy", "1": "anger"}, "label2id": {"joy": 0, "anger": 1}}
    (folder / "moods" / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def asked(models: Path, *tuned: str, tasks: list[str] = TASKS, **more: Any) -> Asked:
    return Asked(str(models / "base"), None, [str(models / name) for name in tuned], tasks, **more)


def test_the_study_names_models_tasks_and_the_tasks_that_each_can_answer(models: Path, tmp_path: Path) -> None:
    out = tmp_path / "my comparison"
    file = write_study(asked(models, "adapter", "classifier", limit=8, settings={"dtype": "float32"}), out)
    assert file == out / "my comparison.yaml"
    study = load_study(file)
    assert (study.folder, study.dtype, study.trains) == (out, "float32", False)
    assert {task: study.plan(task).limit for task in study.tasks} == dict.fromkeys(TASKS, 8)
    adapter, classifier = study.checkpoints
    assert (adapter.name, study.scored_on(adapter)) == (f"{models.name}-adapter", TASKS)
    assert study.scored_on(classifier) == ["reviews_demo"]
    assert load_grid(file).folder == out
    assert write_study(asked(models, "adapter", "classifier", limit=8, settings={"dtype": "float32"}), out) == file
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("limit: 8", "limit: 9"), encoding="utf-8")
    with pytest.raises(UserError, match="holds another comparison, or was edited"):
        write_study(asked(models, "adapter", "classifier", limit=8, settings={"dtype": "float32"}), out)
    assert "limit: 9" in file.read_text(encoding="utf-8")


def test_a_group_stands_for_its_tasks(models: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    settings = {"include_path": str(write_tasks(tmp_path / "tasks"))}
    grouped = asked(models, "adapter", tasks=["prose", "quiz", "quiz_four"], settings=settings)
    study = load_study(write_study(grouped, tmp_path / "out", told=lines.append))
    assert list(study.tasks) == ["prose", "quiz_four", "quiz_varied"]
    assert study.groups == {"quiz": TaskGroup(tasks=["quiz_four", "quiz_varied"])}
    assert lines == ["quiz is a group of 2 tasks, each of which is scored: quiz_four, quiz_varied"]
    with pytest.raises(UserError, match="there is no task 'quizz'"):
        write_study(asked(models, "adapter", tasks=["quizz"], settings=settings), tmp_path / "none")
    declared = tmp_path / "tasks" / "quiz.yaml"
    declared.write_text(declared.read_text().replace("weight_by_size: true", "weight_by_size: false"))
    unweighted = asked(models, "adapter", tasks=["quiz"], settings=settings)
    study = load_study(write_study(unweighted, tmp_path / "unweighted"))
    assert study.groups == {"quiz": TaskGroup(tasks=["quiz_four", "quiz_varied"], weight_by_size=False)}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("user/llama-sst2", "llama-sst2"),
        ("runs/sst2/checkpoint-500", "sst2-checkpoint-500"),
        ("outputs/final/", "outputs-final"),
        ("../a:b", "a-b"),
        ("..", "checkpoint"),
        ("/data/Überprüfung (2)", "Überprüfung (2)"),
    ],
)
def test_a_checkpoint_is_called_by_the_end_of_its_path(path: str, name: str) -> None:
    assert Elsewhere(path=path).name == name


def test_two_checkpoints_of_one_name_or_one_place_are_refused(models: Path, tmp_path: Path) -> None:
    shutil.copytree(models / "other", tmp_path / "other")
    twice = Asked(str(models / "base"), None, [str(models / "other"), str(tmp_path / "other")], TASKS)
    with pytest.raises(UserError, match=r"has the name other, as has .*other"):
        write_study(twice, tmp_path / "twice")
    same = Asked(str(models / "base"), None, [str(models / "other")] * 2, TASKS)
    with pytest.raises(UserError, match=r"`checkpoints` names .*other twice"):
        write_study(same, tmp_path / "same")
    assert not (tmp_path / "twice").exists()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["base", "base"], "is the base"),
        (["base", "nowhere"], "nowhere"),
        (["base", "adapter", "--tasks", "reviews_dmeo"], "there is no task 'reviews_dmeo'"),
        (["base", "adapter", "--tasks", " , "], "--tasks names no task"),
        (["base", "adapter", "--quick", "--limit", "3"], "--quick and --limit 3"),
        (["base", "classifier", "--tasks", "passages_demo"], "can answer none of passages_demo"),
        (["base", "moods"], "moods are joy, anger, and the choices of reviews_demo negative, positive"),
        (["adapter", "base"], "is an adapter"),
        (["base", "qwen"], "it is a model of the type qwen2, and the base of the type llama"),
        (["classifier", "other"], "is a model with the head sequence-classification"),
    ],
)
def test_what_cannot_be_compared_is_told_before_anything_is_written(
    words: list[str], found: str, models: Path, tmp_path: Path
) -> None:
    named = [str(models / word) if (models / word).exists() or word == "nowhere" else word for word in words]
    given = [] if "--tasks" in words else ["--tasks", "reviews_demo"]
    done = aftertune("diff", *named, *given, folder=tmp_path)
    assert done.exit_code == 2, done.output
    for part in (found, "Why it matters: ", "To mend it: "):
        assert part in done.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("output", ["out", "a b/out", "a{b}/out", "c{d}"])
def test_any_folder_may_be_the_output(output: str, models: Path, tmp_path: Path) -> None:
    words = ["diff", str(models / "base"), str(models / "other"), str(models / "adapter"), "--tasks", "reviews_demo"]
    words += ["--output", output]
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "aftertune", *words, "--dry-run"]
    done = subprocess.run(command, cwd=tmp_path, env=here, capture_output=True, text=True, timeout=300)
    if "{" in output:  # it would be a pattern of Snakemake's
        assert done.returncode == 2
        assert f"`output` is {output}" in done.stderr or "the comparison has a name: 'c{d}'" in done.stderr
        assert list(tmp_path.iterdir()) == []
        return
    assert done.returncode == 0, done.stderr
    for step in ("read_checkpoint", "merges"):
        assert step in done.stdout + done.stderr
    assert (tmp_path / output / "out.yaml").is_file()


def test_a_built_in_base_model_is_written_where_it_is_not_there(models: Path, tmp_path: Path) -> None:
    done = aftertune(
        "diff", "tiny-random", str(models / "other"), "--tasks", "reviews_demo", "--dry-run", folder=tmp_path
    )
    assert done.exit_code == 0, done.output
    assert (tmp_path / "build" / "tiny-model" / "config.json").is_file()
    (study,) = tmp_path.glob("build/*/*.yaml")
    assert load_study(study).model.id == "tiny-random"


@pytest.mark.parametrize(
    ("an_item", "limit", "told"),
    [(0.1, None, "all items of each task, about 3 min: on 168 items"), (1.0, 105, "at most 105 items of each task")],
)
def test_a_quick_comparison_takes_what_the_plan_says_of_five_minutes(
    an_item: float, limit: int | None, told: str, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 90 s beside the items; of the tasks there are 1,000 and 168 items
    def seconds(study: Study, speed: float = 1.0) -> float:
        rows = {"reviews_demo": 1000, "passages_demo": 168}
        return 90 + an_item * sum(min(rows[task], study.plan(task).limit or rows[task]) for task in study.tasks)

    monkeypatch.setattr("workflow.diff._seconds", seconds)
    monkeypatch.setattr("workflow.diff._speed", lambda study: 1.0)
    said: list[str] = []
    file = write_study(asked(models, "other", quick=True), tmp_path / "quick", told=said.append)
    plan = load_study(file).plan("reviews_demo")
    assert plan.limit == limit
    if limit:  # (300 - 90) / (2 * 1.0) = 105 items
        assert seconds(load_study(file)) == pytest.approx(300, abs=2)
    assert told in said[0]
    monkeypatch.setattr("workflow.diff._seconds", lambda study, speed: 1e6)  # another moment, another speed
    assert write_study(asked(models, "other", quick=True), tmp_path / "quick") == file
    assert load_study(file).plan("reviews_demo").limit == limit


def test_a_difference_that_can_be_found_agrees_with_mcnemars_power() -> None:
    # Connor's sample size for McNemar's test, with and without the term of second order: 0.2 discordant, 0.125 apart
    import math

    d, p = 0.125, 0.2
    exact = (1.96 * math.sqrt(p) + 0.842 * math.sqrt(p - d * d)) ** 2 / d**2
    assert detectable(round(exact)) == pytest.approx(d, rel=0.05)


def test_the_name_of_a_comparison_is_a_folders() -> None:
    assert name_of(Asked("org/Base-1B", None, ["a/b", "c/d"], [])) == "Base-1B-and-b-1-more"


@pytest.mark.slow
def test_checkpoints_from_elsewhere_get_a_whole_page(models: Path, tmp_path: Path) -> None:
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), "HF_HUB_OFFLINE": "1"}
    tuned = [str(models / name) for name in ("adapter", "merged", "copy", "other", "classifier")]
    words = ["diff", str(models / "base"), *tuned, "--tasks", "reviews_demo", "--limit", "6"]
    words += ["--output", "out/three"]
    done = subprocess.run(
        [sys.executable, "-m", "aftertune", *words], cwd=tmp_path, env=here, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "out/three/report.html"
    page = (tmp_path / "out/three/report.md").read_text(encoding="utf-8")
    assert "every one is the base model's bit by bit: the weights are identical" in page
    copied = [line for line in page.splitlines() if line.startswith("|") and "| copy |" in line and "**" in line]
    assert copied
    assert all("**the same**" in line for line in copied)
    assert "the adapter adds to 2 matrices of the base model" in page
    assert page.count("counts as a merge of the adapter") == page.count(" kept the adapter ") == 1
    assert "trained elsewhere" in page
    study = yaml.safe_load((tmp_path / "out/three/three.yaml").read_text(encoding="utf-8"))
    assert [one.get("tasks") for one in study["checkpoints"]] == [None] * 5
    for name in ("report.html", "report.md"):
        verified = subprocess.run(
            [sys.executable, "-m", "aftertune", "verify", f"out/three/{name}"],
            cwd=tmp_path, env=here, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert verified.returncode == 0, verified.stdout + verified.stderr
    again = subprocess.run(
        [sys.executable, "-m", "aftertune", *words], cwd=tmp_path, env=here, capture_output=True, text=True, timeout=300
    )
    assert (again.returncode, "scored" in again.stderr) == (0, False)


def test_what_the_tasks_are_given_stands_in_the_study(models: Path, tmp_path: Path) -> None:
    words = ["--tasks", "reviews_demo", "--metadata", '{"course": "a b"}', "--dry-run", "--output", "given"]
    done = aftertune("diff", str(models / "base"), str(models / "other"), *words, folder=tmp_path)
    assert done.exit_code == 0, done.output
    assert load_study(tmp_path / "given" / "given.yaml").metadata == {"course": "a b"}
    wrong = aftertune("diff", "a", "b", "--tasks", "reviews_demo", "--metadata", "[1]", folder=tmp_path)
    assert wrong.exit_code == 2
    assert "Why it matters: " in wrong.output
