"""What a paired difference allows to be said."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from report.sentences.rules import decide, direction


def difference(value: float, lower: float, upper: float) -> dict[str, Any]:
    return {"value": value, "interval": {"lower": lower, "upper": upper}}


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
        ({"value": 0.2}, "missing"),
        ({"missing": "not scored"}, "missing"),
    ],
)
def test_direction(fact: dict[str, Any], said: str) -> None:
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
