"""A study's build folder made by hand: a sentiment task by film, and a SQuAD-style task by passage.

Sentiment: 20 films with a positive and a negative item each (ids 2i and 2i + 1). Passages: 10 with two answerable
questions and an unanswerable one each (ids 3i, 3i + 1, 3i + 2).
"""

import json
from pathlib import Path
from typing import Any

import yaml

from harness_tasks.metrics import f1, mcc, precision, recall
from harness_tasks.rendering import render_from_results, render_hash

GOLD = [1, 0] * 20
ALWAYS_POSITIVE = [1] * 40
TWO_WRONG = [0, 1, *GOLD[2:]]
"""Of the 40, the first positive and the first negative item are wrong: 19, 1, 1, 19."""
ALL_WRONG = [1 - label for label in GOLD]

NEVER_ABSTAINS = ["gold", "wrong", "wrong"] * 10
"""Exact on 10 of the 20 answerable questions, and answers the 10 unanswerable ones."""
LEARNED = ["gold", "gold", "unanswerable"] * 9 + ["wrong", "unanswerable", "wrong"]
"""Exact on 18 answerable questions and right on 9 unanswerable ones: 27 of 30; abstains on 10."""

REVIEWS, PASSAGES = "reviews", "passages"
FINGERPRINT = "ab" * 32


def write_study(
    root: Path,
    *,
    reviews: tuple[list[int] | None, list[int] | None] = (ALWAYS_POSITIVE, TWO_WRONG),
    passages: tuple[list[str] | None, list[str] | None] = (NEVER_ABSTAINS, LEARNED),
    **values: Any,
) -> Path:
    """Returns the study file after writing `studies/trial.yaml` and `build/trial` under ``root``.

    ``reviews`` and ``passages`` are the predictions of the base model and of the checkpoint; None: not scored.
    """
    study: dict[str, Any] = {
        "title": "A trial",
        "model": {"id": "embedded", "name": "small", "licence": "apache-2.0"},
        "tasks": {REVIEWS: {}, PASSAGES: {}},
        "authors": [{"name": "Ada", "did": "all of it"}],
    }
    file = root / "studies" / "trial.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(yaml.safe_dump({**study, **values}, sort_keys=False), encoding="utf-8")
    folder = root / "build" / "trial"
    write_json(folder / "model.json", model_card())
    write_json(folder / "parameters" / "base.json", ledger(total=1000, trainable=1000, added=0))
    for side, name in enumerate(("base", None)):
        for task, predictions in ((REVIEWS, reviews[side]), (PASSAGES, passages[side])):
            checkpoint = name or f"{task}-lora-seed1"
            if predictions is not None:
                write_scores(folder, checkpoint, task, predictions)
                if name is None:
                    write_checkpoint(folder, checkpoint, task)
    return file


def folder_of(study: Path) -> Path:
    """Returns the build folder that belongs to a study file of `write_study`."""
    return study.parent.parent / "build" / "trial"


def model_card() -> dict[str, Any]:
    return {
        "name": "small",
        "architecture": "LlamaForCausalLM",
        "licence": "apache-2.0",
        "url": None,
        "parameters": 1000,
        "context_length_tokens": 2048,
        "vocabulary": 256,
        "layers": 2,
        "hidden_size": 32,
        "source": "made for a test",
        "dequantised_from": None,
        "fingerprint": FINGERPRINT,
        "config_sha256": "cd" * 32,
        "path": "build/base",
    }


def ledger(*, total: int, trainable: int, added: int) -> dict[str, Any]:
    components = [
        {"component": "embeddings", "counted": 600, "closed_form": 600, "formula": "20 × 30", "trainable": 0},
        {"component": "attention", "counted": 400, "closed_form": 400, "formula": "2 × 200", "trainable": 0},
    ]
    if added:
        components.append(
            {"component": "adapter", "counted": added, "closed_form": added, "formula": "2 × 25", "trainable": added}
        )
    else:
        components = [{**row, "trainable": row["counted"]} for row in components]
    return {
        "model": "small",
        "architecture": "LlamaForCausalLM",
        "head": "causal",
        "total": total,
        "trainable": trainable,
        "added": added,
        "tied": 600,
        "components": components,
    }


def write_checkpoint(folder: Path, checkpoint: str, task: str) -> None:
    results = json.loads((folder / "scores" / checkpoint / task / "results.json").read_text(encoding="utf-8"))
    write_json(folder / "parameters" / f"{checkpoint}.json", ledger(total=1050, trainable=50, added=50))
    write_json(
        folder / "checkpoints" / checkpoint / "finetune.json",
        {
            "checkpoint": checkpoint,
            "method": "lora",
            "task": task,
            "base": {"name": "small", "path": "build/base", "revision": None, "fingerprint": FINGERPRINT},
            "recipe": {"epochs": 1.0, "learning_rate": 0.0005, "lora_r": 16, "min_words": None, "overlap": False},
            "command": f"python -m finetune train --model build/base --task {task}",
            "commit": "0123456789abcdef0123456789abcdef01234567",
            "render": {"hash": render_hash(render_from_results(results, task))},
            "data": {
                "source": "shipped",
                "name": f"rows of {task}",
                "revision": None,
                "fingerprint": "ef" * 32,
                "rows": 200,
                "rows_available": 2000,
                "dropped": {"min_words": 0, "overlap": 3},
                "train_rows_sha256": "12" * 32,
            },
            "versions": {"torch": "2.13.0", "peft": "0.21.2"},
            "seed": 1,
            "dtype": "float32",
            "device": "cpu",
            "steps": 13,
            "epochs": 1.0,
            "tokens": {"input": 12345, "supervised": 400},
            "seconds": 137.2,
            "peak_memory_bytes": 1_500_000_000,
            "loss_curve": [{"step": n, "loss": 2.5 / n, "learning_rate": 0.0005} for n in (1, 5, 10, 13)],
            "resumed_at_steps": [],
            "parameters": ledger(total=1050, trainable=50, added=50),
        },
    )


