"""A drawing is well-formed SVG that loads nothing, in the reader's colours, whatever its words are."""

import re
from xml.etree import ElementTree

import pytest

from report.page.figures.drawing import BLUE, GREEN, ORANGE, WIDTH, Drawing
from report.page.figures.plot import Plot, Scale, logarithmic_scale, scale

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
    assert 'viewBox="0 0 480 100" width="480"' in svg
    assert 'd="M 10 20 L 30 20"' in svg
    assert "stroke-dasharray: 4,3" in svg
    assert 'd="M 10 30 L 15 30 L 15 36 L 10 36 z"' in svg
    assert 'd="M 0 0 C 50 0 50 20 100 20 L 100 40 C 50 40 50 10 0 10 z"' in svg
    text = re.search(r"<text [^>]*>", svg)
    assert text is not None
    assert 'x="7" y="15"' in text[0]
    assert "text-anchor: middle" in text[0]


def test_a_long_name_loses_its_middle_and_stays_legible_on_a_phone() -> None:
    """A letter is 0.6 of 12.5 pixels wide: of 72 pixels there are 9, an ellipsis among them."""
    drawing = Drawing(30)
    for turn, name in enumerate(("x" * 9, "abcd" * 5, "organisation/model-7b")):
        drawing.text((0, 10 * turn + 10), name, within=72)
    svg = drawing.svg("a", "a", "a")
    assert re.findall(r">([^<]*)</text>", svg) == ["xxxxxxxxx", "abcd…abcd", "orga…l-7b"]
    sizes = [float(size) for size in re.findall(r"font-size: ([\d.]+)px", svg)]
    assert min(sizes) * 350 / WIDTH >= 9  # a drawing on a screen of 390 pixels


def test_a_drawing_alone_has_the_paper_that_its_ink_is_made_for() -> None:
    style = re.search(r"<style>(.*?)</style>", drawn("a word"))
    assert style is not None
    assert style[1] == (
        "svg{color:#1f2328;background:#fff}@media (prefers-color-scheme:dark){svg{color:#e6edf3;background:#0f1419}}"
    )


def _luminance(colour: str) -> float:
    """Of WCAG 2.2, from 0 to 1."""
    shares = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", [BLUE, ORANGE, GREEN])
@pytest.mark.parametrize("paper", ["#ffffff", "#0f1419"])
def test_colours_stand_out_from_light_and_dark_paper(colour: str, paper: str) -> None:
    """At least 3 to 1, which WCAG 2.2 asks of graphics."""
    lighter, darker = sorted((_luminance(colour), _luminance(paper)), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 3


def test_an_axis_spans_its_values_from_tick_to_tick() -> None:
    assert scale([0.0, 4.66]).ticks == (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)
    tight = scale([1, 125], whole=True, tight=True)
    assert (tight.lower, tight.upper, tight.ticks) == (1, 125, (25.0, 50.0, 75.0, 100.0, 125.0))
    assert scale([3.0, 3.0]).lower < 3.0 < scale([3.0, 3.0]).upper
    assert scale([-0.4, 0.4]).words() == ["−0.4", "−0.2", "0.0", "0.2", "0.4"]


def test_a_plot_places_values_between_its_axes() -> None:
    plot = Plot(Drawing(250), 250, Scale(0, 10, ()), Scale(0, 4, ()))
    assert plot.at(0, 0) == (52, 202)
    assert plot.at(10, 4) == (464, 36)
    assert plot.at(5, 1) == (258, 160.5)
    assert plot.at(-3, 9) == (52, 36)


def test_a_logarithmic_axis_has_round_numbers_as_far_apart_as_their_factors() -> None:
    axis = logarithmic_scale([25.7, 340])
    assert axis.ticks == (20, 50, 100, 200, 500)
    assert axis.words() == ["20", "50", "100", "200", "500"]
    assert axis.share(100) == pytest.approx(0.5)  # 5 times 20, a fifth of 500
    assert logarithmic_scale([2e5, 7e9]).ticks == (1e5, 1e6, 1e7, 1e8, 1e9, 1e10)
    assert logarithmic_scale([10, 10]).ticks == (10,)
