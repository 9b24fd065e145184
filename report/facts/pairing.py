"""Which scores may be set against each other, and which item of the one belongs to which of the other."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from harness_tasks.rendering import render_from_results, render_hash
from report.facts.measured import Measured, ScoredItems, unfit_items
from report.facts.schema.training import CheckpointFacts, Trained
from report.statistics.sums import Encoded, pair_of


@dataclass(frozen=True)
class Alignment:
    """Which items two runs have in common, by their names: the first of one name with the first, and so on.

    >>> Alignment(["a", "b", "a"], ["a", "a", "b"]).in_order([1, 2, 3])
    [1, 3, 2]
    """

    one: Sequence[Hashable]
    other: Sequence[Hashable]

    @cached_property
    def _places(self) -> list[int] | None:
        """At which place of ``other`` each item of ``one`` stands, those not in it left out; None: in one order."""
        if self.one == self.other:
            return None
        waiting: dict[Hashable, list[int]] = {}
        for place in range(len(self.other) - 1, -1, -1):
            waiting.setdefault(self.other[place], []).append(place)
        return [waiting[name].pop() for name in self.one if waiting.get(name)]

    @property
    def differ(self) -> tuple[int, int, int] | None:
        """How many items the two have in common, and how many each has; None where they are the same.

        >>> Alignment(["a", "b"], ["b", "c", "c"]).differ, Alignment(["a", "b"], ["b", "a"]).differ
        ((1, 2, 3), None)
        """
        if self._places is None:
            return None
        counts = len(self._places), len(self.one), len(self.other)
        return None if len(set(counts)) == 1 else counts

    def in_order(self, values: Sequence[Any]) -> Sequence[Any]:
        """Returns ``values`` of the other's items in the order of the one's."""
        return values if self._places is None else [values[place] for place in self._places]


@dataclass(frozen=True)
class ItemPair:
    """What the items of two runs add to one metric; ``alignment`` is of their names."""

    one: ScoredItems
    other: ScoredItems
    alignment: Alignment

    def encoded(self, *, one_last: bool = False) -> Encoded:
        """Returns the two as intervals and tests take them: the other's after the one's, or ``one_last``.

        Raises:
            UserError: the items do not fit their metric or its scale.
        """
        before, after = self.one.values, self.alignment.in_order(self.other.values)
        if one_last:
            before, after = after, before
        scale = self.one.scale if self.one.scale == self.other.scale else None
        with unfit_items(self.one.file):
            return pair_of(self.one.metric, before, after, self.one.clusters, scale=scale)


def paired(one: ScoredItems, other: ScoredItems) -> ItemPair:
    """Returns the items of two, paired by their names."""
    return ItemPair(one, other, Alignment(one.names, other.names))


@dataclass(frozen=True)
class Pair:
    """Two checkpoints' scores on one task; the items are paired by `doc_hash` (`doc_id` is no name)."""

    before: Measured
    after: Measured

    @cached_property
    def alignment(self) -> Alignment:
        """Which items the two have in common."""
        return Alignment(self.before.scores.hashes, self.after.scores.hashes)

    @cached_property
    def later(self) -> Sequence[dict[str, Any]]:
        """The rows of ``after`` in the order of those of ``before``."""
        return self.alignment.in_order(self.after.scores.rows)

    def items(self, metric: str) -> ItemPair | None:
        """Returns what each item adds to ``metric`` before and after; None where that cannot be paired item by item."""
        one, two = self.before.items(metric), self.after.items(metric)
        if one is None or two is None or len(one.values) != len(two.values):
            return None
        two = replace(two, scale=one.scale)
        of_all = len(one.values) == len(self.alignment.one) and len(two.values) == len(self.alignment.other)
        found = ItemPair(one, two, self.alignment) if of_all else paired(one, two)
        return None if found.alignment.differ else found

    def refusal(self, checkpoint: CheckpointFacts | None = None) -> str | None:
        """Returns why the two may not be compared; None where they may.

        The same items, asked with the same rendered prompts of the same task version, and trained on prompts rendered
        in that way: otherwise the difference mixes what fine-tuning did with what the prompt did.
        """
        one, two = self.before.scores, self.after.scores
        if one.per_task("versions") != two.per_task("versions"):
            return (
                f"the task's version differs: {one.per_task('versions')} for the base model, "
                f"{two.per_task('versions')} for the checkpoint"
            )
        rendered = [render_hash(render_from_results(scores.results.content, scores.task)) for scores in (one, two)]
        if rendered[0] != rendered[1]:
            return "the prompts were rendered in different ways before and after fine-tuning"
        trained = checkpoint.render_hash.value if isinstance(checkpoint, Trained) else None
        if trained is not None and checkpoint and checkpoint.task.value == one.task and trained != rendered[0]:
            return "the checkpoint was trained on prompts rendered in another way than the scored ones"
        if differ := self.alignment.differ:
            shared, before, after = differ
            return f"the scored items differ: {shared} are the same, of {before} before and {after} after fine-tuning"
        asked = one.column("prompt_hash", one.rows), two.column("prompt_hash", two.rows)
        changed = sum(a != b for a, b in zip(asked[0], self.alignment.in_order(asked[1]), strict=True))
        return f"the prompts of {changed} items differ before and after fine-tuning" if changed else None

    def signature_differs(self, metric: str) -> str | None:
        """Returns why one metric may not be compared: it was computed in two ways; None where it may."""
        scored = (self.before.scores, self.after.scores)
        one, two = ((scores.metadata.get("signature") or {}).get(metric) for scores in scored)
        said = f"it was computed in two ways: {one} for the base model, {two} for the checkpoint"
        return None if one == two else said
