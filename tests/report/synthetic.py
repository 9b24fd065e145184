"""A study's build folder made by hand: a sentiment task by film, and a SQuAD-style task by passage.

Sentiment: 20 films with a positive and a negative item each (ids 2i and 2i + 1). Passages: 10 with two answerable
questions and an unanswerable one each (ids 3i, 3i + 1, 3i + 2).
"""

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import yaml

from harness_tasks.metrics import answer_scores, classification_scores, corpus_bleu, f1, mcc, precision, recall
from harness_tasks.rendering import render_from_results, render_hash
from report import sentences
from report.facts.schema.whole import Facts, MeasuredFacts

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
                    write_overlap(folder, checkpoint, task)
    return file


def typed(facts: dict[str, Any]) -> Facts:
    """Returns facts as the program takes them, from what facts.json holds."""
    return Facts.model_validate(facts)


def findings_of(facts: dict[str, Any]) -> dict[str, Any]:
    """Returns the findings of facts, as facts.json holds them."""
    parts = {name: part for name, part in facts.items() if name in {"schema", *MeasuredFacts.model_fields}}
    return sentences.find(MeasuredFacts.model_validate(parts)).as_json()


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
    write_tensors(folder, checkpoint)
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
            "command": f"aftertune train --model build/base --task {task}",
            "commit": "0123456789abcdef0123456789abcdef01234567",
            "render": {"hash": render_hash(render_from_results(results, task))},
            "data": {
                "source": "shipped",
                "name": f"rows of {task}",
                "revision": None,
                "fingerprint": "ef" * 32,
                "rows": 200,
                "rows_available": 2000,
                "dropped": {"identical": 2, "min_words": 0, "overlap": 3},
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


def write_control(folder: Path, checkpoint: str, task: str, predictions: list[Any], **recipe: Any) -> None:
    """Writes the control of a checkpoint, trained on the targets of other rows, and its scores."""
    control = f"{checkpoint}-shuffled-targets"
    write_scores(folder, control, task, predictions)
    write_checkpoint(folder, control, task)
    path = folder / "checkpoints" / control / "finetune.json"
    own = json.loads(path.read_text(encoding="utf-8"))["recipe"]
    change_json(path, recipe={**own, "shuffle_targets": True, **recipe})


def write_elsewhere(folder: Path, checkpoint: str, *, kind: str = "adapter", identical: bool = False) -> None:
    """Writes the record of a checkpoint that was trained elsewhere, some of whose recipe its files record."""
    is_adapter = kind == "adapter"
    write_tensors(folder, checkpoint)
    home = folder / "checkpoints" / checkpoint
    if not is_adapter:
        rows = json.loads((home / "tensors.json").read_text(encoding="utf-8"))["tensors"]
        for row in rows:
            row.pop("adapter", None)
            if identical:
                row |= {"trained": False, "sha256_after": row["sha256_before"], "relative_change": 0.0}
        rows[0] |= {"rows": 20, "rows_moved": 0 if identical else 3}
        told = {"identical": identical, "only_in_checkpoint": [] if identical else ["score.weight"]}
        write_json(home / "tensors.json", {"checkpoint": checkpoint, **told, "tensors": rows})
    counts = ledger(total=1050, trainable=50, added=50) if is_adapter else ledger(total=1000, trainable=0, added=0)
    if not is_adapter:
        counts["trainable"] = None
        counts["components"] = [{**row, "trainable": None} for row in counts["components"]]
    write_json(folder / "parameters" / f"{checkpoint}.json", counts)
    recorded = {
        "method": "lora",
        "recipe": {"learning_rate": 0.0002, "lora_r": 8},
        "recorded_in": {"recipe.learning_rate": "axolotl.yaml", "recipe.lora_r": "adapter_config.json"},
        "steps": 40,
        "epochs": 2.0,
        "loss_curve": [{"step": 10, "loss": 1.5}, {"step": 40, "loss": 0.5}],
    }
    verdicts = [
        ("other-base", "pass", "the adapter was trained on this base"),
        ("tokenizer", "warn", "2 tokens differ"),
    ]
    write_json(
        home / "finetune.json",
        {
            "checkpoint": checkpoint,
            "elsewhere": {
                "path": f"runs/{checkpoint}",
                "revision": None,
                "fingerprint": "9a" * 32,
                "kind": kind,
                "head": "causal",
                "files": {"config.json": "9b" * 32},
            },
            "base": {"name": "small", "path": "build/base", "revision": None, "fingerprint": FINGERPRINT},
            "not_read": [{"file": "training_args.bin", "would_hold": "the arguments of the trainer"}],
            "guards": [{"id": i, "verdict": v, "found": f, "why": "", "mend": ""} for i, v, f in verdicts],
            **(recorded if is_adapter else {}),
        },
    )


def write_merge(folder: Path, adapter: str, merged: str, **values: Any) -> None:
    """Writes that a model is the merge of an adapter, whose logits it keeps to 1 % of what the adapter changes."""
    logits = {"rows": 8, "most_tokens": 256, "positions": 200, "dtype": "float32", "device": "cpu", "same": 199}
    logits |= {"largest": 0.03, "mean": 0.005, "effect": 0.5, "divergence": 0.0002}
    pair = {"adapter": adapter, "merged": merged, "recorded": True, "in_weights": True, "other_tensors": 0}
    pair |= {"matrices": 2, "cosine": 0.98, "multiple": 1.0, "task": "reviews", "doc_ids": list(range(8))}
    write_json(folder / "merges.json", {"pairs": [pair | {"logits": logits} | values]})


def write_tensors(folder: Path, checkpoint: str) -> None:
    """Writes what training changed: two frozen tensors, and one adapted matrix of each of two layers."""
    frozen = [
        {"name": name, "layer": None, "kind": "embeddings", "shape": [20, 30], "trained": False}
        | {"sha256_before": "aa" * 32, "sha256_after": "aa" * 32, "relative_change": 0.0}
        for name in ("embed", "norm")
    ]
    trained = [
        {"name": f"layers.{n}.q", "layer": n, "kind": "attention", "shape": [10, 20], "trained": True, "adapter": True}
        | {"sha256_before": "bb" * 32, "sha256_after": "cc" * 32, "relative_change": 0.01 * (n + 1)}
        for n in (0, 1)
    ]
    write_json(
        folder / "checkpoints" / checkpoint / "tensors.json",
        {"checkpoint": checkpoint, "method": "lora", "tensors": frozen + trained},
    )


def write_overlap(folder: Path, checkpoint: str, task: str) -> None:
    """Writes the overlap of scored and training rows: the first four items contain a training row, one is identical."""
    samples = (folder / "scores" / checkpoint / task / "samples.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in samples.splitlines()]
    definition = {grade: f"what {grade} means" for grade in ("identical", "same_source", "containment")}
    head = {"scored": len(rows), "training_rows": 200, "training_file_sha256": "ab" * 32, "definition": definition}
    graded = [
        {
            "doc_id": row["doc_id"],
            "doc_hash": row["doc_hash"],
            "grades": ["identical"] * (row["doc_id"] == 0) + ["containment"] * (row["doc_id"] < 4),
        }
        for row in rows
    ]
    write_rows(folder / "overlap" / checkpoint / f"overlap_{task}.jsonl", [head, *graded])


def write_bag_of_words(folder: Path, checkpoint: str, predicted: list[int], **changed: Any) -> None:
    """Writes the answers of a bag of words to the reviews, after 200 training rows of the checkpoint."""
    rows, _, _ = review_rows(predicted)
    found = {"task": REVIEWS, "name": "bag-of-words", "training_rows": 200, "vocabulary": 1234}
    sure = math.e / (1 + math.e)  # as in `review_rows`
    found |= {"predictions": predicted, "probabilities": [[1 - sure, sure][:: 1 if one else -1] for one in predicted]}
    found |= {"training_file_sha256": "ab" * 32, "values": {"acc": [row["acc"] for row in rows]}}
    found |= {"doc_ids": [row["doc_id"] for row in rows], "doc_hashes": [row["doc_hash"] for row in rows]}
    write_json(folder / "baselines" / checkpoint / f"bag-of-words_{REVIEWS}.json", found | changed)


def write_nearest_sentence(folder: Path, checkpoint: str, given: list[str]) -> None:
    """Writes what the passage's nearest sentence answers to the passages: words as in `write_scores`."""
    rows, _, _ = passage_rows(given)
    found = {"task": PASSAGES, "name": "nearest-passage-sentence", "predictions": given}
    found |= {"values": {metric: [row[metric] for row in rows] for metric in ("exact", "f1")}}
    found |= {"doc_ids": [row["doc_id"] for row in rows], "doc_hashes": [row["doc_hash"] for row in rows]}
    write_json(folder / "baselines" / checkpoint / f"nearest-passage-sentence_{PASSAGES}.json", found)


def write_few_shot(folder: Path, shots: int, task: str, predictions: list[Any]) -> None:
    """Writes the scores of the base model with so many few-shot examples."""
    write_scores(folder, f"base-{shots}-shot", task, predictions)
    change_json(folder / "scores" / f"base-{shots}-shot" / task / "results.json", **{"n-shot": {task: shots}})


def write_scores(folder: Path, checkpoint: str, task: str, predictions: list[Any]) -> None:
    """Writes lm_eval's two files for predictions of ``task``: labels of reviews, or answers to the passages."""
    rows, scores, metadata = (review_rows if task == REVIEWS else passage_rows)(predictions)
    write_scored(folder, checkpoint, task, rows, scores, metadata)


def write_scored(
    folder: Path,
    checkpoint: str,
    task: str,
    rows: list[dict[str, Any]],
    scores: dict[str, float],
    metadata: dict[str, Any],
    **configuration: Any,
) -> None:
    """Writes lm_eval's two files of ``rows`` and what stands beside them."""
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
                    **configuration,
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
                        "signature": {metric: f"{metric} as the test has it|version 1" for metric in scores},
                        **metadata,
                    },
                }
            },
            "versions": {task: 1.0},
            "n-shot": {task: 0},
            "higher_is_better": {
                task: {metric: metric not in ("brier", "ece") and "per" not in metric for metric in scores}
            },
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
    write_rows(home / "samples.jsonl", rows)
    lengths = [{"doc_id": row["doc_id"], "prompt_tokens": 30, "truncated": False, **_written(row)} for row in rows]
    for length, row in zip(lengths, rows, strict=True):
        if isinstance(row["doc"].get("answers"), dict) and row["doc"]["answers"]["text"]:
            length["gold_tokens"] = 4
    write_rows(home / "lengths.jsonl", [{"max_length_tokens": 2048, "max_answer_tokens": 32}, *lengths])
    write_json(home / "prior.json", _prior(task))


