"""A run's scores on one task, with what is needed to count with them and to name what was counted."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from math import isfinite
from typing import Any

from harness_tasks.errors import UserError
from harness_tasks.kinds import ANSWERED
from harness_tasks.metrics import has_content, normalise, prediction_text
from harness_tasks.reading import checked
from report.facts.schema.parts import Fact, Interval, Known, Source, Unit
from report.facts.values import fact
from report.reading.results import ItemScore, Scores, item_scores
from report.statistics import intervals
from report.statistics.formulas import LABEL_PAIR, check_items
from report.statistics.intervals import Estimate
from report.statistics.metrics import metric_of
from report.statistics.sums import sample_of

AGREEMENT = 1e-9
"""Largest difference between a recorded score and our recount of it, relative to the scale."""


@dataclass(frozen=True)
class ScoredItems:
    """What the items of one run add to one metric: all that its interval, and a pair's difference, are made of.

    ``file``: what errors call the place that they stand in. ``values``: an item that is None does not have the metric.
    ``names``: each item's name, to pair it by; empty where the samples do not tell one item from another. ``prompts``,
    ``targets``: hashes of what was asked, and of the gold answers; None where one is not known. ``clusters``: None:
    items are independent. ``scale``: the metric's upper end; None where nobody says.
    """

    metric: str
    file: str
    values: Sequence[ItemScore | None]
    names: Sequence[Any]
    prompts: Sequence[str | None]
    targets: Sequence[str | None]
    clusters: Sequence[Hashable] | None
    scale: float | None

    @cached_property
    def level(self) -> Estimate:
        """The score with its interval; UserError where the items do not fit their metric or its scale."""
        with unfit_items(self.file):
            return intervals.level(sample_of(self.metric, self.values, self.clusters, scale=self.scale))

    def gives(self, recorded: float) -> bool:
        """Returns whether the items give the ``recorded`` score again."""
        return abs(self.level.value - recorded) <= AGREEMENT * (self.scale or max(1.0, abs(recorded)))


def scored_items(
    scores: Scores, metric: str, scale: float | None, rows: Sequence[dict[str, Any]]
) -> tuple[ScoredItems | None, str]:
    """Returns what ``rows``, which have ``metric``, add to it; None where that cannot be counted with, and why not."""
    values = item_scores(rows, metric)
    if not values:
        return None, "the samples do not hold it item by item"
    if not isinstance(values[0], float) and metric_of(metric).made_of is None:
        return None, "the samples do not hold it as one number an item"
    return _scored(scores, metric, scale, rows, values), ""


def _scored(
    scores: Scores,
    metric: str,
    scale: float | None,
    rows: Sequence[dict[str, Any]],
    values: Sequence[ItemScore | None],
) -> ScoredItems:
    names, prompts, targets = (scores.column(key, rows) for key in ("doc_hash", "prompt_hash", "target_hash"))
    named = names if all(names) else ()
    return ScoredItems(metric, scores.samples.file, values, named, prompts, targets, scores.clusters(rows), scale)


@dataclass(frozen=True)
class Measured:
    """A checkpoint's scores with what is needed to count with them."""

    scores: Scores
    scale: float | None
    """The upper end of the task's metrics; None where the task does not say."""

    def items(self, metric: str) -> ScoredItems | None:
        """Returns what each item that has ``metric`` adds to it; None where that cannot be counted with."""
        if metric not in self._items:
            self._items[metric] = self.part(metric, self.scores.having(metric))
        return self._items[metric]

    def part(self, metric: str, rows: Sequence[dict[str, Any]]) -> ScoredItems | None:
        """Returns what each of ``rows``, which have ``metric``, adds to it; None where that cannot be counted with."""
        found, _ = scored_items(self.scores, metric, self.scale, rows)
        found = found and self._scaled(found)
        if found and (made_of := metric_of(metric).made_of) and any(isinstance(item, tuple) for item in found.values):
            with unfit_items(found.file):
                check_items(metric, made_of, found.values)
        return found

    def list_items(self, metric: str) -> ScoredItems | None:
        """Returns what `items` does where the items are the lists that the metric's formula is of; else None."""
        made_of, values = metric_of(metric).made_of, item_scores(self.scores.having(metric), metric)
        if made_of is None or not values:
            return None
        try:
            check_items(metric, made_of, values)
        except ValueError:
            return None
        return self.items(metric)

    def baseline(self, metric: str, values: Sequence[ItemScore | None]) -> ScoredItems:
        """Returns ``values``, one for each item, as what an answer without a model adds to ``metric``."""
        return self._scaled(_scored(self.scores, metric, self.scale, self.scores.rows, values))

    def _scaled(self, found: ScoredItems) -> ScoredItems:
        """Returns items with the upper end 1 where no task says one, and the metric is a share of right ones."""
        numbers = [value for value in found.values if isinstance(value, float | int)]
        is_share = metric_of(found.metric).is_share and all(0 <= value <= 1 for value in numbers)
        if self.scale is None and numbers and (is_share or set(numbers) <= {0.0, 1.0}):
            return replace(found, scale=1.0)
        return found

    def pairs(self, metric: str) -> list[tuple[int, int]]:
        """Returns the (gold, predicted) pairs of ``metric``; none where its items are no pairs of labels."""
        found = self.items(metric) if metric_of(metric).made_of is LABEL_PAIR else None
        return [(int(value[0]), int(value[1])) for value in (found.values if found else ()) if isinstance(value, tuple)]

    @cached_property
    def levels(self) -> dict[str, Fact]:
        """The scores with their intervals that are counted already, by metric."""
        return {}

    @cached_property
    def _items(self) -> dict[str, ScoredItems | None]:
        return {}

    @cached_property
    def label_metric(self) -> str | None:
        """The first metric whose items are (gold, predicted) pairs."""
        return next((metric for metric in self.scores.metrics if self.pairs(metric)), None)

    @cached_property
    def label_pairs(self) -> list[tuple[int, int]]:
        """The (gold, predicted) pairs of every item; none where no metric is made of pairs."""
        return self.pairs(self.label_metric) if self.label_metric else []

    @cached_property
    def kind(self) -> str:
        """`classification` (of two labels), `extraction` or `other`, by the task's labels and what the rows hold.

        Its own labels count, not those that a limited run happens to hold.
        """
        labels = {label for pair in self.label_pairs for label in pair}
        if labels:
            return "classification" if labels <= {0, 1} and len(self.label_names) in (0, 2) else "other"
        if not any(
            "text" in answers for row in self.scores.rows if isinstance(answers := row["doc"].get("answers"), dict)
        ):
            return "other"
        for row in self.scores.rows:
            checked(row, self.scores.samples.file, ANSWERED, line=self.scores.line(row) + 1)
        return "extraction"

    @property
    def labels(self) -> list[str]:
        """What the task calls its labels, in their order."""
        return [str(label) for label in self.scores.metadata.get("labels") or []]

    @property
    def label_names(self) -> list[str]:
        """The labels by their declared names, else by the task's list of choices; none where its files name none."""
        choices = self.scores.configuration.get("doc_to_choice")
        return self.labels or ([str(choice).strip() for choice in choices] if isinstance(choices, list) else [])


