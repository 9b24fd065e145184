"""Made tasks under the stock `lm_eval`, in a process that cannot import Aftertune."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from own_task.made import New, rows_of
from own_task.tables import five_stars, questions_on_lives, sums
from sklearn.metrics import f1_score, matthews_corrcoef

from harness_tasks import metrics

pytestmark = pytest.mark.slow


def scored(folder: Path, model: Path) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Returns stock lm_eval's results and samples of the task in ``folder``, which has the folder's name."""
    blocked, output = folder.parent / "blocked" / "harness_tasks", folder.parent / "out"
    blocked.mkdir(parents=True)
    (blocked / "__init__.py").write_text("raise ImportError('Aftertune is not installed here')\n")
    command = [sys.executable, "-m", "lm_eval", "run", "--model", "hf", "--model_args"]
    command += [f"pretrained={model},dtype=float32", "--include_path", str(folder), "--tasks", folder.name]
    command += ["--device", "cpu", "--batch_size", "16", "--log_samples", "--output_path", str(output)]
    done = subprocess.run(
        command,
        cwd=folder.parent,
        env={**os.environ, "PYTHONPATH": str(blocked.parent), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(next(output.rglob("results_*.json")).read_text())["results"][folder.name]
    samples = next(output.rglob("samples_*.jsonl")).read_text(encoding="utf-8").split("\n")
    return results, [json.loads(line) for line in samples if line]


def test_five_classes(new: New, tmp_path: Path, tiny_model: Path) -> None:
    data = five_stars(tmp_path / "five.csv")
    assert new("stars", "--data", data, "--input", "Review text", "--label", "stars").exit_code == 0
    results, samples = scored(tmp_path / "stars", tiny_model)
    pairs = [sample["mcc"] for sample in samples]
    gold, predicted = zip(*pairs, strict=True)
    assert len(samples) == len(rows_of(tmp_path / "stars", "test"))
    assert results["macro_f1,none"] == pytest.approx(f1_score(gold, predicted, average="macro", zero_division=0))
    assert results["mcc,none"] == pytest.approx(matthews_corrcoef(gold, predicted))
    for at in range(5):
        found = sum(g == p == at for g, p in pairs) / gold.count(at)
        assert results[f"recall_of_{at + 1},none"] == pytest.approx(found)


def test_questions(new: New, tmp_path: Path, tiny_model: Path) -> None:
    data = questions_on_lives(tmp_path / "lives.jsonl")
    words = ("--question", "question", "--context", "passage", "--answers", "answers")
    assert new("lives", "--data", data, *words).exit_code == 0
    results, samples = scored(tmp_path / "lives", tiny_model)
    assert len(samples) == len(rows_of(tmp_path / "lives", "test")) == 8
    own = [metrics.answer_scores(one["filtered_resps"][0], one["doc"]["answers"]["text"]) for one in samples]
    for name in ("exact", "f1", "HasAns_f1", "NoAns_exact", "rougeL"):
        values = [each[name] for each in own if name in each]
        assert results[f"{name},none"] == pytest.approx(sum(values) / len(values))
    assert results["bleu,none"] == pytest.approx(metrics.corpus_bleu([each["bleu"] for each in own if "bleu" in each]))


def test_completions(new: New, tmp_path: Path, tiny_model: Path) -> None:
    data = sums(tmp_path / "sums.parquet")
    assert new("sums", "--data", data, "--prompt", "prompt", "--completion", "completion").exit_code == 0
    results, samples = scored(tmp_path / "sums", tiny_model)
    assert len(samples) == len(rows_of(tmp_path / "sums", "test"))
    said = [(one["filtered_resps"][0].strip(), one["doc"]["completions"]) for one in samples]
    assert results["f1,none"] == pytest.approx(100 * sum(metrics.token_f1(*one) for one in said) / len(said))
    assert results["exact,none"] == pytest.approx(100 * sum(metrics.exact_match(*one) for one in said) / len(said))
