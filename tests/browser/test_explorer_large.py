"""A study of the assignment's size: what the speed of its page hangs on."""

import json
from pathlib import Path
from typing import Any

import pytest
from large_study import PASSAGES, write_large_study

from report.page.explorer import explorer
from report.page.explorer.page import LARGEST
from tests.browser.opened import opened_explorer
from tests.report.page.explorer.explorer_pages import write_page

ITEMS = 13_470

_SAID = """(act) => {
  new Function(act)();
  return document.querySelector(".count .status").textContent;
}"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a large study."""
    folder = tmp_path_factory.mktemp("large")
    return write_page(folder / "page", explorer(write_large_study(folder, items=ITEMS), folder))


def test_its_items_lie_in_the_page_itself(made: Path) -> None:
    assert 3_000_000 < made.stat().st_size < LARGEST
    assert not (made.parent / "items").exists()


def test_it_loads(made: Path, browser_page: Any, noticed: Any) -> None:
    opened_explorer(browser_page, made)
    browser_page.wait_for_selector(".row .told")  # texts are there, not only the index
    assert browser_page.locator(".count .status").inner_text() == f"{2 * ITEMS:,} of {2 * ITEMS:,} items"
    assert noticed.errors == []


def test_a_choice_waits_for_nothing_and_draws_what_is_in_sight(made: Path, browser_page: Any) -> None:
    """What was found is said within one task of the browser, so no text was unpacked for it, and few rows are drawn."""
    opened_explorer(browser_page, made)
    everything = 2 * ITEMS
    acts = {
        'document.querySelector(".chip.broken input").click()': lambda n: 0 < n < everything,
        'document.querySelector(".chip.all input").click()': lambda n: n == everything,
        _chosen("Task", PASSAGES): lambda n: n == ITEMS,
        _chosen("Label", "unanswerable"): lambda n: 0 < n < ITEMS,
        _chosen("Overlap", "none"): lambda n: 0 < n < ITEMS,
        _chosen("Order", "loss"): lambda n: 0 < n < ITEMS,
        'document.querySelector(".finder button").click()': lambda n: n == everything,
        _chosen("Order", "gain"): lambda n: n == everything,
    }
    for act, holds in acts.items():
        said = str(browser_page.evaluate(_SAID, act))
        assert holds(int(said.split()[0].replace(",", ""))), (act, said)
        assert browser_page.locator(".row").count() < 40


def test_a_search_goes_through_the_texts_of_all_items(made: Path, browser_page: Any) -> None:
    opened_explorer(browser_page, made)
    browser_page.fill("#explorer input[type=search]", "no such word")
    browser_page.get_by_text(f"0 of {2 * ITEMS:,} items", exact=True).wait_for()
    browser_page.fill("#explorer input[type=search]", "keringer")
    browser_page.locator(".row mark, .row .told").first.wait_for()
    assert browser_page.locator(".row").count() < 40


def _chosen(label: str, value: str) -> str:
    return f"""
      const labels = [...document.querySelectorAll(".fields label")];
      const select = labels.find((label) => label.textContent.startsWith({json.dumps(label)})).querySelector("select");
      select.value = {json.dumps(value)};
      select.dispatchEvent(new Event("change"));
    """


def test_scrolling_draws_only_the_rows_in_sight(made: Path, browser_page: Any) -> None:
    opened_explorer(browser_page, made)
    browser_page.evaluate('document.querySelector(".list").scrollTop = 1e6')
    browser_page.locator(f'.row[aria-posinset="{1_000_000 // 72 + 1}"]').wait_for()  # drawn in a frame to come
    assert browser_page.locator(".row").count() < 40
    places = [int(row.get_attribute("aria-posinset") or 0) for row in browser_page.locator(".row").all()]
    assert 1 in places  # the active one, which assistive technology has to find
