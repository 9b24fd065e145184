"""Runs that are cut short, by `kill -9`, by SIGTERM or by a disk: the same command ends with the same weights."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from short_runs import TASK, TASKS, run_of

from finetune.checkpoints import MARKER
from finetune.row_log import irregularities, read_row_log
from finetune.train import train
from finetune.trainer import FinetuneTrainer
from harness_tasks.errors import UserError


def _assert_same(checkpoint: Path, unbroken: Path, *, rows: int) -> dict[str, Any]:
    """Asserts equal weights to the bit, equal losses, and that each row was trained on once an epoch."""
    found, expected = (load_file(folder / "adapter_model.safetensors") for folder in (checkpoint, unbroken))
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    record, other = (json.loads((folder / "finetune.json").read_text()) for folder in (checkpoint, unbroken))
    losses, others = ({entry["step"]: entry["loss"] for entry in each["loss_curve"]} for each in (record, other))
    assert {step: loss for step, loss in losses.items() if step in others} == others
    log = read_row_log(checkpoint)
    assert irregularities(log, row_count=rows, epochs=record["epochs"]) == []
    assert log == read_row_log(unbroken)
    assert record["resumed_at_steps"] == sorted(record["resumed_at_steps"])
    return dict(record)


@pytest.fixture
def at_step(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Callable[[], None]], None]:
    """Returns a function that has something happen, once, in the forward pass after a number of steps."""

    def arrange(step: int, happens: Callable[[], None]) -> None:
        whole, done = FinetuneTrainer.compute_loss, list[int]()

        def compute_loss(self: Any, *arguments: Any, **options: Any) -> Any:
            if self.state.global_step == step and not done:
                done.append(step)
                happens()
            return whole(self, *arguments, **options)

        monkeypatch.setattr(FinetuneTrainer, "compute_loss", compute_loss)

    return arrange


def test_sigterm_saves_after_the_step_and_leaves(
    checkpoint: Path, tiny_model: Path, tmp_path: Path, at_step: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_of(tiny_model, tmp_path / checkpoint.name)
    at_step(4, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(SystemExit) as left:
        train(run)
    assert left.value.code == 143
    assert "SIGTERM: saved at step 5; the same command resumes from there" in capsys.readouterr().err
    assert (run.scratch_folder / "checkpoint-5" / MARKER).is_file()
    record = _assert_same(train(run), checkpoint, rows=28)
    assert record["resumed_at_steps"] == [5]


def test_a_full_disk_costs_what_came_after_the_last_checkpoint(
    checkpoint: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(tiny_model, tmp_path / checkpoint.name)
    save = torch.save

    def full(value: Any, path: Any, *arguments: Any, **options: Any) -> None:
        if "checkpoint-4" in str(path):
            raise OSError(errno.ENOSPC, "No space left on device")
        save(value, path, *arguments, **options)

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(UserError, match=r"is full \([0-9]+ MB free\)") as told:
        train(run)
    assert told.value.mend.endswith("the same command resumes from step 2")
    assert not (run.scratch_folder / "checkpoint-4").exists()  # half a checkpoint fills the disk for nothing
    monkeypatch.setattr(torch, "save", save)
    record = _assert_same(train(run), checkpoint, rows=28)
    assert record["resumed_at_steps"] == [2]


def test_a_checkpoint_cut_short_is_passed_over(
    checkpoint: Path, tiny_model: Path, tmp_path: Path, at_step: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_of(tiny_model, tmp_path / checkpoint.name)

    def stop() -> None:
        raise KeyboardInterrupt

    at_step(5, stop)
    with pytest.raises(KeyboardInterrupt):
        train(run)
    os.truncate(run.scratch_folder / "checkpoint-4" / "optimizer.pt", 100)
    capsys.readouterr()
    record = _assert_same(train(run), checkpoint, rows=28)
    assert record["resumed_at_steps"] == [2]
    said = capsys.readouterr().err
    assert "warning: checkpoint-4 is not used: its optimizer.pt is not what was saved" in said
    assert "the run resumes from step 2\n" in said


ROWS, EPOCHS = 56, 30
IN_TRAINING, AT_START, AT_END = 15, 3, 2


class Command:
    """One run as `aftertune train`, in a process group of its own each time it is started."""

    def __init__(self, model: Path, output: Path) -> None:
        self.output, self.log = output, output.with_suffix(".log")
        self.scratch = output.with_name(f".{output.name}.scratch")
        options = {"model": model, "output": output, "task": TASK, "include-path": TASKS, "train-rows": ROWS}
        options |= {"epochs": EPOCHS, "batch-size": 7, "gradient-accumulation-steps": 2, "lora-r": 4}
        # Dropout draws random numbers at each step: they too must resume where they were.
        options |= {"lora-dropout": 0.1, "save-steps": 3, "dtype": "float32", "device": "cpu"}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        self._words = [sys.executable, "-m", "finetune", "train", *words]

    def start(self) -> subprocess.Popen[bytes]:
        with self.log.open("wb") as log:
            return subprocess.Popen(self._words, stdout=log, stderr=log, start_new_session=True)

    def kill_when(self, reached: Callable[[], bool], delay_s: float) -> None:
        """Kills the run ``delay_s`` after something was ``reached``, and everything that it started."""
        process = self.start()
        deadline = time.monotonic() + 120
        while not reached():
            assert process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(delay_s)
        assert process.poll() is None, f"it ended before it was killed: {self.log.read_text()}"
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def finish(self) -> float:
        """Returns the seconds that training took, from its first line to the finished folder."""
        process = self.start()
        while not self.training():
            assert process.poll() is None, self.log.read_text()
            time.sleep(0.01)
        started = time.monotonic()
        while not (self.scratch / "finished").exists() and process.poll() is None:
            time.sleep(0.01)
        seconds = time.monotonic() - started
        assert process.wait() == 0, self.log.read_text()
        return seconds

    def training(self) -> bool:
        return "training: " in self.log.read_text()


@pytest.mark.slow
def test_killed_twenty_times_a_run_ends_with_the_same_weights(tiny_model: Path, tmp_path: Path) -> None:
    unbroken, broken = (Command(tiny_model, tmp_path / name / "checkpoint") for name in ("unbroken", "broken"))
    for command in (unbroken, broken):
        command.output.parent.mkdir()
    seconds = unbroken.finish()
    draw = random.Random(5)
    moments = [AT_START] * AT_START + [IN_TRAINING] * IN_TRAINING
    draw.shuffle(moments)
    for moment in moments:
        if moment == AT_START:
            broken.kill_when(lambda: True, draw.uniform(0, 6))
        else:
            # At the longest the run would just get to its end in all of them.
            broken.kill_when(broken.training, draw.uniform(0, seconds / IN_TRAINING))
    for _ in range(AT_END):  # while the finished checkpoint is written and proven
        broken.kill_when((broken.scratch / "finished").exists, draw.uniform(0, 4))
        assert not broken.output.exists()
    broken.finish()
    record = _assert_same(broken.output, unbroken.output, rows=ROWS)
    assert record["epochs"] == EPOCHS
    assert len(set(record["resumed_at_steps"])) > IN_TRAINING // 2
    assert record["proof"]["max_logit_difference"] < 1e-5