def by_other_filters(measured: Measured) -> dict[str, Measured]:
    """Returns what was measured by each of a task's filters but the first, whose scores stand beside the first's."""
    scores = measured.scores
    others = (name for name in scores.filters if name != scores.filter)
    return {name: replace(measured, scores=replace(scores, by=name)) for name in others}


def positive_name(measured: Measured) -> Known:
    """Returns what the task calls its positive label."""
    source = measured.scores.results.source("configs", measured.scores.task)
    return fact(measured.labels[1] if len(measured.labels) == 2 else "positive", "text", source)


def label_of(measured: Measured, metric: str) -> str:
    """Returns how the page calls ``metric``; one of answerable questions alone says so."""
    known = metric_of(metric)
    label = known.label if measured.kind == "classification" else known.text_label or known.label
    part = known.needs_gold and len(measured.scores.having(metric)) < len(measured.scores.rows)
    label = f"answerable {label}" if part else label
    return f"{label} ({measured.scores.filter})" if len(measured.scores.filters) > 1 else label


def unit_of(measured: Measured, metric: str) -> Unit:
    """Returns the unit in which ``metric`` is shown."""
    return metric_of(metric).unit(100.0 if measured.scale == 100 else 1.0)


def gold_answers(row: dict[str, Any]) -> list[str]:
    """Returns the accepted answers of a question; none where the passage does not answer it."""
    return list(row["doc"]["answers"]["text"])


def input_field(doc: Mapping[str, Any], declared: str | None) -> str | None:
    """Returns the field that the task names as its input, else the first text of the document; None without any."""
    return declared if declared in doc else next((key for key, value in doc.items() if isinstance(value, str)), None)


def response(row: dict[str, Any]) -> str:
    """Returns what the model wrote, as lm_eval's first filter left it."""
    answer = row["filtered_resps"][0]
    while isinstance(answer, list):
        answer = answer[0] if answer else ""
    return str(answer)


def is_tied(row: dict[str, Any]) -> bool | None:
    """Returns whether the two highest log-likelihoods of a row's choices are equal; None where it does not hold them.

    >>> is_tied({"filtered_resps": [[-1.5, False], [-1.5, False], [-2.0, False]]})
    True
    """
    try:
        values = sorted((float(choice[0]) for choice in row["filtered_resps"]), reverse=True)
    except (KeyError, TypeError, ValueError, IndexError):
        return None
    return values[0] == values[1] if len(values) > 1 else None


def abstains(row: dict[str, Any]) -> bool:
    """Returns whether the model wrote nothing, or the task's word for no answer; punctuation alone is neither."""
    return answer_text(row) == ""


def is_contentless(row: dict[str, Any]) -> bool:
    """Returns whether the model's answer is there and holds no word: punctuation or articles alone."""
    return not abstains(row) and not has_content(answer_text(row))


def answer_text(row: dict[str, Any]) -> str:
    """Returns the answer in what the model wrote; empty where it says that there is none."""
    return _answer(response(row))


# The same texts are asked again for each part of the items, and beside each checkpoint.
_answer = lru_cache(maxsize=100_000)(prediction_text)
normalised = lru_cache(maxsize=100_000)(normalise)


@contextmanager
def unfit_items(file: str) -> Iterator[None]:
    """Raises UserError for what items of ``file`` are refused for inside: they do not fit their metric or its scale."""
    try:
        yield
    except ValueError as error:
        raise UserError(
            f"{file}: {error}",
            "the items do not fit what the task says of its metrics",
            "correct `scale` in the task's metadata, or the metric that gives such items",
        ) from None


def interval_fact(
    interval: Any,
    unit: Unit,
    source: Source | Mapping[str, str],
    *,
    also: list[Any] | None = None,
    value: float | None = None,
) -> Known:
    """Returns ``interval.value``, or ``value``, as a fact with its interval, where that has finite bounds."""
    lower, upper, shown = interval.lower, interval.upper, None
    if lower is not None and upper is not None and isfinite(lower) and isfinite(upper):
        shown = Interval(lower=lower, upper=upper, confidence=interval.confidence, method=interval.method)
    return fact(
        interval.value if value is None else value,
        unit,
        source,
        interval=shown,
        no_interval=None if shown else interval.method,
        n=interval.n,
        clusters=interval.clusters,
        also=also,
    )