def _written(row: dict[str, Any]) -> dict[str, Any]:
    """Returns the tokens of a written answer; "wrong" stands for one that never stopped."""
    if "label" in row["doc"] or "filtered_resps" not in row or isinstance(row["filtered_resps"][0], list):
        return {"answer_tokens": None, "ended": None, "cut_off": None}
    is_cut_off = row["filtered_resps"] == ["wrong"]
    return {"answer_tokens": 3, "ended": "limit" if is_cut_off else "stop", "cut_off": is_cut_off}


def _prior(task: str) -> dict[str, Any]:
    if task != REVIEWS:
        return {"task": task, "absent": "the task has no choices"}
    shares = {"": 0.9, "N/A": 0.8, "[MASK]": 0.7}
    return {
        "task": task,
        "labels": ["rotten", "fresh"],
        "inputs": [
            {"input": text, "log_likelihoods": [math.log(1 - p), math.log(p)], "probabilities": [1 - p, p]}
            for text, p in shares.items()
        ],
        "probabilities": [0.2, 0.8],
    }


def review_rows(predicted: list[int]) -> tuple[list[dict[str, Any]], dict[str, float], dict[str, Any]]:
    """Returns rows whose chosen label is e times as probable as the other: its probability is e / (e + 1) = 0.731."""
    pairs = [list(pair) for pair in zip(GOLD, predicted, strict=True)]
    rows = []
    for i, (gold, label) in enumerate(pairs):
        log_likelihoods = [-1.5, -2.5] if label == 0 else [-2.5, -1.5]
        doc = {"sentence": f"item {i} of the reviews", "label": gold, "film": f"film {i // 2}"}
        answers = [[str(value), str(value == -1.5)] for value in log_likelihoods]
        scores = classification_scores(gold, log_likelihoods)
        rows.append({**row_of(i, doc), "filtered_resps": answers, **scores})
    right, sure = sum(gold == label for gold, label in pairs) / len(pairs), math.e / (1 + math.e)
    scores = {
        "acc": right,
        "precision": precision(pairs),
        "recall": recall(pairs),
        "f1": f1(pairs),
        "mcc": mcc(pairs),
        "brier": right * (1 - sure) ** 2 + (1 - right) * sure**2,
        "ece": abs(right - sure),
    }
    about = {"cluster": "film", "primary": "acc", "scale": 1, "positive_label": 1, "labels": ["rotten", "fresh"]}
    return rows, scores, about | {"input": "sentence"}


