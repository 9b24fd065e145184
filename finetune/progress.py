"""The progress of a training run, on stderr: a bar on a terminal, else a plain line now and then."""

import sys
import time
from typing import Any

from tqdm import tqdm
from transformers import TrainerCallback
from typing_extensions import override

from harness_tasks.progress import BAR_AFTER_S, ProgressFile

SECONDS_BETWEEN_LINES = 20


class LossProgress(TrainerCallback):
    """Shows steps, loss and the time that is left."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._file: ProgressFile | None = None
        self._loss: float | None = None
        self._started, self._first_step, self._line_at = 0.0, 0, 0.0

    @override
    def on_train_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        self._started = self._line_at = time.monotonic()
        self._first_step = state.global_step
        self._file = ProgressFile("training", "steps", first=state.global_step)
        if sys.stderr.isatty():
            self._bar = tqdm(
                total=state.max_steps, initial=state.global_step, desc="training", unit="step",
                file=sys.stderr, delay=BAR_AFTER_S,
            )  # fmt: skip
        else:
            print(f"training: {state.max_steps} steps, from step {state.global_step}", file=sys.stderr, flush=True)

    @override
    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        if self._file:
            values = {} if self._loss is None else {"loss": self._loss}
            self._file.write(state.global_step, state.max_steps, values)
        if self._bar is not None:
            self._bar.update(1)
            return
        now = time.monotonic()
        if now - self._line_at >= SECONDS_BETWEEN_LINES or state.global_step == state.max_steps:
            self._line_at = now
            left_s = (now - self._started) / (state.global_step - self._first_step)
            left_s *= state.max_steps - state.global_step
            loss = "" if self._loss is None else f", loss {self._loss:.3f}"
            line = f"training: step {state.global_step}/{state.max_steps}{loss}, {left_s:.0f} s left"
            print(line, file=sys.stderr, flush=True)

    @override
    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **rest: Any) -> None:
        if logs and "loss" in logs:
            self._loss = float(logs["loss"])
            if self._bar is not None:
                self._bar.set_postfix(loss=f"{logs['loss']:.3f}", refresh=False)

    @override
    def on_train_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        if self._bar is not None:
            self._bar.close()
        if self._file:
            self._file.close()

    @staticmethod
    def loss_curve(log_history: list[dict[str, float]]) -> list[dict[str, float]]:
        """Returns step, epoch, mean loss since the entry before, and learning rate, from the trainer's log."""
        return [
            {key: entry[key] for key in ("step", "epoch", "loss", "learning_rate")}
            for entry in log_history
            if "loss" in entry
        ]

    @staticmethod
    def dev_curve(log_history: list[dict[str, float]]) -> list[dict[str, float]]:
        """Returns step, epoch, mean loss and accuracy (0 to 1) of each evaluation on the development split."""
        return [
            {
                "step": entry["step"],
                "epoch": entry["epoch"],
                "loss": entry["eval_loss"],
                "accuracy": entry["eval_accuracy"],
            }
            for entry in log_history
            if "eval_loss" in entry
        ]
