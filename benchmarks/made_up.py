"""Made-up result files in lm_eval's true form, with as many models and items as wanted: for timing, not for reading.

Three kinds of task, told by the beginning of a task's name: `phrases` (as SST-2: seven metrics, about two phrases of
each source sentence), `passages` (as SQuAD v2.0: twelve metrics, about seven questions a passage, a third of them
without an answer) and `choices` (as a multiple choice of stock lm_eval: `acc` and `acc_norm`, no clusters).
"""

import json
import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from harness_tasks import metrics
from harness_tasks.files import sha256_text
from harness_tasks.rendering import render_from_results, render_hash

STUDY_TASKS = ("phrases_a", "phrases_b", "passages_a", "passages_b")
COMPARED_TASKS = ("phrases_a", "passages_a", "choices_a", "choices_b")
METHODS, SEEDS = ("lora", "dora", "full"), (1, 2, 3)
"""Nine checkpoints, which with their base are ten models."""

_TIME = "2026-11-25T10-04-49.869036"
_WORDS = ("old", "town", "river", "stone", "light", "north", "winter", "bridge", "paper", "glass", "music", "road")
_CLUSTER = {"phrases": "source_sentence", "passages": "context"}
_PRIMARY = {"phrases": "acc", "passages": "f1", "choices": "acc"}


def write_study(root: Path, items: int) -> Path:
    """Returns the study file after writing, under ``root``, ten models' scores of ``items`` items on four tasks."""
    study = root / "studies" / "scale.yaml"
    study.parent.mkdir(parents=True)
    values = {
        "title": "A made-up study",
        "model": {"id": "embedded", "name": "small", "licence": "apache-2.0"},
        "tasks": {STUDY_TASKS[0]: {}},
        "methods": list(METHODS),
        "seeds": list(SEEDS),
        "authors": [{"name": "Ada", "did": "made it up"}],
    }
    study.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    folder = root / "build" / "scale"
    names = ["base", *(f"{STUDY_TASKS[0]}-{method}-seed{seed}" for method in METHODS for seed in SEEDS)]
    for place, name in enumerate(names):
        results = {}
        for task in STUDY_TASKS:
            home = folder / "scores" / name / task
            model = name if name == "base" else f"checkpoints/{name}"  # where a study has them
            results[task] = write_scores(
                home / "results.json", home / "samples.jsonl", model, (task,), items, place / 10
            )
            lengths = [{"doc_id": i, "prompt_tokens": 60, "truncated": False, **_written(task)} for i in range(items)]
            _write_rows(home / "lengths.jsonl", [{"max_length_tokens": 2048, "max_answer_tokens": 16}, *lengths])
        if name != "base":
            _write_overlap(folder, name, items)
            rendered = render_hash(render_from_results(results[STUDY_TASKS[0]], STUDY_TASKS[0]))
            record = {"checkpoint": name, "render": {"hash": rendered}, "data": {}}
            _write(folder / "checkpoints" / name / "finetune.json", record)
    _write(folder / "model.json", {"name": "small", "parameters": 1000})
    return study


def write_models(root: Path, models: int, tasks: Sequence[str], items: int) -> Path:
    """Returns ``root`` after writing, as lm_eval lays them out, the results of ``models`` on ``tasks``."""
    for place in range(models):
        name = f"model-{place:04d}"
        home = root / f"made__{name}"
        samples = home / f"samples_TASK_{_TIME}.jsonl"
        write_scores(home / f"results_{_TIME}.json", samples, f"made/{name}", tasks, items, place / models)
    return root


