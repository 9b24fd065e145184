"""The seed's own method as a study: planned in its true size, and run to its page on a tiny model and made-up rows."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from studies import load_study
from workflow.__main__ import app

ROOT = Path(__file__).resolve().parents[2]
STUDY = ROOT / "studies" / "seed-method.yaml"


def test_it_trains_all_parameters_on_the_assignments_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(app, ["plan", str(STUDY), "--declared", "--json", "--teraflops", "100"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    steps = {step["step"]: step for step in found["steps"]}
    causal, classifier = (steps[f"fine-tune sst2_llama-{head}-full-seed1"] for head in ("causal", "classifier"))
    assert (causal["trainable"], causal["rows"]) == (1_235_814_400, 53_879)  # as the write-up counts
    assert classifier["trainable"] == 1_235_814_400 + 2 * 2048  # two outputs on the hidden size
    assert steps["score sst2_llama-classifier-full-seed1 on sst2_llama"]["rows"] == 13_470  # as it scores
    # 16 bytes of each parameter, with its gradient and moments, and a copy of it in bfloat16 or float32
    assert causal["memory_bytes"] > 18 * 1_235_814_400
    fits = {name: [fit["method"] for fit in fitting] for name, fitting in found["fits"].items()}
    assert fits["sst2_llama-causal-full-seed1"] == ["lora", "lora", "full", "full"]  # of 16, 24, 40 and 80 GB


def test_its_recipe_is_the_seeds() -> None:
    """But for the tokenizer of another model and the choice of the checkpoint, which guards stop."""
    recipe = load_study(STUDY).plan("sst2_llama").recipe
    seed = yaml.safe_load((ROOT / "studies" / "recipes" / "seed.yaml").read_text())
    for key in ("epochs", "batch_size", "learning_rate"):
        assert getattr(recipe, key) == seed[key]
    assert load_study(STUDY).methods == [seed["method"]]
    assert seed["head"] in (load_study(STUDY).formulations or [])


def write_data(folder: Path) -> None:
    """Writes files in the official forms: phrases, some of them twice, and questions on passages."""
    texts = [f"a {word} comedy with {other} jokes and a {word} end" for word in "abcdefghij" for other in "klmnop"]
    rows = [f"{text} \t{i % 2}" for i, text in enumerate(texts)]
    (folder / "sst2").mkdir(parents=True)
    (folder / "sst2" / "train.tsv").write_text("\n".join(["sentence\tlabel", *rows, *rows[:20]]) + "\n")
    (folder / "squad2").mkdir()
    paragraphs = []
    for i in range(12):
        context = f"In the year {100 + i} the town of Mill{i} had {i + 2} mills."
        qas: list[dict[str, Any]] = []
        asked = {"Which town": f"Mill{i}", "How many mills": f"{i + 2} mills", "Who": ""}
        for question, answer in asked.items():
            answers = [{"text": answer, "answer_start": context.index(answer)}] if answer else []
            own = {"id": f"{i} {question}", "question": f"{question} was it?", "is_impossible": not answer}
            qas.append({**own, "answers": answers})
        paragraphs.append({"context": context, "qas": qas})
    data = {"version": "v2.0", "data": [{"title": "Mills", "paragraphs": paragraphs}]}
    (folder / "squad2" / "train-v2.0.json").write_text(json.dumps(data))


@pytest.mark.slow
def test_it_runs_shrunk_to_its_page(tmp_path: Path) -> None:
    write_data(tmp_path / "data")
    study = yaml.safe_load(STUDY.read_text())
    study |= {"model": {"id": "tiny-random", "licence": "apache-2.0"}, "device": "cpu", "dtype": "float32"}
    study["metadata"] = {"data_dir": str(tmp_path / "data"), "other_rows": True}
    study["claims"] = str(ROOT / "studies" / "seed-claims.yaml")
    study["tasks"]["sst2_llama"]["recipe"]["epochs"] = 1
    (tmp_path / "seed-method.yaml").write_text(yaml.safe_dump(study))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    words = [sys.executable, "-m", "workflow", "run", "seed-method.yaml"]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=3000)
    assert done.returncode == 0, done.stdout + done.stderr
    build = tmp_path / "build" / "seed-method"
    counts = {}
    for name in ("sst2_llama-causal-full-seed1", "sst2_llama-classifier-full-seed1", "squad_llama-causal-full-seed1"):
        record = json.loads((build / "checkpoints" / name / "finetune.json").read_text())
        counts[name] = (record["parameters"]["total"], record["parameters"]["trainable"])
        assert {check["verdict"] for check in record["proof"]["verdicts"]} <= {"pass", "warn", "by-design"}
    base = json.loads((build / "parameters" / "base.json").read_text())["total"]
    assert counts["sst2_llama-causal-full-seed1"] == (base, base)
    assert counts["sst2_llama-classifier-full-seed1"] == (base + 2 * 32, base + 2 * 32)
    record = json.loads((build / "checkpoints" / "sst2_llama-causal-full-seed1" / "finetune.json").read_text())
    dropped = record["data"]["dropped"]["identical"]
    assert dropped > 0
    page = (build / "report.md").read_text()
    causal, classifier, squad = (
        f"full fine-tuning ({head}) on {task}, seed 1"
        for head, task in (
            ("language model", "sst2_llama"),
            ("classifier", "sst2_llama"),
            ("language model", "squad_llama"),
        )
    )
    assert f"were left out before the training of {causal} and {classifier} ({dropped} of them)" in page
    assert "In the authors' own words: “The write-up that this project began with selected" in page
    assert f"In {squad} and {causal}, pre-training and fine-tuning set the same {base:,} parameters." in page
    assert f"In {classifier}, fine-tuning added 64 parameters" in page
