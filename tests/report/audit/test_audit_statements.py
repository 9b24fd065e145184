"""Printed numbers, and what is said of them: differences, comparisons, bounds. Expectations are worked out by hand."""

from fractions import Fraction
from typing import Any

import pytest

from report.audit.figures import printed, stands_in
from report.audit.statements import audit_bounded, audit_difference, audit_statement


@pytest.mark.parametrize(
    ("text", "value", "step"),
    [
        ("0.9106", Fraction(9106, 10_000), Fraction(1, 10_000)),
        (".5", Fraction(1, 2), Fraction(1, 10)),
        ("−0.050", Fraction(-1, 20), Fraction(1, 1000)),
        ("1,235,814,400", Fraction(1_235_814_400), Fraction(1)),
        ("1.24B", Fraction(1_240_000_000), Fraction(10_000_000)),
        ("135 million", Fraction(135_000_000), Fraction(1_000_000)),
        ("5.5e-05", Fraction(55, 10**6), Fraction(1, 10**6)),
        ("91.06 %", Fraction(9106, 100), Fraction(1, 100)),
        ("0,910", Fraction(910, 1000), Fraction(1, 1000)),
        ("91,06 %", Fraction(9106, 100), Fraction(1, 100)),
        ("1 235 814 400", Fraction(1_235_814_400), Fraction(1)),
        ("1.235.814.400", Fraction(1_235_814_400), Fraction(1)),
        ("1'235'814", Fraction(1_235_814), Fraction(1)),
        ("1_235_814", Fraction(1_235_814), Fraction(1)),
        ("1.24 bn", Fraction(1_240_000_000), Fraction(10_000_000)),
    ],
)
def test_printed_numbers(text: str, value: Fraction, step: Fraction) -> None:
    assert (printed(text).value, printed(text).step) == (value, step)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "-",
        "about five",
        "about",
        "~",
        "<",
        "5-",
        "8x7B",
        "80.9/88.2",
        "1.2.3",
        "1,2,3",
        "12,3456,789",
        "1e",
        "5 items",
        "nan",
    ],
)
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match="is no number as one prints it"):
        printed(text)


@pytest.mark.parametrize(
    ("text", "value", "rounded", "cut_off"),
    [
        ("~88.5", 88.5, (88.45, 88.55), (88.4, 88.6)),
        ("about 0.9", 0.9, (0.85, 0.95), (0.8, 1.0)),
        ("<1%", 1, (0, 1), (0, 1)),
        ("over 0.5", 0.5, (0.5, 10**18), (0.5, 10**18)),
        ("91.3 ± 0.4", 91.3, (91.25, 91.35), (91.3, 91.4)),
        ("0.913 (0.004)", 0.913, (0.9125, 0.9135), (0.913, 0.914)),
        ("0.9106 [0.8905, 0.9289]", 0.9106, (0.91055, 0.91065), (0.9106, 0.9107)),
        ("85–87%", 86, (84.5, 87.5), (86, 89)),
        ("0.1-0.3%", 0.2, (0.05, 0.35), (0.2, 0.5)),
        ("40.5 points", 40.5, (40.45, 40.55), (40.5, 40.6)),
    ],
)
def test_what_stands_around_a_number(
    text: str, value: float, rounded: tuple[float, ...], cut_off: tuple[float, ...]
) -> None:
    found = printed(text)
    assert found.text == text
    assert float(found.value) == pytest.approx(value)
    assert [float(end) for end in found.rounded()] == pytest.approx(rounded)
    assert [float(end) for end in found.cut_off()] == pytest.approx(cut_off)
    assert found.is_mean == (text in ("91.3 ± 0.4", "0.913 (0.004)"))


def test_counts_with_something_before_them() -> None:
    assert [int(end) for end in printed("~110M").count_cut_off()] == [100_000_000, 120_000_000]
    assert [int(end) for end in printed("7-8B").count()] == [6_500_000_000, 8_500_000_000]
    assert printed(">100M").count_cut_off()[1] == 10**18
    # Mistral's own "7.3B" of 7,241,732,096 is rounded up.
    low, high = printed("7.3B").count_cut_off()
    assert low < 7_241_732_096 < high < 7_400_000_000


def test_a_multiple_is_a_difference_too() -> None:
    assert difference("5.0", "20", "4x") == (
        "holds",
        "4x is stated of 5.0 and 20: 20 / 5.0 lies from 3.86 to 4.14 by their digits.",
    )
    assert difference("20", "5.0", "4 times")[0] == "holds"
    assert difference("5.0", "20", "3-fold")[0] == "holds"  # three times more
    assert difference("5.0", "20", "5x")[0] == "impossible"
    assert difference("0.0", "20", "5x")[0] == "cannot be told"
    assert difference("54.58%", "95.11%", "40.53 points")[0] == "holds"
    assert difference("0.60", "0.85", "25 percentage points")[0] == "holds"
    assert difference("0.60", "0.85", "~0.27")[0] == "cannot be told"
    assert difference("0.60", "0.85", "over 0.2")[0] == "holds"
    assert difference("0.60", "0.85", "over 0.7")[0] == "impossible"
    assert difference("0.60", "0.85", "~0.35")[0] == "impossible"


