"""The comparison of very many models in a real browser: its leaderboard sorts, and asks nothing of a network."""

import random
import sys
from pathlib import Path
from typing import Any

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
