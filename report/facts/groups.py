"""Groups of tasks: one score for all items of their tasks, beside the scores of each."""

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

from report.facts.measured import Measured, interval_fact, label_of, unfit_items, unit_of
from report.facts.pairing import Pair
from report.facts.schema.parts import Fact, Unit
from report.facts.schema.scores import Comparison, Group, GroupRow, ScoredTask, TaskFacts, comparisons_of
from report.facts.values import fact, missing
from report.reading.results import ItemScore
from report.statistics import intervals
from report.statistics.sums import pair_of, sample_of


class PairedItems(NamedTuple):
    """What the items of one task add to its primary metric before and after, in one order, and their clusters."""

    before: Sequence[ItemScore | None]
    after: Sequence[ItemScore | None]
    clusters: Sequence[Hashable]
    scale: float | None


class Member(NamedTuple):
    """What a group needs of one of its tasks, once its samples are read no more.

    ``pairs``: by checkpoint, its items beside the base model's, or why they cannot be pooled with those of other tasks.
    """

    facts: ScoredTask
    metric: str
    label: str
    unit: Unit
    source: Mapping[str, str]
    pairs: Mapping[str, PairedItems | str]


def member(facts: TaskFacts, sides: Mapping[str, Measured]) -> Member | None:
    """Returns what a group needs of a task; None where it was not scored, or declares no primary metric."""
    known = next(iter(sides.values()), None)
    if known is None or not isinstance(facts, ScoredTask) or (primary := known.scores.primary) is None:
        return None
    pairs = {
        comparison.checkpoint.value: _paired(
            sides.get("base"), sides.get(comparison.checkpoint.value), comparison, primary
        )
        for comparison in facts.comparisons
    }
    unit, source = unit_of(known, primary), known.scores.samples.source()
    return Member(facts, primary, label_of(known, primary), unit, source, pairs)


def _paired(base: Measured | None, after: Measured | None, comparison: Comparison, metric: str) -> PairedItems | str:
    if base is None or after is None:
        return "one of the two scores is missing"
    if comparison.refused:
        return comparison.refused.missing
    items = Pair(base, after).items(metric)
    if items is None or any(isinstance(value, tuple) for value in items.one.values) or base.scores.replicated(metric):
        return "the primary metric of one of its tasks is no mean of items"
    own: Sequence[Hashable] = items.one.clusters or range(len(items.one.values))
    return PairedItems(items.one.values, items.alignment.in_order(items.other.values), own, items.one.scale)


def group_facts(name: str, members: Sequence[Member], study: Mapping[str, str]) -> Group:
    """Returns the scores of a group: the mean over the items of all its tasks, by the clusters of each of them.

    ``study``: where the study file names the group. A checkpoint that is not set beside the base on every task of it
    has no row.
    """
    said, rows, parts = fact(name, "text", study), list[GroupRow](), list[GroupRow]()
    shared = {(one.metric, one.label, one.unit) for one in members}
    for first in members[0].facts.comparisons if members else ():
        checkpoint = first.checkpoint.value
        own = [one.pairs.get(checkpoint, "it is not scored on each of its tasks") for one in members]
        why = "its tasks have different primary metrics" if len(shared) > 1 else ""
        why = why or next((pair for pair in own if isinstance(pair, str)), "")
        scores: dict[str, Fact] = dict.fromkeys(("before", "after", "difference"), missing(why))
        if not why:
            scores = _pooled(members, [pair for pair in own if isinstance(pair, PairedItems)])
        rows.append(GroupRow(task=said, checkpoint=first.display_name, **scores))
        parts += [part for one in members for part in _parts(one, checkpoint)]
    label: Fact = missing("its tasks have different primary metrics")
    if len(shared) == 1:
        label = fact(members[0].label, "text", study)
    return Group(name=said, label=label, rows=rows, parts=parts)


def _parts(one: Member, checkpoint: str) -> list[GroupRow]:
    """Returns the primary scores of one task, of a checkpoint that is scored on it."""
    return [
        GroupRow(
            task=one.facts.name,
            checkpoint=found.display_name,
            before=found.primary.before,
            after=found.primary.after,
            difference=found.primary.difference,
        )
        for found in comparisons_of(one.facts)
        if found.checkpoint.value == checkpoint and found.primary
    ]


def _pooled(members: Sequence[Member], pairs: Sequence[PairedItems]) -> dict[str, Fact]:
    before, after = ([value for pair in pairs for value in getattr(pair, side)] for side in ("before", "after"))
    clusters = [(place, name) for place, pair in enumerate(pairs) for name in pair.clusters]
    scales = {pair.scale for pair in pairs}
    scale = scales.pop() if len(scales) == 1 else None
    metric, unit, source, also = (
        members[0].metric,
        members[0].unit,
        members[0].source,
        [one.source for one in members[1:]],
    )
    with unfit_items(source["file"]):
        levels = [intervals.level(sample_of(metric, items, clusters, scale=scale)) for items in (before, after)]
        change = intervals.difference(pair_of(metric, before, after, clusters, scale=scale))
    found = dict(zip(("before", "after", "difference"), (*levels, change), strict=True))
    return {name: interval_fact(one, unit, source, also=also) for name, one in found.items()}
