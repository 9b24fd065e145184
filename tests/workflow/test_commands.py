"""The commands of a study's steps."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import aftertune
from harness_tasks.errors import UserError
from harness_tasks.loading import parse_model_args
from studies import Elsewhere, load_grid, load_study
from studies.study import Model
from workflow import digests, step_commands
from workflow.__main__ import app
from workflow.checks import check_study

ROOT = Path(__file__).resolve().parents[2]

STUDY = """
title: heads
model: {id: tiny-random}
tasks:
  reviews_demo: {head: sequence-classification, allow: [disk]}
  passages_demo: {head: question-answering}
methods: [lora, dora, qlora, full, head]
authors: [{name: a, did: b}]
"""


def words_of(tmp_path: Path, method: str, task: str = "reviews_demo") -> tuple[list[str], list[str]]:
    """Returns the training and the scoring command of one checkpoint."""
    (tmp_path / "heads.yaml").write_text(STUDY)
    study = load_study(tmp_path / "heads.yaml")
    checkpoint = next(one for one in study.trained_checkpoints() if (one.task, one.method) == (task, method))
    score = step_commands.score(study, task, checkpoint, dtype="float32", output=Path("out"))
    return step_commands.train(study, checkpoint), score


def following(words: list[str], option: str) -> str:
    return words[words.index(option) + 1]


def model_args(words: list[str]) -> dict[str, Any]:
    """Returns the model arguments as lm_eval's own command line reads them."""
    from lm_eval._cli import HarnessCLI

    read = HarnessCLI()._parser.parse_args(["run", *words[words.index("--tasks") :]])
    return dict(read.model_args)


