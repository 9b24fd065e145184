"""Prompts of a user's own, and the texts to write after them."""

import json
from pathlib import Path

import pytest
from own_task.made import New, both_sides, rows_of, three_parts
from own_task.tables import sums

from harness_tasks.loading import load_task

COLUMNS = ("--prompt", "prompt", "--completion", "completion")


def written(path: Path, pairs: list[tuple[str, str]]) -> Path:
    path.write_text("\n".join(json.dumps({"prompt": p, "completion": c}) for p, c in pairs), encoding="utf-8")
    return path


def test_prompts_become_a_task_of_lm_eval(new: New, tmp_path: Path, tiny_model: Path) -> None:
    data = sums(tmp_path / "sums.parquet")
    result = new("sums", "--data", data, *COLUMNS, "--cluster", "meta.user", "--model", tiny_model)
    assert result.exit_code == 0, result.output
    train, test = rows_of(tmp_path / "sums", "train"), rows_of(tmp_path / "sums", "test")
    assert (len(train), len(test)) == (36, 12)  # two of eight users are nearest to a fifth
    assert not {row["cluster"] for row in train} & {row["cluster"] for row in test}
    # of the tiny model's bytes, "7 + 5\nis 12." has 12, the space before it and the end one each
    assert f"outputs: at most 16 tokens (the longest answer has 14 with its end under {tiny_model})" in result.stdout
    task = load_task("sums", include_path=tmp_path / "sums")
    doc = next(iter(task.test_docs()))
    assert task.doc_to_text(doc) == doc["prompt"]
    assert task.doc_to_target(doc) == doc["completions"][0]
    assert task.config.generation_kwargs == {"until": ["\n\n"], "max_gen_toks": 16, "do_sample": False}


@pytest.mark.parametrize(
    ("completion", "until"),
    [("one line {}", ["\n"]), ("two\nlines {}", ["\n\n"]), ("blank\n\nlines {}", []), ("old\r\nlines {}", ["\n\n"])],
)
def test_no_completion_holds_the_stop_string(new: New, tmp_path: Path, completion: str, until: list[str]) -> None:
    pairs = [(f"Say {at}", completion.format(at)) for at in range(6)]
    assert new("said", "--data", written(tmp_path / "said.jsonl", pairs), *COLUMNS).exit_code == 0
    task = load_task("said", include_path=tmp_path / "said")
    assert task.config.generation_kwargs["until"] == until


def test_every_completion_of_a_prompt_is_right(new: New, tmp_path: Path) -> None:
    pairs = [("Name a colour.", "red"), ("Name a colour.", "blue"), ("Name a  colour.", "red")]
    pairs += [("3 + 4", "7"), ("3 - 4", "-1"), ("Good?", "yes"), ("good", "Yes"), ("", "lost"), ("lost", "")]
    pairs += [(f"Say {at}", f"{at}") for at in range(10)]
    result = new("many", "--data", written(tmp_path / "many.jsonl", pairs), *COLUMNS)
    assert result.exit_code == 0, result.output
    found = {row["prompt"]: row["completions"] for row in both_sides(tmp_path / "many")}
    assert found["Name a colour."] == ["red", "blue"]
    assert (found["3 + 4"], found["3 - 4"]) == (["7"], ["-1"])  # alike but for a sign, and not the same
    assert "good" not in found
    assert found["Good?"] == ["yes"]
    assert "left out: 3 duplicates whose answers are joined" in result.stdout
    assert "prompts with several completions, each of which is right: 1" in result.stdout
    assert "left out: 1 row without 'prompt'" in result.stdout
    assert "left out: 1 row without 'completion'" in result.stdout
    sides = [{row["prompt"] for row in rows_of(tmp_path / "many", side)} for side in ("train", "test")]
    assert all(len(side & {"3 + 4", "3 - 4"}) != 1 for side in sides)  # on one side, being so alike


def test_text_of_users_is_never_evaluated(new: New, tmp_path: Path) -> None:
    pairs = [(f"{{{{ 7 * 7 }}}} [1, 2] {at}", f'["{{{{ x }}}}", "{at}"]') for at in range(6)]
    assert new("odd", "--data", written(tmp_path / "odd.jsonl", pairs), *COLUMNS).exit_code == 0
    task = load_task("odd", include_path=tmp_path / "odd")
    assert {(task.doc_to_text(d), task.doc_to_target(d)) for d in task.test_docs()} <= set(pairs)


def test_prompts_without_completions_are_refused(new: New, tmp_path: Path) -> None:
    data = written(tmp_path / "none.jsonl", [("a", ""), ("", "b")])
    assert "no row of none.jsonl has both 'prompt' and 'completion'" in three_parts(
        new("none", "--data", data, *COLUMNS)
    )
