"""A grid through a real SLURM: a cancelled job and a lost node later, its facts are those of a run on this machine."""

import importlib.util
import json
import re
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from slurm import Slurm, missing, slurm, until
from test_grid_run import GRID

from studies.tiny_model import write_tiny_model
from tests.workflow.conftest import House

MODELS = ("one", "two")
PLUGIN = "snakemake_executor_plugin_slurm"
LEFT_OUT = (
    r"/reproduction/runs/\d+/(date|seconds)/value",
    r"/checkpoints/\d+/(seconds|peak_memory)/value",
    r"/checkpoints/\d+/resumed",  # that it was, and at which step
    # Digests of files that hold the above, and of the names and times of all inputs:
    r"/checkpoints/\d+/digest/value",
    r"/reproduction/files/\d+/digest/value",
    r"/.*/sha256",
    r"/state/(inputs|measured)",
    r"/tasks/\d+/costs/\d+/(seconds|training_seconds)/value",  # of the grid's leaderboard
)
"""The facts left out of the comparison: when, how long, in how much memory. Commands and all else are equal."""


RECORDS = "*/checkpoints/*/finetune.json"


class Watch:
    """What became of the jobs: every state that a job was seen in, from a thread that asks the queue."""

    def __init__(self, cluster: Slurm) -> None:
        self.cluster, self.started = cluster, time.monotonic()
        self.states: dict[str, list[str]] = {}
        self.steps: dict[str, str] = {}
        self.lines: list[str] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def say(self, text: str) -> None:
        self.lines.append(f"{time.monotonic() - self.started:6.1f} s  {text}")
        print(self.lines[-1], flush=True)

    def job_of(self, rule: str, model: str, *rest: str) -> str | None:
        """Returns the id of a step's running job; the plug-in calls a step by its rule and its wildcards."""
        step = f"{rule} {'_'.join(['pair', model, *rest])}"
        running = [job for job, states in self.states.items() if self.steps[job] == step and states[-1] == "RUNNING"]
        return running[-1] if running else None

    def end(self) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(0.3):
            for job, (state, comment) in self.cluster.jobs().items():
                step = comment.removeprefix("rule_").replace("_wildcards_", " ")
                seen = self.states.setdefault(job, [])
                if not seen or seen[-1] != state:
                    self.steps[job] = step
                    seen.append(state)
                    self.say(f"job {job:>3}  {step:<58} {state}")


@pytest.mark.slow
def test_a_grid_on_slurm_comes_to_the_facts_of_a_local_run(tmp_path: Path) -> None:
    why = missing()
    if why is None and importlib.util.find_spec(PLUGIN) is None:
        why = "Snakemake's SLURM plug-in is not installed: `make cluster-test` installs it"
    if why:
        pytest.skip(why)
    house = House(tmp_path)
    house.study, house.build = house.folder / "pair.yaml", house.folder / "build" / "pair"
    house.study.write_text(GRID)
    write_tiny_model(house.folder / "other", seed=7)
    started = time.monotonic()
    done = house.run("--cores", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    local = time.monotonic() - started
    (house.folder / "build").rename(house.folder / "build-local")

    with slurm(cores=2) as cluster:
        watch = Watch(cluster)
        log = (house.folder / "cluster.log").open("w")
        profile = own_profile(house.folder / "cluster")
        process = subprocess.Popen(
            house.command("run", "pair.yaml", "--profile", str(profile)),
            cwd=house.folder,
            env=house.environment(),
            stdout=log,
            stderr=log,
        )
        try:
            cancelled = cancel_a_training(house, watch, process)
            lost = lose_the_node_while_scoring(house, cluster, watch, process)
            assert process.wait(timeout=1800) == 0, (house.folder / "cluster.log").read_text()[-5000:]
        finally:
            process.kill()
            watch.end()
    watch.say(f"done; the local run took {local:.0f} s")

    tries = Counter(watch.steps[job] for job in watch.states)
    assert watch.states[cancelled][-1] == "CANCELLED"
    assert tries[watch.steps[cancelled]] == 2  # submitted again by Snakemake
    assert watch.states[lost][-1] == "COMPLETED"
    assert watch.states[lost].count("RUNNING") == 2  # queued again by SLURM, under the same id
    assert {step: count for step, count in tries.items() if count > 1} == {watch.steps[cancelled]: 2}
    print_run(watch, tries)
    records = {"_".join(["pair", *path.parts[-4:-3], path.parts[-2]]): path for path in house.build.glob(RECORDS)}
    assert json.loads(records[watch.steps[cancelled].split()[1]].read_text())["resumed_at_steps"]

    folders = [house.folder / name / "pair" for name in ("build", "build-local")]
    for file in ("compare.json", *(f"{model}/facts.json" for model in MODELS)):
        assert differences(*(json.loads((folder / file).read_text()) for folder in folders)) == [], file
    tensors = sorted(folders[0].glob("*/checkpoints/*/tensors.json"))
    assert len(tensors) == 2 * 2 * 2
    for path in tensors:  # the weights' digests: equal to the last bit
        assert path.read_text() == (folders[1] / path.relative_to(folders[0])).read_text()


def own_profile(folder: Path) -> Path:
    """Writes a profile of one's own: the shipped one, changed for nodes without GPUs and a SLURM without accounts."""
    from workflow.engine import PROFILES

    values = yaml.safe_load((PROFILES / "slurm" / "config.yaml").read_text())
    values |= {"slurm-status-command": "squeue", "slurm-no-account": True, "latency-wait": 10}
    values |= {"slurm-init-seconds-before-status-checks": 5}
    values["default-resources"] |= {"slurm_partition": "main"}
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(values))
    (folder / "nodes.yaml").write_text("device: cpu\ncores: 1\n")
    return folder


