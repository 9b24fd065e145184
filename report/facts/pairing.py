"""Which scores may be set against each other, and which item of the one belongs to which of the other."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from harness_tasks.rendering import render_from_results, render_hash
from report.facts.measured import Measured
from report.reading.results import ItemScore


@dataclass(frozen=True)
class Pair:
    """Two checkpoints' scores on one task; the items are paired by `doc_hash` (`doc_id` is no name)."""

    before: Measured
    after: Measured

    @cached_property
    def later(self) -> list[dict[str, Any]]:
        """The rows of ``after`` in the order of those of ``before``."""
        rows, places = self.after.scores.rows, order(self.before.scores.hashes, self.after.scores.hashes)
        return rows if places is None else [rows[place] for place in places]

    def items(self, metric: str) -> tuple[list[ItemScore] | None, list[ItemScore] | None]:
        """Returns what each item gives to ``metric`` before and after; None for what cannot be counted with."""
        if self.later is self.after.scores.rows:
            return self.before.items(metric), self.after.items(metric)
        return self.before.items(metric), self.after.items(metric, [row for row in self.later if metric in row])

    def refusal(self, checkpoint: dict[str, Any]) -> str | None:
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
        trained = checkpoint.get("render_hash", {}).get("value")
        if trained is not None and checkpoint["task"]["value"] == one.task and trained != rendered[0]:
            return "the checkpoint was trained on prompts rendered in another way than the scored ones"
        if differ := other_items(one.hashes, two.hashes):
            shared, before, after = differ
            return f"the scored items differ: {shared} are the same, of {before} before and {after} after fine-tuning"
        pairs = zip(one.rows, self.later, strict=True)
        changed = sum(a.get("prompt_hash") != b.get("prompt_hash") for a, b in pairs)
        return f"the prompts of {changed} items differ before and after fine-tuning" if changed else None

    def signature_differs(self, metric: str) -> str | None:
        """Returns why one metric may not be compared: it was computed in two ways; None where it may."""
        scored = (self.before.scores, self.after.scores)
        one, two = ((scores.metadata.get("signature") or {}).get(metric) for scores in scored)
        said = f"it was computed in two ways: {one} for the base model, {two} for the checkpoint"
        return None if one == two else said


def other_items(before: Sequence[Hashable], after: Sequence[Hashable]) -> tuple[int, int, int] | None:
    """Returns how many items two have in common, and how many each has; None where they are the same.

    >>> other_items(["a", "b"], ["b", "c", "c"]), other_items(["a", "b"], ["b", "a"])
    ((1, 2, 3), None)
    """
    if before == after:
        return None
    one, two = Counter(before), Counter(after)
    return None if one == two else ((one & two).total(), one.total(), two.total())


def order(before: Sequence[Hashable], after: Sequence[Hashable]) -> list[int] | None:
    """Returns at which place of ``after`` each item of ``before`` stands, those not in it left out.

    None where the two are in one order.

    >>> order(["a", "b", "a"], ["a", "a", "b"])
    [0, 2, 1]
    """
    if before == after:
        return None
    waiting: dict[Hashable, list[int]] = {}
    for place in range(len(after) - 1, -1, -1):
        waiting.setdefault(after[place], []).append(place)
    return [waiting[name].pop() for name in before if waiting.get(name)]
