"""The explorer in Chromium: what it shows of the synthetic study, by filters, words, keys and links.

Reviews: 19 of the 40 items are fixed, 1 broken, 19 right and 1 wrong on both sides. Passages: of the 30 items 18 are
fixed, 1 broken, 9 right and 2 wrong on both sides.
"""

import copy
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from report.page.explorer import explorer
from tests.browser.opened import opened_explorer, opened_page
from tests.report.page.explorer.explorer_pages import write_page
from tests.report.synthetic import PASSAGES, REVIEWS, typed


@pytest.fixture
def shown(study_folder: Path, facts: dict[str, Any], tmp_path: Path, browser_page: Any) -> Any:
    """A page with the synthetic study's items, ready to be used."""
    return opened_explorer(browser_page, write_page(tmp_path, explorer(typed(facts), study_folder)))


def _status(page: Any) -> str:
    return str(page.locator(".count .status").inner_text())


def _wait(page: Any, status: str) -> None:
    page.locator(".count .status", has_text=re.compile(f"^{status}$")).wait_for()


def _choose(page: Any, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label, exact=True).select_option(label=option)


def _move(page: Any, name: str) -> None:
    page.locator(f".chip.{name}").click()


def _title(page: Any) -> str:
    return str(page.locator(".detail h3").inner_text())


def test_a_page_from_disk_asks_for_nothing_and_complains_of_nothing(shown: Any, noticed: Any) -> None:
    assert noticed.requests == [shown.url]
    assert noticed.errors == []
    assert _status(shown) == "70 of 70 items"
    assert shown.locator(".explorer-without").is_hidden()


def test_it_counts_what_was_fixed_and_broken(shown: Any) -> None:
    chips = [chip.inner_text().split() for chip in shown.locator(".chip").all()]
    counts = {" ".join(words[-3:-1] if words[-3:-2] == ["both"] else words[-2:-1]): int(words[-1]) for words in chips}
    assert counts == {
        "all": 70,
        "fixed": 19 + 18,
        "broken": 1 + 1,
        "both correct": 19 + 9,
        "both wrong": 1 + 2,
        "better": 37,
        "worse": 2,
    }


@pytest.mark.parametrize(
    ("choices", "move", "expected"),
    [
        ({"Task": REVIEWS}, "fixed", 19),
        ({"Task": REVIEWS}, "both-wrong", 1),
        ({"Task": PASSAGES}, "fixed", 18),
        ({"Task": PASSAGES}, "worse", 1),
        ({"Checkpoint": f"{PASSAGES}-lora-seed1"}, "both-correct", 9),
        ({"Label": "fresh"}, "broken", 1),  # ALWAYS_POSITIVE was right there, TWO_WRONG is not
        ({"Label": "fresh"}, "fixed", 0),
        ({"Label": "rotten"}, "fixed", 19),
        ({"Label": "unanswerable"}, "all", 10),
        ({"Label": "answerable"}, "all", 20),
        ({"Overlap with training": "some"}, "all", 4 + 4),
        ({"Overlap with training": "identical"}, "all", 1 + 1),
        ({"Overlap with training": "none", "Task": REVIEWS}, "all", 36),
    ],
)
def test_filters(shown: Any, choices: dict[str, str], move: str, expected: int) -> None:
    for label, option in choices.items():
        _choose(shown, label, option)
    _move(shown, move)
    assert _status(shown) == f"{expected} of 70 items"
    assert shown.locator(".left .nothing").is_visible() == (expected == 0)
    shown.get_by_role("button", name="Clear all").click()
    assert _status(shown) == "70 of 70 items"


def test_lengths_are_those_of_the_tokens(shown: Any) -> None:
    shown.get_by_label("Prompt length from").fill("31")  # every prompt has 30
    assert _status(shown) == "0 of 70 items"
    shown.get_by_label("Prompt length from").fill("30")
    shown.get_by_label("Prompt length to").fill("30")
    assert _status(shown) == "70 of 70 items"


def test_a_search_finds_words_of_prompts_and_answers_and_marks_them(shown: Any) -> None:
    shown.get_by_label("Search").fill("  ITEM 12 of the ")
    _wait(shown, "1 of 70 items")
    assert _title(shown).endswith("reviews, item 12")
    assert [mark.inner_text() for mark in shown.locator(".detail mark").all()] == ["item 12 of the"]
    shown.get_by_label("Search").fill("unanswerable")
    _wait(shown, "11 of 70 items")  # 10 have it as the gold answer, one more as an answer
    shown.get_by_label("Search").fill("")
    _wait(shown, "70 of 70 items")


def test_sorting_by_what_was_lost_and_gained(shown: Any) -> None:
    _choose(shown, "Order", "largest loss first")
    rows = shown.locator(".row")
    assert [rows.nth(at).locator(".badge").inner_text() for at in (0, 1)] == ["− broken"] * 2
    _choose(shown, "Order", "largest gain first")
    assert rows.first.locator(".badge").inner_text() == "+ fixed"


