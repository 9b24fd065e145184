"""What a paired difference allows to be said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from report.facts.schema.parts import Fact, Interval
from report.facts.values import missing
from report.sentences.rules import decide, direction
from tests.report.some_facts import known


def difference(value: float, lower: float, upper: float) -> Fact:
    interval = Interval(lower=lower, upper=upper, confidence=0.95, method="made up")
    return known(value, "proportion", interval=interval)


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        (difference(0.2, 0.1, 0.3), "higher"),
        (difference(-0.2, -0.3, -0.1), "lower"),
        (difference(0.2, -0.1, 0.5), "unclear"),
        (difference(0.2, 0.0, 0.4), "unclear"),
        (difference(-0.2, -0.4, 0.0), "unclear"),
        (difference(0.0, 0.0, 0.0), "equal"),
        (difference(0.0, -0.1, 0.1), "equal"),
        (known(0.2, "proportion"), "missing"),
        (missing("not scored"), "missing"),
    ],
)
def test_direction(fact: Fact, said: str) -> None:
    assert direction(fact) == said


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_mirrored_difference_is_said_the_other_way_round(value: float, below: float, above: float) -> None:
    mirror = {"higher": "lower", "lower": "higher"}
    said = direction(difference(value, value - below, value + above))
    assert direction(difference(-value, -value - above, -value + below)) == mirror.get(said, said)
    if value <= 0:
        assert said != "higher"


def test_rules_that_leave_a_gap_or_overlap_fail() -> None:
    with pytest.raises(RuntimeError, match="allow nothing"):
        decide("claim", {"a": False, "b": False})
    with pytest.raises(RuntimeError, match="exactly one must hold"):
        decide("claim", {"a": True, "b": True})
