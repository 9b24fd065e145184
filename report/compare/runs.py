"""Who takes part in a comparison: models, each with a run on every task that it was scored on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness_tasks.errors import UserError
from report.compare.answers import Answers
from report.compare.shape import Place, Results, count
from report.reading.results import Document, TaskResults


@dataclass(frozen=True)
class Samples(Document):
    """The sample rows of one task: what a comparison needs of each, and what the answers are like, by filter."""

    answers: Mapping[str, Answers] = field(default_factory=dict, repr=False)
    place: Place = ()

    def source(self, *parts: str | int) -> dict[str, str]:
        """Returns where the rows stand: a file of their own, or a place in the result file."""
        return super().source(*self.place, *parts)


@dataclass(frozen=True)
class Run(TaskResults):
    """One model's scores on one task or group of tasks.

    ``samples``: its sample rows; None where there are none. ``leaves``: a group's tasks.
    """

    results: Results
    samples: Samples | None
    folder: Path
    leaves: tuple["Run", ...] = ()

    @property
    def parts(self) -> tuple["Run", ...]:
        """The tasks that the scores are made of: a group's, else the one."""
        return self.leaves or (self,)

    @property
    def with_leaves(self) -> tuple["Run", ...]:
        """The run itself, and of a group its tasks."""
        return (self, *self.leaves)

    @property
    def counted(self) -> tuple[int | None, int | None]:
        """How many items were scored, and how many there were; of a group, those of all its tasks."""
        samples = self.per_task("n-samples") or {}
        scored = count(samples.get("effective")) or count(self.scores.get("sample_len"))
        available = count(samples.get("original"))
        known = [leaf.counted for leaf in self.leaves]
        sums = [sum(n for n in side if n) if all(side) else None for side in zip(*known, strict=True)] or [None, None]
        return scored or sums[0], available or sums[1]

    @property
    def limit(self) -> float | None:
        """What `--limit` was: a number of items, or below 1 a share of them; None where nothing was left out."""
        found = self.results.content["config"].get("limit")
        return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None

    @property
    def shots(self) -> tuple[list[int], str]:
        """The numbers of few-shot examples of its parts, each once; empty, and why, where they cannot be told."""
        found: list[int] = []
        for part in self.parts:
            recorded, configured = part.per_task("n-shot"), part.configuration.get("num_fewshot")
            known = [n for n in (recorded, configured) if isinstance(n, int) and not isinstance(n, bool)]
            if not known:
                return [], "not recorded"
            if len(set(known)) > 1:
                return [], f"the file contradicts itself: {known[0]} by `n-shot`, {known[1]} by the configuration"
            found += known[:1]
        return sorted(set(found)), ""


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
