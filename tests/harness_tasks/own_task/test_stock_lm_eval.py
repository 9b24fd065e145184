"""A made task under the stock `lm_eval`, in a process that cannot import Aftertune."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from own_task.tables import five_stars
from sklearn.metrics import f1_score, matthews_corrcoef
from typer.testing import CliRunner

from aftertune import app


@pytest.mark.slow
def test_stock_lm_eval_scores_five_classes_without_aftertune(tmp_path: Path, tiny_model: Path) -> None:
    data, folder = five_stars(tmp_path / "five.csv"), tmp_path / "stars"
    words = ["--data", str(data), "--input", "Review text", "--label", "stars", "--output", str(folder)]
    assert CliRunner().invoke(app, ["task", "new", "stars", *words]).exit_code == 0
    blocked = tmp_path / "blocked" / "harness_tasks"
    blocked.mkdir(parents=True)
    (blocked / "__init__.py").write_text("raise ImportError('Aftertune is not installed here')\n")
    command = [sys.executable, "-m", "lm_eval", "run", "--model", "hf", "--model_args"]
    command += [f"pretrained={tiny_model},dtype=float32", "--include_path", str(folder), "--tasks", "stars"]
    command += ["--device", "cpu", "--batch_size", "16", "--log_samples", "--output_path", str(tmp_path / "out")]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(blocked.parent), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(next((tmp_path / "out").rglob("results_*.json")).read_text())["results"]["stars"]
    samples = next((tmp_path / "out").rglob("samples_stars_*.jsonl")).read_text().splitlines()
    pairs = [json.loads(line)["mcc"] for line in samples]
    gold, predicted = zip(*pairs, strict=True)
    assert len(samples) == len((folder / "test.jsonl").read_text().splitlines())
    assert results["macro_f1,none"] == pytest.approx(f1_score(gold, predicted, average="macro", zero_division=0))
    assert results["mcc,none"] == pytest.approx(matthews_corrcoef(gold, predicted))
    for at in range(5):
        name = str(at + 1)
        found = sum(g == p == at for g, p in pairs) / gold.count(at)
        assert results[f"recall_of_{name},none"] == pytest.approx(found)
