"""Shards: which items each takes, and the same prompts as in the whole run."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cut_shards import TASKS
from hypothesis import given
from hypothesis import strategies as st
from lm_eval import simple_evaluate
from lm_eval.tasks import TaskManager
from made_up_model import MadeUpModel

from harness_tasks import TASKS_PATH, UserError
from harness_tasks.loading import load_task
from harness_tasks.prompts import has_scorers, rows_argument
from harness_tasks.scoring.arguments import check_arguments
from harness_tasks.shards.division import Shard, parse_shard, shard_indices, shard_record, whole_indices, whole_record
from harness_tasks.shards.files import read_shard
from harness_tasks.shards.scoring import ShardRun, ShardTasks, shard_run, take_shard
from tests.in_this_process import aftertune

NAMES = st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=40)

pytestmark = pytest.mark.skipif(
    has_scorers(), reason="lm_eval 0.5 gives no scores of rows, by which shards are cut here; a shard itself runs there"
)


# Which items


@given(NAMES, st.integers(1, 12), st.sets(st.integers(0, 39)))
def test_shards_are_a_partition_by_whole_clusters(names: list[str], of: int, drawn: set[int]) -> None:
    docs = [{"film": name} for name in names]
    whole = sorted(at for at in drawn if at < len(docs)) or None
    parts = [shard_indices(docs, "film", Shard(number, of), whole) for number in range(1, of + 1)]
    assert sorted(at for part in parts for at in part) == (whole or list(range(len(docs))))
    films = [{names[at] for at in part} for part in parts]
    assert sum(map(len, films)) == len(set().union(*films))


@given(NAMES, st.integers(1, 12), st.randoms())
def test_an_item_stays_in_its_shard_wherever_it_stands(names: list[str], of: int, random: Any) -> None:
    docs = [{"text": f"{name} {at}"} for at, name in enumerate(names)]
    shuffled = random.sample(docs, len(docs) // 2)
    for number in range(1, of + 1):
        part = {docs[at]["text"] for at in shard_indices(docs, None, Shard(number, of))}
        assert {shuffled[at]["text"] for at in shard_indices(shuffled, None, Shard(number, of))} <= part


def test_the_parts_of_the_demo_tasks() -> None:
    sizes = {}
    for name in TASKS:
        task = load_task(name)
        docs, cluster = task.eval_docs, task.config.metadata["cluster"]
        sizes[name] = [len(shard_indices(docs, cluster, Shard(number, 7))) for number in range(1, 8)]
    # Another division would make the shards of a begun run useless: a change of these numbers needs a changelog line.
    assert sizes == {
        "reviews_demo": [150, 112, 130, 136, 164, 105, 203],
        "passages_demo": [21, 28, 28, 42, 14, 35, 0],
    }


@pytest.mark.parametrize("text", ["", "2", "0/3", "4/3", "1/0", "-1/3", "1/3/4", "a/b"])
def test_a_shard_that_is_none(text: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_shard(text)
    assert str(caught.value) == (
        f"Found: the shard {text!r}\n"
        "Why it matters: it says which part of the items is scored, and of how many parts\n"
        "To mend it: write --shard K/N with K from 1 to N, such as 2/7"
    )


def test_the_option_is_taken_out_of_lm_evals_arguments() -> None:
    assert take_shard(["--tasks", "a", "--shard=2/7", "-E", "x"]) == (["--tasks", "a", "-E", "x"], Shard(2, 7))
    assert take_shard(["--tasks", "a"]) == (["--tasks", "a"], None)
    with pytest.raises(UserError, match="the shard ''"):
        take_shard(["--shard"])


def test_the_rows_of_a_limited_run() -> None:
    assert whole_indices(None, "a", 3) == [0, 1, 2]
    assert whole_indices({"a": [2, 0]}, "a", 3) == [0, 2]
    for samples in ({"b": [1]}, {"a": [2, 0, 2]}, {"a": []}, {"a": [3]}, {"a": [-1]}, {"a": [True]}, "missing.json"):
        with pytest.raises(UserError, match="they say which of a task's rows are scored"):
            whole_indices(samples, "a", 3)  # type: ignore[arg-type]


def prompts(words: Sequence[str], shard: Shard | None = None) -> dict[int, str]:
    """Returns the hash of each item's prompt by its number, as a run of ``words`` and its shard make it."""
    config = check_arguments([*words, "--log_samples", "--output_path", "out"]).config
    part = shard_run(shard, config) if shard else None
    settings: dict[str, Any] = {"include_path": str(TASKS_PATH), "include_defaults": False}
    found: Any = simple_evaluate(
        model=MadeUpModel("base", 0.5),
        tasks=["passages_demo"],
        num_fewshot=config.num_fewshot,
        samples={"passages_demo": rows_argument(part.mine if part else config.samples["passages_demo"])},
        task_manager=ShardTasks(part, **settings) if part else TaskManager(**settings),
    )
    return {row["doc_id"]: row["prompt_hash"] for row in found["samples"]["passages_demo"]}


