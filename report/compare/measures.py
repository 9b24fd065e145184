"""One score of one model: the recorded number, and the items that it can be counted again from, where there are any."""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Any

from harness_tasks.errors import UserError
from report.facts.measured import AGREEMENT, Measured, ScoredItems, scored_items
from report.facts.replicated import NoReplicates, ReplicatedScore, replicated_score
from report.facts.schema.parts import Unit
from report.reading.degenerate_answers import Answers
from report.reading.lm_eval_results import LARGEST_SCORE, number
from report.reading.results import NOT_METRICS
from report.reading.task_runs import Run
from report.statistics.intervals import Estimate
from report.statistics.metrics import metric_of
from report.statistics.recorded_errors import (
    CONFIDENCE,
    GroupPart,
    Recorded,
    checked_error,
    normal_quantile,
    recorded_interval,
)

_OF_OTHERS = ("HasAns_", "NoAns_", "inst_level_")
"""Metrics of a part of the items, or of an item's several instructions (IFEval): how many there are is not recorded."""
_NO_MEAN = "the score is not the mean of its items"


@dataclass(frozen=True)
class Measure:
    """A score with its items.

    ``key``: metric and filter as lm_eval joins them, `acc,none`. ``items``: what each item adds to the score; None
    where the score cannot be counted again, for the reason ``why``. ``replicated``: the score by the task's own
    aggregation with each cluster left out, where its scorer left that; its ``items`` then tell only which they are.
    ``scale``: the metric's upper end; None where nobody says. ``recorded``: the standard error that may be used where
    there are no items. ``contradiction``: why recorded score and samples cannot be of one run.
    """

    run: Run
    key: str
    value: float
    recorded: Recorded
    n: int | None
    scale: float | None
    items: ScoredItems | None = None
    replicated: ReplicatedScore | None = None
    why: str = ""
    contradiction: str = ""

    @property
    def metric(self) -> str:
        """The metric's name, without the filter."""
        return self.key.partition(",")[0]

    @property
    def filter(self) -> str:
        """The filter's name."""
        return self.key.partition(",")[2]

    @property
    def unit(self) -> Unit:
        """The unit of the score."""
        return metric_of(self.metric).unit(self.scale)

    @property
    def source(self) -> dict[str, str]:
        """Where the score stands in the result file."""
        return self.run.results.source("results", self.run.task, self.key)

    @property
    def also(self) -> list[dict[str, str]]:
        """The files that it was counted again from, or that its interval is made of; none where it was not."""
        if self.replicated is not None:
            return [self.replicated.document.source()]
        parts = self.run.leaves or (self.run,)
        return [part.samples.source() for part in parts if part.samples] if self.items is not None else []

    @cached_property
    def level(self) -> Estimate:
        """The score with its interval: from replicates or items, else from the standard error that lm_eval recorded."""
        if self.replicated is not None:
            return self.replicated.level
        if self.items is not None:
            return self.items.level
        return recorded_interval(self.metric, self.value, self.recorded, self.n, self.why)

    @cached_property
    def error(self) -> tuple[float, float] | None:
        """The score's standard error and its degrees of freedom; None where there is neither.

        Where all items are alike, so that the standard error would be 0, it is what Wilson's interval would have come
        from: its longer arm over the normal quantile.
        """
        if self.items is not None:
            found = self.level if self.replicated else replace(self.items, scale=None).level
            if found.standard_error:
                return found.standard_error, found.clusters - 1
        level = self.level
        if self.items is None and self.recorded.stderr:
            return self.recorded.stderr, (self.n - 1) if self.n and self.n > 1 else float("inf")
        if level.lower is None or level.upper is None:
            return None
        arm = max(level.upper - level.value, level.value - level.lower)
        return (arm / normal_quantile(CONFIDENCE), float("inf")) if arm > 0 else None

    @cached_property
    def answers(self) -> list[tuple[str, Answers]]:
        """What the answers to the task, or to each of a group's, are like, as far as there are samples of it."""
        by_filter, found = self.key.partition(",")[2], []
        for part in self.run.parts:
            held = part.samples.answers if part.samples and self.key in part.scores else {}
            answers = held.get(by_filter) or held.get("None")
            if answers is not None:
                found.append((part.task, answers))
        return found

    @property
    def void(self) -> str:
        """Why the score measures nothing: no answer was given, or none was read, or its files contradict each other."""
        if self.contradiction:
            return self.contradiction
        parts = [answers.void for _, answers in self.answers]
        return parts[0] if parts and all(parts) and len(parts) == len(self.run.parts) else ""

    @property
    def caution(self) -> str:
        """What must be said of the answers beside the score; empty where there is nothing."""
        return "; ".join(filter(None, dict.fromkeys((self.run.caution, self._of_answers))))

    @property
    def _of_answers(self) -> str:
        said = [(task, answers.caution) for task, answers in self.answers if answers.caution]
        if self.void or not said:
            return self.void or self._no_share or self._out_of_range or self._unseen
        if not self.run.leaves:
            return said[0][1]
        return f"in {len(said):,} of its {len(self.run.leaves):,} tasks, such as {said[0][0]}: {said[0][1]}"

    @property
    def _unseen(self) -> str:
        """That texts scored 0 throughout, which an endpoint without answers gives as well; empty where samples show."""
        written = all(part.configuration.get("output_type") == "generate_until" for part in self.run.parts)
        if self.value != 0 or not written or all(part.samples for part in self.run.parts):
            return ""
        return "the score is 0, and no samples show whether there were any answers"

    @property
    def _no_share(self) -> str:
        """That a score is no share of items though its name is that of one; empty where it can be."""
        is_share = self.metric.startswith("acc") and metric_of(self.metric).is_share
        if 0 <= self.value <= 1 or not is_share or self.scale == 100:
            return ""
        return f"the score, {self.value:.6g}, is none from 0 to 1, as lm_eval's {self.metric} is"

    @property
    def _out_of_range(self) -> str:
        """That a group's score is above or below those of all its tasks, as no mean of them is; else empty."""
        parts = [value for leaf in self.run.leaves if (value := number(leaf.scores.get(self.key))) is not None]
        if not parts or min(parts) - AGREEMENT <= self.value <= max(parts) + AGREEMENT:
            return ""
        return f"the score is no mean of its tasks', which are from {min(parts):.6g} to {max(parts):.6g}"