def test_keys_go_through_the_list_and_into_an_item_and_back(shown: Any) -> None:
    listbox = shown.get_by_role("listbox")
    listbox.focus()
    for key, place in [("ArrowDown", 2), ("End", 70), ("ArrowDown", 70), ("PageUp", 62), ("ArrowUp", 61), ("Home", 1)]:
        shown.keyboard.press(key)
        active = shown.locator(f"#{listbox.get_attribute('aria-activedescendant')}")
        assert active.get_attribute("aria-posinset") == str(place)
        assert active.get_attribute("aria-selected") == "true"
        assert active.get_attribute("aria-setsize") == "70"
    shown.keyboard.press("ArrowDown")
    assert _title(shown).endswith("reviews, item 1")
    shown.keyboard.press("Enter")
    assert shown.evaluate("document.activeElement.className") == "detail"
    outline = shown.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    shown.keyboard.press("Escape")
    assert shown.evaluate("document.activeElement.getAttribute('role')") == "listbox"
    assert "search" in shown.locator(f"#{listbox.get_attribute('aria-describedby')}").inner_text()
    shown.keyboard.press("/")
    assert shown.evaluate("document.activeElement.type") == "search"
    shown.keyboard.type("a/b")  # there it is a letter like any other
    assert shown.get_by_label("Search").input_value() == "a/b"


def test_the_chips_are_one_stop_of_the_tab_key(shown: Any) -> None:
    shown.locator(".chip input").first.focus()
    shown.keyboard.press("ArrowRight")
    assert _status(shown) == "37 of 70 items"
    shown.keyboard.press("Tab")
    assert shown.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_next_and_previous_keep_the_focus(shown: Any) -> None:
    shown.get_by_role("button", name="Next ›").click()
    shown.keyboard.press("Enter")
    assert _title(shown).endswith("reviews, item 2")
    assert shown.get_by_role("button", name="‹ Previous").is_enabled()
    shown.get_by_role("button", name="‹ Previous").click()
    shown.keyboard.press("Enter")
    assert _title(shown).endswith("reviews, item 0")
    assert shown.evaluate("document.activeElement.className") == "detail"


def test_a_link_opens_its_item(shown: Any, noticed: Any) -> None:
    _choose(shown, "Task", REVIEWS)
    shown.evaluate(f"location.hash = '#item={PASSAGES}/28'")
    shown.get_by_text(f"{PASSAGES}, item 28").wait_for()  # the filter that hid it is gone
    assert _status(shown) == "70 of 70 items"
    detail = shown.locator(".detail").inner_text()
    assert re.search(r"Gold answer\s+gold\s", detail, re.IGNORECASE)
    assert re.search(r"base\s+✗ ?wrong\s+wrong", detail)
    assert f"Overlap with the training rows of {PASSAGES}-lora-seed1: none." in detail
    address = shown.get_by_role("link", name="Link to this item").get_attribute("href")
    assert address == f"#item={PASSAGES}/28"
    opened_page(shown, Path(shown.url.removeprefix("file://").partition("#")[0]), f"#item={REVIEWS}/7")
    assert _title(shown).endswith("reviews, item 7")
    assert shown.evaluate("document.activeElement.className") == "detail"
    shown.evaluate("location.hash = '#item=reviews/700'")
    shown.get_by_text("The address names an item that is not on this page.").wait_for()
    assert noticed.errors == []


def test_an_item_tells_all_that_was_asked_and_answered(shown: Any) -> None:
    shown.evaluate(f"location.hash = '#item={REVIEWS}/1'")
    shown.get_by_text(f"{REVIEWS}, item 1", exact=True).wait_for()
    told = re.sub(r"\s+", " ", shown.locator(".detail").inner_text())
    assert "GOLD ANSWER rotten ANSWERS underlined: not in the gold answer base ✗ wrong fresh" in told
    assert f"{REVIEWS}-lora-seed1 ✗ wrong fresh" in told  # TWO_WRONG
    assert "Scores of the item base reviews-lora-seed1 accuracy 0 0 Brier score 0.534 0.534" in told
    assert "PROMPT 30 tokens prompt 1" in told
    assert f"Overlap with the training rows of {REVIEWS}-lora-seed1: containment." in told


def test_what_may_not_be_compared_is_not_compared(
    study_folder: Path, facts: dict[str, Any], tmp_path: Path, browser_page: Any
) -> None:
    for task in facts["tasks"]:
        task["comparisons"][0]["refused"] = {"missing": "the task's version differs"}
    shown = opened_explorer(browser_page, write_page(tmp_path, explorer(typed(facts), study_folder)))
    assert [chip.inner_text() for chip in shown.locator(".chip").all() if chip.is_visible()] == ["all\n70"]
    assert {badge.inner_text() for badge in shown.locator(".row .badge").all()} == {"not compared"}
    assert "Base and checkpoint are not compared: the task's version differs." in shown.locator(".detail").inner_text()
    _choose(shown, "Order", "largest loss first")  # nothing to sort by: the order stays
    assert _title(shown).endswith("reviews, item 0")