def write_scores(
    file: Path, samples: Path, model: str, tasks: Sequence[str], items: int, skill: float
) -> dict[str, Any]:
    """Writes a result file and, for each of its tasks, the sample rows; ``skill``, 0 to 1, is how good the model is."""
    results: dict[str, Any] = {}
    for task in tasks:
        kind, chance = task.partition("_")[0], random.Random(f"{model} {task}")
        given = [_answer(task, chance, number, skill) for number in range(items)]
        results[task] = _aggregated(kind, given)
        lines = [head + tail for head, (tail, _) in zip(_heads(task, items), given, strict=True)]
        path = samples.with_name(samples.name.replace("TASK", task))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(lines), encoding="utf-8")
    names = {
        task: [key.partition(",")[0] for key in scores if key.endswith(",none")] for task, scores in results.items()
    }
    content = {
        "results": {task: {"alias": task, "sample_len": items, **scores} for task, scores in results.items()},
        "group_subtasks": {task: [] for task in tasks},
        "configs": {task: _configuration(task, names[task]) for task in tasks},
        "versions": dict.fromkeys(tasks, 1.0),
        "n-shot": dict.fromkeys(tasks, 0),
        "higher_is_better": {task: {name: name not in ("brier", "ece") for name in names[task]} for task in tasks},
        "n-samples": {task: {"original": items, "effective": items} for task in tasks},
        "config": {
            "model": "hf",
            "model_args": {"pretrained": model},
            "model_num_parameters": 1000 + round(1000 * skill),
            "model_dtype": "torch.float32",
            "device": "cpu",
            "batch_size": "16",
        },
        "lm_eval_version": "0.4.13",
        "transformers_version": "5.24.0",
        "model_name": model,
        "chat_template_sha": None,
        "system_instruction_sha": None,
        "fewshot_as_multiturn": None,
        "total_evaluation_time_seconds": "75.5",
    }
    _write(file, content)
    return content


def _configuration(task: str, names: Sequence[str]) -> dict[str, Any]:
    kind = task.partition("_")[0]
    metadata: dict[str, Any] = {"version": 1.0, "about": f"Made up, as {task}.", "primary": _PRIMARY[kind]}
    if kind in _CLUSTER:
        metadata |= {"cluster": _CLUSTER[kind], "scale": 100 if kind == "passages" else 1}
        metadata["signature"] = {name: f"{name} as made up" for name in names}
    if kind == "phrases":
        metadata |= {"labels": ["negative", "positive"], "positive_label": 1, "input": "sentence"}
    return {
        "task": task,
        "output_type": "generate_until" if kind == "passages" else "multiple_choice",
        "doc_to_text": "{{text}}",
        "metric_list": [{"metric": name, "aggregation": "mean", "higher_is_better": True} for name in names],
        "metadata": metadata,
    }


@cache
def _heads(task: str, items: int) -> list[str]:
    """Returns the beginning of each item's row: what is the same for every model, as JSON without its last brace."""
    kind = task.partition("_")[0]
    return [_head(task, number, _document(kind, task, number)) for number in range(items)]


def _head(task: str, number: int, doc: dict[str, Any]) -> str:
    prompt = f"Answer the question.\n{doc.get('context', '')}{doc.get('question', doc.get('sentence'))}\nAnswer:"
    row = {
        "doc_id": number,
        "doc": doc,
        "target": str(doc.get("label", "")),
        "arguments": {"gen_args_0": {"arg_0": prompt, "arg_1": {"until": ["\n"], "max_gen_toks": 16}}},
        "filter": "none",
        "doc_hash": sha256_text(json.dumps(doc, indent=2, ensure_ascii=False)),
        "prompt_hash": sha256_text(prompt),
        "target_hash": sha256_text(task),
    }
    return json.dumps(row, ensure_ascii=False)[:-1] + ", "


def _document(kind: str, task: str, number: int) -> dict[str, Any]:
    chance = random.Random(f"{task} {number}")
    text = " ".join(chance.choices(_WORDS, k=10))
    if kind == "phrases":
        return {"sentence": f"{text} {number}", "label": number % 2, "source_sentence": f"sentence {number // 2}"}
    if kind == "choices":
        return {"question": f"{text} {number}?", "choices": _WORDS[:4], "label": number % 4}
    place = number // 7
    passage = " ".join(random.Random(f"{task} passage {place}").choices(_WORDS, k=120))
    golds = _golds(task, number) if number % 3 else []
    answers = {"text": golds, "answer_start": [5] * len(golds)}
    return {
        "id": f"{number:024d}",
        "title": "T",
        "context": f"{place}. {passage}",
        "question": text,
        "answers": answers,
    }