def metric_keys(run: Run) -> list[str]:
    """Returns the metrics with a number, as `metric,filter`: the primary one first, the rest as lm_eval listed them."""
    keys = [key for key, value in run.scores.items() if "," in key and _is_metric(key) and _is_score(key, value)]
    return sorted(keys, key=lambda key: key.partition(",")[0] != run.primary)


def measure(run: Run, key: str) -> Measure:
    """Returns the score ``key`` of ``run``, with its items where they give the recorded number again.

    Where it is the mean of its items by its own configuration, and they do not give it, that is its `contradiction`.
    """
    value = number(run.scores[key])
    if value is None:
        raise ValueError(f"{key} of {run.task} is no number")
    metric, _, by_filter = key.partition(",")
    n, scale = _number_of_items(run, key), number(run.metadata.get("scale")) or None
    stderr = f"{metric}_stderr,{by_filter}"
    parts = [
        GroupPart(score, number(leaf.scores.get(stderr)), leaf.counted[0])
        for leaf in run.leaves
        if (score := number(leaf.scores.get(key))) is not None
    ]
    bare = Measure(run, key, value, checked_error(metric, value, number(run.scores.get(stderr)), n, parts), n, scale)
    try:
        replicated = _replicated(run, key, scale)
    except UserError as error:
        return replace(bare, why="its replicates are of another score", contradiction=error.found)
    if isinstance(replicated, NoReplicates):
        return replace(bare, why=replicated.why)
    if replicated is not None:
        which, left_out = replicated
        return replace(bare, items=which, replicated=left_out, n=left_out.values.n, why=_NO_MEAN)
    items, why = _pooled(run, key) if run.leaves else _of_rows(run, key)
    if items is None:
        return replace(bare, why=why)
    items = replace(items, file=run.results.file, scale=scale if scale is not None else _inferred_scale(items))
    if items.gives(value):
        return replace(bare, items=items, n=len(items.values), scale=items.scale)
    if not run.leaves and _is_mean(run, metric):
        assert run.samples is not None
        said = f"{run.results.file} says {value:.6g}, the rows of {run.samples.file} give {items.level.value:.6g}"
        return replace(bare, why=f"the samples give {items.level.value:.6g}", contradiction=said)
    return replace(bare, why=_NO_MEAN)


