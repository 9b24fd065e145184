"""The comparison of very many models in a real browser: its leaderboard sorts, and asks nothing of a network."""

import random
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "report" / "compare"))

from report.compare.output import compare_results
from tests.report.compare.lm_eval_folders import write_folder


def test_a_leaderboard_is_sorted_by_a_click_and_turned_round_by_another(
    tmp_path: Path, browser_page: Any, noticed: Any
) -> None:
    chance = random.Random(3)
    for number in range(40):
        items = [float(chance.random() < 0.2 + number / 60) for _ in range(50)]
        write_folder(tmp_path / "in", f"m{number:02d}", {"even": items})
    facts = compare_results([tmp_path / "in"], output=tmp_path / "out").as_json()
    best_first = [row["entry"]["value"] for row in facts["tasks"][0]["boards"][0]["rows"]]
    browser_page.goto((tmp_path / "out" / "compare.html").as_uri())
    table = browser_page.locator("table", has=browser_page.get_by_role("columnheader", name="rank"))

    def names() -> list[str]:
        return [cell.strip() for cell in table.locator("tbody tr td:nth-child(2)").all_inner_texts()]

    assert names() == best_first
    table.get_by_role("button", name="model").click()
    assert names() == sorted(best_first)
    table.get_by_role("button", name="model").click()
    assert names() == sorted(best_first, reverse=True)
    assert table.get_by_role("columnheader", name="model").get_attribute("aria-sort") == "descending"
    table.get_by_role("button", name="acc").click()
    scores = [float(text.split()[0]) for text in table.locator("tbody tr td:nth-child(3)").all_inner_texts()]
    assert scores == sorted(scores)
    assert (noticed.errors, [url for url in noticed.requests if not url.startswith("file:")]) == ([], [])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_no_violation_closed_and_opened(
    tmp_path: Path, browser_page: Any, axe: str, scheme: str, width: int
) -> None:
    for number, right_ones in enumerate((18, 17, 4)):
        items = [float(at < right_ones) for at in range(20)]
        config = {"model": "hf", "model_num_parameters": 10 ** (6 + number)}
        write_folder(tmp_path / "in", f"m{number}", {"even": items, "odd": items}, config=config)
    compare_results([tmp_path / "in"], output=tmp_path / "out")
    browser_page.set_viewport_size({"width": width, "height": 900})
    browser_page.emulate_media(color_scheme=scheme)
    browser_page.goto((tmp_path / "out" / "compare.html").as_uri())
    for act in ("() => {}", "() => document.querySelectorAll('details').forEach((fold) => (fold.open = true))"):
        browser_page.evaluate(act)
        browser_page.evaluate(axe)
        found = browser_page.evaluate("axe.run(document).then((result) => result.violations)")
        assert [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]] == []
    assert browser_page.evaluate("document.documentElement.scrollWidth") == width


def test_text_in_pictures_is_at_least_nine_pixels_high_on_a_phone(tmp_path: Path, browser_page: Any) -> None:
    items = [1.0] * 15 + [0.0] * 5
    write_folder(tmp_path / "in", "a-model-of-an-organisation", {"even": items})
    compare_results([tmp_path / "in"], output=tmp_path / "out")
    browser_page.set_viewport_size({"width": 390, "height": 900})
    browser_page.goto((tmp_path / "out" / "compare.html").as_uri())
    sizes = browser_page.evaluate(
        "[...document.querySelectorAll('figure svg')].flatMap((svg) => [...svg.querySelectorAll('text')].map((text) =>"
        " parseFloat(getComputedStyle(text).fontSize) * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width))"
    )
    assert sizes
    assert min(sizes) >= 9


def test_paper_shows_what_is_folded_and_the_screen_has_it_folded_again(tmp_path: Path, browser_page: Any) -> None:
    write_folder(tmp_path / "in", "m", {"even": [1.0, 0.0]})
    compare_results([tmp_path / "in"], output=tmp_path / "out")
    browser_page.goto((tmp_path / "out" / "compare.html").as_uri())
    closed = "[...document.querySelectorAll('details:not([open])')].length"
    before = browser_page.evaluate(closed)
    assert before > 3
    for event, left in (("beforeprint", 0), ("afterprint", before)):
        browser_page.evaluate("(name) => window.dispatchEvent(new Event(name))", event)
        assert browser_page.evaluate(closed) == left
    browser_page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    browser_page.emulate_media(media="print")
    assert browser_page.get_by_text("Holm's correction over all pairs").is_visible()
