"""Which rows each optimizer step trained on: `row_log.jsonl` beside a checkpoint.

While a run lasts, each process appends to a file of its own in the scratch folder. A run that resumes from step N drops
what it had logged after N, so the log always tells the lineage of the weights: what was done and lost is not in it.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback
from typing_extensions import override

from finetune.kinds import ROW_LOG
from harness_tasks.files import write_text
from harness_tasks.reading import parse_rows, read_text


class RowLog(TrainerCallback):
    """Appends a line for each step: its number, its epoch (the first is 1), and the indices of the rows."""

    def __init__(self, folder: Path, rank: int = 0) -> None:
        self._path = folder / f"row_log-{rank}.jsonl"
        self._rows: list[int] = []

    def trained(self, row_indices: Iterable[int]) -> None:
        """Called for each micro-batch of this process; indices are lines of `train_rows.jsonl`, from 0."""
        self._rows += row_indices

    @override
    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        line = json.dumps({"step": state.global_step, "epoch": math.ceil(state.epoch), "rows": self._rows})
        self._rows = []
        # Handed to the system before the checkpoint of this step can be saved; only a power cut takes it back.
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def cut_to(folder: Path, step: int) -> None:
    """Drops from every process's log in ``folder`` the lines after ``step``, and a last line that a kill cut short."""
    for path in _files(folder):
        kept = [line for line in _lines(path) if line["step"] <= step]
        write_text(path, "".join(json.dumps(line) + "\n" for line in kept))


def read_row_log(folder: Path) -> list[dict[str, Any]]:
    """Returns a dict for each step, in order, with the ``rows`` of all processes: ``step``, ``epoch``, ``rows``.

    ``folder``: a run's scratch folder, or a checkpoint's with its `row_log.jsonl`.
    """
    steps: dict[int, dict[str, Any]] = {}
    for path in _files(folder):
        for line in _lines(path):
            merged = steps.setdefault(line["step"], {"step": line["step"], "epoch": line["epoch"], "rows": []})
            merged["rows"] += line["rows"]
    return [steps[step] for step in sorted(steps)]


def irregularities(log: list[dict[str, Any]], *, row_count: int, epochs: float) -> list[str]:
    """Returns what is wrong with a log: steps left out, rows trained on twice in an epoch or left out of one.

    ``row_count``: the run's rows. ``epochs``: the passes it made; in one that it didn't finish rows may be left out.

    >>> log = [{"step": 1, "epoch": 1, "rows": [1, 0]}, {"step": 2, "epoch": 2, "rows": [1]}]
    >>> irregularities(log, row_count=2, epochs=1.5)
    []
    >>> irregularities(log, row_count=2, epochs=2)
    ['epoch 2: row 0 comes 0 times']
    """
    steps = {line["step"] for line in log}
    found = [f"step {step} is not in the log" for step in range(1, max(steps, default=0) + 1) if step not in steps]
    times: dict[int, Counter[int]] = {epoch: Counter() for epoch in range(1, math.ceil(epochs) + 1)}
    for line in log:
        times.setdefault(line["epoch"], Counter()).update(line["rows"])
    for epoch, rows in times.items():
        least = 1 if epoch <= epochs else 0
        for row in sorted({*range(row_count), *rows}):
            if not least <= rows[row] <= 1:
                found.append(f"epoch {epoch}: row {row} comes {rows[row]} times")
            elif not 0 <= row < row_count:
                found.append(f"epoch {epoch}: row {row} is none of the {row_count} rows")
    return found


def _files(folder: Path) -> list[Path]:
    whole = folder / "row_log.jsonl"
    if whole.is_file():
        return [whole]
    found = {path.stem.rpartition("-")[2]: path for path in folder.glob("row_log-*.jsonl")}
    return [found[rank] for rank in sorted((rank for rank in found if rank.isdecimal()), key=int)]


def _lines(path: Path) -> list[dict[str, Any]]:
    """Returns the lines of one log; a last line without its end is what a kill left of it."""
    whole, _, _ = read_text(path, ROW_LOG).rpartition("\n")
    return parse_rows(whole, path, ROW_LOG)
