"""A run as people see it: one live view on a terminal, plain lines anywhere else."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from finetune.estimate import shown_time
from report.reading.texts import one_line
from studies import Grid
from workflow.terminal.estimates import read_estimates
from workflow.terminal.state import Events, RunState, Step
from workflow.terminal.words import Words, logged_warnings, measured

LONG = ("train", "score", "score_shard")
"""Off a terminal, the start of these steps is told: the others' only line is their end."""
QUIET_S = 60.0
"""Off a terminal, a line tells what runs where nothing else was told for so long."""
MOST_WARNINGS = 8
"""So many warnings are shown at the end; the logs have all."""
NARROW = 60
"""On a terminal of fewer columns a step's bar gives its place to its name."""


class View(Protocol):
    """Where a run is shown."""

    def ended(self, line: str, *, is_failed: bool) -> None:
        """Shows that a step ended."""

    def tick(self, state: RunState, now: float) -> None:
        """Shows what runs now."""

    def close(self) -> None:
        """Ends the view, so that lines can follow."""


class PlainLines:
    """Lines of plain text, few enough for a log that somebody reads."""

    def __init__(self, words: Words, stream: TextIO, *, now: float) -> None:
        self._words, self._stream, self._told_at = words, stream, now
        self._started: set[int] = set()

    def ended(self, line: str, *, is_failed: bool) -> None:
        """Prints the step's line."""
        self._print(line, time.time())

    def tick(self, state: RunState, now: float) -> None:
        """Prints which long step was started, and after a minute without a line what runs."""
        for step in state.running:
            if step.rule in LONG and id(step) not in self._started:
                self._started.add(id(step))
                self._print(f"{self._words.doing(step)} ...", now)
        if now - self._told_at >= QUIET_S:
            state.look()
            self._print("; ".join([summary(state, now), *(self._running(step) for step in state.running)]), now)

    def close(self) -> None:
        """Has nothing to end."""

    def _running(self, step: Step) -> str:
        return self._words.doing(step) + (f" ({measured(step.progress)})" if step.progress else "")

    def _print(self, line: str, now: float) -> None:
        self._told_at = now
        print(line, file=self._stream, flush=True)


class LiveView:
    """Finished steps as lines that stay; below them the run's bar and a line for each step that runs."""

    def __init__(self, words: Words, title: str, console: Console) -> None:
        self._words, self._title, self._console = words, one_line(title), console
        self.note = ""
        self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False,
                          redirect_stderr=False)  # fmt: skip
        self._live.start()

    def ended(self, line: str, *, is_failed: bool) -> None:
        """Prints the step's line above the view."""
        sign, style = ("x", "red") if is_failed else (self._sign("✓", "+"), "green")
        self._console.print(Text.assemble((f"{sign} ", style), line), soft_wrap=True)

    def tick(self, state: RunState, now: float) -> None:
        """Draws the view anew."""
        self._live.update(self.frame(state, now), refresh=True)

    def close(self) -> None:
        """Takes the view away; what was printed above it stays."""
        self._live.stop()

    def frame(self, state: RunState, now: float) -> Group:
        """Returns the view at a moment."""
        state.look()
        width = self._console.width
        lines = [self._line(Text(self._title, "bold"))]
        overall = Text.assemble(self._bar(state.share(now), min(30, width // 3)), f" {summary(state, now)}")
        lines.append(self._line(overall))
        most = max(1, self._console.height - 4)
        running = state.running
        lines += [self._step(step, state, now, width) for step in running[:most]]
        if len(running) > most:
            lines.append(self._line(Text(f"and {len(running) - most} more", "dim")))
        if self.note:
            lines.append(self._line(Text(self.note, "yellow")))
        return Group(*lines)

    def _step(self, step: Step, state: RunState, now: float, width: int) -> Text:
        told = measured(step.progress) if step.progress else shown_time(now - step.started)
        share = state.share_of(step, now)
        bar = Text() if width < NARROW else Text.assemble(self._bar(share, 20), " ")
        doing, room = self._words.doing(step), width - len(bar) - 2 - len(told) - 1
        if width >= NARROW:
            return self._line(Text.assemble("  ", bar, _cut(doing, max(12, room)), " ", (told, "dim")))
        return self._line(Text.assemble("  ", (f"{share:4.0%} ", "cyan"), doing))

    def _bar(self, share: float, width: int) -> Text:
        full = round(share * width)
        return Text.assemble(
            (self._sign("━", "#") * full, "cyan"), (self._sign("─", "-") * (width - full), "bright_black")
        )

    def _line(self, text: Text) -> Text:
        """Returns a line that is cut where the terminal ends, never wrapped."""
        text.no_wrap, text.overflow = True, "ellipsis" if self._is_unicode else "crop"
        return text

    def _sign(self, sign: str, plain: str) -> str:
        return sign if self._is_unicode else plain

    @property
    def _is_unicode(self) -> bool:
        return self._console.encoding.lower().startswith("utf")


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def summary(state: RunState, now: float) -> str:
    """Returns how many steps are done, and how long the others will take."""
    if not state.rules:
        return "finding out which steps are to do"
    left = state.seconds_left(now)
    after = f", about {shown_time(left)} left" if left is not None and state.done < state.total else ""
    return f"{state.done} of {state.total} steps done{after}"


def is_live(stream: TextIO) -> bool:
    """Returns whether lines that were written can be written over: on a terminal that is not dumb."""
    return stream.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown", "")


class Watch:
    """One run of a grid, from Snakemake's events to what is shown; `tick` is called while Snakemake runs."""

    def __init__(
        self, grid: Grid, events: Path, stream: TextIO | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        stream = stream or sys.stderr
        self._clock, self._events, self._is_stopping = clock, Events(events), False
        self._words, self._warnings = Words(grid), dict[str, list[str]]()
        self.state = RunState(read_estimates(grid), clock())
        self._view: View
        if is_live(stream):
            self._view = LiveView(self._words, f"{grid.name}: {grid.title}", Console(file=stream, highlight=False))
        else:
            print(one_line(f"{grid.name}: {grid.title}"), file=stream, flush=True)
            self._view = PlainLines(self._words, stream, now=clock())

    def tick(self, is_stopping: bool = False) -> None:
        """Shows what happened since the last call; ``is_stopping``: the run was told to stop."""
        self._is_stopping = self._is_stopping or is_stopping
        if self._is_stopping and isinstance(self._view, LiveView):
            self._view.note = "stopping: each running step saves what it has"
        for event in self._events.new():
            step = self.state.apply(event)
            if step is not None and step.ended is not None:
                self._view.ended(self._told(step), is_failed=step.is_failed)
                for warning in [] if step.is_failed else logged_warnings(step):
                    self._warnings.setdefault(warning, []).append(self._words.doing(step))
        self._view.tick(self.state, self._clock())

    def _told(self, step: Step) -> str:
        if not step.is_failed:
            return self._words.done(step)
        return self._words.stopped(step) if self._is_stopping else self._words.failed(step)

    def close(self) -> None:
        """Shows the rest, and ends the view."""
        self.tick()
        self._view.close()

    def warned(self) -> list[str]:
        """Returns the lines on the warnings of the steps, each warning once; after `close`."""
        lines = [f"warning ({', '.join(steps)}): {warning}" for warning, steps in self._warnings.items()]
        if len(lines) > MOST_WARNINGS:
            lines[MOST_WARNINGS:] = [f"{len(lines) - MOST_WARNINGS} more warnings are in the logs of the steps"]
        return lines
