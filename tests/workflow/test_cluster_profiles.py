"""Where the steps run: profiles, their errors, and what each step is said to need."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from harness_tasks.errors import UserError
from studies import Elsewhere, Grid, Study, load_study
from studies.experiments import Experiments
from workflow import engine, needs, plan

STUDY = """
title: what steps need
model: {id: embedded}
tasks:
  reviews_demo: {limit: 100, train_rows: 500}
  passages_demo:
methods: [lora, qlora]
authors: [{name: a, did: b}]
"""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sized.yaml").write_text(STUDY)
    return load_study(tmp_path / "sized.yaml")


@pytest.fixture
def grid(study: Study) -> Grid:
    return Grid(study.name, study.title, {Path("sized.yaml"): study})


def own_profile(folder: Path, **values: object) -> Path:
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(values))
    return folder


def commands_of_slurm(folder: Path, monkeypatch: pytest.MonkeyPatch, *, squeue: str) -> None:
    """Puts a squeue on the path, and nothing else beside it."""
    folder.mkdir()
    (folder / "squeue").write_text(f"#!/bin/sh\n{squeue}\n")
    (folder / "squeue").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


# Profiles


def test_local_is_one_machine_and_names_no_needs(grid: Grid) -> None:
    profile = engine.find_profile("local")
    words, values = engine.options(profile, grid, cores=3, dry_run=False)
    assert profile.is_local
    assert words[:4] == ["--profile", str(engine.PROFILES / "local"), "--cores", "3"]
    assert words[4] == "--resources"
    assert values == {}


def test_a_folder_is_a_profile_of_ones_own(grid: Grid, tmp_path: Path) -> None:
    folder = own_profile(tmp_path / "ours", executor="dryrun", jobs=3)
    profile = engine.find_profile(str(folder))
    assert (profile.folder, profile.executor) == (folder, "dryrun")
    words, values = engine.options(profile, grid, cores=None, dry_run=True)
    assert words == ["--profile", str(folder)]
    assert values == {"needs": "build/sized/needs.json"}
    assert needs.read_needs("build/sized/needs.json") == needs.estimate_needs(grid.studies.values(), needs.Nodes())


@pytest.mark.parametrize("name", ["local", "slurm"])
def test_a_failed_step_stops_nothing_that_does_not_need_it(name: str) -> None:
    assert yaml.safe_load((engine.PROFILES / name / "config.yaml").read_text())["keep-going"] is True


def test_an_unknown_profile_is_told_with_the_known_ones() -> None:
    with pytest.raises(UserError) as error:
        engine.find_profile("slrum")
    assert error.value.found == (
        "there is no profile 'slrum': it is neither local nor slurm, nor a folder with a config.yaml"
    )
    assert "copy" in error.value.mend


@pytest.mark.parametrize("text", ["- executor\n", "executor: [\n", ""])
def test_a_profile_that_is_no_mapping_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(UserError, match=r"config\.yaml (has at what it holds|cannot be read as YAML)") as error:
        engine.find_profile(str(tmp_path))
    assert error.value.why == "a profile is a mapping of Snakemake's options"


@pytest.mark.parametrize(
    ("executor", "package"),
    [("slurm", "aftertune[cluster]"), ("cluster-generic", "snakemake-executor-plugin-cluster-generic")],
)
def test_a_missing_plug_in_is_told_with_what_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executor: str, package: str
) -> None:
    monkeypatch.setattr(engine.importlib.util, "find_spec", lambda name: None)  # type: ignore[attr-defined]
    with pytest.raises(UserError) as error:
        engine.find_profile(str(own_profile(tmp_path / "ours", executor=executor)))
    assert error.value.found == f"the profile ours names the executor {executor!r}, and its plug-in is not installed"
    assert error.value.why == "Snakemake submits the steps through it; none was started"
    assert error.value.mend == f"pip install '{package}'"


# SLURM


SLURM = engine.Profile(engine.PROFILES / "slurm", "slurm")


def test_slurms_jobs_bear_the_studys_name(grid: Grid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands_of_slurm(tmp_path / "bin", monkeypatch, squeue="echo '7 another_1234'")
    words, values = engine.options(SLURM, grid, cores=None, dry_run=False)
    prefix = words[words.index("--slurm-jobname-prefix") + 1]
    assert prefix == engine.job_prefix(grid)
    assert prefix.startswith("sized-")
    assert values == {"needs": "build/sized/needs.json"}


def test_a_prefix_is_one_that_the_plug_in_takes(grid: Grid) -> None:
    named = replace(grid, name="llama-3.2-1b " + "x" * 80)
    prefix = engine.job_prefix(named)
    assert prefix.startswith("llama-3_2-1b_xxx")
    assert len(prefix) <= 50


def test_jobs_that_a_killed_run_left_behind_are_refused(
    grid: Grid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = engine.job_prefix(grid)
    commands_of_slurm(tmp_path / "bin", monkeypatch, squeue=f"echo '41 {prefix}_a'; echo '42 {prefix}_a'; echo '43 b'")
    with pytest.raises(UserError) as error:
        engine.options(SLURM, grid, cores=None, dry_run=False)
    assert error.value.found == "2 jobs of an earlier run of sized are still in the queue: 41, 42"
    assert error.value.mend == "wait for them, or: scancel 41 42"


@pytest.mark.parametrize(
    ("squeue", "found"),
    [(None, "there is no squeue or sbatch on the path"), ("echo 'no controller' >&2; exit 1", "no controller")],
)
def test_a_slurm_that_is_not_there_is_told(
    grid: Grid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, squeue: str | None, found: str
) -> None:
    if squeue is None:
        monkeypatch.setenv("PATH", str(tmp_path))
    else:
        commands_of_slurm(tmp_path / "bin", monkeypatch, squeue=squeue)
    with pytest.raises(UserError) as error:
        engine.options(SLURM, grid, cores=None, dry_run=False)
    assert found in error.value.found


# Needs


def test_nodes_that_a_profile_does_not_describe_are_the_shipped_ones(tmp_path: Path) -> None:
    assert needs.read_nodes(tmp_path) == needs.Nodes() == needs.read_nodes(engine.PROFILES / "slurm")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("core: 4\n", "has at `core` 4: extra inputs"),
        ("cores: 0\n", "has at `cores` 0: input should be"),
        ("a: [\n", "while parsing"),
    ],
)
def test_wrong_nodes_are_told(tmp_path: Path, text: str, found: str) -> None:
    (tmp_path / "nodes.yaml").write_text(text)
    with pytest.raises(UserError, match=r"nodes\.yaml") as error:
        needs.read_nodes(tmp_path)
    assert found in error.value.found
    assert "`cores:`" in error.value.mend


def test_memory_and_minutes_are_the_plans_with_a_margin(study: Study) -> None:
    name = "fine-tune reviews_demo-lora-seed1"
    on_gpu = study.model_copy(update={"device": "cuda"})
    found = plan.planned(on_gpu, dtype="bfloat16", speed=30e12)
    (step,) = [one for one in found.steps if one.step == name]
    assert step.memory_bytes
    assert step.seconds
    need = needs.estimate_needs([study], needs.Nodes()).steps[f"sized: {name}"]
    assert need.mem_mb == math.ceil(1.5 * step.memory_bytes / 1e6) + 4000
    assert need.runtime == math.ceil(3 * step.seconds / 60) + 10


def test_a_gpu_is_asked_for_where_a_model_is_asked_or_trained(study: Study) -> None:
    steps = needs.estimate_needs([study], needs.Nodes()).steps
    rules = ("sized: fine-tune", "sized: score", "sized: prior")
    assert {name for name, need in steps.items() if need.gpu} == {name for name in steps if name.startswith(rules)}
    for device, nodes in (("cpu", needs.Nodes()), (None, needs.Nodes(device="cpu"))):
        there = study.model_copy(update={"device": device})
        assert {need.gpu for need in needs.estimate_needs([there], nodes).steps.values()} == {0}


def test_every_submitted_rule_finds_its_step(study: Study) -> None:
    elsewhere = [Elsewhere(path="an-adapter"), Elsewhere(path="its-merge")]
    experiments = Experiments(baselines=["bag-of-words", "nearest-passage-sentence"])
    study = study.model_copy(update={"checkpoints": elsewhere, "experiments": experiments})
    assert {study.simpler_means(one) for one in study.beside_simpler_means()} == {*experiments.baselines}
    estimated = needs.estimate_needs([study], needs.Nodes()).steps
    for checkpoint in study.trained_checkpoints():
        wildcards = {"study": "sized", "checkpoint": checkpoint.name, "name": checkpoint.name, "task": checkpoint.task}
        wildcards["means"] = str(study.simpler_means(checkpoint))
        rules = needs.SUBMITTED.keys() - ({"merge"} if checkpoint.method != "qlora" else set())
        assert {needs.SUBMITTED[rule].format(**wildcards) for rule in rules} <= estimated.keys()


def test_a_second_try_asks_for_half_as_much_more(study: Study) -> None:
    need = needs.Need(mem_mb=1001, runtime=10, gpu=1)
    functions = needs.Needs(4, {"sized: score base on reviews_demo": need}).resources("score")
    wildcards = {"study": "sized", "name": "base", "task": "reviews_demo"}
    asked = [{kind: of(wildcards, attempt=attempt) for kind, of in functions.items()} for attempt in (1, 2, 3)]
    assert asked == [
        {"mem_mb": 1001, "runtime": 10, "gpu": 1},
        {"mem_mb": 1502, "runtime": 15, "gpu": 1},
        {"mem_mb": 2002, "runtime": 20, "gpu": 1},
    ]


def test_a_task_of_unknown_size_gets_half_a_day(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "_size", lambda study, task: None)
    need = needs.estimate_needs([study], needs.Nodes()).steps["sized: fine-tune reviews_demo-lora-seed1"]
    assert (need.mem_mb, need.runtime) == (4000, 720)


def test_what_is_written_is_read_again(study: Study, tmp_path: Path) -> None:
    estimated = needs.estimate_needs([study], needs.Nodes(cores=7))
    needs.write_needs(tmp_path / "needs.json", estimated)
    assert json.loads((tmp_path / "needs.json").read_text())["cores"] == 7
    assert needs.read_needs(tmp_path / "needs.json") == estimated
