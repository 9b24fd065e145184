"""Contenders that take turns: each trains in a process of its own, some steps at a time, while the others wait.

Other work shares the machine, and comes and goes: what a contender is measured against must have met the same weather.
"""

import multiprocessing
import time
import traceback
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.contenders import KINDS, Kind
from finetune.run import Run

TURN_STEPS = 4
"""Steps of one turn: some seconds, so that all contenders have had theirs within a minute."""


@dataclass(frozen=True)
class Pass:
    """What one contender did while it trained once on every row."""

    seconds: float = 0.0
    steps: int = 0
    rows: int = 0
    supervised_tokens: int = 0
    positions: int = 0

    def __add__(self, other: "Pass") -> "Pass":
        return Pass(**{name: value + getattr(other, name) for name, value in self.__dict__.items()})

    @property
    def rows_a_second(self) -> float:
        """Supervised examples a second."""
        return self.rows / self.seconds


@dataclass(frozen=True)
class Measured:
    """The passes of one contender. ``width``: tokens that it pads every row to, or None."""

    kind: Kind
    width: int | None
    passes: tuple[Pass, ...]

    @property
    def rows_a_second(self) -> float:
        """Supervised examples a second: the median over the passes."""
        return median(one.rows_a_second for one in self.passes)

    @property
    def total(self) -> Pass:
        """All passes together."""
        return sum(self.passes, Pass())

    def ratios(self, other: "Measured") -> list[float]:
        """Returns how many times faster this one was than ``other``, pass by pass."""
        pairs = zip(self.passes, other.passes, strict=True)
        return [one.rows_a_second / another.rows_a_second for one, another in pairs]


@dataclass(frozen=True)
class Ready:
    """What a process says before its first turn."""

    steps_a_pass: int
    rows: int
    width: int | None


def measure(run: Run, *, passes: int, kinds: Sequence[Kind] = KINDS) -> list[Measured]:
    """Returns what each contender did in ``passes`` passes over the run's rows, turn about; ours must be the first.

    The others take as many rows a step as ours takes on average, so that all of them make equally many steps.
    """
    run = replace(run, recipe=run.recipe.model_copy(update={"epochs": passes}))
    with ExitStack() as stack:
        players: list[_Player] = []
        for kind in kinds:
            first = players[0].ready if players else None
            rows_per_step = round(first.rows / first.steps_a_pass) if first else run.recipe.batch_size
            players.append(stack.enter_context(_Player(kind, run, rows_per_step)))
        for _ in range(passes):
            for player in players:
                player.begin_pass()
            number = 0
            while any(player.left for player in players):
                first_at = number % len(players)  # nobody always follows the same one
                for player in players[first_at:] + players[:first_at]:
                    player.take_turn()
                number += 1
    return [Measured(player.kind, player.ready.width, tuple(player.passes)) for player in players]


class _Player:
    """A contender's process, seen from the one that calls the turns."""

    def __init__(self, kind: Kind, run: Run, rows_per_step: int) -> None:
        self.kind, self.passes, self.left = kind, list[Pass](), 0
        context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_play, args=(theirs, kind, run, rows_per_step), daemon=True)
        self.process.start()
        theirs.close()
        self.ready: Ready = self._receive()

    def __enter__(self) -> "_Player":
        return self

    def __exit__(self, *error: object) -> None:
        self.connection.close()
        self.process.terminate()
        self.process.join()

    def begin_pass(self) -> None:
        self.passes.append(Pass())
        self.left = self.ready.steps_a_pass

    def take_turn(self) -> None:
        if self.left:
            steps = min(TURN_STEPS, self.left)
            self.connection.send(steps)
            self.passes[-1] += self._receive()
            self.left -= steps

    def _receive(self) -> Any:
        try:
            said = self.connection.recv()
        except EOFError:
            said = "its process ended"
        if isinstance(said, str):
            raise RuntimeError(f"the contender {self.kind} failed: {said}")
        return said


def _play(connection: Connection, kind: Kind, run: Run, rows_per_step: int) -> None:
    """Trains in turns; what goes wrong is said to the process that waits."""
    try:
        _train(connection, kind, run, rows_per_step)
    except Exception:
        connection.send(traceback.format_exc())


def _train(connection: Connection, kind: Kind, run: Run, rows_per_step: int) -> None:
    from transformers import TrainerCallback
    from transformers.utils.logging import disable_progress_bar

    from benchmarks import contenders
    from benchmarks.steps import watch
    from finetune.prepare import prepare

    disable_progress_bar()
    prepared = prepare(run)

    class Turns(TrainerCallback):
        """Waits for its turn before a step, and tells what the turn came to before it waits for the next.

        A turn thus ends where the next step begins, and holds all that a step costs: optimizer, log, next batch.
        """

        def __init__(self) -> None:
            self.left = 0
            self.started: float | None = None

        def on_step_begin(self, *arguments: Any, **rest: Any) -> None:
            if not self.left:
                self._tell()
                self.left = connection.recv()
                self.started = time.perf_counter()
            self.left -= 1

        def on_train_end(self, *arguments: Any, **rest: Any) -> None:
            self._tell()

        def _tell(self) -> None:
            if self.started is not None:
                connection.send(
                    Pass(
                        seconds=time.perf_counter() - self.started,
                        steps=len(steps),
                        rows=sum(step.rows for step in steps),
                        supervised_tokens=sum(step.supervised_tokens for step in steps),
                        positions=sum(step.positions for step in steps),
                    )
                )
            steps.clear()

    with TemporaryDirectory() as folder:
        trainer = contenders.make(kind, prepared, folder=Path(folder), rows_per_step=rows_per_step)
        steps = watch(trainer)
        trainer.add_callback(Turns())
        connection.send(
            Ready(len(trainer.get_train_dataloader()), len(prepared.rows), contenders.padded_width(kind, prepared))
        )
        trainer.train()
