"""Grids: which studies and checkpoints one stands for, and what is said of one that cannot be."""

from pathlib import Path

import pytest
import yaml

from harness_tasks.errors import UserError
from studies import Grid, load_grid, load_study

GRID = """
title: Models beside each other
models:
  - {id: embedded, name: Small}
  - {id: tiny-random, name: Random one}
tasks: {reviews_demo: {limit: 40}, passages_demo: }
methods: [lora, full]
seeds: [1, 2]
authors: [{name: a, did: b}]
"""


@pytest.fixture
def grid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = Path("studies/both.yaml")
    path.parent.mkdir()
    path.write_text(GRID)
    return path


def made(path: Path) -> Grid:
    """Returns a grid whose files were written."""
    found = load_grid(path)
    found.write()
    return found


def names(path: Path) -> dict[str, list[str]]:
    return {study.name: [one.name for one in study.trained_checkpoints()] for study in made(path).studies.values()}


def test_a_study_by_itself_is_a_grid_of_one(grid: Path) -> None:
    grid.write_text(
        GRID.replace("models:", "model:").replace("  - {id: embedded, name: Small}\n", "").replace("  - ", "  ")
    )
    found = load_grid(grid)
    assert found.is_one_study
    assert list(found.studies) == [grid]
    assert found.folder == Path("build/both")
    assert not Path("build").exists()


def test_each_model_is_a_study_with_a_file_and_a_folder_of_its_own(grid: Path) -> None:
    found = made(grid)
    assert not found.is_one_study
    assert [str(file) for file in found.studies] == ["build/both/small.yaml", "build/both/random-one.yaml"]
    for file, study in found.studies.items():
        assert load_study(file) == study
        assert study.folder == file.with_suffix("")
        assert study.plan("reviews_demo").limit == 40
    assert names(grid)["both/small"] == [
        f"{task}-{method}-seed{seed}"
        for task in ("reviews_demo", "passages_demo")
        for method in ("lora", "full")
        for seed in (1, 2)
    ]


def test_files_are_written_again_only_where_they_change(grid: Path) -> None:
    (file, other) = made(grid).studies
    before = file.stat().st_mtime_ns, other.stat().st_mtime_ns
    made(grid)
    assert (file.stat().st_mtime_ns, other.stat().st_mtime_ns) == before
    grid.write_text(GRID.replace("name: Small", "name: Small, licence: mit"))
    made(grid)
    assert file.stat().st_mtime_ns > before[0]
    assert other.stat().st_mtime_ns == before[1]


def test_exclude_and_only_narrow_it(grid: Path) -> None:
    rules = "exclude: [{model: Random one, method: full}, {task: passages_demo, seed: 2}]\n"
    grid.write_text(GRID + rules)
    assert names(grid) == {
        "both/small": [
            "reviews_demo-lora-seed1",
            "reviews_demo-lora-seed2",
            "reviews_demo-full-seed1",
            "reviews_demo-full-seed2",
            "passages_demo-lora-seed1",
            "passages_demo-full-seed1",
        ],
        "both/random-one": ["reviews_demo-lora-seed1", "reviews_demo-lora-seed2", "passages_demo-lora-seed1"],
    }
    grid.write_text(
        GRID + "only: [{model: Small, task: reviews_demo, seed: [1]}, {task: passages_demo, method: full}]\n"
    )
    assert names(grid) == {
        "both/small": [
            "reviews_demo-lora-seed1",
            "reviews_demo-full-seed1",
            "passages_demo-full-seed1",
            "passages_demo-full-seed2",
        ],
        "both/random-one": ["passages_demo-full-seed1", "passages_demo-full-seed2"],
    }
    assert list(yaml.safe_load(Path("build/both/random-one.yaml").read_text())["tasks"]) == ["passages_demo"]


def test_shots_multiply_the_studies(grid: Path) -> None:
    grid.write_text(GRID + "shots: [0, 2]\nexclude: [{model: Small, shots: 2}]\n")
    found = load_grid(grid).studies.values()
    assert [(study.name, study.num_fewshot) for study in found] == [
        ("both/small-0-shot", 0),
        ("both/random-one-0-shot", 0),
        ("both/random-one-2-shot", 2),
    ]


def test_formulations_fit_their_tasks(grid: Path) -> None:
    grid.write_text(GRID + "formulations: [causal, sequence-classification, question-answering]\nonly: [{seed: 1}]\n")
    assert names(grid)["both/small"] == [
        "reviews_demo-causal-lora-seed1",
        "reviews_demo-causal-full-seed1",
        "reviews_demo-classifier-lora-seed1",
        "reviews_demo-classifier-full-seed1",
        "passages_demo-causal-lora-seed1",
        "passages_demo-causal-full-seed1",
        "passages_demo-span-lora-seed1",
        "passages_demo-span-full-seed1",
    ]


@pytest.mark.parametrize(
    ("text", "found", "mend"),
    [
        (
            GRID + "exclude: [{model: Smal}]\n",
            "`exclude` names the model Smal, which the study does not",
            "write Small",
        ),
        (GRID + "only: [{seed: 7}]\n", "`only` names the seed 7", "name one of 1, 2"),
        (GRID + "exclude: [{task: passages_demo}]\n", "leave no checkpoint of the task passages_demo", "exclude less"),
        (GRID + "exclude: [{method: [lora, full]}]\n", "leave no checkpoint of the task reviews_demo", "exclude less"),
        (
            GRID + "formulations: [question-answering]\n",
            "nothing can do the task reviews_demo with the head question-answering",
            "name another head under `formulations:`",
        ),
        (GRID + "model: {id: embedded}\n", "has `models` and `model`", "delete one"),
        (GRID.replace("Random one", "SMALL"), "two models of the name SMALL", "another `name:`"),
        (GRID + "shots: 2\n", "`shots` is 2", "write a list under `shots:`"),
        (GRID.replace("{id: embedded, name: Small}", "{id: embedded, nam: Small}"), "`model.nam`", "write `name`"),
        (GRID + "exclude: [{methods: lora}]\n", "`exclude.0.methods`", "write `method`"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(grid: Path, text: str, found: str, mend: str) -> None:
    grid.write_text(text)
    with pytest.raises(UserError) as error:
        load_grid(grid)
    assert found in str(error.value)
    assert mend in str(error.value)
    assert not Path("build").exists()


def test_a_grid_is_no_study(grid: Path) -> None:
    with pytest.raises(UserError) as error:
        load_study(grid)
    assert "is a grid" in str(error.value)
    assert "build/both/STUDY.yaml" in str(error.value)


def test_templates_beside_a_grid_lie_beside_its_studies_too(grid: Path) -> None:
    own = Path("studies/templates/answer_model.md.j2")
    own.parent.mkdir()
    own.write_text("My model.\n")
    (own.parent / "linked.md.j2").symlink_to(grid.resolve())
    made(grid)
    taken = Path("build/both/templates")
    assert {file.name: file.read_text() for file in taken.iterdir()} == {own.name: "My model.\n"}
    before = (taken / own.name).stat().st_mtime_ns
    made(grid)
    assert (taken / own.name).stat().st_mtime_ns == before
    own.unlink()
    made(grid)
    assert list(taken.iterdir()) == []
