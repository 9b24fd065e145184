"""A study of the tasks whose results two random models gave, through `aftertune run`."""

import json
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from harness_tasks.lengths import write_lengths
from harness_tasks.scoring.run import run
from studies.tiny_model import write_tiny_model
from tests.eight_tasks.written import GROUPS, write_tasks
from tests.report.synthetic import change_json, ledger, model_card, write_checkpoint, write_elsewhere, write_json

TASKS = ("quiz_four", "quiz_varied", "mood", "is_true", "sums", "prose", "rating")


def write_study(root: Path, tasks: Sequence[str] = TASKS) -> Path:
    """Returns the study file after writing `studies/eight.yaml` and `build/eight` under ``root``.

    The base model and the "fine-tuned" one are random; only their scores are real. It is each task's checkpoint, and,
    as one from elsewhere, is set beside the base on the tasks of every group.
    """
    groups = groups_of(tasks)
    grouped = [part for name in groups for part in GROUPS[name][0]]
    folder, written = root / "build" / "eight", write_tasks(root / "tasks")
    study = {
        "title": "Eight kinds of task",
        "model": {"id": "embedded", "name": "small", "licence": "apache-2.0"},
        "tasks": dict.fromkeys(tasks),
        "groups": {name: _group(name) for name in groups},
        **({"methods": ["lora"], "checkpoints": [{"path": "runs/tuned", "tasks": grouped}]} if groups else {}),
        "include_path": str(written),
        "authors": [{"name": "Ada", "did": "all of it"}],
    }
    file = root / "studies" / "eight.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")
    write_json(folder / "model.json", model_card())
    write_json(folder / "parameters" / "base.json", ledger(total=1000, trainable=1000, added=0))
    base, tuned = (write_tiny_model(root / name, seed=seed) for seed, name in ((0, "base"), (1, "tuned")))
    score(base, written, {task: folder / "scores" / "base" / task for task in tasks})
    score(tuned, written, {task: folder / "scores" / f"{task}-lora-seed1" / task for task in tasks})
    for task in tasks:
        write_checkpoint(folder, f"{task}-lora-seed1", task)
    for task in grouped:
        shutil.copytree(folder / "scores" / f"{task}-lora-seed1" / task, folder / "scores" / "tuned" / task)
    if groups:
        write_elsewhere(folder, "tuned", kind="model")
    return file


def groups_of(tasks: Collection[str]) -> list[str]:
    """Returns the groups whose tasks are all among ``tasks``."""
    return [name for name, (parts, _) in GROUPS.items() if set(parts) <= set(tasks)]


def _group(name: str) -> Any:
    parts, by_size = GROUPS[name]
    return list(parts) if by_size else {"tasks": list(parts), "weight_by_size": False}


def score(model: Path, tasks: Path, outputs: Mapping[str, Path]) -> None:
    """Leaves in each task's folder what a study's step of scoring does, after one run of all of them.

    lm_eval scores a group whose tasks are all among them as one; what it says of groups goes into the model's folder.
    """
    made = next(iter(outputs.values())).parent / "made"
    words = ["--model", "hf-shared", "--model_args", f"pretrained={model},dtype=float32", "--device", "cpu"]
    names = groups_of(outputs)
    hidden = {part for name in names for part in GROUPS[name][0]}
    names += [task for task in outputs if task not in hidden]
    words += ["--tasks", ",".join(names), "--include_path", str(tasks), "--batch_size", "16", "--log_samples"]
    run([*words, "--output_path", str(made)])
    (whole,) = (json.loads(file.read_text(encoding="utf-8")) for file in made.rglob("results_*.json"))
    write_json(model / "groups.json", whole.get("groups", {}))
    for task, output in outputs.items():
        for file in made.rglob(f"*_{task}_2*.json*"):
            output.mkdir(parents=True, exist_ok=True)
            file.replace(output / f"{file.name.partition('_')[0]}{file.suffix}")
        results, generations = output / "results.json", output / "generations.jsonl"
        write_json(results, {key: _of_task(value, task, outputs) for key, value in whole.items()})
        noted = generations if generations.exists() else None
        write_lengths(output / "samples.jsonl", results, output=output / "lengths.jsonl", generations=noted)
        change_json(results, config=whole["config"] | {"model_args": {}})  # a study's name the checkpoint's folder
    shutil.rmtree(made)


def _of_task(value: Any, task: str, tasks: Collection[str]) -> Any:
    """Returns what a part of the results says of one task; what is no part by task as it is."""
    return {task: value[task]} if isinstance(value, dict) and set(value) >= set(tasks) else value
