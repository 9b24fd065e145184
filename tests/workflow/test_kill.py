"""`kill -9` of everything, in three steps of three kinds: the next run goes on from what is whole."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workflow.conftest import House


def run_and_kill(house: House, when: Callable[[], bool]) -> None:
    """Starts the study in a process group of its own and kills the group once ``when`` holds."""
    log = (house.folder / "killed.log").open("a")
    process = subprocess.Popen(
        house.command("run", "studies/tiny.yaml", "--cores", "2"),
        cwd=house.folder,
        env=house.environment(),
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    deadline = time.monotonic() + 400
    while not when():
        assert process.poll() is None, f"the run ended before it could be killed: {process.returncode}"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _words(name: str) -> list[str]:
    """Returns what a file's path says of its step: the folders, and what its own name is made of."""
    path = Path(name)
    return [*path.parts[:-1], path.stem, *path.stem.split("_", 1)]


@pytest.mark.slow
def test_killed_three_times_the_study_is_finished_without_redoing_a_step(tmp_path: Path) -> None:
    house = House(tmp_path)
    scratch = house.build / "scratch"
    times: dict[str, int] = {}

    def kept() -> None:
        now = house.outputs()
        assert {name: now[name] for name in times} == times  # no finished step was done again
        # A step whose files are there but which Snakemake had not yet noted when it was killed is done again.
        waiting = [set(step.split()[1:]) for step in house.to_do()]
        noted = {name: time for name, time in now.items() if not any(step <= set(_words(name)) for step in waiting)}
        times.update(noted)

    # in the middle of a training, when it has a checkpoint to go on from
    run_and_kill(house, lambda: bool(list(scratch.glob("train/passages_demo*/checkpoint-*/whole.json"))))
    kept()
    # while a checkpoint is scored
    run_and_kill(house, lambda: (scratch / "scores" / "passages_demo-lora-seed1").is_dir())
    kept()
    # while the base model is scored
    run_and_kill(house, lambda: (scratch / "scores" / "base").is_dir())
    kept()

    done = house.run()
    assert done.returncode == 0, done.stdout + done.stderr
    kept()
    record = json.loads((house.build / "checkpoints" / "passages_demo-lora-seed1" / "finetune.json").read_text())
    assert record["resumed_at_steps"]
    assert record["resumed_at_steps"][0] > 0
    assert (house.build / "report.html").is_file()
    assert house.to_do() == set()
