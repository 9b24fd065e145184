"""What every rule is made of: a direction that an interval allows, and the one case of a claim that holds."""

from collections.abc import Iterator, Mapping
from typing import Literal

from report.facts.schema.parts import Fact, is_known
from report.facts.schema.scores import Comparison, ScoredTask
from report.facts.schema.whole import Finding, MeasuredFacts
from report.reading.results import pointer

Direction = Literal["higher", "lower", "equal", "unclear", "missing"]


def direction(difference: Fact) -> Direction:
    """Returns what a paired difference allows to be said.

    `equal` where both scores are the same number; `unclear` where the interval holds 0, or touches it; `missing`
    where there is no difference or no interval. As `intervals.estimated_direction`, but from a fact, without scipy.

    """
    if is_known(difference) and difference.value == 0:
        return "equal"
    if not is_known(difference) or difference.interval is None:
        return "missing"
    lower, upper = difference.interval.ends
    if lower > 0:
        return "higher"
    if upper < 0:
        return "lower"
    return "unclear"


def decide(claim: str, cases: Mapping[str, bool]) -> str:
    """Returns the one case that holds.

    Raises RuntimeError where none or several do: the rules of a claim exclude each other and cover everything.
    """
    holding = [name for name, holds in cases.items() if holds]
    if len(holding) != 1:
        raise RuntimeError(f"the rules of the claim `{claim}` allow {holding or 'nothing'}; exactly one must hold")
    return f"{claim}_{holding[0]}"


def finding(name: str, evidence: Mapping[str, str | list[str]]) -> Finding:
    """Returns the sentence ``name``, said of the facts at the pointers in ``evidence``."""
    return Finding(id=name, evidence=dict(evidence))


def comparisons(facts: MeasuredFacts) -> Iterator[tuple[str, ScoredTask, str, Comparison]]:
    """Yields (pointer, task, pointer, comparison) of everything that was scored."""
    for t, task in enumerate(facts.tasks):
        if not isinstance(task, ScoredTask):
            continue
        for c, comparison in enumerate(task.comparisons):
            yield pointer("tasks", t), task, pointer("tasks", t, "comparisons", c), comparison


def primary_index(comparison: Comparison) -> int | None:
    """Returns the place of the primary metric among a comparison's scores; None where it is not among them."""
    return next((i for i, score in enumerate(comparison.scores) if score.primary), None)