def _golds(task: str, number: int) -> list[str]:
    """Returns a question's gold answers: one, as in training rows, with a word of its own."""
    words = random.Random(f"{task} gold {number}").choices(_WORDS, k=2)
    return [f"{words[0]} w{number} {words[1]}"]


def _answer(task: str, chance: random.Random, number: int, skill: float) -> tuple[str, dict[str, Any]]:
    """Returns the end of an item's row as JSON, and what the item adds to each metric."""
    kind, right = task.partition("_")[0], chance.random() < 0.4 + 0.5 * skill
    if kind == "passages":
        said = ("gold", "more")[chance.random() < 0.2] if right else ("wrong", "nothing")[chance.random() < 0.3]
        return _said(task, number if number % 3 else None, said)
    sure = -round(chance.expovariate(4), 3) - 0.001
    gold = number % (2 if kind == "phrases" else 4)
    options = 2 if kind == "phrases" else 4
    chosen = gold if right else (gold + 1) % options
    likelihoods = [sure if option == chosen else sure - 1.5 for option in range(options)]
    resps = [[str(value), str(value == sure)] for value in likelihoods]
    if kind == "phrases":
        scores: dict[str, Any] = metrics.classification_scores(gold, likelihoods)
    else:
        scores = {"acc": float(right), "acc_norm": float(right or chance.random() < 0.05)}
    return _tail(resps, scores), scores


@cache
def _said(task: str, question: int | None, said: str) -> tuple[str, dict[str, Any]]:
    golds = _golds(task, question) if question is not None else []
    first = golds[0] if golds else "unanswerable"
    text = {"gold": first, "more": f"{first} of it", "wrong": "something else", "nothing": "unanswerable"}[said]
    scores = metrics.answer_scores(text, golds)
    return _tail([text], scores), scores


def _tail(answer: list[Any], scores: dict[str, Any]) -> str:
    row = {"resps": [answer], "filtered_resps": answer, "metrics": list(scores), **scores}
    return json.dumps(row, ensure_ascii=False)[1:] + "\n"


def _aggregated(kind: str, given: Sequence[tuple[str, dict[str, Any]]]) -> dict[str, float]:
    """Returns the scores as lm_eval records them, with the standard error of what is a mean."""
    names = dict.fromkeys(name for _, scores in given for name in scores)
    columns = {name: [scores[name] for _, scores in given if name in scores] for name in names}
    of_lists = {
        "precision": metrics.precision,
        "recall": metrics.recall,
        "f1": metrics.f1,
        "mcc": metrics.mcc,
        "ece": metrics.expected_calibration_error,
        "bleu": metrics.corpus_bleu,
    }
    found: dict[str, float] = {}
    for name, values in columns.items():
        if isinstance(values[0], list | tuple):
            found[f"{name},none"] = of_lists[name](values)
            continue
        mean = sum(values) / len(values)
        spread = sum((value - mean) ** 2 for value in values) / max(1, len(values) - 1)
        found |= {f"{name},none": mean, f"{name}_stderr,none": (spread / len(values)) ** 0.5}
    return found


def _written(task: str) -> dict[str, Any]:
    passages = task.startswith("passages")
    return (
        {"answer_tokens": 3, "ended": "stop", "cut_off": False}
        if passages
        else dict.fromkeys(("answer_tokens", "ended", "cut_off"))
    )


def _write_overlap(folder: Path, name: str, items: int) -> None:
    """Writes how far the scored items overlap with the training rows of the checkpoint."""
    task = STUDY_TASKS[0]
    rows = [json.loads(head[:-2] + "}") for head in _heads(task, items)]
    definition = {grade: f"what {grade} means" for grade in ("identical", "same_source", "containment")}
    graded = [
        {"doc_id": r["doc_id"], "doc_hash": r["doc_hash"], "grades": ["containment"] * (r["doc_id"] % 50 == 0)}
        for r in rows
    ]
    head = {"scored": items, "training_rows": 200, "definition": definition}
    _write_rows(folder / "overlap" / name / f"overlap_{task}.jsonl", [head, *graded])


def _write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")


def _write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
