"""The plan: what it counts against the run itself, what it shows, and that it loads and writes nothing."""

import json
from pathlib import Path
from typing import Any

import pytest
from short_runs import run_of
from typer.testing import CliRunner

from finetune.__main__ import app
from finetune.guards import GUARDS
from finetune.plan import plan
from finetune.recipe import Recipe
from finetune.train import train

ROOT = Path(__file__).resolve().parents[2]
TASKS = Path(__file__).parent / "guards" / "tasks"


def toy(model: Path, *options: str) -> list[str]:
    shared = ["--model", str(model), "--include-path", str(TASKS), "--device", "cpu", "--dtype", "float32"]
    return ["plan", *shared, "--lora-r", "4", "--output", str(model.parent / "planned"), *options]


@pytest.fixture(scope="module")
def planned(tiny_model: Path) -> dict[str, Any]:
    result = CliRunner().invoke(app, toy(tiny_model, "--task", "toy_choice", "--batch-size", "5", "--json"))
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_it_counts_what_the_run_then_does(tiny_model: Path, checkpoint: Path) -> None:
    record = json.loads((checkpoint / "finetune.json").read_text())
    found = plan(run_of(tiny_model, checkpoint))
    assert (found.steps, found.tokens, found.supervised) == (
        record["steps"],
        record["tokens"]["input"],
        record["tokens"]["supervised"],
    )
    assert found.parameters == {"trained": 4096, "added": 4096, "total": 26880 + 4096}
    assert found.rows == {"train": 28, "dev": 0, "available": 336, "identical": 0, "min_words": 0, "overlap": 0}


def test_part_of_an_epoch_and_a_development_split(tiny_model: Path, tmp_path: Path) -> None:
    recipe = Recipe(epochs=0.6, batch_size=5, lora_r=4, dev_share=0.25)
    run = run_of(tiny_model, tmp_path / "out", recipe=recipe)
    found = plan(run)
    record = json.loads((train(run) / "finetune.json").read_text())
    assert (found.steps, found.rows["dev"]) == (record["steps"], record["data"]["dev_rows"])


def test_json_has_the_contracts_keys(planned: dict[str, Any]) -> None:
    assert [guard["id"] for guard in planned["guards"]] == list(GUARDS)
    assert {guard["verdict"] for guard in planned["guards"]} == {"pass", "by-design", "after-training"}
    assert all(guard["found"] for guard in planned["guards"])
    assert planned["overlap"] == [
        {"task": "toy_choice", "scored": 6, "any": 0, "identical": 0, "same_source": 0, "containment": 0}
    ]
    assert planned["lengths"]["too_long"] == 0
    assert planned["steps"] == 3  # twelve rows by five
    assert (planned["probe"], planned["operations"] > 0, planned["seconds"] > 0) == (None, True, True)


def test_a_rows_parts_are_the_row(planned: dict[str, Any]) -> None:
    # byte-level: 43 characters of sentence and question with a start token, then the four of " bad"
    text = "the amber film of amber and amber\nAnswer:"
    assert planned["row"] == [
        {"kind": "masked", "tokens": len(text) + 1, "text": "<bos>" + text},
        {"kind": "learnt", "tokens": 4, "text": " bad"},
    ]


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        (
            ["--task", "toy_choice"],
            ["  masked | <bos>the amber film of amber and amber\\n", "  masked | Answer:", "  learnt |  bad"],
        ),
        (
            ["--task", "toy_choice", "--head", "sequence-classification"],
            ["  masked | <bos>the amber film of amber and amber\\n", "  masked | Answer:", "  label  | bad"],
        ),
        (
            ["--task", "toy_answer"],
            [
                "  masked | <bos>Passage: In the year 0 the town of amber had a mill.\\n",
                "  masked | Question: Which town had a mill in 0?\\n",
                "  masked | Answer:",
                "  learnt |  amber\\n",
            ],
        ),
        (
            ["--task", "toy_answer", "--head", "question-answering"],
            [
                "  masked | <bos>Question: Which town had a mill in 0?\\n",
                "  masked | Passage: In the year 0 the town of ",
                "  learnt | amber",
                "  masked |  had a mill.<eos>",
            ],
        ),
    ],
)
def test_one_row_is_shown_with_what_is_learnt(tiny_model: Path, options: list[str], lines: list[str]) -> None:
    result = CliRunner().invoke(app, toy(tiny_model, *options))
    assert result.exit_code == 0, result.output
    shown = result.stdout.splitlines()
    start = shown.index("One training row (masked: input, without loss; learnt: target tokens):") + 1
    assert shown[start : start + len(lines)] == lines
    assert "\033" not in result.stdout