def _replicated(run: Run, key: str, scale: float | None) -> tuple[ScoredItems, ReplicatedScore] | NoReplicates | None:
    """Returns a score with its replicates, and the items that it is of; None where it is counted with its items.

    Raises UserError where they are of another score.
    """
    metric, _, by_filter = key.partition(",")
    scores = None if run.leaves else run.scored_by(by_filter)
    if scores is None:
        return None
    measured = Measured(scores, scale)
    found = replicated_score(measured, metric)
    if not isinstance(found, ReplicatedScore):
        return found
    rows = scores.having(metric)
    if set(found.clusters) != set(scores.clusters(rows) or scores.column("doc_hash", rows)):
        return NoReplicates("its replicates leave out other clusters than those that are asked for")
    return measured.baseline(metric, [None] * len(rows)), found


def _number_of_items(run: Run, key: str) -> int | None:
    """Returns how many items a score is over: a group's is over the tasks that have it. None where it is not known."""
    if key.startswith(_OF_OTHERS):
        return None
    counts = [leaf.counted[0] for leaf in run.leaves if number(leaf.scores.get(key)) is not None]
    return sum(count or 0 for count in counts) if all(counts) and counts else None if counts else run.counted[0]


def _of_rows(run: Run, key: str) -> tuple[ScoredItems | None, str]:
    """Returns what the sample rows of a task add to a score; None where they do not tell, and why."""
    metric, _, by_filter = key.partition(",")
    scores = run.scored_by(by_filter)
    if scores is None:
        return None, "no samples"
    rows = scores.having(metric)
    if len({(row["doc_id"], row["doc_hash"]) for row in rows}) < len(rows):
        return None, "the samples hold some items more than once"
    items, why = scored_items(scores, metric, None, rows)
    parts = chain.from_iterable(v if isinstance(v, tuple) else (v,) for v in (items.values if items else ()))
    if not all(abs(part or 0) < LARGEST_SCORE for part in parts):
        return None, "the samples do not hold it item by item"
    return items, why


def _pooled(run: Run, key: str) -> tuple[ScoredItems | None, str]:
    """Returns the items of all tasks of a group, which give its score where it weighs tasks by size."""
    parts = [measure(leaf, key) for leaf in run.leaves if number(leaf.scores.get(key)) is not None]
    lacking = next((one for one in parts if not one.items or not isinstance(one.items.values[0], float)), None)
    if not parts or lacking is not None:
        return None, lacking.why if lacking and lacking.why else "no samples"
    found = [part.items for part in parts if part.items]
    clusters: list[Any] | None = None
    if any(part.clusters for part in found):
        clusters = [
            (place, cluster)
            for place, part in enumerate(found)
            for cluster in part.clusters or [("item", number) for number in range(len(part.values))]
        ]
    named = zip(parts, found, strict=True) if all(items.names for items in found) else ()
    return replace(
        found[0],
        values=[value for part in found for value in part.values],
        names=[(part.run.task, name) for part, items in named for name in items.names],
        prompts=[prompt for part in found for prompt in part.prompts],
        targets=[target for part in found for target in part.targets],
        clusters=clusters,
    ), ""


def _inferred_scale(items: ScoredItems) -> float | None:
    """Returns 1 for items that are right or wrong, and the scale of a metric of pairs of labels; None for others."""
    if isinstance(items.values[0], tuple):
        return metric_of(items.metric).scale
    return 1.0 if set(items.values) <= {0.0, 1.0} else None


def _is_mean(run: Run, metric: str) -> bool:
    if metric in (run.metadata.get("signature") or {}):
        return True
    listed = run.configuration.get("metric_list") or []
    return any(entry.get("metric") == metric and entry.get("aggregation") == "mean" for entry in listed)


def _is_score(key: str, value: Any) -> bool:
    """Returns whether a metric has a number; lm_eval's RULER has one by length, −1 of a length that was not asked."""
    found = number(value)
    return found is not None and not (found == -1 and key.partition(",")[0].isdecimal())


def _is_metric(key: str) -> bool:
    metric = key.partition(",")[0]
    return metric not in NOT_METRICS and not metric.endswith("_stderr")