def write_scores(folder: Path, checkpoint: str, task: str, predictions: list[Any]) -> None:
    """Writes lm_eval's two files for predictions of ``task``: labels of reviews, or answers to the passages."""
    rows, scores, metadata = (review_rows if task == REVIEWS else passage_rows)(predictions)
    home = folder / "scores" / checkpoint / task
    write_json(
        home / "results.json",
        {
            "results": {
                task: {
                    "alias": task,
                    "sample_len": len(rows),
                    **{f"{metric},none": value for metric, value in scores.items()},
                    **{f"{metric}_stderr,none": "N/A" for metric in scores},
                }
            },
            "configs": {
                task: {
                    "task": task,
                    "doc_to_text": "{{text}}",
                    "metric_list": [{"metric": metric} for metric in scores],
                    "metadata": {
                        "version": 1.0,
                        "about": f"The scored split of {task}.",
                        "data": {
                            "source": "shipped",
                            "name": task,
                            "revision": None,
                            "fingerprint": {"test": "34" * 32},
                            "rows": {"test": len(rows)},
                        },
                        **metadata,
                    },
                }
            },
            "versions": {task: 1.0},
            "n-shot": {task: 0},
            "higher_is_better": {task: dict.fromkeys(scores, True)},
            "n-samples": {task: {"original": len(rows), "effective": len(rows)}},
            "config": {
                "model_dtype": "torch.float32",
                "device": "cpu",
                "batch_size": "16",
                "random_seed": 0,
                "numpy_seed": 1234,
                "torch_seed": 1234,
                "fewshot_seed": 1234,
            },
            "git_hash": "0123456",
            "transformers_version": "5.24.0",
            "lm_eval_version": "0.4.13",
            "total_evaluation_time_seconds": "75.5",
        },
    )
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (home / "samples.jsonl").write_text(text, encoding="utf-8")


def review_rows(predicted: list[int]) -> tuple[list[dict[str, Any]], dict[str, float], dict[str, Any]]:
    pairs = [list(pair) for pair in zip(GOLD, predicted, strict=True)]
    rows = [
        {
            **_row(i, {"sentence": f"item {i}", "label": gold, "film": f"film {i // 2}"}),
            "filtered_resps": [["-1.5", "False"], ["-2.5", "True"]],
            "acc": float(gold == label),
            **{metric: [gold, label] for metric in ("precision", "recall", "f1", "mcc")},
        }
        for i, (gold, label) in enumerate(pairs)
    ]
    scores = {
        "acc": sum(gold == label for gold, label in pairs) / len(pairs),
        "precision": precision(pairs),
        "recall": recall(pairs),
        "f1": f1(pairs),
        "mcc": mcc(pairs),
    }
    about = {"cluster": "film", "primary": "acc", "scale": 1, "positive_label": 1, "labels": ["rotten", "fresh"]}
    return rows, scores, about


def passage_rows(answers: list[str]) -> tuple[list[dict[str, Any]], dict[str, float], dict[str, Any]]:
    rows = []
    for i, answer in enumerate(answers):
        answerable = i % 3 < 2
        right = answer == ("gold" if answerable else "unanswerable")
        score = 100.0 if right else 0.0
        kind = "HasAns" if answerable else "NoAns"
        doc = {"question": f"question {i}", "context": f"passage {i // 3}", "answers": {"text": ["gold"] * answerable}}
        scores = dict.fromkeys(("exact", "f1", f"{kind}_exact", f"{kind}_f1"), score)
        rows.append({**_row(i, doc), "filtered_resps": [answer], **scores})
    metrics = ("exact", "f1", "HasAns_exact", "HasAns_f1", "NoAns_exact", "NoAns_f1")
    values = {metric: [row[metric] for row in rows if metric in row] for metric in metrics}
    scores = {metric: sum(kept) / len(kept) for metric, kept in values.items()}
    return rows, scores, {"cluster": "context", "primary": "f1", "scale": 100}


def _row(number: int, doc: dict[str, Any]) -> dict[str, Any]:
    return {
        "doc_id": number,
        "doc": doc,
        "target": "",
        "filter": "none",
        "doc_hash": f"doc{number}",
        "prompt_hash": f"prompt{number}",
        "target_hash": f"target{number}",
    }


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")


def change_json(path: Path, **values: Any) -> None:
    """Sets top-level keys of a JSON file."""
    write_json(path, {**json.loads(path.read_text(encoding="utf-8")), **values})