def test_items_have_the_shots_that_they_have_in_the_whole_run(tmp_path: Path) -> None:
    words = ["--tasks", "passages_demo", "--num_fewshot", "2", "--samples", json.dumps({"passages_demo": [*range(60)]})]
    whole = prompts(words)
    parts = [prompts(words, Shard(number, 3)) for number in (1, 2, 3)]
    assert min(map(len, parts)) > 0
    assert {at: prompt for part in parts for at, prompt in part.items()} == whole
    # lm_eval alone draws others: it begins with the shard's first item.
    alone = [*words[:-1], json.dumps({"passages_demo": sorted(parts[2])})]
    assert prompts(alone) != parts[2]


def test_a_shard_by_its_command(tiny_model: Path, tmp_path: Path) -> None:
    rows = [*range(28)]
    (tmp_path / "rows.json").write_text(json.dumps({"passages_demo": rows}), encoding="utf-8")
    words = ["score", "--model", "hf", "--model_args", f"pretrained={tiny_model},dtype=float32", "--device", "cpu"]
    words += ["--tasks", "passages_demo", "--samples", "rows.json", "--num_fewshot", "1", "--log_samples"]
    done = aftertune(*words, "--output_path", "out", "--shard", "2/3", folder=tmp_path)
    assert done.exit_code == 0, done.stderr
    mine = shard_indices(load_task("passages_demo").eval_docs, "context", Shard(2, 3), rows)
    assert 0 < len(mine) < 28
    shard = read_shard(tmp_path / "out")
    assert [row.doc_id for row in shard.rows] == mine
    assert (shard.shard, shard.items, shard.whole) == (Shard(2, 3), len(mine), whole_record(rows))
    assert shard.results["config"]["shard"] == shard_record(Shard(2, 3), mine, rows)
    assert shard.results["n-samples"] == {"passages_demo": {"original": 168, "effective": len(mine)}}


KEPT = ["--log_samples", "--output_path", "out"]


@pytest.mark.parametrize(
    ("words", "found", "mend"),
    [
        (["--tasks", "reviews_demo,passages_demo", *KEPT], "--shard with 2 tasks", "name one task"),
        (
            ["--tasks", "reviews_demo"],
            "--shard without --log_samples",
            "add --log_samples --output_path DIR",
        ),
        (
            ["--tasks", "reviews_demo", *KEPT, "--limit", "4"],
            "--shard with --limit",
            "draw the rows with `aftertune sample`, and give them as --samples",
        ),
        (
            ["--tasks", "reviews_demo", *KEPT, "--cache_requests", "true"],
            "--shard with --cache_requests",
            "leave --cache_requests out",
        ),
    ],
)
def test_runs_that_cannot_be_divided(words: list[str], found: str, mend: str) -> None:
    with pytest.raises(UserError) as caught:
        shard_run(Shard(1, 2), check_arguments(words).config)
    why = "shards are merged from the sample rows of one task, each with the prompt that the whole run gives it"
    assert (caught.value.found, caught.value.why, caught.value.mend) == (found, why, mend)


def test_shots_and_several_processes_do_not_go_together() -> None:
    part = ShardRun("passages_demo", Shard(1, 2), [0], [0, 1], 168, num_fewshot=2)
    part.check_processes(1)
    replace(part, num_fewshot=0).check_processes(2)
    with pytest.raises(UserError) as caught:
        part.check_processes(2)
    assert str(caught.value) == (
        "Found: a shard with shots, scored by 2 processes\n"
        "Why it matters: each process draws shots for its own items, so no run by one has the same prompts\n"
        "To mend it: score the shard in one process, and more shards beside each other"
    )