def test_colour_repeats_what_the_words_say(tiny_model: Path, tmp_path: Path) -> None:
    found = plan(run_of(tiny_model, tmp_path / "out", task="toy_choice", include_path=TASKS, train_rows=None))
    coloured = found.as_text(colour=True)
    assert "  learnt | \033[1;32m bad\033[0m" in coloured
    assert "  masked | \033[2mAnswer:\033[0m" in coloured
    for code in ("\033[1;32m", "\033[1;31m", "\033[33m", "\033[2m", "\033[0m"):
        coloured = coloured.replace(code, "")
    assert coloured == found.as_text()


def test_text_says_what_json_says(tiny_model: Path, planned: dict[str, Any]) -> None:
    text = CliRunner().invoke(app, toy(tiny_model, "--task", "toy_choice", "--batch-size", "5")).stdout
    p = planned["parameters"]
    assert f"{p['trained']:,} trainable, {p['added']:,} added, {p['total']:,} in all" in text
    assert f"3 steps, {planned['tokens']['input']:,} tokens, {planned['tokens']['supervised']:,} items" in text
    for guard in planned["guards"]:
        assert f"{guard['verdict']:<14} {guard['id']:<16} {guard['found']}" in text
    assert text.endswith("28 guards: 0 failed, 0 warned\n")


def test_a_failed_guard_is_told_with_its_mend_and_the_exit_code(tiny_model: Path) -> None:
    result = CliRunner().invoke(app, toy(tiny_model, "--task", "toy_choice", "--max-length", "20", "--probe"))
    assert result.exit_code == 1
    assert (
        "fail           truncation       12 of 12 training rows are longer than max_length = 20 tokens" in result.stdout
    )
    assert "Why it matters: cutting them would take the answer off the end" in result.stdout
    assert "To mend it: raise max_length to " in result.stdout
    assert "12 rows longer than the 20 allowed, none is truncated" in result.stdout
    assert "measured in three steps" not in result.stdout  # a run that would not start is not timed
    assert "1 failed, 0 warned" in result.stdout


def test_targets_that_are_not_there_leave_the_rest_of_the_plan(tiny_model: Path) -> None:
    result = CliRunner().invoke(app, toy(tiny_model, "--task", "toy_choice", "--lora-targets", "q_prj", "--json"))
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert (found["parameters"], found["memory_bytes"], found["steps"]) == (None, None, 1)


def test_wrong_input_is_no_failed_guard(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, toy(tmp_path / "nowhere", "--task", "toy_choice"))
    assert result.exit_code == 2
    assert "nowhere, and it is no name that the Hub allows" in result.stderr


def test_a_probe_times_real_steps(tiny_model: Path) -> None:
    options = ["--task", "toy_choice", "--batch-size", "3", "--epochs", "2", "--probe", "--json"]
    result = CliRunner().invoke(app, toy(tiny_model, *options))
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    probe = found["probe"]
    assert found["seconds"] == pytest.approx(
        probe["seconds_per_step"] * found["tokens"]["input"] / probe["tokens_per_step"]
    )
    assert probe["peak_memory_bytes"] > 10**8
    assert not (tiny_model.parent / "planned").exists()


def test_weights_must_be_there_and_whole_and_no_value_is_read(tiny_model: Path, tmp_path: Path) -> None:
    """What `train` would refuse is refused; with values that are all no numbers, the plan is as it was."""
    import shutil

    folder = shutil.copytree(tiny_model, tmp_path / "model", ignore=shutil.ignore_patterns("*.safetensors"))
    weights, whole = folder / "model.safetensors", (tiny_model / "model.safetensors").read_bytes()
    refused = CliRunner().invoke(app, toy(folder, "--task", "toy_choice"))
    assert refused.exit_code == 2
    assert "holds no *.safetensors file" in refused.stderr
    weights.write_bytes(b"\x02\0\0\0\0\0\0\0{}")  # of no tensors
    refused = CliRunner().invoke(app, toy(folder, "--task", "toy_choice"))
    assert refused.exit_code == 2
    assert "has no weights for" in refused.stderr
    header = 8 + int.from_bytes(whole[:8], "little")
    weights.write_bytes(whole[:header] + b"\xff" * (len(whole) - header))
    assert CliRunner().invoke(app, toy(folder, "--task", "toy_choice")).exit_code == 0