def cancel_a_training(house: House, watch: Watch, process: "subprocess.Popen[bytes]") -> str:
    """Cancels the first training that has a checkpoint to go on from, and returns its job's id."""
    found: list[str] = []

    def trains() -> bool:
        assert process.poll() is None, "the run ended before a training could be cancelled"
        for whole in house.build.glob("*/scratch/train/*/checkpoint-*/whole.json"):
            model, checkpoint = whole.parts[-6], whole.parts[-3]
            job = watch.job_of("train", model, checkpoint)
            if job and not (house.build / model / "checkpoints" / checkpoint / "finetune.json").exists():
                found.append(job)
        return bool(found)

    until(trains, "a training with a checkpoint", seconds=600)
    subprocess.run(["scancel", found[0]], check=True)
    watch.say(f"scancel {found[0]}")
    return found[0]


def lose_the_node_while_scoring(house: House, cluster: Slurm, watch: Watch, process: "subprocess.Popen[bytes]") -> str:
    """Kills slurmd and all jobs while a checkpoint is scored, brings the node back, and returns that job's id."""
    found: list[str] = []

    def scores() -> bool:
        assert process.poll() is None, "the run ended before the node could be lost"
        for folder in house.build.glob("*/scratch/scores/*-lora-*/*"):
            model, checkpoint, task = folder.parts[-5], *folder.parts[-2:]
            if job := watch.job_of("score", model, checkpoint, task):
                found.append(job)
        return bool(found)

    until(scores, "a checkpoint that is scored", seconds=600)
    cluster.lose_node()
    watch.say(f"the node is lost, job {found[0]} with it")
    until(lambda: watch.states[found[0]][-1] != "RUNNING" or "down" in cluster.node_state(), "a lost node")
    cluster.start_daemon("slurmd", "-D")
    watch.say("slurmd is started again")
    return found[0]


def print_run(watch: Watch, tries: "Counter[str]") -> None:
    """Prints each job with the states that it was seen in."""
    for job, states in watch.states.items():
        print(f"job {job:>3}  {watch.steps[job]:<58} {' > '.join(states)}")
    restarts = sum(states.count("RUNNING") - 1 for states in watch.states.values() if "RUNNING" in states)
    print(f"{len(tries)} steps, {len(watch.states)} submissions by Snakemake, {restarts} more starts by SLURM")


def differences(ours: Any, theirs: Any, place: str = "") -> list[str]:
    """Returns where two values differ, but for what `LEFT_OUT` names."""
    if any(re.fullmatch(pattern, place) for pattern in LEFT_OUT):
        return []
    if isinstance(ours, dict) and isinstance(theirs, dict):
        pairs = [(key, ours.get(key), theirs.get(key)) for key in sorted(ours.keys() | theirs.keys())]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = [(str(number), *pair) for number, pair in enumerate(zip(ours, theirs, strict=True))]
    else:
        return [] if ours == theirs else [f"{place}: {ours!r} {theirs!r}"[:300]]
    return [line for key, one, other in pairs for line in differences(one, other, f"{place}/{key}")]
