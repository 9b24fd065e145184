"""What every rule is made of: a direction that an interval allows, and the one case of a claim that holds."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from report.facts.values import Fact, is_known
from report.reading.results import pointer

Direction = Literal["higher", "lower", "equal", "unclear", "missing"]
Finding = dict[str, Any]
"""`id`, and `evidence`: a name in the sentence to a JSON pointer into the facts."""


def direction(difference: Fact) -> Direction:
    """Returns what a paired difference allows to be said.

    `equal` where both scores are the same number; `unclear` where the interval holds 0, or touches it; `missing`
    where there is no difference or no interval. As `intervals.direction`, but from a fact, without scipy.

    >>> direction({"value": 0.1, "interval": {"lower": 0.02, "upper": 0.2}})
    'higher'
    >>> direction({"value": 0.1, "interval": {"lower": -0.02, "upper": 0.2}})
    'unclear'
    """
    if is_known(difference) and difference["value"] == 0:
        return "equal"
    if not is_known(difference) or "interval" not in difference:
        return "missing"
    lower, upper = difference["interval"]["lower"], difference["interval"]["upper"]
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


def finding(name: str, evidence: Mapping[str, Any]) -> Finding:
    """Returns the sentence ``name``, said of the facts at the pointers in ``evidence``."""
    return {"id": name, "evidence": dict(evidence)}


def comparisons(facts: Any) -> Iterator[tuple[str, Mapping[str, Any], str, Mapping[str, Any]]]:
    """Yields (pointer, task, pointer, comparison) of everything that was scored."""
    for t, task in enumerate(facts["tasks"]):
        for c, comparison in enumerate(task.get("comparisons", [])):
            yield pointer("tasks", t), task, pointer("tasks", t, "comparisons", c), comparison


def primary(comparison: Mapping[str, Any]) -> int | None:
    """Returns the place of the primary metric among a comparison's scores; None where none is declared."""
    return next((i for i, score in enumerate(comparison["scores"]) if score["primary"]), None)