def passage_rows(answers: list[str]) -> tuple[list[dict[str, Any]], dict[str, float], dict[str, Any]]:
    rows = []
    for i, answer in enumerate(answers):
        golds = ["gold"] * (i % 3 < 2)
        passage = f"The gold of passage {i // 3}. A second sentence."
        doc = {"question": f"question {i}", "context": passage, "answers": {"text": golds}}
        rows.append({**row_of(i, doc), "filtered_resps": [answer], **answer_scores(answer, golds)})
    names = dict.fromkeys(metric for row in rows for metric in row if metric in _METRICS)
    values = {metric: [row[metric] for row in rows if metric in row] for metric in names}
    scores = {name: corpus_bleu(kept) if name == "bleu" else sum(kept) / len(kept) for name, kept in values.items()}
    return rows, scores, {"cluster": "context", "primary": "f1", "scale": 100, "input": "question"}


_METRICS = {f"{part}{metric}" for part in ("", "HasAns_", "NoAns_") for metric in ("exact", "f1")}
_METRICS |= {"meteor", "meteor_exact_stem", "rouge1", "rouge2", "rougeL", "bleu"}


def row_of(number: int, doc: dict[str, Any]) -> dict[str, Any]:
    """Returns a row with lm_eval's own hashes: SHA-256 of the document as indented JSON, of prompt and of target."""
    prompt, target = f"prompt {number}", "target"
    return {
        "doc_id": number,
        "doc": doc,
        "target": target,
        "arguments": {"gen_args_0": {"arg_0": prompt, "arg_1": {}}},
        "filter": "none",
        "doc_hash": _sha256(json.dumps(doc, indent=2, ensure_ascii=False)),
        "prompt_hash": _sha256(prompt),
        "target_hash": _sha256(target),
    }


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")


def change_json(path: Path, **values: Any) -> None:
    """Sets top-level keys of a JSON file."""
    write_json(path, {**json.loads(path.read_text(encoding="utf-8")), **values})
