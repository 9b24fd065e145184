"""How much stands in sight: nothing twice, no long paragraph, no wide table, and a short analysis."""

import re
from collections import Counter
from pathlib import Path

import pytest

from report.page.build import build_report
from tests.oracle.random_facts import many_seeds, several_methods
from tests.report.page.visible import section, visible, visible_lines, words
from tests.report.synthetic import folder_of, write_study

DEMO = Path(__file__).resolve().parents[3] / "docs" / "demo" / "report.md"
STUDIES = {"plain": write_study, "several methods": several_methods, "many seeds": many_seeds}


@pytest.fixture(scope="module", params=["demo", *STUDIES])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param == "demo":
        return DEMO.read_text(encoding="utf-8")
    study = STUDIES[request.param](tmp_path_factory.mktemp("study"))
    build_report(study, output=folder_of(study))
    return (folder_of(study) / "report.md").read_text(encoding="utf-8")


def test_no_visible_sentence_stands_twice(page: str) -> None:
    prose = [block.text for block in visible(page) if block.kind in ("text", "item", "quote")]
    sentences = Counter(one for text in prose for one in re.split(r"(?<=[.:])\s+(?=[A-Z])", text))
    twice = {one: times for one, times in sentences.items() if times > 1 and not one.startswith("Sources")}
    assert len(sentences) > 10
    assert not {one for one in twice if one != "Warning."}


def test_no_visible_paragraph_has_more_than_ninety_words(page: str) -> None:
    assert max(len(words(block)) for block in visible(page) if block.kind in ("text", "item", "quote")) <= 90


def test_no_visible_table_has_more_than_seven_columns(page: str) -> None:
    tables = [block for block in visible(page) if block.kind == "table"]
    assert len(tables) >= 5
    assert max(len(block.rows[0]) for block in tables) <= 7


def test_the_demo_is_short() -> None:
    """At most 260 lines in sight, and an analysis of at most 300 words, its tables counted too."""
    text = DEMO.read_text(encoding="utf-8")
    analysis = section(visible(text), "Answer 7")
    assert len(visible_lines(text)) <= 260
    assert 50 < sum(len(words(block)) for block in analysis) <= 300
