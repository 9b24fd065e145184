"""The models of a comparison, each with a run on every task that it was scored on."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from harness_tasks.errors import UserError
from report.facts.schema.parts import Known
from report.facts.values import fact
from report.reading.harnesses import Place
from report.reading.task_runs import Run


@dataclass
class Entry:
    """A model that takes part: what it is called, which argument named it (from 0), and its scores by task.

    ``own``: its name before it was told apart from the models of other arguments. ``place``: where in its result file
    that name stands; None for a folder's or file's name, since no file says which model it was. ``folder``: where its
    files lie. ``settings``: all else by which two runs of one name are two models.
    """

    own: str
    argument: int
    folder: Path
    place: Place | None = None
    settings: dict[str, str] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    name: str = ""
    replaced: list[str] = field(default_factory=list)

    def named_in(self, task: str | None = None) -> dict[str, str]:
        """Returns where the name stands: in the result file of ``task``, else in the first."""
        results = self.runs[task or next(iter(self.runs))].results
        return results.source(*(self.place or ()))


def harness_fact(run: Run) -> Known:
    """Returns which harness scored, and its version, as it stands beside a score."""
    return fact(run.harness.shown, "text", run.results.source(*run.harness.place))


@dataclass(frozen=True)
class PassedOver:
    """A file that could not be used, as it may be called in what is published, and why.

    ``stranger``: it is whole, but another tool's: no score of ours can be missing with it.
    """

    file: str
    path: Path
    error: UserError
    stranger: bool = False


@dataclass(frozen=True)
class Given:
    """What the arguments of the command hold: their names that may be published, and the models found in them."""

    paths: list[Path]
    names: list[str]
    entries: list[Entry]
    passed_over: list[PassedOver] = field(default_factory=list)

    def scored(self, task: str) -> Iterator[Entry]:
        """Yields the models that were scored on ``task``."""
        return (entry for entry in self.entries if task in entry.runs)
