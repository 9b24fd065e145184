"""The state of a run: which steps run, ended and failed, and how much of the work is left."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness_tasks.progress import PROGRESS_SUFFIX
from workflow.terminal.estimates import Estimates

OLD_SPEED_S = 60.0
"""For how many seconds of work the estimates are believed against what was seen of this run's speed."""
NEARLY = 0.95
"""A step that takes longer than its estimate counts as nearly done."""


@dataclass(frozen=True)
class Progress:
    """How far a step says that it is."""

    what: str
    unit: str
    done: int
    total: int
    a_second: float
    values: Mapping[str, float]

    @property
    def share(self) -> float:
        """How much of it is done, from 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0


@dataclass
class Step:
    """One step of a run."""

    rule: str
    of: dict[str, str]
    log: Path | None
    started: float
    """Seconds since 1970, as are the other times."""
    log_start: int = 0
    """The size of its log when it started: what stands before is of earlier tries."""
    ended: float | None = None
    is_failed: bool = False
    tries: int = 1
    progress: Progress | None = None
    """How far it said that it was, when `RunState.look` last read it."""

    def read_progress(self) -> Progress | None:
        """Returns what the step last said; None where it says nothing, or what is there is of an earlier try."""
        if self.log is None:
            return None
        path = self.log.with_name(self.log.name + PROGRESS_SUFFIX)
        try:
            if path.stat().st_mtime < self.started - 1:
                return None
            found = Progress(**json.loads(path.read_text(encoding="utf-8")))
            return found if isinstance(found.total, int) else None
        except (OSError, ValueError, TypeError):  # none yet, or another program's
            return None

    def forget_progress(self) -> None:
        """Removes the progress file of a step that ended."""
        if self.log:
            self.log.with_name(self.log.name + PROGRESS_SUFFIX).unlink(missing_ok=True)


@dataclass
class RunState:
    """All steps of a run, from the events that Snakemake tells; `workflow/plugins` writes them."""

    estimates: Estimates
    started: float
    rules: Counter[str] = field(default_factory=Counter)
    """How many steps of each rule there are to do; empty until that is known."""
    steps: dict[int, Step] = field(default_factory=dict)

    def apply(self, event: Mapping[str, Any]) -> Step | None:
        """Takes in an event; returns the step that it is about."""
        kind = event["event"]
        if kind == "planned":
            self.rules = Counter({rule: n for rule, n in event["rules"].items() if rule not in ("all", "total")})
            return None
        if kind == "started":
            return self._started(event)
        step = self.steps.get(event["job"])
        if step is None or step.ended is not None:  # `all`, or told twice
            return None
        step.ended, step.is_failed = event["at"], kind == "failed"
        step.forget_progress()
        return step

    def _started(self, event: Mapping[str, Any]) -> Step | None:
        if event["rule"] == "all":
            return None
        log = Path(event["log"]) if event["log"] else None
        size = log.stat().st_size if log and log.is_file() else 0
        before = self.steps.get(event["job"])
        tries = before.tries + 1 if before else 1
        step = Step(event["rule"], event["of"], log, event["at"], size, tries=tries)
        self.steps[event["job"]] = step
        return step

    def look(self) -> None:
        """Reads how far each running step says that it is, once for all that is shown at that moment."""
        for step in self.running:
            step.progress = step.read_progress()

    @property
    def running(self) -> list[Step]:
        """The steps that run now, the oldest first."""
        return sorted((step for step in self.steps.values() if step.ended is None), key=lambda step: step.started)

    @property
    def done(self) -> int:
        """How many steps are done."""
        return sum(step.ended is not None and not step.is_failed for step in self.steps.values())

    @property
    def total(self) -> int:
        """How many steps there are."""
        return max(sum(self.rules.values()), len(self.steps))

    def share(self, now: float) -> float:
        """Returns how much of the work is done, from 0 to 1, by the estimates of the steps' seconds."""
        done, left = self._work(now)
        return done / (done + left) if done + left else 0.0

    def seconds_left(self, now: float) -> float | None:
        """Returns how long the rest will take; None until the steps are known.

        It is the estimate of the rest, at the speed that the run has had so far.
        """
        if not self.rules:
            return None
        done, left = self._work(now)
        return left * (now - self.started + OLD_SPEED_S) / (done + OLD_SPEED_S)

    def _work(self, now: float) -> tuple[float, float]:
        """Returns the estimated seconds of what is done, and of what is left."""
        done = left = 0.0
        waiting = Counter(self.rules)
        for step in self.steps.values():
            waiting[step.rule] -= 1
            estimate = self.estimates.of_step(step.rule, step.of)
            share = self.share_of(step, now)
            done += share * estimate
            left += (1 - share) * estimate
        left += sum(max(0, n) * self.estimates.of_rule(rule) for rule, n in waiting.items())
        return done, left

    def share_of(self, step: Step, now: float) -> float:
        """Returns how much of a step is done, from 0 to 1: as it says itself, else by its estimate."""
        if step.ended is not None:
            return 0.0 if step.is_failed else 1.0
        if step.progress:
            return step.progress.share
        return min(NEARLY, (now - step.started) / self.estimates.of_step(step.rule, step.of))


class Events:
    """The events in a file that another process adds to."""

    def __init__(self, path: Path) -> None:
        self._path, self._read = path, 0

    def new(self) -> list[dict[str, Any]]:
        """Returns the events that were added since the last call; a line that is not whole waits for the next one."""
        try:
            with open(self._path, "rb") as file:
                file.seek(self._read)
                content = file.read()
        except FileNotFoundError:
            return []
        whole = content[: content.rfind(b"\n") + 1]
        self._read += len(whole)
        return [json.loads(line) for line in whole.splitlines()]
