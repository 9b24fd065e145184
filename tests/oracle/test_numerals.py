"""Numerals: what a printed number says, and of which values it is a rounding."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracle.lines import Departure, difference, follow, interval, line, matches, percent, setting, text, value
from tests.oracle.numerals import Duration, Number, Setting, Size, Whole, numeral_at


@pytest.mark.parametrize(
    ("text", "value", "step", "sign"),
    [
        ("0.375", 0.375, 0.001, ""),
        ("+0.025", 0.025, 0.001, "+"),
        ("−7,533.5", -7533.5, 0.1, "−"),
        ("1,235,814,400", 1235814400, 1, ""),
        ("5e-05", 5e-05, 1e-05, ""),
        ("1.5e−3", 0.0015, 0.0001, ""),
    ],
)
def test_a_numeral_has_a_value_a_precision_and_a_sign(text: str, value: float, step: float, sign: str) -> None:
    shown = numeral_at(text, 0)
    assert shown is not None
    assert (shown.value, shown.sign, shown.end) == (pytest.approx(value), sign, len(text))
    assert shown.step == pytest.approx(step)


def test_text_is_no_numeral() -> None:
    assert numeral_at("none", 0) is None


@pytest.mark.parametrize("text", ["0.062", "0.063"])
def test_a_tie_may_be_rounded_either_way(text: str) -> None:
    assert Number(0.0625, 3).end(text, 0) == len(text)


@pytest.mark.parametrize(
    ("slot", "right", "wrong"),
    [
        (Number(0.9512, 3), ["0.951", "0.9512"], ["0.952", "0.95", "+0.951", "−0.951", "1"]),
        (Number(0.0251, 3, signed=True), ["+0.025"], ["0.025", "−0.025", "+0.026", "-0.025"]),
        (Number(-0.0251, 3, signed=True), ["−0.025"], ["0.025", "+0.025", "-0.025"]),
        (Number(0.0, 3, signed=True), ["0.000"], ["+0.000", "−0.000", "0.001", "0.00"]),
        (Number(0.0004, 3), ["0.0004"], ["0.000"]),
        (Number(0.975, 1, scale=100, after=" %"), ["97.5 %"], ["97.5", "97.6 %", "98 %", "0.975"]),
        (Whole(26880), ["26,880", "26880"], ["26,881", "26,880.0", "2,688", "+26,880"]),
        (Whole(-3), ["−3"], ["3", "+3"]),
        (Setting(1e-05), ["1e-05", "1e−05", "0.00001"], ["1e-04", "2e-05", "0"]),
        (Setting(123456.4), ["123456"], ["123457", "123455"]),
        (Setting(2.0), ["2"], ["3", "20", "+2"]),
        (Duration(8.83), ["8.8 s"], ["8.9 s", "8.8 min", "9 s"]),
        (Duration(137.2), ["2 min 17 s"], ["2 min 18 s", "3 min 17 s", "137.2 s", "1 min 77 s"]),
        (Duration(12000), ["3 h 20 min"], ["3 h 21 min", "3 h 19 min", "2 h 80 min"]),
        (Size(1_500_000_000), ["1.50 GB", "1500.00 MB"], ["1.51 GB", "1.50 MB", "1.5 GB", "2 GB"]),
        (Size(12), ["12 B"], ["13 B", "12 kB"]),
    ],
)
def test_a_slot_takes_only_what_the_fact_may_be_shown_as(slot: Number, right: list[str], wrong: list[str]) -> None:
    for shown in right:
        assert slot.end(shown, 0) == len(shown), shown
    for shown in wrong:
        assert slot.end(shown, 0) != len(shown), shown


@given(st.floats(-1e6, 1e6), st.integers(0, 4))
def test_every_correct_rounding_is_taken_and_the_next_number_is_not(number: float, places: int) -> None:
    shown = f"{number:,.{places}f}".replace("-", "−")
    slot = Number(number, places)
    if float(f"{number:.{places}f}") != 0:
        assert slot.end(shown, 0) == len(shown)
    moved = f"{number + 2 * 10.0**-places:,.{places}f}".replace("-", "−")
    assert slot.end(moved, 0) is None


def test_facts_fill_lines() -> None:
    score = {"value": 0.4, "unit": "proportion", "interval": {"lower": 0.1, "upper": 0.65, "confidence": 0.95}}
    assert matches(value(score), "0.400 [0.100, 0.650]")
    assert matches(interval(score), "[0.100, 0.650]")
    assert not matches(interval(score), "[0.650, 0.100]")
    share = {"value": -0.025, "unit": "share"}
    assert matches(percent({"value": 0.125, "unit": "proportion"}), "12.5 %")
    assert matches(difference(share), "−2.5 percentage points")
    assert matches(value(share), "−2.5 % (no interval)")
    assert matches(text({"missing": "not  scored"}), "missing (not scored)")
    assert [matches(setting({"value": chosen}), shown) for chosen, shown in ((True, "yes"), (3, "3"), ("a", "a"))] == [
        True
    ] * 3


def test_a_departure_says_where_and_what_was_due() -> None:
    with pytest.raises(Departure) as found:
        follow(line("On {task}, it rises.", task="`a`"), "On `a`, it falls.")
    assert (found.value.at, found.value.part) == (11, "On `a`, it rises.")
