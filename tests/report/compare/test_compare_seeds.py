"""A study's recipes with several seeds: the spread over seeds, and the error of a score, each by itself."""

import json
import re
from pathlib import Path
from statistics import stdev

import pytest

from report.compare.comparison_page import comparison_files
from report.facts.schema.compared import ComparedModels
from tests.report.compare.lm_eval_folders import compared, right, write_folder, write_study

SEEDS = {1: 60, 2: 70, 3: 65}


def write_seeds(root: Path) -> Path:
    scores = {f"even-lora-seed{seed}": {"even": right(n, 100)} for seed, n in SEEDS.items()}
    return write_study(root, {"base": {"even": right(50, 100)}, "even-full-seed1": {"even": right(60, 100)}, **scores})


def test_the_spread_over_seeds_stands_beside_the_error_of_a_score(tmp_path: Path) -> None:
    facts = compared([write_seeds(tmp_path / "trial")])
    (found,) = facts["tasks"][0]["boards"][0]["seeds"]
    assert (found["recipe"]["value"], found["seeds"]["value"]) == ("even-lora", 3)
    assert found["mean"]["value"] == pytest.approx(0.65)
    assert found["deviation"]["value"] == pytest.approx(stdev([0.60, 0.70, 0.65])) == pytest.approx(0.05)
    # The jackknife's error of a share p of 100: √(p (1 − p) / 99); the root of the mean square of the three.
    squares = [p * (1 - p) / 99 for p in (0.60, 0.70, 0.65)]
    assert found["error"]["value"] == pytest.approx((sum(squares) / 3) ** 0.5)
    page = comparison_files(ComparedModels.model_validate(facts))["compare.md"]
    assert re.search(r"\| even-lora \| 3 \| 0\.650 \[0\.526, 0\.774\] \| 0\.050 \| 0\.048 \|", page), page


def test_seeds_on_two_commits_of_the_base_are_two_recipes(tmp_path: Path) -> None:
    study = write_seeds(tmp_path / "trial")
    for seed, commit in ((1, "1" * 40), (2, "1" * 40), (3, "2" * 40)):
        (file,) = study.glob(f"scores/even-lora-seed{seed}/even/results*.json")
        content = json.loads(file.read_text())
        content["config"] |= {"model_sha": commit, "model_args": {"pretrained": "ada/base", "peft": f"seed{seed}"}}
        file.write_text(json.dumps(content))
    (found,) = compared([study])["tasks"][0]["boards"][0]["seeds"]
    assert (found["seeds"]["value"], found["mean"]["value"]) == (2, pytest.approx(0.65))


def test_other_peoples_models_have_no_recipe(tmp_path: Path) -> None:
    for seed in (1, 2):
        write_folder(tmp_path / str(seed), f"mine-seed{seed}", {"even": right(3, 4)})
    facts = compared([tmp_path / "1", tmp_path / "2"])
    assert facts["tasks"][0]["boards"][0]["seeds"] == []


def test_scores_are_drawn_against_each_cost_that_is_known_and_differs(tmp_path: Path) -> None:
    sizes = {"small": 1_000, "large": 2_000_000}
    for name, size in sizes.items():
        config = {"model": "hf", "model_num_parameters": size}
        write_folder(tmp_path / name, name, {"even": right(60 if name == "small" else 90, 100)}, config=config)
    facts = compared([tmp_path / name for name in sizes])
    assert [figure["key"] for figure in facts["tasks"][0]["cost_figures"]] == ["parameters"]
    pages = comparison_files(ComparedModels.model_validate(facts))
    drawing = pages["figures/compare-1-parameters.svg"]
    assert "small: 0.600, from 0.502 to 0.691, 1,000; large: 0.900" in drawing or "large: 0.900" in drawing
    assert ">parameters of the model (millions), logarithmic</text>" in drawing
    # The larger model beats the smaller, whose dot is then a ring.
    assert len(re.findall(r'<path d="[^"]* C [^"]*" style="fill: none', drawing)) == 1
    assert "](figures/compare-1-parameters.svg)" in pages["compare.md"]
    assert "acc against parameters of the model" in pages["compare.html"]
