"""The range of a metric on a task: the score of the trivial baseline (`floor`) and of the gold answers (`ceiling`).

A score that a constant answer reaches shows no skill. A score that the gold answers do not exceed shows no failure:
METEOR gives a perfect answer of one word 0.5.
"""

import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache, cached_property, partial
from typing import Any

from harness_tasks import metrics
from harness_tasks.baselines import first_sentence
from harness_tasks.trivial_answers import GOLD
from report.facts.measured import (
    Measured,
    by_other_filters,
    gold_answers,
    interval_fact,
    label_of,
    unit_of,
)
from report.facts.pairing import paired
from report.facts.recorded_baselines import recorded_baselines, replicated_baseline
from report.facts.replicated import ReplicatedScore, paired_replicates, replicated_score
from report.facts.schema.parts import Fact, Unit, is_known
from report.facts.schema.scores import Range, TrivialBaseline
from report.facts.values import fact, missing
from report.reading.results import ItemScore
from report.statistics import intervals, replicates
from report.statistics.directions import MetricDirection, metric_direction
from report.statistics.metrics import METRICS

Baseline = dict[str, list[ItemScore | None]]
"""Each item's value in each metric for a baseline; None where the item does not count for the metric."""


_MANY = 5_000
"""From so many answers on several processes are faster, though each first takes a second to start: the 10,570 answers
of SQuAD v1.1 take 8 s of one core."""