@pytest.mark.parametrize(
    "name",
    ["m,trust_remote_code=True", "a b", "it's", '"q"', "$HOME", "`x`", "a;b", "a\\b", "{x}", "[1]", "a=b", "1", "true"],
)
def test_no_name_of_a_folder_adds_or_changes_an_argument(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("models") / name
    folder.mkdir(parents=True)
    text = STUDY.replace("{id: tiny-random}", json.dumps({"id": str(folder)})).replace("heads", "title, x=1")
    (tmp_path / "nice,trust_remote_code=True,v=2.yaml").write_text(text)
    study = load_study("nice,trust_remote_code=True,v=2.yaml")
    for checkpoint in [None, *study.trained_checkpoints()]:
        task = checkpoint.task if checkpoint else "reviews_demo"
        words = step_commands.score(study, task, checkpoint, dtype="float32", output=Path("out"))
        found = model_args(words)
        assert set(found) <= {"pretrained", "peft", "dtype", "answers"}
        assert str(folder) in found.values() or "checkpoints" in found["pretrained"] or "merged" in found["pretrained"]
        assert shlex.split(shlex.join(words)) == words
        asked = step_commands.prior(study, task, checkpoint, dtype="float32", output=Path("out"))
        assert parse_model_args(following(asked, "--model_args")) == {k: v for k, v in found.items() if k != "answers"}


def test_a_head_is_trained_and_scored_by_its_own_class(tmp_path: Path) -> None:
    train, score = words_of(tmp_path, "lora")
    assert (following(train, "--head"), following(train, "--allow")) == ("sequence-classification", "disk")
    assert following(score, "--model") == "hf-seqcls"
    train, score = words_of(tmp_path, "lora", "passages_demo")
    assert following(train, "--head") == "question-answering"
    assert following(score, "--model") == "hf-span"
    assert "--allow" not in train


def test_an_adapter_is_scored_on_its_base_and_a_whole_model_by_itself(tmp_path: Path) -> None:
    for method in ("lora", "dora"):
        folder = f"build/heads/checkpoints/reviews_demo-{method}-seed1"
        arguments = model_args(words_of(tmp_path, method)[1])
        assert arguments == {"pretrained": "build/tiny-model", "peft": folder, "dtype": "float32"}
    for method in ("full", "head"):
        folder = f"build/heads/checkpoints/reviews_demo-{method}-seed1"
        assert model_args(words_of(tmp_path, method)[1]) == {"pretrained": folder, "dtype": "float32"}


def test_qlora_is_scored_as_the_model_that_it_was_merged_into(tmp_path: Path) -> None:
    merged = "build/heads/merged/reviews_demo-qlora-seed1"
    _, score = words_of(tmp_path, "qlora")
    assert following(score, "--model") == "hf-seqcls"
    assert model_args(score) == {"pretrained": merged, "dtype": "float32"}
    done = subprocess.run(
        [sys.executable, "-m", "workflow", "run", "heads.yaml", "--dry-run"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "build").exists()  # a dry run writes nothing
    planned = done.stdout + done.stderr
    assert re.search(r"^merge +2$", planned, re.MULTILINE)
    assert f"output: {merged}/merged_from.json" in planned
    (tmp_path / "heads.yaml").write_text(STUDY.replace("tiny-random", "embedded"))
    planned = CliRunner().invoke(app, ["plan", str(tmp_path / "heads.yaml"), "--teraflops", "0.1"]).output
    assert "merge reviews_demo-qlora-seed1" in planned


def test_the_base_is_always_scored_as_a_language_model(tmp_path: Path) -> None:
    (tmp_path / "heads.yaml").write_text(STUDY)
    study = load_study(tmp_path / "heads.yaml")
    words = step_commands.score(study, "reviews_demo", None, dtype="float32", output=Path("out"))
    assert following(words, "--model") == "hf-shared"
    assert model_args(words)["answers"] == "build/heads/scratch/scores/base/reviews_demo/answers"
    assert ("head", "sequence-classification") in [(one.method, one.head) for one in study.trained_checkpoints()]


def test_every_step_is_a_verb_of_the_script_with_options_that_it_takes(tmp_path: Path) -> None:
    (tmp_path / "heads.yaml").write_text(
        STUDY.replace("allow: [disk]", "allow: [disk], limit: 50") + "shards: 2\nmetadata: {course: a b}\n"
    )
    study, grid = load_study(tmp_path / "heads.yaml"), load_grid(tmp_path / "heads.yaml")
    one, out = study.trained_checkpoints()[0], Path("out")
    elsewhere = Elsewhere(path="runs/a b", trained_on=one.task, training_rows="rows.jsonl", allow=["other-base"])
    commands = [
        step_commands.base_model(study.model_copy(update={"model": Model(id="embedded")})),
        step_commands.check(study, one.task, out),
        step_commands.sample(study, one.task, out),
        step_commands.score(study, one.task, one, dtype="float32", output=out, shard="1/2"),
        step_commands.join(study, one.task, one, out),
        step_commands.prior(study, one.task, one, dtype="float32", output=out),
        step_commands.overlap(study, one, one.task),
        step_commands.baseline(study, one),
        step_commands.read_checkpoint(study, elsewhere),
        step_commands.train(study, one),
        step_commands.train(study, one.model_copy(update={"is_control": True})),
        step_commands.parameters("s.yaml", study, one, out),
        step_commands.merge(study, one),
        step_commands.report(tmp_path / "heads.yaml"),
        step_commands.compare(grid),
    ]
    verbs = typer.main.get_command(aftertune.app).commands  # type: ignore[attr-defined]
    for script, verb, *words in commands:
        assert script == "aftertune"
        verbs[verb].make_context(verb, words)  # ends with a usage error where an option is not there
    line = shlex.split(step_commands.shell_line(commands[0]))
    assert line == ["python", "-m", "aftertune", "embedded", "--output", "build/base"]


def test_a_task_of_the_studys_own_folder_is_looked_for_there_by_every_step(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "mine.yaml").write_text("task: mine\noutput_type: multiple_choice\ncustom_dataset: !function rows.load\n")
    (own / "rows.py").write_text("one = 1\n")
    text = STUDY.replace("  reviews_demo:", "  mine: {limit: 3}\n  reviews_demo:") + f"include_path: {own}\n"
    (tmp_path / "heads.yaml").write_text(text)
    study = load_study(tmp_path / "heads.yaml")
    checkpoint = next(one for one in study.trained_checkpoints() if one.task == "mine")
    commands = [
        step_commands.check(study, "mine", Path("out")),
        step_commands.sample(study, "mine", Path("out")),
        step_commands.prior(study, "mine", checkpoint, dtype="float32", output=Path("out")),
        step_commands.train(study, checkpoint),
        step_commands.overlap(study, checkpoint, "mine"),
        step_commands.baseline(study, checkpoint),
        step_commands.join(study, "mine", checkpoint, Path("out")),
    ]
    assert {following(words, "--include-path") for words in commands} == {str(own)}
    score = step_commands.score(study, "mine", checkpoint, dtype="float32", output=Path("out"))
    assert following(score, "--include_path") == str(own)
    assert not any("include" in word for word in step_commands.check(study, "reviews_demo", Path("out")))
    before = step_commands.check_key(study, "mine")
    (own / "rows.py").write_text("one = 2\n")
    digests.task_digest.cache_clear()
    assert step_commands.check_key(study, "mine") != before


def test_a_folder_of_tasks_that_is_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "heads.yaml").write_text(STUDY + "include_path: nowhere\n")
    with pytest.raises(UserError, match="include_path 'nowhere' is not a folder here"):
        check_study(load_study(tmp_path / "heads.yaml"))


def test_the_base_model_is_scored_with_few_shot_examples_as_with_the_studys_own(tmp_path: Path) -> None:
    (tmp_path / "heads.yaml").write_text(STUDY + "experiments: {few_shot: [4, 8]}\n")
    study = load_study(tmp_path / "heads.yaml")
    plain, *shown = (
        step_commands.score(study, "passages_demo", one, dtype="float32", output=Path("out"))
        for one in (None, *study.few_shot())
    )
    assert [following(words, "--num_fewshot") for words in shown] == ["4", "8"]
    assert "--num_fewshot" not in plain
    for words in shown:
        asked, own = (model_args(one) for one in (words, plain))
        assert asked.pop("answers") != own.pop("answers")
        assert asked == own
    assert following(step_commands.check(study, "passages_demo", Path("out")), "--num-fewshot") == "8"
    keys = {step_commands.score_key(study, "passages_demo", one) for one in (None, *study.few_shot())}
    assert len(keys) == 3
