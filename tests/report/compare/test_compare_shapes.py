"""Result files and sample files in the shape of each lm_eval, as its `evaluator` and `__main__` wrote them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from report.compare.files import read_all
from report.compare.measures import Measure, measure, metric_keys
from tests.report.compare.lm_eval_folders import TIME, compared, right, write_folder

ACC = [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}]


def put(path: Path, content: Any, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, **options))
    return path


def rows_of(items: Sequence[float], metric: str = "acc") -> list[dict[str, Any]]:
    """Returns rows as 0.4.0 to 0.4.2 logged them: no hashes, no names of filters or metrics."""
    return [
        {
            "doc_id": number,
            "doc": {"q": number},
            "target": "0",
            "arguments": [["q", " a"]],
            "resps": [[[-1.0, False]]],
            "filtered_resps": [[-1.0, False]],
            metric: item,
        }
        for number, item in enumerate(items)
    ]


def share(items: Sequence[float]) -> tuple[float, float]:
    value = sum(items) / len(items)
    return value, (value * (1 - value) / (len(items) - 1)) ** 0.5


def task_042(items: Sequence[float], task: str = "arc_easy", model: str = "org/m") -> dict[str, Any]:
    value, error = share(items)
    return {
        "results": {task: {"acc,none": value, "acc_stderr,none": error, "alias": task}},
        "group_subtasks": {task: []},
        "configs": {task: {"task": task, "metric_list": ACC, "metadata": [{"version": 1.0}]}},
        "versions": {task: 1.0},
        "n-shot": {task: 0},
        "config": {"model": "hf", "model_args": f"pretrained={model},dtype=float16", "limit": None},
    }


def test_what_simple_evaluate_returned_holds_its_samples(tmp_path: Path) -> None:
    items = right(23, 40)
    for model, part in (("org/one", items), ("org/two", items[::-1])):
        content = task_042(part, model=model) | {"samples": {"arc_easy": rows_of(part)}}
        put(tmp_path / f"{model.replace('/', '-')}.json", content)
    facts = compared([tmp_path])
    pair = facts["tasks"][0]["boards"][0]["pairs"][0]
    assert pair["unpaired"] is None
    assert facts["tasks"][0]["boards"][0]["rows"][0]["score"]["also"][0]["pointer"] == "/samples/arc_easy"


def test_the_scores_alone_may_have_been_saved(tmp_path: Path) -> None:
    put(tmp_path / "mine.json", {"arc": {"acc,none": 0.5, "acc_stderr,none": 0.05, "alias": "arc"}})
    put(tmp_path / "other.json", {"arc": {"acc": 0.4, "acc_stderr": 0.05}})
    put(tmp_path / "package.json", {"name": "no results", "version": "1"})
    facts = compared([tmp_path])
    rows = facts["tasks"][0]["boards"][0]["rows"]
    assert [(row["entry"]["value"], row["score"]["value"]) for row in rows] == [("mine", 0.5), ("other", 0.4)]
    assert [row["score"]["source"]["pointer"] for row in rows] == ["/arc/acc,none", "/arc/acc"]
    assert {row["named_by"]["value"] for row in facts["entries"]} == {
        "its file's place: no file says which model it is"
    }
    assert facts["passed_over"] == []


def test_several_may_stand_in_one_file(tmp_path: Path) -> None:
    items = right(23, 40)
    file = put(tmp_path / "all.json", {"first": task_042(items, model="org/one"), "b": task_042(items[:30])})
    rows = compared([file])["tasks"][0]["boards"][0]["rows"]
    assert {row["entry"]["value"]: row["score"]["source"]["pointer"] for row in rows} == {
        "org/one": "/first/results/arc_easy/acc,none",
        "org/m": "/b/results/arc_easy/acc,none",
    }


def test_models_that_were_loaded_before_have_no_arguments(tmp_path: Path) -> None:
    # `simple_evaluate(model=HFLM(...))` records the class, or the name that the model was loaded by.
    for name, model in (("a", "HFLM"), ("b", "HFLM"), ("c", "org/loaded")):
        content = task_042(right(23, 40))
        content["config"] = {"model": model, "model_args": None}
        put(tmp_path / f"{name}.json", content)
    entries = read_all([tmp_path]).entries
    assert [entry.name for entry in entries] == ["a", "b", "org/loaded"]
    assert [entry.place for entry in entries] == [None, None, ("config", "model")]


def test_030_had_directions_nowhere_and_no_filters(tmp_path: Path) -> None:
    # Of github.com/EleutherAI/pythia's kind: any name, metrics of language modelling among them.
    scores = {"word_perplexity": 20.5, "byte_perplexity": 1.7, "bits_per_byte": 0.8}
    for step, more in ((1000, 3.0), (143000, 0.0)):
        content = {
            "results": {
                "lambada_openai": {"ppl": 9.5 + more, "ppl_stderr": 0.2, "acc": 0.5, "acc_stderr": 0.007},
                "wikitext": {key: value + more for key, value in scores.items()},
            },
            "versions": {"lambada_openai": 0, "wikitext": 1},
            "config": {
                "model": "hf-causal",
                "model_args": f"pretrained=EleutherAI/pythia-160m,revision=step{step}",
                "num_fewshot": 5,
                "limit": None,
            },
        }
        put(tmp_path / "zero-shot" / f"160m_step{step}.json", content)
    facts = compared([tmp_path])
    board = facts["tasks"][0]["boards"][0]
    assert (board["key"], board["higher_is_better"]) == ("ppl,none", False)
    assert [row["entry"]["value"] for row in board["rows"]] == [
        "EleutherAI/pythia-160m (revision=step143000)",
        "EleutherAI/pythia-160m (revision=step1000)",
    ]
    assert board["pairs"][0]["verdict"] == "first"
    assert [row["shots"]["value"] for row in facts["tasks"][0]["settings"]] == [5, 5]
    assert {task["key"] for task in facts["tasks"]} == {"lambada_openai", "wikitext"}


def test_033_wrote_its_items_out_as_text(tmp_path: Path) -> None:
    for name, items in (("one", [1, 0, 1, 1, 0]), ("two", [1, 1, 1, 1, 0])):
        value = sum(items) / 5
        content = {
            "results": {"arc": {"acc": value, "acc_stderr": (value * (1 - value) / 4) ** 0.5}},
            "versions": {"arc": 0},
            "config": {"model": "hf-causal", "model_args": f"pretrained=org/{name}", "num_fewshot": 0, "limit": 5},
        }
        put(tmp_path / name / "results.json", content)
        info = [
            {"doc_id": n, "prompt_0": f"q{n} a", "logit_0": -1.5, "truth": 0, "acc": str(float(item))}
            for n, item in enumerate(items)
        ]
        put(tmp_path / name / "arc_write_out_info.json", info, indent=4)
    pair = compared([tmp_path])["tasks"][0]["boards"][0]["pairs"][0]
    assert (pair["unpaired"], pair["difference"]["value"]) == (None, pytest.approx(0.2))


def pooled(parts: Sequence[Sequence[float]]) -> float:
    """Returns the standard error that lm_eval 0.4.2 gave a group: `pooled_sample_stderr`."""
    sizes = [len(part) for part in parts]
    variance = sum((n - 1) * share(part)[1] ** 2 * n for n, part in zip(sizes, parts, strict=True))
    return float((variance / (sum(sizes) - len(sizes)) / sum(sizes)) ** 0.5)


def nested(version: str) -> dict[str, Any]:
    """Returns `mmlu` of two subgroups as 0.4.0 or 0.4.2 wrote it: 5 shots, of which the outer group says 0."""
    leaves = {"law": right(30, 100), "logic": right(60, 200), "physics": right(80, 100)}
    results: dict[str, Any] = {}
    order = ("mmlu", "mmlu_humanities", "law", "logic", "mmlu_stem", "physics")
    parts = {"mmlu": ["mmlu_humanities", "mmlu_stem"], "mmlu_humanities": ["law", "logic"], "mmlu_stem": ["physics"]}
    whole = {"mmlu": list(leaves), "mmlu_humanities": ["law", "logic"], "mmlu_stem": ["physics"]}
    depth = {"mmlu": 0, "mmlu_humanities": 1, "mmlu_stem": 1}
    for name in order:
        items = [value for leaf in whole.get(name, [name]) for value in leaves[leaf]]
        value, error = share(items)
        spaces = depth.get(name, 2)
        alias = f"{' ' * spaces}- {name}" if spaces else name
        if name in whole:
            error = 0.2 if version == "0.4.0" else pooled([leaves[leaf] for leaf in whole[name]])
        results[name] = {"acc,none": value, "acc_stderr,none": error, "alias": alias}
    group = {"law": "mmlu_humanities", "logic": "mmlu_humanities", "physics": "mmlu_stem"}
    return {
        "results": results,
        **({"group_subtasks": parts | {leaf: [] for leaf in leaves}} if version == "0.4.2" else {}),
        "configs": {
            leaf: {"task": leaf, "group": group[leaf], "num_fewshot": 5, "metric_list": ACC, "metadata": None}
            for leaf in leaves
        },
        "versions": {name: "N/A" if name in whole else 0.0 for name in order},
        "n-shot": {**dict.fromkeys(order, 5), "mmlu": 0},
        "config": {"model": "hf", "model_args": "pretrained=org/m", "limit": None},
    }


@pytest.mark.parametrize("version", ["0.4.0", "0.4.2"])
def test_nested_groups_have_their_parts_whichever_version_lists_them(tmp_path: Path, version: str) -> None:
    file = put(tmp_path / "results.json", nested(version))
    facts = compared([file])
    assert [(task["key"], task["group"], task["within"]) for task in facts["tasks"]] == [
        ("mmlu", None, None),
        ("mmlu_humanities", "mmlu", "mmlu"),
        ("law", "mmlu_humanities", "mmlu"),
        ("logic", "mmlu_humanities", "mmlu"),
        ("mmlu_stem", "mmlu", "mmlu"),
        ("physics", "mmlu_stem", "mmlu"),
    ]
    group = facts["tasks"][0]
    assert group["parts"]["value"] == 3
    assert group["settings"][0]["shots"]["value"] == 5
    row = group["boards"][0]["rows"][0]
    # 170 of 400, from its parts: √(Σ n² e²) / 400 with e² = p (1 − p) / (n − 1).
    error = (100**2 * 0.21 / 99 + 200**2 * 0.21 / 199 + 100**2 * 0.16 / 99) ** 0.5 / 400
    half = (row["score"]["interval"]["upper"] - row["score"]["interval"]["lower"]) / 2
    assert half / 1.959964 == pytest.approx(error, rel=2e-3)
    assert ("contradicts them" in row["how"]["value"]) is (version == "0.4.0")


def test_rows_without_a_filters_name_stand_in_the_order_of_the_filters(tmp_path: Path) -> None:
    strict, flexible = [0.0, 1.0, 0.0, 0.0], [1.0, 1.0, 1.0, 0.0]
    content = task_042(strict, "gsm8k")
    content["results"]["gsm8k"] = {
        "exact_match,strict-match": 0.25,
        "exact_match_stderr,strict-match": 0.25,
        "exact_match,flexible-extract": 0.75,
        "exact_match_stderr,flexible-extract": 0.25,
        "alias": "gsm8k",
    }
    put(tmp_path / "results.json", content)
    rows = rows_of(strict, "exact_match") + rows_of(flexible, "exact_match")
    put(tmp_path / "pretrained__org__m,dtype__float16_gsm8k.jsonl", rows, indent=2)
    run = read_all([tmp_path]).entries[0].runs["gsm8k"]
    assert [values_of(measure(run, key)) for key in metric_keys(run)] == [strict, flexible]
    said = compared([tmp_path])["tasks"][0]["apart"][0]["what"]["value"]
    assert said == "exact_match is 0.250 by strict-match, 0.750 by flexible-extract"


def values_of(found: Measure) -> Any:
    return found.items and found.items.values


def samples(tmp_path: Path, name: str, content: Any, **options: Any) -> Measure:
    put(tmp_path / name, content, **options)
    return measure(read_all([tmp_path]).entries[0].runs["arc_easy"], "acc,none")


def test_samples_were_given_a_time_of_their_own_for_a_while(tmp_path: Path) -> None:
    items = right(23, 40)
    put(tmp_path / "results_2024-05-20T10-00-00.000001.json", task_042(items))
    found = samples(tmp_path, "samples_arc_easy_2024-05-20T10-00-07.500000.json", rows_of(items))
    assert values_of(found) == items


def test_samples_of_a_later_run_are_not_taken_for_an_earlier_ones(tmp_path: Path) -> None:
    items = right(23, 40)
    put(tmp_path / "results_2024-05-20T10-00-00.000001.json", task_042(items))
    put(tmp_path / "results_2024-05-20T11-00-00.000001.json", task_042(items, model="org/later"))
    found = samples(tmp_path, "samples_arc_easy_2024-05-20T11-00-00.000001.json", rows_of(items))
    assert found.why == "no samples"


def test_the_only_rows_with_the_tasks_name_are_its_own(tmp_path: Path) -> None:
    items = right(23, 40)
    put(tmp_path / "results.json", task_042(items))
    assert values_of(samples(tmp_path, "pretrained__renamed_arc_easy.jsonl", rows_of(items))) == items
    # Of two nobody can tell.
    assert samples(tmp_path, "pretrained__another_arc_easy.jsonl", rows_of(items)).why == "no samples"


def test_the_next_lm_eval_writes_the_same_with_scores_of_repeats(tmp_path: Path) -> None:
    file = write_folder(tmp_path, "one", {"even": right(3, 4)}, lm_eval_version="0.5.0.dev1")
    content = json.loads(file.read_text())
    content["results"]["even"]["sample_count"] = {"acc,none": 4}
    file.write_text(json.dumps(content))
    path = file.parent / f"samples_even_{TIME}.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        del row["metrics"]
        row["scores_per_repeat"] = {"acc": [row["acc"], row["acc"]]}
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = read_all([file]).entries[0].runs["even"]
    assert metric_keys(run) == ["acc,none"]
    assert values_of(measure(run, "acc,none")) == right(3, 4)
