"""Shards: which items each takes, the same prompts as in the whole run, and merging that changes no digit."""

import copy
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lm_eval import simple_evaluate
from lm_eval.evaluator_utils import _compute_task_aggregations
from lm_eval.tasks import TaskManager
from made_up_model import MadeUpModel, write_results
from typer.testing import CliRunner

from harness_tasks import TASKS_PATH, UserError
from harness_tasks.__main__ import app, check_arguments
from harness_tasks.loading import load_task
from harness_tasks.merging import merge
from harness_tasks.prompts import has_scorers
from harness_tasks.shard_files import read_shard
from harness_tasks.shard_run import ShardRun, shard_run, take_shard
from harness_tasks.shards import Shard, parse_shard, shard_indices, shard_of, shard_record, whole_indices, whole_record
from report.compare.collect import collect

TASKS = ("reviews_demo", "passages_demo")
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


# Runs


def command(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harness_tasks", *words], cwd=folder, capture_output=True, text=True, env=os.environ
    )


def prompts(words: Sequence[str], shard: Shard | None = None) -> dict[int, str]:
    """Returns the hash of each item's prompt by its number, as a run of ``words`` and its shard make it."""
    config = check_arguments([*words, "--log_samples", "--output_path", "out"]).config
    part = shard_run(shard, config, include_path=TASKS_PATH) if shard else None
    with part.scored() if part else nullcontext():
        found: Any = simple_evaluate(
            model=MadeUpModel("base", 0.5),
            tasks=config.tasks,
            num_fewshot=config.num_fewshot,
            samples=json.loads(part.samples()[1]) if part else config.samples,
            task_manager=TaskManager(include_path=str(TASKS_PATH), include_defaults=False),
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
    words = ["run", "--model", "hf", "--model_args", f"pretrained={tiny_model},dtype=float32", "--device", "cpu"]
    words += ["--tasks", "passages_demo", "--samples", "rows.json", "--num_fewshot", "1", "--log_samples"]
    done = command(*words, "--output_path", "out", "--shard", "2/3", folder=tmp_path)
    assert done.returncode == 0, done.stderr
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
            "draw the rows with `sample`, and give them as --samples",
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
        shard_run(Shard(1, 2), check_arguments(words).config, include_path=TASKS_PATH)
    why = "shards are merged from the sample rows of one task, each with the prompt that the whole run gives it"
    assert (caught.value.found, caught.value.why, caught.value.mend) == (found, why, mend)


def test_shots_and_several_processes_do_not_go_together() -> None:
    task = load_task("passages_demo")
    task.set_config("num_fewshot", 2)
    with ShardRun("passages_demo", Shard(1, 2), [0], [0, 1], 168).scored(), pytest.raises(UserError) as caught:
        task.build_all_requests(samples=[0], rank=0, world_size=2)
    assert str(caught.value) == (
        "Found: a shard with shots, scored by 2 processes\n"
        "Why it matters: each process draws shots for its own items, so no run by one has the same prompts\n"
        "To mend it: score the shard in one process, and more shards beside each other"
    )


# Merging


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False), encoding="utf-8")


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder `base` and a folder `tuned`, in each a folder a task with lm_eval's files of a made-up model."""
    folder = tmp_path_factory.mktemp("scored")
    for name, skill in (("base", 0.3), ("tuned", 0.6)):
        for task in TASKS:
            write_results(folder / name / task, task, name, skill)
    return folder


