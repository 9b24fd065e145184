"""Result folders as lm_eval 0.4.13 writes them, made by hand from items that are known."""

import copy
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from report.compare.comparison_facts import comparison_facts
from report.facts.current import sealed
from tests.report.sentences.test_random_facts import facts
from tests.report.some_facts import known

TIME = "2026-11-25T10-04-49.869036"


def compared(*arguments: Any, **options: Any) -> dict[str, Any]:
    """Returns what compare.json holds; the arguments are those of `comparison_facts`."""
    return comparison_facts(*arguments, **options).as_json()


def write_folder(
    root: Path,
    model: str,
    tasks: Mapping[str, Sequence[float]],
    *,
    samples: bool = True,
    time: str = TIME,
    metric: str = "acc",
    listed: Mapping[str, Any] | None = None,
    better: bool | None = True,
    metadata: Mapping[str, Any] | None = None,
    version: float = 1.0,
    shots: int = 0,
    text: str = "{{q}}",
    order: Sequence[int] | None = None,
    docs: Sequence[Any] | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
    **top: Any,
) -> Path:
    """Returns the result file of ``model`` under ``root``; ``tasks`` are each item's score of the one metric.

    ``order``: in which the rows of items stand in the samples. ``docs``: each item's document; unset, its number.
    ``groups``: group name to its tasks, whose aggregate weighs them by size. ``top`` replaces keys of the results.
    """
    folder = root / model.replace("/", "__")
    folder.mkdir(parents=True, exist_ok=True)
    scores = {task: _scores(task, metric, items) for task, items in tasks.items()}
    for group, parts in (groups or {}).items():
        scores[group] = _scores(group, metric, [value for part in parts for value in tasks[part]])
    entry = {"metric": metric, "aggregation": "mean", "higher_is_better": better, **(listed or {})}
    content: dict[str, Any] = {
        "results": scores,
        "group_subtasks": {group: list(parts) for group, parts in (groups or {}).items()},
        "configs": {
            task: {
                "task": task,
                "output_type": "multiple_choice",
                "doc_to_text": text,
                "metric_list": [entry],
                "metadata": {"version": version, **(metadata or {})},
            }
            for task in tasks
        },
        "versions": dict.fromkeys(scores, version),
        "n-shot": dict.fromkeys(scores, shots),
        "higher_is_better": {task: {metric: better} if better is not None else {} for task in scores},
        "n-samples": {task: {"original": len(items), "effective": len(items)} for task, items in tasks.items()},
        "config": {
            "model": "hf",
            "model_args": {"pretrained": model},
            "model_num_parameters": 1000,
            "model_dtype": "torch.float32",
            "device": "cpu",
        },
        "lm_eval_version": "0.4.13",
        "transformers_version": "5.24.0",
        "model_name": model,
        "model_name_sanitized": folder.name,
        "chat_template": None,
        "chat_template_sha": None,
        "system_instruction_sha": None,
        "fewshot_as_multiturn": None,
        "total_evaluation_time_seconds": "75.5",
    }
    file = folder / f"results_{time}.json"
    file.write_text(json.dumps({**content, **top}, indent=2), encoding="utf-8")
    for task, items in tasks.items() if samples else ():
        rows = [_row(task, number, value, metric, shots, docs) for number, value in enumerate(items)]
        lines = [json.dumps(rows[number], ensure_ascii=False) + "\n" for number in order or range(len(rows))]
        (folder / f"samples_{task}_{time}.jsonl").write_text("".join(lines), encoding="utf-8")
    return file


def _scores(task: str, metric: str, items: Sequence[float]) -> dict[str, Any]:
    n, mean = len(items), sum(items) / len(items)
    spread = math.sqrt(sum((value - mean) ** 2 for value in items) / (n - 1)) if n > 1 else 0.0
    stderr = spread / math.sqrt(n)
    return {"name": task, "alias": task, "sample_len": n, f"{metric},none": mean, f"{metric}_stderr,none": stderr}


def _row(task: str, number: int, value: float, metric: str, shots: int, docs: Sequence[Any] | None) -> dict[str, Any]:
    doc = docs[number] if docs else {"q": f"{task} {number}"}
    prompt = f"{shots} shots, {doc}"
    return {
        "doc_id": number,
        "doc": doc,
        "target": "0",
        "arguments": {"gen_args_0": {"arg_0": prompt, "arg_1": " yes"}},
        "resps": [[["-1.0", "True"]]],
        "filtered_resps": [["-1.0", "True"]],
        "filter": "none",
        "metrics": [metric],
        "doc_hash": _digest(json.dumps(doc, indent=2, ensure_ascii=False)),
        "prompt_hash": _digest(prompt),
        "target_hash": _digest("0"),
        metric: value,
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def right(n: int, of: int) -> list[float]:
    """Returns ``of`` items of which the first ``n`` are right."""
    return [1.0] * n + [0.0] * (of - n)


def write_study(root: Path, scores: Mapping[str, Mapping[str, Sequence[float]]], **values: Any) -> Path:
    """Returns a study's folder with ``scores`` by checkpoint and task, and the facts that name ``values``."""
    for checkpoint, tasks in scores.items():
        for task, items in tasks.items():
            file = write_folder(root / "made", checkpoint, {task: items})
            home = root / "scores" / checkpoint / task
            home.mkdir(parents=True)
            file.rename(home / "results.json")
            (file.parent / f"samples_{task}_{TIME}.jsonl").rename(home / "samples.jsonl")
    (root / "facts.json").write_text(json.dumps(sealed(_study_facts(values))), encoding="utf-8")
    return root


def _study_facts(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the facts of the synthetic study with one checkpoint, `tuned`, and the ``values``."""
    study = copy.deepcopy(facts())
    tuned = study["checkpoints"][0]
    study["checkpoints"] = [tuned]
    tuned["name"] = known("tuned").as_json()
    rate = {"name": known("learning_rate"), "value": known(values.get("learning_rate", 0.0005), "setting")}
    tuned["recipe"] = [{key: fact.as_json() for key, fact in rate.items()}]
    study["study"]["seeds"] = [known(seed, "setting").as_json() for seed in values.get("seeds", [1])]
    peft = {"name": "peft", "version": values.get("peft", "0.21.0"), "where": "fine-tuning"}
    study["reproduction"]["versions"] = [{key: known(text).as_json() for key, text in peft.items()}]
    return study
