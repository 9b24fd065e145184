"""The recipes: every one loads as a run, and those that need no data and no Hub are prepared with a tiny model."""

import json
import re
from pathlib import Path

import pytest
from transformers import LlamaConfig

from finetune.ledger import count
from finetune.options import load_recipe, run_of
from finetune.prepare import prepare
from finetune.recipe import ADAPTER_METHODS
from harness_tasks.loading import find_yaml

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ROOT / "studies" / "recipes"
FILES = sorted(path.stem for path in RECIPES.glob("*.yaml"))
DEMO = [name for name in FILES if name.startswith(("embedded-reviews", "embedded-passages"))]
LLAMA_1B = ROOT / "tests" / "data" / "llama-3.2-1b" / "config.json"


def test_the_recipes_are_those_of_the_readme() -> None:
    listed, measured = (RECIPES / "README.md").read_text(encoding="utf-8").split("## Measured")
    rows = re.findall(r"^\| (`.*?`) \|", listed, re.MULTILINE)
    named: list[str] = []
    for name in re.findall(r"`(.*?)`", " ".join(rows)):
        before, _, choices = name.partition("{")
        named += [before + choice for choice in choices.rstrip("}").split(",")] if choices else [name]
    assert sorted(named) == FILES
    assert set(re.findall(r"^\| `(\S+?)[ `]", measured, re.MULTILINE)) <= set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_recipe_is_a_run(name: str, tmp_path: Path) -> None:
    values = load_recipe(RECIPES / f"{name}.yaml")
    run = run_of({"recipe": str(RECIPES / f"{name}.yaml"), "output": tmp_path / "out"})
    assert run.model == {"embedded": "build/base"}.get(name.partition("-")[0], "meta-llama/Llama-3.2-1B")
    assert find_yaml(run.task) is not None
    for key in ("method", "learning_rate", "epochs", "batch_size"):
        assert key in values  # what decides a result is written out, not left to a default
    parts = name.split("-")
    if name != "seed":
        assert parts[-1] == run.method
        heads = {"classifier": "sequence-classification", "span": "question-answering"}
        assert run.head == next((heads[part] for part in parts if part in heads), "causal")


@pytest.mark.parametrize("name", DEMO)
def test_a_demo_recipe_is_prepared(name: str, tiny_model: Path, tmp_path: Path) -> None:
    values = load_recipe(RECIPES / f"{name}.yaml")
    small = {"model": str(tiny_model), "output": tmp_path / "out", "device": "cpu", "dtype": "float32", "train_rows": 5}
    prepared = prepare(run_of({**values, **small}))
    assert prepared.rows
    assert prepared.run.recipe.learning_rate == values["learning_rate"]


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("llama")])
def test_a_llama_recipe_fits_the_model(name: str, tmp_path: Path) -> None:
    run = run_of({"recipe": str(RECIPES / f"{name}.yaml"), "output": tmp_path / "out"})
    config = LlamaConfig.from_dict(json.loads(LLAMA_1B.read_text()))
    rank = run.recipe.lora_r if run.method in ADAPTER_METHODS else None
    found = count(config, head=run.head, lora_r=rank, method=run.method)
    head = {"causal": 0, "sequence-classification": 4_096}[run.head]
    assert found.trainable == (11_272_192 + head if rank else 1_235_814_400)