def test_counts_are_exact_unless_they_end_in_noughts() -> None:
    assert printed("1,235,814,400").count() == (1_235_814_400, 1_235_814_400)
    assert printed("1,235,814,000").count() == (1_235_813_500, 1_235_814_500)
    assert printed("0").count() == (0, 0)


def test_a_figure_stands_in_its_quote_only_as_a_number_of_its_own() -> None:
    assert stands_in("1,235,814,400", "**1,235,814,400**")
    assert stands_in("0.95", "It is 0.95.")
    assert not stands_in("235,814,400", "1,235,814,400")
    assert not stands_in("1,235", "1,235,814,400")
    assert not stands_in("95", "0.95")


def difference(before: str, after: str, stated: str, **options: Any) -> tuple[str, str]:
    outcome = audit_difference(printed(before), printed(after), printed(stated), **options)
    return outcome.verdict, outcome.arithmetic


@pytest.mark.parametrize(
    ("before", "after", "stated", "options"),
    [
        ("0.5458", "0.9511", "0.4053", {}),
        ("0.5458", "0.9511", "0.4054", {}),  # 0.54575 and 0.95115 differ by 0.4054
        ("0.9511", "0.5458", "0.4053", {}),  # a size
        ("0.9511", "0.5458", "-0.4053", {}),
        ("0.5458", "0.9511", "40.53 %", {}),
        ("54.58", "95.11", "40.53", {}),
        ("54.58", "95.11", "40.53 %", {}),
        ("54.58 %", "95.11 %", "40.53", {}),
        ("54.58 %", "0.9511", "0.4053", {}),
        ("1,235,814,400", "1,235,818,496", "4,096", {}),
        ("0.50", "0.75", "50 %", {"change": "relative"}),
        ("0.50", "0.75", "0.5", {"change": "relative"}),
        ("0.5458", "0.9511", "40.53", {}),  # "by 40.53 points"
        ("0.5458", "0.9511", "74.26 %", {}),  # of what kind the change is, is not said
        ("0.5458", "0.9511", "89.23 %", {}),  # of the errors: (0.9511 − 0.5458) / (1 − 0.5458)
        ("0.5458", "95.11", "0.4053", {}),
        ("54.58", "0.9511", "40.53", {}),
    ],
)
def test_differences_that_hold(before: str, after: str, stated: str, options: dict[str, Any]) -> None:
    assert difference(before, after, stated, **options)[0] == "holds"


@pytest.mark.parametrize(
    ("before", "after", "stated", "options", "remark"),
    [
        ("0.5458", "0.9511", "0.4063", {},
         "0.9511 − 0.5458 = 0.4053; 0.4063 is stated. No rounding of the figures makes the two agree."),
        ("0.9511", "0.5458", "+0.4053", {}, "0.5458 − 0.9511 = −0.4053; +0.4053 is stated. No rounding"),
        ("1,235,814,400", "1,235,818,496", "4,097", {}, "= 4,096; 4,097 is stated"),
        ("0.5458", "0.9511", "74.26 %", {"change": "absolute"},
         "It is the difference as a share of the figure before: (0.9511 − 0.5458) / 0.5458 = 74.26 %."),
        ("0.5458", "0.9511", "40.53 %", {"change": "relative"}, "It is the difference in the scores' own unit"),
    ],
)  # fmt: skip
def test_differences_that_cannot_be(before: str, after: str, stated: str, options: dict[str, Any], remark: str) -> None:
    verdict, arithmetic = difference(before, after, stated, **options)
    assert verdict == "impossible"
    assert remark in arithmetic


def test_figures_whose_digits_were_cut_off_are_not_called_impossible() -> None:
    # 0.78799 − 0.51201 = 0.27598, all three cut off: as rounded numbers 0.787 and 0.512 differ by 0.274 to 0.276
    assert difference("0.51", "0.78", "0.2759")[0] == "holds"
    assert difference("0.512", "0.787", "0.2765")[0] == "cannot be told"
    assert difference("0.512", "0.787", "0.2785")[0] == "impossible"


@pytest.mark.parametrize(
    ("before", "after", "stated", "verdict"),
    [
        ("91,284", "93,119", "1,84", "holds"),  # 93,119 − 91,284 = 1,835
        ("91,284", "93,119", "1,5", "impossible"),
        ("5,120", "4,096", "1,025", "impossible"),  # of counts the comma is one between thousands
        ("66M", "110M", "40%", "cannot be told"),  # (110 − 66) / 110, "40 % smaller"
        ("21.5", "18.3", ">3", "holds"),
        ("0.215", "0.183", "over 3", "holds"),
        ("21.5", "18.3", ">4", "cannot be told"),  # 14.9 %, if it is per cent
        ("21.5", "18.3", ">20", "impossible"),
    ],
)
def test_what_a_difference_may_mean(before: str, after: str, stated: str, verdict: str) -> None:
    assert difference(before, after, stated)[0] == verdict