class Ranges:
    """The scores of the trivial baselines and of the gold answers in a task's metrics, on the items of ``measured``.

    ``gold_within``: by `doc_id`, gold answers cut at the tokens that an output may have, where one has more.
    """

    def __init__(self, measured: Measured, gold_within: Mapping[int, Sequence[str]] | None = None) -> None:
        self.measured = measured
        self._gold_within = gold_within or {}
        self._floors: dict[str, tuple[Fact, str | None]] = {}
        self._ceilings: dict[str, Fact] = {}

    @cached_property
    def baselines(self) -> dict[str, Baseline]:
        """The answers of the trivial baselines, by how the page names each baseline."""
        kind = self.measured.kind
        if kind == "classification":
            return self._constant_labels()
        if kind == "extraction":
            rows = self.measured.scores.rows
            passages = [row["doc"].get("context", "") for row in rows]
            first = {passage: first_sentence(passage) for passage in set(passages)}
            ways = {"copying the passage's first sentence": [first[passage] for passage in passages]}
            if any(not gold_answers(row) for row in rows):
                ways["always abstaining"] = [""] * len(rows)
            return {name: self._answers(given) for name, given in ways.items()}
        return {name: values for name, values in self._recorded.items() if name != GOLD}

    @cached_property
    def _recorded(self) -> dict[str, Baseline]:
        return recorded_baselines(self.measured)

    @cached_property
    def best_possible(self) -> Baseline:
        """What each item gives to each metric when the answer is the gold one."""
        kind = self.measured.kind
        if kind == "classification":
            golds = [gold for gold, _ in self.measured.label_pairs]
            found = {known.name: [known.perfect_item(gold) for gold in golds] for known in METRICS.values()}
            return {name: items for name, items in found.items() if None not in items}
        return self._gold_answers() if kind == "extraction" else self._recorded.get(GOLD, {})

    def _constant_labels(self) -> dict[str, Baseline]:
        golds = [gold for gold, _ in self.measured.label_pairs]
        names = self.measured.labels if len(self.measured.labels) == 2 else ["negative", "positive"]
        found: dict[str, Baseline] = {}
        for label in (1, 0):
            found[f"always predicting {names[label]}"] = {
                known.name: [known.of_label(gold, label) for gold in golds]
                for known in METRICS.values()
                if known.of_label
            }
        share = sum(golds) / len(golds)
        by_share: Baseline = {
            known.name: [known.of_share(gold, share) for gold in golds] for known in METRICS.values() if known.of_share
        }
        return found | {"predicting each label with its frequency": by_share}

    def _answers(self, given: Sequence[str]) -> Baseline:
        return _by_metric(_answer_scores(given, [gold_answers(row) for row in self.measured.scores.rows]))

    def _gold_answers(self) -> Baseline:
        """Each item's best gold answer, metric by metric; BLEU's counts are those of the longest.

        Of an answer that is longer than an output may be, that is what an output can hold of it.
        """
        accepted = [gold_answers(row) for row in self.measured.scores.rows]
        given = [
            self._gold_within.get(row["doc_id"]) or golds or [""]
            for row, golds in zip(self.measured.scores.rows, accepted, strict=True)
        ]
        pairs = [(text, golds) for texts, golds in zip(given, accepted, strict=True) for text in texts]
        found = iter(_answer_scores([text for text, _ in pairs], [golds for _, golds in pairs]))
        best = []
        for golds in given:
            scores = [next(found) for _ in golds]
            longest = max(range(len(golds)), key=lambda index, golds=golds: len(golds[index].split()))  # type: ignore[misc]
            best.append(
                {
                    metric: scores[longest][metric] if isinstance(value, list) else max(s[metric] for s in scores)
                    for metric, value in scores[0].items()
                }
            )
        return _by_metric(best)

    def floor(self, metric: str) -> tuple[Fact, str | None]:
        """Returns the score and the name of the best trivial baseline; missing where none is known."""
        if metric not in self._floors:
            self._floors[metric] = self._floor(metric)
        return self._floors[metric]

    def _floor(self, metric: str) -> tuple[Fact, str | None]:
        found = [
            (known, name)
            for name, baseline in self.baselines.items()
            if metric in baseline and is_known(known := self._score(metric, baseline[metric], name))
        ]
        if not found:
            return missing("no trivial baseline is known for it"), None
        if len(found) == 1:
            return found[0]
        said = self.metric_direction(metric)
        if said.better is None:
            return missing(f"which of {len(found)} trivial baselines is best is not known: {said.why}"), None
        return max(found, key=lambda pair: pair[0].value if said.better else -pair[0].value)

    def ceiling(self, metric: str) -> Fact:
        """Returns the score of the gold answers themselves, cut where an output would be."""
        if metric not in self.best_possible:
            return missing("the score of the gold answers is not known")
        if metric not in self._ceilings:
            self._ceilings[metric] = self._score(metric, self.best_possible[metric], GOLD)
        return self._ceilings[metric]

    def metric_direction(self, metric: str) -> MetricDirection:
        """Returns whether higher is better on the metric, by the result file; None where it does not say."""
        return metric_direction(metric, [self.measured.scores])

    def _score(self, metric: str, items: list[ItemScore | None], name: str) -> Fact:
        """Returns the score of a baseline, which has a ``name``, by its items or by its replicates."""
        unit = unit_of(self.measured, metric)
        if (replicated := self.replicated(metric, name)) is not None:
            return interval_fact(replicated.level, unit, replicated.document.source())
        if self.measured.scores.replicated(metric) and self.measured.list_items(metric) is None:
            return missing("the task's own aggregation of it was not evaluated")
        source = self.measured.scores.samples.source()
        return interval_fact(self.measured.baseline(metric, items).level, unit_of(self.measured, metric), source)

    def replicated(self, metric: str, name: str) -> ReplicatedScore | None:
        """Returns a baseline's score in a metric that only the task can compute; None where it is counted by items."""
        if not isinstance(replicated_score(self.measured, metric), ReplicatedScore):
            return None
        return replicated_baseline(self.measured, name, metric)

    def facts(self) -> list[Range]:
        """Returns the trivial baseline, the score of the gold answers and the signature of each metric."""
        own = self._facts(lambda metric: metric)
        return own + [row for name, others in self.others.items() for row in others._facts(partial(by_filter, name))]

    @cached_property
    def others(self) -> dict[str, "Ranges"]:
        """The same of each of the task's filters but the first, by name."""
        return {name: Ranges(measured) for name, measured in by_other_filters(self.measured).items()}

    def _facts(self, named: Callable[[str], str]) -> list[Range]:
        results, task = self.measured.scores.results, self.measured.scores.task
        signatures = self.measured.scores.metadata.get("signature") or {}
        found = []
        for metric in self.measured.scores.metrics:
            floor, name = self.floor(metric)
            at = results.source("configs", task, "metadata", "signature", metric)
            signature: Fact = missing("the task records none")
            if metric in signatures:
                signature = fact(str(signatures[metric]), "text", at)
            found.append(
                Range(
                    metric=named(metric),
                    label=fact(label_of(self.measured, metric), "text", results.source("configs", task)),
                    floor=floor,
                    how=_how(floor, name),
                    ceiling=self.ceiling(metric),
                    signature=signature,
                )
            )
        return found


