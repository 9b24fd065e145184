"""Which rows each step trained on, over kills, resumptions and processes; and SIGTERM in the middle of training."""

import os
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
from transformers import TrainerControl

from finetune.row_log import RowLog, cut_to, irregularities, read_row_log
from finetune.termination import Termination


def _steps(log: RowLog, first: int, rows_of_steps: list[list[int]]) -> None:
    """Logs steps of two an epoch, each row as a micro-batch of its own."""
    for step, rows in enumerate(rows_of_steps, first):
        for row in rows:
            log.trained([row])
        log.on_step_end(None, SimpleNamespace(global_step=step, epoch=step / 2), None)


def test_a_step_is_a_line_with_the_rows_of_all_its_micro_batches(tmp_path: Path) -> None:
    _steps(RowLog(tmp_path), 1, [[3, 1], [0, 2], [2, 3]])
    assert read_row_log(tmp_path) == [
        {"step": 1, "epoch": 1, "rows": [3, 1]},
        {"step": 2, "epoch": 1, "rows": [0, 2]},
        {"step": 3, "epoch": 2, "rows": [2, 3]},
    ]
    assert (tmp_path / "row_log-0.jsonl").read_text().startswith('{"step": 1, "epoch": 1, "rows": [3, 1]}\n')


def test_a_resumed_run_drops_what_was_done_after_its_checkpoint(tmp_path: Path) -> None:
    _steps(RowLog(tmp_path), 1, [[0, 1], [2, 3], [1, 2]])
    with (tmp_path / "row_log-0.jsonl").open("a") as file:
        file.write('{"step": 4, "epo')  # the kill
    assert [line["step"] for line in read_row_log(tmp_path)] == [1, 2, 3]
    cut_to(tmp_path, 2)
    _steps(RowLog(tmp_path), 3, [[1, 2], [3, 0]])
    log = read_row_log(tmp_path)
    assert [line["step"] for line in log] == [1, 2, 3, 4]
    assert irregularities(log, row_count=4, epochs=2) == []
    cut_to(tmp_path, 0)
    assert read_row_log(tmp_path) == []


def test_the_processes_logs_are_merged_by_step(tmp_path: Path) -> None:
    _steps(RowLog(tmp_path, rank=1), 1, [[4], [5]])
    _steps(RowLog(tmp_path, rank=0), 1, [[1, 2], [3]])
    assert [line["rows"] for line in read_row_log(tmp_path)] == [[1, 2, 4], [3, 5]]


@pytest.mark.parametrize(
    ("log", "epochs", "found"),
    [
        ([(1, 1, [0, 1]), (2, 1, [2])], 1, []),
        ([(1, 1, [0, 1]), (2, 1, [2]), (3, 2, [2])], 1.5, []),
        ([(1, 1, [0, 1])], 1, ["epoch 1: row 2 comes 0 times"]),
        ([(1, 1, [0, 1]), (2, 1, [2]), (3, 2, [2, 2])], 1.5, ["epoch 2: row 2 comes 2 times"]),
        ([(1, 1, [0, 1]), (3, 1, [2])], 1, ["step 2 is not in the log"]),
        ([(1, 1, [0, 1, 2, 7])], 1, ["epoch 1: row 7 is none of the 3 rows"]),
        ([], 1, [f"epoch 1: row {row} comes 0 times" for row in range(3)]),
    ],
)
def test_every_row_comes_once_an_epoch(log: list[tuple[int, int, list[int]]], epochs: float, found: list[str]) -> None:
    lines = [{"step": step, "epoch": epoch, "rows": rows} for step, epoch, rows in log]
    assert irregularities(lines, row_count=3, epochs=epochs) == found


def test_sigterm_ends_training_with_a_save_after_the_step() -> None:
    before = signal.getsignal(signal.SIGTERM)
    termination, control = Termination(), TrainerControl()
    termination.on_train_begin(None, None, control)
    termination.on_step_end(None, None, control)
    assert not termination.received
    assert not control.should_training_stop
    os.kill(os.getpid(), signal.SIGTERM)
    assert not control.should_save  # the step is finished first
    termination.on_step_end(None, None, control)
    assert termination.received
    assert control.should_save
    assert control.should_training_stop
    termination.on_train_end(None, None, control)
    assert signal.getsignal(signal.SIGTERM) == before