def test_two_checkpoints_of_a_task_are_two_rows_of_an_item(
    study_folder: Path, facts: dict[str, Any], tmp_path: Path, browser_page: Any
) -> None:
    other, name = "another seed", f"{REVIEWS}-lora-seed1"
    folder = tmp_path / "study"
    shutil.copytree(study_folder, folder)
    shutil.copytree(folder / "scores" / name, folder / "scores" / other)
    compared = next(task for task in facts["tasks"] if task["task"] == REVIEWS)["comparisons"]
    compared.append(copy.deepcopy(compared[0]))
    compared[1]["checkpoint"]["value"] = other
    shown = opened_explorer(browser_page, write_page(tmp_path, explorer(typed(facts), folder)))
    assert _status(shown) == "110 of 110 pairs of an item and a checkpoint"
    _choose(shown, "Checkpoint", other)
    assert _status(shown) == "40 of 110 pairs of an item and a checkpoint"
    assert [one.get_attribute("aria-label") for one in shown.locator(".answer-of").all()] == ["base", name, other]
    assert shown.locator(".answer-of.chosen").get_attribute("aria-label") == other
    _choose(shown, "Overlap with training", "not measured")
    assert _status(shown) == "40 of 110 pairs of an item and a checkpoint"
    assert f"Overlap with the training rows of {other} was not measured." in shown.locator(".detail").inner_text()


def test_on_a_phone_the_item_takes_the_place_of_the_list(shown: Any) -> None:
    shown.set_viewport_size({"width": 390, "height": 844})
    assert shown.locator(".detail").is_hidden()
    shown.locator(".row").nth(2).click()
    assert shown.get_by_role("listbox").is_hidden()
    assert _title(shown).endswith("reviews, item 2")
    shown.get_by_role("button", name="‹ List").click()
    assert shown.get_by_role("listbox").is_visible()
    assert shown.locator(".detail").is_hidden()
    assert shown.evaluate("document.documentElement.scrollWidth") == 390


def test_texts_beside_the_page_are_loaded_when_they_are_needed(
    study_folder: Path, facts: dict[str, Any], tmp_path: Path, browser_page: Any, noticed: Any
) -> None:
    made = explorer(typed(facts), study_folder, largest=100)
    file = write_page(tmp_path, made)
    opened_explorer(browser_page, file)
    assert list(made.files) == ["items/chunk-0001.js", "items/chunk-0002.js"]
    assert noticed.requests == [file.as_uri(), (tmp_path / "items/chunk-0001.js").as_uri()]
    assert "lie in the folder items/ beside it: keep the two together" in browser_page.locator("#explorer").inner_text()
    browser_page.get_by_label("Search").fill("gold of passage")
    _wait(browser_page, "0 of 70 items")
    assert noticed.requests[2:] == [(tmp_path / "items/chunk-0002.js").as_uri()]
    assert noticed.errors == []


def test_a_page_that_lost_its_folder_says_so(
    study_folder: Path, facts: dict[str, Any], tmp_path: Path, browser_page: Any
) -> None:
    file = write_page(tmp_path, explorer(typed(facts), study_folder, largest=100))
    (tmp_path / "items" / "chunk-0001.js").unlink()
    opened_explorer(browser_page, file)
    browser_page.get_by_text("items/chunk-0001.js cannot be read: keep the folder items/ beside this page.").wait_for()


def test_without_scripts_a_sentence_says_what_is_missing(
    study_folder: Path, facts: dict[str, Any], tmp_path: Path, chromium: Any
) -> None:
    file = write_page(tmp_path, explorer(typed(facts), study_folder))
    page = chromium.new_page(java_script_enabled=False)
    page.goto(file.as_uri())
    assert "Reading them here needs JavaScript" in page.locator("#explorer").inner_text()
    assert page.locator("#explorer-tool").is_hidden()
    page.close()


def test_printing_leaves_a_sentence(shown: Any, tmp_path: Path) -> None:
    shown.pdf(path=str(tmp_path / "page.pdf"))
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF-")
    shown.emulate_media(media="print")
    assert shown.locator("#explorer-tool").is_hidden()
    assert shown.locator(".explorer-print").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_no_violation(shown: Any, axe: str, scheme: str, width: int) -> None:
    shown.set_viewport_size({"width": width, "height": 900})
    shown.emulate_media(color_scheme=scheme)
    assert _violations(shown, axe) == []
    shown.locator(".row").nth(1).click()
    shown.locator("#explorer-tool summary").click()
    assert _violations(shown, axe) == []
    shown.evaluate("document.querySelector('.back').click()")
    _move(shown, "fixed")
    assert shown.locator(".outcome").is_visible()
    assert _violations(shown, axe) == []
    shown.get_by_label("Search").fill("nothing has this")
    shown.locator(".nothing").first.wait_for()
    assert _violations(shown, axe) == []


def test_a_chosen_theme_goes_before_the_systems(shown: Any, axe: str) -> None:
    shown.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert shown.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 20, 25)"
    assert _violations(shown, axe) == []


def _violations(page: Any, axe: str) -> list[str]:
    page.evaluate(axe)
    found = page.evaluate("axe.run(document).then((result) => result.violations)")
    return [f"{one['id']}: {node['html'][:200]} {node['failureSummary']}" for one in found for node in one["nodes"]]
