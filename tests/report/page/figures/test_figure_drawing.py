"""A drawing is well-formed SVG that loads nothing, in the reader's colours, whatever its words are."""

import re
from xml.etree import ElementTree

import pytest

from report.page.figures.drawing import BLUE, ORANGE, Drawing
from report.page.figures.plot import Plot, Scale, scale

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</text></svg><svg onload=alert(1)>",
    "$\\frac{1}{2}$ and $x$",
    "{{ 7 * 7 }}",
    "--> <!-- ]]>",
    "&amp; &#x41; &unknown;",
    "two\nlines\tand \x00 control",
    "\u202eright to left\u202c",
    "模型 🤖",
    'font-family: a; id="b" 0.123456 1.50000 #010203 transform="rotate(-0 1 1)" </g> DejaVu',
]


def drawn(*words: str) -> str:
    drawing = Drawing(100)
    drawing.line([(10, 20), (30, 20)], dashes=(4, 3), width=2, colour=ORANGE)
    drawing.boxes([(10, 30, 5, 6)], colour=BLUE, opacity=0.5)
    drawing.dot((50, 60), hollow=True)
    drawing.ribbon(((0, 0), (0, 10)), ((100, 20), (100, 40)))
    for turn, text in enumerate(words):
        drawing.text((7, 15 + turn), text, anchor="middle", bold=True)
    return drawing.svg("one", " & ".join(words), "; ".join(words))


@pytest.mark.parametrize("words", HOSTILE)
def test_words_stay_words(words: str) -> None:
    root = ElementTree.fromstring(drawn(words))
    one_line = " ".join(re.sub(r"[\s\x00-\x1f]+", " ", words).split())
    assert [element.text for element in root.iter(f"{SVG}text")] == [one_line]
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == {
        "svg", "style", "title", "desc", "g", "path", "text",
    }  # fmt: skip


def test_it_says_what_it_is_and_takes_the_readers_colour() -> None:
    svg = drawn("a word")
    root = ElementTree.fromstring(svg)
    assert (root.get("role"), root.get("aria-labelledby")) == ("img", "one-title one-desc")
    assert {element.get("id"): element.text for element in root if element.get("id")} == {
        "one-title": "a word",
        "one-desc": "a word",
    }
    assert set(re.findall(r"#[0-9a-f]{6}", re.sub(r"<style>.*?</style>", "", svg))) == {BLUE, ORANGE}
    assert "currentColor" in svg
    assert not re.search(r"url\(|href|<image|@import|DejaVu|<!--|xlink", svg)
    assert drawn("a word") == svg


def test_strokes_lie_where_they_were_drawn_from_the_upper_left_corner() -> None:
    svg = drawn("a word")
    assert 'viewBox="0 0 560 100"' in svg
    assert 'd="M 10 20 L 30 20"' in svg
    assert "stroke-dasharray: 4,3" in svg
    assert 'd="M 10 30 L 15 30 L 15 36 L 10 36 z"' in svg
    assert 'd="M 0 0 C 50 0 50 20 100 20 L 100 40 C 50 40 50 10 0 10 z"' in svg
    text = re.search(r"<text [^>]*>", svg)
    assert text is not None
    assert 'x="7" y="15"' in text[0]
    assert "text-anchor: middle" in text[0]


def test_a_long_name_is_written_smaller() -> None:
    drawing = Drawing(30)
    drawing.text((0, 10), "x" * 10, within=72)
    drawing.text((0, 20), "x" * 15, within=72)
    drawing.text((0, 30), "x" * 500, within=72)
    sizes = re.findall(r"font-size: ([\d.]+)px", drawing.svg("a", "a", "a"))
    assert sizes == ["12", "8", "7"]


def test_an_axis_spans_its_values_from_tick_to_tick() -> None:
    assert scale([0.0, 4.66]).ticks == (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)
    tight = scale([1, 125], whole=True, tight=True)
    assert (tight.lower, tight.upper, tight.ticks) == (1, 125, (25.0, 50.0, 75.0, 100.0, 125.0))
    assert scale([3.0, 3.0]).lower <= 3.0 < scale([3.0, 3.0]).upper
    assert scale([-0.4, 0.4]).words() == ["−0.4", "−0.2", "0.0", "0.2", "0.4"]


def test_a_plot_places_values_between_its_axes() -> None:
    plot = Plot(Drawing(250), 250, Scale(0, 10, ()), Scale(0, 4, ()))
    assert plot.at(0, 0) == (52, 206)
    assert plot.at(10, 4) == (544, 34)
    assert plot.at(5, 1) == (298, 163)
    assert plot.at(-3, 9) == (52, 34)
