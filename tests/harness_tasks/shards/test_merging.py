"""Merged shards have every digit of the whole run."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cut_shards import TASKS, by_hash, cut, lines_of, read, write_scored
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_up_model import write_results

from harness_tasks.prompts import has_scorers
from harness_tasks.shards.division import Shard
from harness_tasks.shards.files import read_shard
from harness_tasks.shards.merging import merge
from report.compare.comparison_facts import comparison_facts
from tests.in_this_process import aftertune

pytestmark = pytest.mark.skipif(
    has_scorers(), reason="lm_eval 0.5 gives no scores of rows, by which shards are cut here; a shard itself runs there"
)


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scored(tmp_path_factory.mktemp("scored"))


def comparison(base: Path, tuned: Path) -> Any:
    """Returns the facts of `aftertune compare`, without digests: those of the results tell the number of shards."""
    text = json.dumps(comparison_facts([base, tuned]).as_json(), sort_keys=True)
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
    words = ["score", "--model_args", f"pretrained={tiny_model}", "--tasks", "passages_demo", "--log_samples"]
    done = aftertune(*words, "--output_path", "empty", "--shard", "7/7", folder=tmp_path)
    assert done.exit_code == 0, done.stderr
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
