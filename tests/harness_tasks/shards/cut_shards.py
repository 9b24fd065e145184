"""Shards as a run of each would leave them, cut from the files of a whole run."""

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lm_eval.evaluator_utils import _compute_task_aggregations
from made_up_model import write_results

from harness_tasks import TASKS_PATH
from harness_tasks.loading import load_task
from harness_tasks.shards.division import Shard, shard_of, shard_record

TASKS = ("reviews_demo", "passages_demo")


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False), encoding="utf-8")


def lines_of(folder: Path) -> list[str]:
    return (folder / "samples.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)


def write_scored(folder: Path) -> Path:
    """Returns ``folder`` with lm_eval's files of two made-up models, `base` and `tuned`, a folder a task."""
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
    """Returns the shard of each item, as `aftertune score --shard` has it."""
    loaded = load_task(task)
    return [shard_of(name, of) for name in loaded.eval_docs[loaded.config.metadata["cluster"]]]
