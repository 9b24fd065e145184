"""Groups of tasks: one score for all of them, beside the scores of each."""

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

from report.facts.measured import Measured, interval_fact, label_of, unfit_items, unit_of
from report.facts.pairing import Pair
from report.facts.schema.parts import Fact, Unit
from report.facts.schema.scores import Comparison, Group, GroupRow, ScoredTask, TaskFacts
from report.facts.values import fact, missing
from report.reading.results import ItemScore
from report.statistics import intervals, means
from report.statistics.sums import pair_of, sample_of
from studies import TaskGroup


class PairedItems(NamedTuple):
    """What the items of one task add to its primary metric before and after, in one order, and their clusters."""

    before: Sequence[ItemScore | None]
    after: Sequence[ItemScore | None]
    clusters: Sequence[Hashable]
    scale: float | None

    @property
    def are_numbers(self) -> bool:
        """Whether the score is the mean of its items, which those of other tasks can be added to."""
        return not any(isinstance(value, tuple) for value in self.before)


class Member(NamedTuple):
    """What a group needs of one of its tasks, once its samples are read no more.

    ``pairs``: by checkpoint, its items beside the base model's, or why they cannot be counted with.
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
    if items is None or base.scores.replicated(metric):
        return "the primary metric of one of its tasks is not computed from items"
    own: Sequence[Hashable] = items.one.clusters or range(len(items.one.values))
    return PairedItems(items.one.values, items.alignment.in_order(items.other.values), own, items.one.scale)


def group_facts(name: str, group: TaskGroup, scored: Mapping[str, Member | None], study: Mapping[str, str]) -> Group:
    """Returns the scores of a group: the mean over the items of all its tasks, or the mean of its tasks' scores.

    ``scored``: what it needs of each of its tasks. ``study``: where the study file names the group. A checkpoint that
    is not set beside the base on each of its tasks has no row; where these have no metric in common, none has one.
    """
    members = [one for task in group.tasks if (one := scored.get(task))]
    shared = {(one.metric, one.label, one.unit) for one in members}
    rows: list[GroupRow] = []
    if len(members) < len(group.tasks):
        label: Fact = missing("one of its tasks has no primary score")
    elif len(shared) > 1:
        label = missing("its tasks have different primary metrics")
    elif everywhere := set.intersection(*(set(one.pairs) for one in members)):
        label = fact(members[0].label, "text", study)
        compared = members[0].facts.comparisons
        rows = [_row(group, members, one) for one in compared if one.checkpoint.value in everywhere]
    else:
        label = missing("no checkpoint is scored on each of its tasks")
    return Group(
        name=fact(name, "text", study),
        tasks=[fact(task, "text", study) for task in group.tasks],
        weight_by_size=group.weight_by_size,
        label=label,
        rows=rows,
    )


def _row(group: TaskGroup, members: Sequence[Member], first: Comparison) -> GroupRow:
    """Returns the scores of the checkpoint of a comparison, by the members that a group has."""
    checkpoint, by_items = first.checkpoint.value, group.weight_by_size
    own = [one.pairs[checkpoint] for one in members]
    pairs = [pair for pair in own if isinstance(pair, PairedItems)]
    why = next((pair for pair in own if isinstance(pair, str)), "")
    if not why and by_items and not all(pair.are_numbers for pair in pairs):
        why = "the primary metric of its tasks is no mean of items"
    scores: dict[str, Fact] = dict.fromkeys(("before", "after", "difference"), missing(why))
    beside = [one for member in members for one in member.facts.comparisons if one.checkpoint.value == checkpoint]
    ways = {one.primary.higher_is_better for one in beside if one.primary}
    return GroupRow(
        checkpoint=first.display_name,
        higher_is_better=ways.pop() if len(ways) == 1 else None,
        **scores if why else _together(members, pairs, by_items=by_items),
    )


def _together(members: Sequence[Member], pairs: Sequence[PairedItems], *, by_items: bool) -> dict[str, Fact]:
    """Returns the score of all tasks before and after, and the difference."""
    metric, unit, files = members[0].metric, members[0].unit, [one.source for one in members]
    made = [_pooled(pairs)] if by_items else pairs
    with unfit_items(files[0]["file"]):
        before, after = (
            [sample_of(metric, getattr(pair, side), pair.clusters, scale=pair.scale) for pair in made]
            for side in ("before", "after")
        )
        both = [pair_of(metric, pair.before, pair.after, pair.clusters, scale=pair.scale) for pair in made]
    if by_items:
        found = [intervals.level(before[0]), intervals.level(after[0]), intervals.difference(both[0])]
    else:
        found = [means.level(before), means.level(after), means.difference(both)]
    return {
        name: interval_fact(one, unit, files[0], also=files[1:])
        for name, one in zip(("before", "after", "difference"), found, strict=True)
    }


def _pooled(pairs: Sequence[PairedItems]) -> PairedItems:
    """Returns the items of several tasks as those of one, whose clusters stay each task's own."""
    before, after = ([value for pair in pairs for value in getattr(pair, side)] for side in ("before", "after"))
    clusters = [(place, name) for place, pair in enumerate(pairs) for name in pair.clusters]
    scales = {pair.scale for pair in pairs}
    return PairedItems(before, after, clusters, scales.pop() if len(scales) == 1 else None)
