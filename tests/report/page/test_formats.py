"""How facts are shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from report.facts.values import missing
from report.page.formats import FILTERS, code, decimals, escape, in_markdown
from tests.report.some_facts import known


@pytest.mark.parametrize(
    ("value", "unit", "sign", "text"),
    [
        (0.84512, "proportion", False, "0.845"),
        (90.0, "points", False, "90.00"),
        (0.3333, "share", False, "33.3 %"),
        (-0.0504, "coefficient", True, "−0.050"),
        (0.05, "proportion", True, "+0.050"),
        (0.0, "proportion", True, "0.000"),
        (-0.0, "points", True, "0.00"),
        # Rounding may not hide on which side of 0 an interval ends.
        (0.0002, "proportion", True, "+0.0002"),
        (-0.0001, "share", False, "−0.01 %"),
    ],
)
def test_numbers(value: float, unit: str, sign: bool, text: str) -> None:
    assert decimals(value, unit, sign=sign) == text


def test_filters_show_what_is_missing_and_refuse_what_is_no_fact() -> None:
    assert FILTERS["number"](missing("it was | not scored")) == "missing (it was \\| not scored)"
    assert FILTERS["count"](known(1235814400, "count")) == "1,235,814,400"
    assert FILTERS["duration"](known(3725.2, "seconds")) == "1 h 2 min"
    assert FILTERS["duration"](known(59.96, "seconds")) == "60.0 s"
    assert FILTERS["size"](known(1_500_000_000, "bytes")) == "1.50 GB"
    assert FILTERS["interval"](known(1, "proportion", no_interval="no interval: one cluster")) == ("(no interval)")
    with pytest.raises(TypeError):
        FILTERS["number"](0.5)
    with pytest.raises(TypeError, match="reason takes a fact that is missing"):
        FILTERS["reason"](known("there"))
    for bare in (0.5, 1, None, True, {"value": 1}, known(1, "count")):
        with pytest.raises(TypeError):
            in_markdown(bare)


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_any_text_stays_text_within_a_table(text: str) -> None:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(f"| a | b |\n|---|---|\n| x{escape(text)}x | y |\n")
    cells = [token for token in tokens if token.type == "inline"]
    assert len(cells) == 4
    assert {child.type for child in cells[2].children or []} <= {"text", "text_special"}
    shown = "".join(child.content for child in cells[2].children or [])
    assert shown.split() == f"x{text}x".replace("\x7f", " ").split() or any(ord(c) < 32 for c in text)


def test_code_that_could_break_out_is_text() -> None:
    assert code("reviews_demo") == "`reviews_demo`"
    assert code("a`b") == "a\\`b"
    assert code("a|b") == "a\\|b"
