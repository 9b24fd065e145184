"""The real page in Chromium, from disk: it asks for nothing, complains of nothing, and numbers tell their source."""

from pathlib import Path
from typing import Any

import pytest


def test_it_asks_for_nothing_and_complains_of_nothing(opened: Any, noticed: Any, report_file: Path) -> None:
    assert noticed.requests == [report_file.as_uri()]
    assert noticed.errors == []
    assert opened.title() == "A trial"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_axe_finds_nothing_closed_and_opened(opened: Any, axe: str, scheme: str, width: int) -> None:
    opened.set_viewport_size({"width": width, "height": 900})
    opened.emulate_media(color_scheme=scheme)
    opened.hover(".n >> nth=0")
    opened.wait_for_selector("#note:not([hidden])")
    assert _violations(opened, axe) == []
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")
    opened.get_by_role("button", name="Open all").click()
    assert _violations(opened, axe) == []
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")


def _violations(page: Any, axe: str) -> list[Any]:
    page.evaluate(axe)
    # What it passed is thousands of nodes, which take seconds to come over.
    found = page.evaluate("axe.run().then((found) => found.violations)")
    return [(rule["id"], [node["html"][:120] for node in rule["nodes"]]) for rule in found]


def test_a_number_tells_where_it_comes_from(opened: Any) -> None:
    score = opened.locator("main table").first.locator("td:nth-child(4) .n").first
    score.hover()
    note = opened.locator("#note")
    note.wait_for(state="visible")
    assert note.locator(".value").inner_text() == score.inner_text()
    said = note.inner_text()
    for part in ("95 % [", "items\n40", "clusters\n20", "scores/base/reviews/results.json", "in facts.json"):
        assert part in said, part
    opened.keyboard.press("Escape")
    note.wait_for(state="hidden")


def test_numbers_of_a_table_are_one_stop_of_the_tab_key(opened: Any) -> None:
    cell = opened.locator("table .n[tabindex='0']").first
    cell.focus()
    opened.locator("#note").wait_for(state="visible")
    before = opened.evaluate("document.activeElement.dataset.n")
    opened.keyboard.press("ArrowRight")
    assert opened.evaluate("document.activeElement.className.includes('n')")
    assert opened.evaluate("document.activeElement.dataset.n") != before
    opened.keyboard.press("Enter")
    assert opened.evaluate("document.activeElement.textContent") == "Copy"
    opened.keyboard.press("Escape")
    assert opened.evaluate("document.activeElement.className.includes('n')")


def test_the_reader_may_choose_light_or_dark(opened: Any) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    light = opened.evaluate(paper)
    opened.get_by_role("button", name="Dark page").click()
    assert opened.evaluate(paper) != light
    assert opened.get_by_role("button", name="Light page").is_visible()
    opened.reload()
    assert opened.evaluate(paper) != light


def test_it_prints(opened: Any) -> None:
    pdf = opened.pdf(format="A4")
    assert pdf.startswith(b"%PDF")
    opened.emulate_media(media="print")
    assert not opened.locator("nav").is_visible()
    assert opened.locator("h1").is_visible()
    assert opened.locator("#explorer .explorer-print").is_visible()


def test_it_reads_without_scripts(report_file: Path, chromium: Any) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report_file.as_uri())
    assert page.locator("h2").count() >= 10
    assert page.locator(".explorer-without").is_visible()
    sources = page.locator("details", has_text="Every file that a number comes from").last
    sources.locator("summary").click()
    assert "scores/base/reviews/results.json" in sources.inner_text()
    context.close()
