"""Tasks of one's own from the file of rows to a verified page, each trained on and scored."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.harness_tasks.own_task.tables import excel_of_germany, five_stars, questions_on_lives, sums

TASKS = {
    "stars": ("five.csv", "--input", "Review text", "--label", "stars", "--cluster", "product"),
    "lives": ("lives.jsonl", "--question", "question", "--context", "passage", "--answers", "answers"),
    "kunden": ("kunden.csv", "--input", "Text", "--label", "Gefühl", "--cluster", "Kunde"),
    "sums": ("sums.parquet", "--prompt", "prompt", "--completion", "completion", "--cluster", "meta.user"),
}


@pytest.mark.slow
def test_rows_of_ones_own_become_a_verified_page(tmp_path: Path) -> None:
    five_stars(tmp_path / "five.csv")
    excel_of_germany(tmp_path / "kunden.csv")
    questions_on_lives(tmp_path / "lives.jsonl")
    sums(tmp_path / "sums.parquet")
    root = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PYTHONPATH": root, "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}

    def aftertune(*words: str) -> str:
        command = [sys.executable, "-m", "aftertune", *words]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=3600)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    for name, (data, *columns) in TASKS.items():
        aftertune("task", "new", name, "--data", data, *columns, "--output", f"tasks/{name}")
    study = {
        "title": "Tasks of one's own",
        "model": {"id": "tiny-random", "name": "tiny-random-llama", "licence": "apache-2.0"},
        "include_path": "tasks",
        "tasks": {name: {"recipe": {"epochs": 1, "batch_size": 16, "lora_r": 4}} for name in TASKS},
        "dtype": "float32",
        "device": "cpu",
        "authors": [{"name": "Ada", "did": "all of it"}],
    }
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    aftertune("run", "own.yaml")
    assert "everything on the page is what its facts give" in aftertune("verify", "build/own/report.html")
    facts = json.loads((tmp_path / "build" / "own" / "facts.json").read_text(encoding="utf-8"))
    scored = {task["name"]["value"]: task for task in facts["tasks"]}
    for name in TASKS:
        rows = {
            side: [json.loads(line) for line in (tmp_path / "tasks" / name / f"{side}.jsonl").open(encoding="utf-8")]
            for side in ("train", "test")
        }
        assert scored[name]["scored"]["value"] == len(rows["test"])
        (checkpoint,) = (one for one in facts["checkpoints"] if one["task"]["value"] == name)
        trained = json.loads(
            (tmp_path / "build/own/checkpoints" / checkpoint["name"]["value"] / "finetune.json").read_text()
        )
        assert trained["data"]["rows"] == len(rows["train"])
        for score in scored[name]["comparisons"][0]["scores"]:
            assert "value" in score["before"], score
            assert "value" in score["after"], score
    assert scored["lives"]["kind"] == "extraction"
    assert scored["stars"]["kind"] == "other"
    assert {score["metric"] for score in scored["sums"]["comparisons"][0]["scores"]} >= {
        "exact",
        "f1",
        "rougeL",
        "bleu",
    }
