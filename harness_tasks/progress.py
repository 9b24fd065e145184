"""How far a long loop is: a bar on a terminal once it takes two seconds, and a file that another process reads.

`aftertune run` names the file to each of its steps (`AFTERTUNE_PROGRESS`), and shows what stands in it.
"""

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from harness_tasks.files import json_text

PROGRESS_VARIABLE = "AFTERTUNE_PROGRESS"
"""The environment variable with the path of the progress file."""
PROGRESS_SUFFIX = ".progress.json"
"""A step's progress file has its log's name and this."""
BAR_AFTER_S = 2.0
"""A loop that ends sooner shows no bar."""
BETWEEN_S = 1.0
"""Seconds between two states of the file."""


class ProgressFile:
    """The state of a loop in a file that is replaced whole, at most once a second; nothing where none is named."""

    def __init__(self, what: str, unit: str, *, first: int = 0) -> None:
        named = os.environ.get(PROGRESS_VARIABLE)
        self._path = Path(named) if named else None
        self._what, self._unit, self._first = what, unit, first
        self._started, self._last = time.monotonic(), 0.0

    def write(self, done: int, total: int | None, values: Mapping[str, float] | None = None) -> None:
        """Writes how much is done of the total, how much a second, and named values such as the loss."""
        now = time.monotonic()
        if self._path is None or (now - self._last < BETWEEN_S and done != total):
            return
        self._last = now
        a_second = (done - self._first) / (now - self._started) if now > self._started else 0.0
        state: dict[str, Any] = {"what": self._what, "unit": self._unit, "done": done, "total": total}
        text = json_text({**state, "a_second": a_second, "values": dict(values or {})})
        try:
            # Not `write_text`, which waits for the disk: after a crash nobody reads it.
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part = self._path.with_name(f"{self._path.name}.{os.getpid()}")
            part.write_text(text, encoding="utf-8")
            part.replace(self._path)
        except OSError as error:  # a full disk is told by what the step itself writes
            print(f"no progress is shown any more: {error}", file=sys.stderr)
            self._path = None

    def close(self) -> None:
        """Removes the file: what comes after the loop has no progress of its own."""
        if self._path:
            self._path.unlink(missing_ok=True)


class Bar(tqdm):
    """tqdm's bar that waits until the loop has taken a moment, and notes the loop's state in the file."""

    def __init__(self, total: int, what: str, *, unit: str = "items", disable: bool = False) -> None:
        self._noted: ProgressFile | None = None if disable else ProgressFile(what, unit)
        delay = BAR_AFTER_S if sys.stderr.isatty() else 0.0  # a log keeps also what was short
        super().__init__(total=total, desc=what, unit=f" {unit}", disable=disable, delay=delay)

    def update(self, n: float | None = 1) -> bool | None:
        """Counts ``n`` more as done; returns whether the bar was drawn anew."""
        drawn: bool | None = super().update(n)
        if self._noted:
            self._noted.write(int(self.n), int(self.total))
        return drawn

    def close(self) -> None:
        """Ends the bar, and the file with it."""
        super().close()
        if self._noted:
            self._noted.close()
            self._noted = None