def test_a_share_of_nothing_says_nothing() -> None:
    assert difference("0.00", "0.75", "75 %", change="relative") == (
        "cannot be told",
        "The figure before is 0.00: a share of it says nothing.",
    )


@pytest.mark.parametrize(
    ("says", "texts", "verdict"),
    [
        ("equal", ["1,235,814,400", "1,235,814,400"], "holds"),
        ("equal", ["1,235,814,400", "1,235,818,496"], "impossible"),
        ("equal", ["0.91", "0.9106"], "holds"),
        ("equal", ["0.91", "0.91", "0.93"], "impossible"),
        ("not_equal", ["1,235,814,400", "1,235,814,400"], "impossible"),
        ("not_equal", ["5", "6"], "cannot be told"),  # scores of 5.5 print as either
        ("not_equal", ["0.91", "0.93"], "holds"),
        ("not_equal", ["0.91", "0.91"], "cannot be told"),  # the digits that were not printed may differ
        ("higher", ["0.5458", "0.9511"], "holds"),
        ("higher", ["0.9511", "0.5458"], "impossible"),
        ("higher", ["0.91", "0.91"], "cannot be told"),
        ("higher", ["0.50", "0.70", "0.60"], "impossible"),
        ("higher", ["54.58 %", "0.9511"], "holds"),
        ("higher", ["0.5458", "95.11"], "holds"),
        ("higher", ["54.58", "0.9511"], "holds"),
        ("lower", ["0.9511", "0.5458"], "holds"),
        ("lower", ["0.5458", "0.9511"], "impossible"),
        ("higher", ["4,096", "4,096"], "impossible"),
        ("equal", ["0.91", "0.9189"], "cannot be told"),  # 0.9189, cut off
        ("higher", ["0.9151", "0.91"], "cannot be told"),
        ("not_equal", ["0.91", "0.9189"], "cannot be told"),
    ],
)
def test_statements(says: Any, texts: list[str], verdict: str) -> None:
    assert audit_statement([(printed(text), "a table") for text in texts], says).verdict == verdict


def test_a_contradiction_is_shown_with_its_figures() -> None:
    outcome = audit_statement([(printed("0.95"), "Table 1: “0.95”"), (printed("0.93"), "Table 2: “0.93”")], "higher")
    assert outcome.arithmetic == (
        "It is said that these rise from one to the next: 0.95 (Table 1: “0.95”); 0.93 (Table 2: “0.93”). "
        "The figures contradict it: 0.95, 0.93 do not."
    )


@pytest.mark.parametrize(
    ("text", "scale", "n", "verdict", "remark"),
    [
        ("0.9106", "0-1", 872, "holds", "794 / 872 = 0.9106"),
        ("91.06", "0-100", 872, "holds", "100 × 794 / 872 = 91.06"),
        ("91.06 %", "0-1", 872, "holds", "794 / 872 = 91.06 %"),
        ("0.91", "0-1", 872, "holds", "790 / 872 = 0.91, and so on to 797 / 872 = 0.91"),
        ("0.9106", "0-1", 871, "impossible", "no whole number of 871 items: 793 / 871 = 0.9104, 794 / 871 = 0.9116"),
        ("0.9105", "0-1", 872, "cannot be told", "With further digits cut off, not rounded, it is 794 / 872."),
        ("91.06", "0-1", None, "impossible", "does not lie from 0 to 1. From 0 to 100 it does: the scales are mixed"),
        ("101.0", "0-100", None, "impossible", "101.0 does not lie from 0 to 100."),
        ("-0.2", "0-1", None, "impossible", "-0.2 does not lie from 0 to 1."),
        ("0.9106", "0-100", 872, "impossible", "From 0 to 1 it is: 794 / 872 = 0.9106; the scales are mixed up."),
        ("0.91", "0-100", None, "cannot be told", "so small a score looks like one from 0 to 1"),
        ("55.2", "0-100", None, "holds", "55.2 lies from 0 to 100."),
        ("1.0", "0-1", 10, "holds", "10 / 10 = 1.0"),
        (
            "0.9105504751205444",
            "0-1",
            872,
            "cannot be told",
            "With the arithmetic of single or half precision, it is 794",
        ),
        ("0.91015625", "0-1", 872, "cannot be told", "With the arithmetic of single or half precision, it is"),
        ("91,055", "0-100", 872, "holds", "100 × 794 / 872"),  # a decimal comma, as in German or French
        ("-0.02", "-1-1", None, "holds", "-0.02 lies from −1 to 1."),  # Matthews' coefficient
        ("60.5", "-100-100", None, "holds", "60.5 lies from −100 to 100."),
        ("-1.2", "-1-1", None, "impossible", "-1.2 does not lie from −1 to 1."),
    ],
)
def test_bounds(text: str, scale: Any, n: int | None, verdict: str, remark: str) -> None:
    outcome = audit_bounded(printed(text), scale=scale, n=n)
    assert outcome.verdict == verdict
    assert remark in outcome.arithmetic
