"""What the page folds away, its contents and its long tables, in Chromium: by pointer, by keys, on paper, by links."""

import re
from pathlib import Path
from typing import Any

from tests.browser.opened import opened_page
from tests.report.synthetic import REVIEWS

CLOSED = "[...document.querySelectorAll('main details:not([open])')].length"
ACTIVE = "document.activeElement"


def test_everything_is_opened_and_closed_by_one_button(opened: Any) -> None:
    folds = opened.locator("main details").count()
    assert opened.evaluate(CLOSED) > 10
    opened.get_by_role("button", name="Open all").click()
    assert opened.evaluate(CLOSED) == 0
    opened.get_by_role("button", name="Close all").click()
    assert opened.evaluate(CLOSED) >= folds - 1  # the explorer's own filters stay as they were
    assert opened.get_by_role("button", name="Open all").is_visible()


def test_paper_shows_what_is_folded_and_the_screen_has_it_folded_again(opened: Any) -> None:
    opened.locator("main summary").first.click()
    before = opened.evaluate(CLOSED)
    state = "[...document.querySelectorAll('main details')].map((fold) => fold.open)"
    was = opened.evaluate(state)
    opened.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert opened.evaluate(CLOSED) == 0
    opened.emulate_media(media="print")
    assert opened.get_by_text("SHA-256 of the weights").is_visible()
    opened.emulate_media(media="screen")
    opened.evaluate("dispatchEvent(new Event('afterprint'))")
    assert (opened.evaluate(CLOSED), opened.evaluate(state)) == (before, was)
    opened.get_by_role("button", name="Open all").click()
    for event in ("beforeprint", "afterprint"):
        opened.evaluate("(name) => dispatchEvent(new Event(name))", event)
    assert opened.evaluate(CLOSED) == 0
    assert opened.get_by_role("button", name="Close all").is_visible()


def test_the_contents_mark_the_part_that_is_read(opened: Any) -> None:
    marked = opened.locator("nav a[aria-current]")
    links = opened.locator("nav ul a")
    names = [link.get_attribute("href") for link in links.all()]
    assert len(names) >= 10
    assert marked.count() <= 1
    for name in names:  # by a click, to the very end of the page
        opened.locator(f"nav a[href='{name}']").click()
        opened.locator(f"nav a[href='{name}'][aria-current]").wait_for()
        assert marked.count() == 1
    opened.evaluate("scrollTo({top: 0, behavior: 'instant'})")
    opened.locator(f"nav a[href='{names[-1]}']:not([aria-current])").wait_for()
    opened.evaluate("(at) => document.querySelector(at).scrollIntoView({behavior: 'instant'})", names[3])
    opened.locator(f"nav a[href='{names[3]}'][aria-current]").wait_for()
    assert marked.count() == 1


def test_on_a_phone_the_contents_are_a_button(opened: Any) -> None:
    opened.set_viewport_size({"width": 390, "height": 844})
    button = opened.get_by_role("button", name="Contents")
    link = opened.locator("nav ul a").nth(3)
    assert button.get_attribute("aria-expanded") == "false"
    assert not link.is_visible()
    button.focus()
    opened.keyboard.press("Enter")
    assert button.get_attribute("aria-expanded") == "true"
    for _ in range(4):
        opened.keyboard.press("Tab")
    opened.keyboard.press("Enter")
    assert not link.is_visible()
    assert opened.evaluate("location.hash") == "#answer-4"
    opened.set_viewport_size({"width": 1280, "height": 900})
    assert not button.is_visible()
    assert link.is_visible()


def test_a_long_table_is_sorted_by_its_numbers(opened: Any) -> None:
    opened.get_by_role("button", name="Open all").click()
    head = opened.get_by_role("columnheader", name="normalised score, base")
    table = opened.locator("main table", has=head).filter(has_text="unanswerable").first
    rows = table.locator("tbody tr")
    assert rows.count() == 11

    def shown(column: int) -> list[str]:
        return [text.strip() for text in table.locator(f"tbody tr td:nth-child({column})").all_inner_texts()]

    before = shown(1)
    # By hand: −50, 0, 0, 16.7, 25, 25, 49.6 and 50 % stand there, and three are missing.
    table.get_by_role("button", name="normalised score, base").click()
    numbers = ["−50.0 %", "0.0 %", "0.0 %", "16.7 %", "25.0 %", "25.0 %", "49.6 %", "50.0 %"]
    assert shown(5)[:8] == numbers
    assert all(text.startswith("missing") for text in shown(5)[8:])
    sorted_head = table.get_by_role("columnheader", name="normalised score, base")
    assert sorted_head.get_attribute("aria-sort") == "ascending"
    sorted_head.get_by_role("button").focus()
    opened.keyboard.press("Enter")
    assert shown(5)[3:] == numbers[::-1]
    assert sorted_head.get_attribute("aria-sort") == "descending"
    # A p-value too small to be shown is the smallest; thousands have commas.
    rows.nth(4).locator("td").nth(1).evaluate("(cell) => (cell.textContent = '<0.0001')")
    rows.nth(5).locator("td").nth(1).evaluate("(cell) => (cell.textContent = '1,000')")
    table.get_by_role("button", name="p-value").click()
    assert (shown(2)[:2], shown(2)[-2:]) == (["<0.0001", "0.0039"], ["1.000", "1,000"])
    assert sorted_head.get_attribute("aria-sort") is None
    table.get_by_role("button", name="metric").click()
    assert shown(1) == sorted(before, key=lambda text: text.lower().replace("-", ""))
    short = opened.locator("main table").first
    assert short.locator("tbody tr").count() <= 10
    assert short.get_by_role("button").count() == 0


def test_a_link_to_an_item_opens_the_explorers_fold(opened: Any, report_file: Path) -> None:
    fold = opened.locator("#explorer-fold")
    assert fold.get_attribute("open") is None
    opened.evaluate(f"location.hash = '#item={REVIEWS}/7'")
    opened.locator("#explorer-tool .detail h3", has_text="item 7").wait_for()
    assert fold.get_attribute("open") is not None
    opened.goto("about:blank")
    opened_page(opened, report_file, f"#item={REVIEWS}/12")
    opened.locator("#explorer-tool .detail h3", has_text="item 12").wait_for()
    assert opened.evaluate(f"{ACTIVE}.className") == "detail"


def test_keys_alone_open_a_fold_and_reach_the_note_of_a_number_in_it(opened: Any) -> None:
    for _ in range(60):
        opened.keyboard.press("Tab")
        said = opened.evaluate(f"{ACTIVE}.matches('main summary') && {ACTIVE}.textContent")
        if said and re.search("size, source and hashes", said):
            break
    else:
        raise AssertionError("no summary was reached")
    opened.keyboard.press("Enter")
    for _ in range(6):
        opened.keyboard.press("Tab")
        if opened.evaluate(f"{ACTIVE}.matches('details[open] .n')"):
            break
    else:
        raise AssertionError("no number within the fold was reached")
    opened.locator("#note").wait_for(state="visible")
    assert opened.locator("#note .value").inner_text() == opened.evaluate(f"{ACTIVE}.innerText")
    opened.keyboard.press("Enter")
    opened.keyboard.press("Escape")
    opened.locator("#note").wait_for(state="hidden")
    assert opened.evaluate(f"{ACTIVE}.matches('details[open] .n')")
