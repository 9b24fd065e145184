"""What a number tells of itself: notes carry the fact's own source, and nothing of a page can break out of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from report.page.number_notes import CLOSE, MIDDLE, OPEN, Notes, marked_up, script_text, unmarked
from report.page.render import render
from tests.oracle import check
from tests.oracle.page import read_page
from tests.report.synthetic import folder_of, typed, write_study

NOWHERE = Path("nowhere")
"""A folder without sample files."""


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    from report.page.build import build_report

    study = write_study(tmp_path_factory.mktemp("notes"))
    build_report(study, output=folder_of(study))
    read: dict[str, Any] = json.loads((folder_of(study) / "facts.json").read_text())
    return read


def table(html: str) -> list[dict[str, str]]:
    found = json.loads(read_page(html).scripts[0])
    return [{key: found["texts"][i] for key, i in entry.items()} for entry in found["notes"]]


def test_a_score_tells_its_place_items_interval_method_signature_and_command(facts: dict[str, Any]) -> None:
    page = render(typed(facts), NOWHERE)["report.html"]
    place = "/tasks/0/comparisons/0/scores/0/difference"
    score = facts["tasks"][0]["comparisons"][0]["scores"][0]
    note = next(entry for entry in table(page) if entry["fact"] == place)
    assert note["file"] == score["difference"]["source"]["file"] == "scores/reviews-lora-seed1/reviews/samples.jsonl"
    assert (note["items"], note["clusters"]) == ("40", "20")
    assert note["interval"].startswith("95 % [+")
    assert note["method"] == score["difference"]["interval"]["method"]
    assert note["signature"] == facts["tasks"][0]["ranges"][0]["signature"]["value"]
    assert "command" in note


def test_every_numeral_of_a_table_of_scores_has_a_note(facts: dict[str, Any]) -> None:
    page = read_page(render(typed(facts), NOWHERE)["report.html"])
    scores = next(block for block in page.blocks if block.kind == "table" and "difference" in block.rows[0][3:4])
    shown = {text for _, text in page.noted}
    for cell in scores.rows[1][1:]:
        assert any(cell.startswith(text) for text in shown), cell


def test_marks_are_gone_from_both_pages(facts: dict[str, Any]) -> None:
    for name, text in render(typed(facts), NOWHERE).items():
        assert not set(text) & {OPEN, MIDDLE, CLOSE}, name


def test_a_text_that_looks_like_a_mark_marks_nothing(tmp_path: Path) -> None:
    from report.page.build import build_report

    study = write_study(tmp_path, title=f"A {OPEN}0{MIDDLE}99 %{CLOSE} better model", authors=[
        {"name": f"`{OPEN}0{MIDDLE}1{CLOSE}", "did": f"{OPEN}1{MIDDLE}7{CLOSE}"}
    ])  # fmt: skip
    build_report(study, output=folder_of(study))
    page = (folder_of(study) / "report.html").read_text()
    assert not set(page) & {OPEN, MIDDLE, CLOSE}
    assert ">99 %</span>" not in page


def test_verify_reads_the_notes(facts: dict[str, Any]) -> None:
    page = render(typed(facts), NOWHERE)["report.html"]
    assert not check(page, facts)
    forged = page.replace(',"40",', ',"4000",', 1)
    assert forged != page
    assert any("items: 4000" in problem.found for problem in check(forged, facts))
    elsewhere = page.replace("/samples.jsonl", "/other.jsonl", 1)
    assert any("other.jsonl" in problem.found for problem in check(elsewhere, facts))
    moved = page.replace('data-n="0"', 'data-n="2"', 1)
    assert any("with note 2" in problem.found for problem in check(moved, facts))
    scripted = page.replace('"use strict";', '"use strict"; document.body.textContent = "It improves.";')
    assert any("a script: " in problem.found for problem in check(scripted, facts))


def test_no_text_ends_the_script_element() -> None:
    text = script_text({"a": "</script><script>alert(1)</script><!-- &\u2028"})
    assert "<" not in text
    assert "\u2028" not in text
    assert json.loads(text) == {"a": "</script><script>alert(1)</script><!-- &\u2028"}


def test_marks_become_elements_or_go() -> None:
    text = f"from {OPEN}0{MIDDLE}0.5{CLOSE} to {OPEN}1{MIDDLE}0.7{CLOSE}"
    assert unmarked(text) == "from 0.5 to 0.7"
    assert marked_up(text) == 'from <span class="n" data-n="0">0.5</span> to <span class="n" data-n="1">0.7</span>'


def test_what_is_no_fact_of_the_page_is_not_marked(facts: dict[str, Any]) -> None:
    notes = Notes(typed(facts))
    assert notes.mark(3, "3") == "3"
    assert notes.mark({"missing": "why"}, "missing (1)") == "missing (1)"
