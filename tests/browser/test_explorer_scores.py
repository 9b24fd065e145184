"""What the explorer computes of the items in view: their score beside Python's, words that differ, and their CSV."""

import csv
import io
import json
import random
import re
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from report.page.explorer import explorer
from report.statistics import intervals
from report.statistics.sums import sample_of
from tests.browser.opened import opened_explorer
from tests.report.page.explorer.explorer_pages import write_page
from tests.report.synthetic import PASSAGES, REVIEWS, typed


@pytest.fixture
def shown(study_folder: Path, facts: dict[str, Any], tmp_path: Path, browser_page: Any) -> Any:
    """A page with the synthetic study's items, ready to be used."""
    opened_explorer(browser_page, write_page(tmp_path, explorer(typed(facts), study_folder)))
    return browser_page


def _functions(page: Any, name: str, call: str, given: Any) -> Any:
    """Returns what a function of one of the explorer's files gives, alone on an empty page."""
    source = (files("templates") / name).read_text(encoding="utf-8")
    page.goto("about:blank")
    return page.evaluate(f"(given) => {{ {source}; return {call}; }}", given)


def _samples() -> list[tuple[list[float], list[int] | None, int | None]]:
    """Scores with their clusters and the upper end of their range: shares and others, few and many, alike and not."""
    chance = random.Random(5)
    made: list[tuple[list[float], list[int] | None, int | None]] = []
    for n, size, scale in [(1, 1, 1), (2, 1, 1), (3, 2, 100), (40, 1, 1), (40, 4, 1), (41, 7, 100), (300, 9, None)]:
        clusters = [at // size for at in range(n)]
        shares = [float(chance.random() < 0.7) * (scale or 1) for _ in range(n)]
        spread = [round(chance.uniform(0, scale or 9), 3) for _ in range(n)]
        for values in (shares, spread, [0.0] * n, [float(scale or 1)] * n):
            made += [(values, clusters, scale), (values, None, scale)]
    return made


def test_its_scores_and_intervals_are_those_that_the_page_is_made_with(browser_page: Any) -> None:
    """Beside `report.statistics.intervals.level`, an implementation in numpy and scipy."""
    samples = _samples()
    call = """given.map(([values, clusters, scale]) => {
      const sums = sumsOf(values.length);
      values.forEach((value, at) => addTo(sums, clusters ? clusters[at] : at, value, scale));
      return estimate(sums, scale);
    })"""
    found = _functions(browser_page, "explorer_scores.js", call, samples)
    for (values, clusters, scale), own in zip(samples, found, strict=True):
        groups = [str(one) for one in clusters or range(len(values))]
        expected = intervals.level(sample_of("acc", values, groups, scale=scale))
        assert own["value"] == pytest.approx(expected.value, abs=1e-12)
        assert (own["n"], own["clusters"]) == (expected.n, expected.clusters)
        assert own["method"] == expected.method
        if expected.lower is None or expected.upper is None:
            assert own["ends"] is None
        else:
            assert own["ends"] == pytest.approx([expected.lower, expected.upper], abs=1e-9)


def test_quantiles_of_students_t_are_scipys(browser_page: Any) -> None:
    from scipy.stats import t

    freedoms = [1, 2, 3, 4, 5, 9, 10, 30, 31, 99, 100, 101, 242, 999, 13469]
    found = _functions(browser_page, "explorer_scores.js", "given.map(studentQuantile)", freedoms)
    assert found == pytest.approx([float(t.ppf(0.975, freedom)) for freedom in freedoms], abs=1e-8)


def _longest(one: list[str], other: list[str]) -> int:
    """Returns the length of the longest common sequence, by trying all: few words are given."""
    shorter, longer = sorted((one, other), key=len)
    for size in range(len(shorter), 0, -1):
        for words in combinations(shorter, size):
            rest = iter(longer)
            if all(word in rest for word in words):
                return size
    return 0


def test_words_that_differ_are_those_outside_the_longest_common_sequence(browser_page: Any) -> None:
    chance = random.Random(2)
    pairs = [[chance.choices("abcd", k=chance.randrange(8)) for _ in range(2)] for _ in range(200)]
    found = _functions(browser_page, "explorer_words.js", "given.map(([one, other]) => unshared(one, other))", pairs)
    for (one, other), (extra, missing) in zip(pairs, found, strict=True):
        assert extra.count(False) == missing.count(False) == _longest(one, other)
        left, right = (
            [word for word, out in zip(words, marks, strict=True) if not out]
            for words, marks in ((one, extra), (other, missing))
        )
        assert left == right
    answer, gold = "the  Judge Helene, of Bern", ["nobody", "Judge Helene Aebischer"]
    told = _functions(browser_page, "explorer_words.js", "differing(given[0], given[1])", [answer, gold])
    assert told["place"] == 1
    assert [word["text"] for word, out in zip(told["own"], told["extra"], strict=True) if out] == ["the", "of", "Bern"]
    assert [word["text"] for word, out in zip(told["right"], told["missing"], strict=True) if out] == ["Aebischer"]


def _sums(page: Any) -> list[list[str]]:
    rows = page.locator(".sums tbody tr").all()
    return [[cell.inner_text().strip() for cell in row.locator("th, td").all()] for row in rows]


def test_the_items_in_view_have_a_count_and_a_score_with_its_interval(shown: Any) -> None:
    """The base model is right of 20 of 40 reviews, of one in each of 20 pairs of a film: Wilson's of 10 in 20 pairs."""
    shown.get_by_role("combobox", name="Task", exact=True).select_option(label=REVIEWS)
    name = f"{REVIEWS}-lora-seed1"
    base, tuned = _sums(shown)
    assert base[0] == f"{REVIEWS}, accuracy: base"
    assert base[1:] == ["0.500", "[0.299, 0.701]", "40 (20 of film)", "Wilson over clusters, as all are alike"]
    assert tuned[:2] == [f"{REVIEWS}, accuracy: {name}", "0.950"]
    assert tuned[3:] == ["40 (20 of film)", "delete-one-cluster jackknife, t(G−1)"]
    assert shown.locator(".outcome").is_hidden()
    shown.get_by_role("combobox", name="Label", exact=True).select_option(label="rotten")
    assert [row[1] for row in _sums(shown)] == ["0.000", "0.950"]
    assert shown.locator(".outcome").is_hidden()  # the label is the item's, not an outcome


def test_a_choice_by_the_outcome_is_said_to_be_one(shown: Any) -> None:
    said = "Selected on the outcome: this score is not an estimate of the model's score."
    for chip in ("fixed", "broken", "both-correct", "both-wrong", "better", "worse"):
        shown.locator(f".chip.{chip}").click()
        assert shown.locator(".outcome").inner_text() == said
    shown.get_by_role("button", name="Clear all").click()
    assert shown.locator(".outcome").is_hidden()
    shown.get_by_label("Confidence from").fill("50")
    assert shown.locator(".outcome").inner_text() == said
    shown.get_by_role("button", name="Clear all").click()
    shown.get_by_label("Search").fill("item")
    shown.locator(".outcome", has_text=said).wait_for()  # the search looks into the answers as well


def test_items_are_filtered_by_confidence(shown: Any) -> None:
    """Every answer to a review has the probability e / (e + 1) = 73.1 %; of the passages none is known."""
    for least, most, expected in (("70", "", 40), ("73.2", "", 0), ("", "73", 0), ("", "99", 40), ("0", "100", 70)):
        shown.get_by_label("Confidence from").fill(least)
        shown.get_by_label("Confidence to").fill(most)
        assert shown.locator(".count .status").inner_text() == f"{expected} of 70 items"
    assert "Confidence 73.1 %" in shown.locator(".detail").inner_text()


def test_words_are_marked_by_more_than_their_colour(shown: Any) -> None:
    shown.evaluate(f"location.hash = '#item={PASSAGES}/28'")
    shown.get_by_text(f"{PASSAGES}, item 28", exact=True).wait_for()
    wrong = shown.locator(".answer-of .differs").first
    assert wrong.inner_text() == "wrong"
    assert shown.locator(".gold .lacking").count() <= 1
    assert "underline" in wrong.evaluate("(one) => getComputedStyle(one).textDecorationLine")


def _downloaded(page: Any, tmp_path: Path) -> bytes:
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download as CSV").press("Enter")
    waiting.value.save_as(tmp_path / "items.csv")
    return (tmp_path / "items.csv").read_bytes()


def test_the_items_in_view_are_exported_as_csv(shown: Any, tmp_path: Path, noticed: Any) -> None:
    shown.locator(".chip.broken").click()
    content = _downloaded(shown, tmp_path)
    assert content.startswith(b'\xef\xbb\xbf"task","item",')  # UTF-8's mark, by which spreadsheets know it
    assert content.count(b"\r\n") == 3  # RFC 4180 ends its lines so
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert [(row["task"], row["outcome"]) for row in rows] == [(REVIEWS, "broken"), (PASSAGES, "broken")]
    first = rows[0]
    assert (first["item"], first["label"], first["gold_answers"]) == ("0", "fresh", "fresh")
    assert (first["base_answer"], first["answer"]) == ("fresh", "rotten")
    assert (first["base_score"], first["score"], first["confidence"]) == ("1", "0", "0.7311")
    assert first["prompt"] == "prompt 0"
    assert noticed.errors == []


HOSTILE = ['=cmd|"/C calc"!A0', "+1", "-2+3", "@SUM(1)", "\t=1", 'a "quoted", b', "x;=1", "one\r\n=two", "＝1", "plain"]


def test_no_cell_of_the_csv_is_computed_and_every_text_comes_back(
    study_folder: Path, facts: dict[str, Any], tmp_path: Path, browser_page: Any
) -> None:
    made = explorer(typed(facts), study_folder)
    page = write_page(tmp_path, made)
    text = page.read_text(encoding="utf-8")
    # The test reaches the page's own function, which the page keeps to itself.
    text = text.replace("const csvOfView =", "globalThis.csvCellOfTest = csvCell;\nconst csvOfView =")
    page.write_text(text, encoding="utf-8")
    opened_explorer(browser_page, page)
    cells = browser_page.evaluate(f"{json.dumps(HOSTILE)}.map(csvCellOfTest)")
    back = next(csv.reader(io.StringIO(",".join(cells), newline="")))
    for cell, given in zip(back, HOSTILE, strict=True):
        assert not re.search(r"(^|[;,|\r\n])[\s\"']*(?<!')[=+\-@＝]", cell), cell
        assert cell.replace("'", "") == given.strip().replace("'", "")
    assert browser_page.evaluate("[-0.5, null, undefined, NaN, 0].map(csvCellOfTest)") == ["-0.5", "", "", "", "0"]