def by_filter(name: str, metric: str) -> str:
    """Returns what facts call ``metric`` by a filter that is not the task's first, as lm_eval's results do."""
    return f"{metric},{name}"


def _how(score: Fact, name: str | None) -> Fact:
    """Returns what the trivial baseline answers."""
    return fact(name, "text", score.source) if name and is_known(score) else missing("none is known")


def _answer_scores(texts: Sequence[str], golds: Sequence[list[str]]) -> list[dict[str, Any]]:
    """Returns the scores of each of ``texts`` against its gold answers; of very many, by as many processes as cores."""
    if len(texts) < _MANY or (os.cpu_count() or 1) < 2:
        return list(map(metrics.answer_scores, texts, golds))
    return list(_processes().map(metrics.answer_scores, texts, golds, chunksize=500))


@cache
def _processes() -> ProcessPoolExecutor:
    # Not forked: numpy, which is loaded by now, has threads of its own.
    return ProcessPoolExecutor(min(4, os.cpu_count() or 1), mp_context=multiprocessing.get_context("spawn"))


def normalised_score(score: Fact, floor: Fact, ceiling: Fact) -> Fact:
    """Returns the normalised score: 0 at the baseline, 1 at the gold answers; below 0 where the baseline is better."""
    if not (is_known(score) and is_known(floor) and is_known(ceiling)):
        return missing("a score, the trivial baseline or the score of the gold answers is missing")
    if floor.value == ceiling.value:
        return missing("the trivial baseline scores as the gold answers do")
    share = (score.value - floor.value) / (ceiling.value - floor.value)
    return fact(share, "share", score.source, also=[floor.source])


def floor_facts(ranges: Ranges) -> TrivialBaseline:
    """Returns the trivial baseline of the task's primary metric: its score, and what it answers."""
    primary = ranges.measured.scores.primary
    score, name = ranges.floor(primary) if primary else (missing("the task declares no primary metric"), None)
    return TrivialBaseline(score=score, how=_how(score, name))


def above_floor(measured: Measured, ranges: Ranges) -> Fact:
    """Returns the checkpoint's primary score less that of the trivial baseline, paired item by item."""
    scores, primary = measured.scores, measured.scores.primary
    name = ranges.floor(primary)[1] if primary else None
    without, own = (
        (ranges.replicated(primary, name), replicated_score(measured, primary)) if primary and name else (None, None)
    )
    if without is not None and isinstance(own, ReplicatedScore):
        return _replicated_above(without, own, unit_of(measured, str(primary)))
    items = measured.items(primary) if primary else None
    if primary is None or items is None or name is None:
        return missing("this task has no trivial baseline")
    known = zip(ranges.measured.scores.rows, ranges.baselines[name][primary], strict=True)
    by_hash = {row["doc_hash"]: item for row, item in known}
    given = [by_hash.get(row["doc_hash"]) for row in scores.having(primary)]
    if any(item is None for item in given):
        return missing("the trivial baseline was computed on other items")
    interval = intervals.difference(paired(replace(items, values=given), items).encoded())
    return interval_fact(interval, unit_of(measured, primary), scores.samples.source())


def _replicated_above(without: ReplicatedScore, own: ReplicatedScore, unit: Unit) -> Fact:
    values = paired_replicates(without, own)
    if isinstance(values, str):
        return missing("the trivial baseline was computed on other items")
    return interval_fact(replicates.difference(*values), unit, own.document.source())


def _by_metric(rows: list[dict[str, Any]]) -> Baseline:
    names = dict.fromkeys(metric for row in rows for metric in row)
    return {
        name: [tuple(value) if isinstance(value := row.get(name), list) else value for row in rows] for name in names
    }