def cut(whole: Path, output: Path, parts: Sequence[int], of: int, include_path: Path = TASKS_PATH) -> list[Path]:
    """Returns the folders of ``of`` shards; ``parts`` says in which, from 1, each item of ``whole`` would have been."""
    results = read(whole / "results.json")
    name = next(iter(results["results"]))
    task = load_task(name, include_path=include_path)
    lines = (whole / "samples.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    ids = [json.loads(line)["doc_id"] for line in lines]
    for number in range(1, of + 1):
        mine = [(at, line) for at, line in zip(ids, lines, strict=True) if parts[at] == number]
        part = copy.deepcopy(results)
        part["config"]["shard"] = shard_record(Shard(number, of), sorted({at for at, _ in mine}), sorted(set(ids)))
        part["date"] += number - 1
        part["total_evaluation_time_seconds"] = results["total_evaluation_time_seconds"] if number == 1 else "0.0"
        values: dict[tuple[str, str], list[Any]] = {}
        for row in (json.loads(line) for _, line in mine):
            for metric in row["metrics"]:
                values.setdefault((metric, row["filter"]), []).append(row[metric])
        scores, count = _compute_task_aggregations(task, values, 0)
        part["results"] = {name: {"name": name, "alias": name, "sample_len": count, **scores}} if mine else {}
        part["n-samples"][name]["effective"] = count
        folder = output / f"shard{number}"
        write(folder / "results.json", part)
        (folder / "samples.jsonl").write_text("".join(line + "\n" for _, line in mine), encoding="utf-8")
    return [output / f"shard{number}" for number in range(1, of + 1)]


def by_hash(task: str, of: int) -> list[int]:
    """Returns the shard of each item, as `run --shard` has it."""
    loaded = load_task(task)
    return [shard_of(name, of) for name in loaded.eval_docs[loaded.config.metadata["cluster"]]]


def comparison(base: Path, tuned: Path) -> Any:
    """Returns the facts of `report compare`, without digests: those of the results tell the number of shards."""
    text = json.dumps(collect([base, tuned]), sort_keys=True)
    return json.loads(re.sub(r'"[0-9a-f]{64}"', '"digest"', text))


def p_values(facts: Any) -> list[float]:
    """Returns every p-value in the facts."""
    if isinstance(facts, dict):
        own = [facts["value"]] if facts.get("unit") == "p" and "value" in facts else []
        return own + p_values(list(facts.values()))
    return [p for fact in facts for p in p_values(fact)] if isinstance(facts, list) else []


@pytest.mark.parametrize("of", [1, 3, 7])
def test_cut_and_merged_are_the_same_facts(scored: Path, tmp_path: Path, of: int) -> None:
    for task in TASKS:
        whole = scored / "tuned" / task
        shards = cut(whole, tmp_path / "cut" / task, by_hash(task, of), of)
        merged = tmp_path / "tuned" / task
        assert merge(shards[::-1], output=merged) == (task, 1000 if task == "reviews_demo" else 168, of)
        assert (merged / "samples.jsonl").read_bytes() == (whole / "samples.jsonl").read_bytes()
        results = read(merged / "results.json")
        assert results["config"].pop("shards") == of
        text = json.dumps(results, indent=2, ensure_ascii=False)
        assert text == (whole / "results.json").read_text(encoding="utf-8")
    facts = comparison(scored / "base", tmp_path / "tuned")
    assert facts == comparison(scored / "base", scored / "tuned")
    found = p_values(facts)
    assert len(found) > 2
    assert min(found) < 0.05
    for task, metrics in (("reviews_demo", ("f1", "mcc", "ece")), ("passages_demo", ("bleu", "f1", "rougeL"))):
        scores = read(scored / "tuned" / task / "results.json")["results"][task]
        assert all(scores[f"{metric},none"] not in (0, 1, 100) for metric in metrics)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_however_it_is_cut(scored: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    whole, folder = scored / "tuned" / "passages_demo", tmp_path_factory.mktemp("cut")
    of = data.draw(st.integers(1, 9))
    parts = data.draw(st.lists(st.integers(1, of), min_size=168, max_size=168))
    merge(cut(whole, folder, parts, of), output=folder / "merged")
    results = read(folder / "merged" / "results.json")
    del results["config"]["shards"]
    assert results == read(whole / "results.json")
    assert (folder / "merged" / "samples.jsonl").read_bytes() == (whole / "samples.jsonl").read_bytes()


def test_a_shard_without_items_is_scored_and_merged(scored: Path, tiny_model: Path, tmp_path: Path) -> None:
    of, whole = 7, scored / "tuned" / "passages_demo"
    shards = cut(whole, tmp_path, by_hash("passages_demo", of), of)[:6]
    words = ["run", "--model_args", f"pretrained={tiny_model}", "--tasks", "passages_demo", "--log_samples"]
    done = command(*words, "--output_path", "empty", "--shard", "7/7", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "shard 7/7 of passages_demo holds none of its 168 items" in done.stdout
    empty = read_shard(tmp_path / "empty")
    assert (empty.rows, empty.shard) == ([], Shard(7, 7))
    merge([*shards, tmp_path / "empty"], output=tmp_path / "merged")
    assert (tmp_path / "merged" / "samples.jsonl").read_bytes() == (whole / "samples.jsonl").read_bytes()
    results = read(tmp_path / "merged" / "results.json")
    assert results["config"].pop("shards") == 7
    assert results == read(whole / "results.json")


FILTERED = """
task: filtered
custom_dataset: !function rows.load
output_type: generate_until
test_split: test
doc_to_text: "{{question}}"
doc_to_target: "{{answers.text[0]}}"
generation_kwargs: {until: ["\\n"]}
filter_list:
  - {name: first, filter: [{function: take_first}]}
  - {name: lower, filter: [{function: lowercase}, {function: take_first}]}
metric_list:
  - {metric: exact_match, aggregation: mean, higher_is_better: true}
  - {metric: bleu, aggregation: bleu, higher_is_better: true}
metadata: {version: 1.0}
"""
ROWS = """
from datasets import Dataset

def load(**metadata):
    words = "The fleet left each May and stayed out for About four months while the women ran Shops and wells".split()
    rows = [
        {"question": f"{at}?", "context": " ".join(words[at:] + words[:at] * 2), "answers": {"text": [words[at]]}}
        for at in range(len(words))
    ]
    return {"test": Dataset.from_list(rows)}
"""


def test_a_task_with_filters_and_a_bootstrapped_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """lm_eval's own BLEU takes its items in order, and so do the draws of its error; a row stands there per filter."""
    monkeypatch.setenv("DISABLE_MULTIPROC", "1")
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    (tasks / "filtered.yaml").write_text(FILTERED)
    (tasks / "rows.py").write_text(ROWS)
    whole = write_results(tmp_path / "whole", "filtered", "tuned", 0.5, include_path=tasks, bootstrap_iterations=20)
    of, count = 3, len(lines_of(whole)) // 2
    shards = cut(whole, tmp_path / "cut", [at % of + 1 for at in range(count)], of, include_path=tasks)
    assert merge(shards, output=tmp_path / "out", include_path=tasks) == ("filtered", count, of)
    assert lines_of(tmp_path / "out") == lines_of(whole)
    results = read(tmp_path / "out" / "results.json")
    del results["config"]["shards"]
    assert results == read(whole / "results.json")
    scores = results["results"]["filtered"]
    assert scores["exact_match,first"] > 0
    assert scores["bleu_stderr,lower"] > 0
    assert scores["exact_match,first"] != scores["exact_match,lower"]


# What is refused


@pytest.fixture
def shards(scored: Path, tmp_path: Path) -> list[Path]:
    return cut(scored / "tuned" / "passages_demo", tmp_path / "cut", by_hash("passages_demo", 3), 3)


def refusal(shards: Sequence[Path], output: Path) -> UserError:
    with pytest.raises(UserError) as caught:
        merge(shards, output=output)
    assert not output.exists()
    assert caught.value.why
    assert caught.value.mend
    return caught.value


def test_a_missing_shard(shards: list[Path], tmp_path: Path) -> None:
    assert str(refusal([shards[0], shards[2]], tmp_path / "out")) == (
        "Found: 1 of 3 shards of passages_demo missing: 2/3\n"
        "Why it matters: a score of some of the items is not the task's score\n"
        "To mend it: score it with --shard 2/3, and name its folder too"
    )


def test_a_shard_named_twice(shards: list[Path], tmp_path: Path) -> None:
    error = refusal([*shards, shards[1]], tmp_path / "out")
    assert error.found == f"shard 2/3 is there twice: in {shards[1]} and in {shards[1]}"


def change(folder: Path, *path: str, to: Any) -> None:
    results = read(folder / "results.json")
    *above, last = path
    place = results
    for part in above:
        place = place[part]
    place[last] = to
    write(folder / "results.json", results)


TASK = "passages_demo"


@pytest.mark.parametrize(
    ("path", "to", "told"),
    [
        (("config", "model"), "hf", 'config.model "hf", not "MadeUpModel"'),
        (("config", "model_args", "pretrained"), "other", 'config.model_args.pretrained "other", not "tuned"'),
        (("config", "model_args", "dtype"), "bfloat16", 'config.model_args.dtype "bfloat16", not "float32"'),
        (("config", "model_dtype"), "torch.float32", 'config.model_dtype "torch.float32", not null'),
        (("config", "fewshot_seed"), 7, "config.fewshot_seed 7, not 1234"),
        (("config", "device"), "cuda:0", 'config.device "cuda", not "None"'),
        (("versions", TASK), 1.0, f"versions.{TASK} 1.0, not 1.1"),
        (("n-shot", TASK), 2, f"n-shot.{TASK} 2, not 0"),
        (("chat_template_sha",), "ab", 'chat_template_sha "ab", not null'),
        (("lm_eval_version",), "0.4.12", 'lm_eval_version "0.4.12", not "0.4.13"'),
        (("transformers_version",), "4.0.0", 'transformers_version "4.0.0", not'),
        (("pretty_env_info",), "PyTorch version: 1.0\n", 'torch_version "1.0", not'),
        (
            ("configs", TASK, "doc_to_text"),
            "{{question}}",
            f'configs.{TASK}.doc_to_text "{{{{question}}}}", not "Answer',
        ),
        (
            ("configs", TASK, "metadata", "data", "fingerprint", "test"),
            "ab",
            f'configs.{TASK}.metadata.data.fingerprint.test "ab", not',
        ),
    ],
)
def test_shards_of_different_runs(
    shards: list[Path], tmp_path: Path, path: tuple[str, ...], to: Any, told: str
) -> None:
    change(shards[1], *path, to=to)
    error = refusal(shards, tmp_path / "out")
    assert error.found.startswith(f"shard 2/3 was not scored as shard 1/3 was: {told}")
    assert error.why == "the rows of one score must come from the same model, asked in the same way"
    assert error.mend == f"score shard 2/3 ({shards[1]}) or shard 1/3 ({shards[0]}) anew"


def test_where_it_was_scored_may_differ(shards: list[Path], tmp_path: Path) -> None:
    for number, folder in enumerate(shards):
        change(folder, "git_hash", to=f"c0ffee{number}")
        change(folder, "config", "threads", to=number)
        change(folder, "config", "device", to=f"cuda:{number}")
        change(folder, "config", "model_args", "answers", to=f"answers{number}")
        change(folder, "configs", TASK, "metadata", "answers", to=f"answers{number}")
    merge(shards, output=tmp_path / "out")
    results = read(tmp_path / "out" / "results.json")
    assert "git_hash" not in results
    assert "threads" not in results["config"]
    assert results["config"]["device"] == "cuda"
    assert results["config"]["model_args"] == {"pretrained": "tuned", "dtype": "float32"}
    assert "answers" not in results["configs"][TASK]["metadata"]


def lines_of(folder: Path) -> list[str]:
    return (folder / "samples.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)


def put_lines(folder: Path, lines: list[str]) -> None:
    (folder / "samples.jsonl").write_text("".join(lines), encoding="utf-8")


def repeats_a_row(shards: list[Path]) -> str:
    lines = lines_of(shards[1])
    put_lines(shards[1], [*lines, lines[0]])
    return rf"item {json.loads(lines[0])['doc_id']} is there twice: in shard 2/3 and in shard 2/3"


def takes_a_row_of_another(shards: list[Path]) -> str:
    lines = lines_of(shards[1])
    put_lines(shards[2], [*lines_of(shards[2]), lines[0]])
    return rf"item {json.loads(lines[0])['doc_id']} is there twice: in shard 2/3 and in shard 3/3"


def loses_a_row(shards: list[Path]) -> str:
    lines = lines_of(shards[1])
    put_lines(shards[1], lines[:-1])
    return rf"shard 2/3 has {len(lines) - 1} sample rows of {len(lines) - 1} items, and scored {len(lines)}"


def has_another_item(shards: list[Path]) -> str:
    lines = lines_of(shards[1])
    put_lines(shards[1], [*lines[:-1], json.dumps({**json.loads(lines[-1]), "doc_id": 168}) + "\n"])
    return "the shards hold 168 items, and not those of the run, 168"


def is_cut_off(shards: list[Path]) -> str:
    lines = lines_of(shards[1])
    put_lines(shards[1], [*lines[:-1], lines[-1][:100]])
    return rf"line {len(lines)} of .*samples\.jsonl is not whole JSON"


def has_other_rows(shards: list[Path]) -> str:
    lines = lines_of(shards[1])
    row = json.loads(lines[0])
    put_lines(shards[1], [json.dumps({**row, "doc_hash": "ab"}) + "\n", *lines[1:]])
    return rf"item {row['doc_id']} of shard 2/3 is not row {row['doc_id']} of passages_demo"


def has_an_edited_score(shards: list[Path]) -> str:
    lines = lines_of(shards[1])
    row = json.loads(lines[0])
    put_lines(shards[1], [json.dumps({**row, "f1": 100 - row["f1"]}) + "\n", *lines[1:]])
    return r"f1 of shard 2/3 is [0-9.]+ in its results, and [0-9.]+ computed from its rows"


def lacks_a_field(shards: list[Path]) -> str:
    put_lines(shards[1], ["{}\n"])
    return r"line 1 of .*samples\.jsonl lacks `doc_id`"


def is_of_another_division(shards: list[Path]) -> str:
    change(shards[1], "config", "shard", "of", to=4)
    return r"shard 2/4 in .*shard2 has the number of shards 4, shard 1/3 in .*shard1 3"


def is_of_another_whole(shards: list[Path]) -> str:
    change(shards[1], "config", "shard", "whole", to={"items": 7, "sha256": "ab"})
    return r"shard 2/3 in .*shard2 has the whole \{'items': 7"


def is_no_shard(shards: list[Path]) -> str:
    results = read(shards[1] / "results.json")
    del results["config"]["shard"]
    write(shards[1] / "results.json", results)
    return r".*shard2/results\.json lacks `config\.shard`"


def has_half_a_record(shards: list[Path]) -> str:
    change(shards[1], "config", "shard", to={"number": 2, "of": 3})
    return r".*shard2/results\.json lacks `config\.shard\.items`"


def has_two_results(shards: list[Path]) -> str:
    write(shards[1] / "more" / "results_2026.json", {})
    return r".*shard2 holds 2 files results\*\.json"


def holds_no_object(shards: list[Path]) -> str:
    write(shards[1] / "results.json", [])
    return r".*shard2/results\.json has at what it holds \[\]: input should be a valid dictionary"


@pytest.mark.parametrize(
    "damage",
    [
        repeats_a_row,
        takes_a_row_of_another,
        loses_a_row,
        has_another_item,
        is_cut_off,
        has_other_rows,
        has_an_edited_score,
        lacks_a_field,
        is_of_another_division,
        is_of_another_whole,
        is_no_shard,
        has_half_a_record,
        has_two_results,
        holds_no_object,
    ],
)
def test_damage_is_named(shards: list[Path], tmp_path: Path, damage: Callable[[list[Path]], str]) -> None:
    found = damage(shards)
    assert re.match(found, refusal(shards, tmp_path / "out").found)


def test_a_task_that_has_changed_since(shards: list[Path], tmp_path: Path) -> None:
    for folder in shards:
        change(folder, "versions", TASK, to=1.0)
    error = refusal(shards, tmp_path / "out")
    assert error.found == "passages_demo has version 1.1 here, and was scored at 1.0"
    for folder in shards:
        change(folder, "versions", TASK, to=1.1)
        change(folder, "n-samples", TASK, "original", to=170)
    assert refusal(shards, tmp_path / "out").found == "passages_demo has 168 rows here, and had 170 when it was scored"


def test_the_command_prints_what_is_wrong(shards: list[Path], tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["merge-shards", str(shards[0]), "--output", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "Found: 2 of 3 shards of passages_demo missing: 2/3, 3/3" in done.stderr
