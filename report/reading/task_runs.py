"""One model's run of one task, or of a group of tasks, as any version of lm_eval recorded it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from report.reading.degenerate_answers import Answers
from report.reading.harnesses import Harness, Place
from report.reading.item_texts import ItemTexts
from report.reading.lm_eval_results import ResultFile, item_count
from report.reading.results import Document, Scores, TaskResults


@dataclass(frozen=True)
class SampleRows(Document):
    """The sample rows of one task: what a comparison needs of each, and what the answers are like, by filter.

    ``texts`` reads the items' texts, which only a comparison of two harnesses needs. ``replicates``: the task's own
    aggregations with each cluster left out; None where there are none.
    """

    answers: Mapping[str, Answers] = field(default_factory=dict, repr=False)
    place: Place = ()
    texts: Callable[[], ItemTexts] = field(default=dict, repr=False, compare=False)
    replicates: Document | None = field(default=None, repr=False)

    def source(self, *parts: str | int) -> dict[str, str]:
        """Returns where the rows stand: a file of their own, or a place in the result file."""
        return super().source(*self.place, *parts)


@dataclass(frozen=True)
class Run(TaskResults):
    """One model's scores on one task or group of tasks.

    ``samples``: its sample rows; None where there are none. ``leaves``: a group's tasks. ``caution``: what must be said
    of the run beside its scores; empty where there is nothing.
    """

    results: ResultFile
    samples: SampleRows | None
    folder: Path
    leaves: tuple["Run", ...] = ()
    caution: str = ""

    @property
    def harness(self) -> Harness:
        """The program that scored."""
        return self.results.harness

    @property
    def parts(self) -> tuple["Run", ...]:
        """The tasks that the scores are made of: a group's, else the one."""
        return self.leaves or (self,)

    @property
    def with_leaves(self) -> tuple["Run", ...]:
        """The run itself, and of a group its tasks."""
        return (self, *self.leaves)

    def scored_by(self, name: str) -> Scores | None:
        """Returns the task's scores by the filter ``name`` with their rows; None without samples."""
        if self.samples is None:
            return None
        by = name if self._names_filters else None
        return self._by_filter.setdefault(
            by, Scores(self.task, self.results, self.samples, by, self.samples.replicates)
        )

    @cached_property
    def _names_filters(self) -> bool:
        return any(row.get("filter") is not None for row in self.samples.content) if self.samples else False

    @cached_property
    def _by_filter(self) -> dict[str | None, Scores]:
        return {}

    @property
    def counted(self) -> tuple[int | None, int | None]:
        """How many items were scored, and how many there were; of a group, those of all its tasks."""
        samples = self.per_task("n-samples") or {}
        scored = item_count(samples.get("effective")) or item_count(self.scores.get("sample_len"))
        available = item_count(samples.get("original"))
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
