"""A study of hostile texts as a whole page in Chromium: nothing runs, no table breaks, nothing is evaluated."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

from report.page.build import build_report
from report.verify.report import verify_report
from tests.browser.opened import opened_page
from tests.report.payloads import PAYLOADS
from tests.report.synthetic import folder_of, write_study

CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
"""What a YAML file cannot hold at all."""


def change(path: Path, **values: Any) -> None:
    """Changes a JSON file, in ASCII: so it may hold halves of characters."""
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **values}), encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built study: an author for each payload, and payloads in the model's card, the recipe and the command."""
    texts = [CHARACTERS.sub(" ", payload).encode("utf-8", "replace").decode() for payload in PAYLOADS]
    authors = [{"name": text.strip() or "-", "did": text.strip() or "-"} for text in texts]
    study = write_study(tmp_path_factory.mktemp("hostile"), title=" ".join(texts[:40]), authors=authors)
    home = folder_of(study)
    change(home / "model.json", name=" ".join(PAYLOADS[::5]), source=" ".join(PAYLOADS[1::5]), licence=PAYLOADS[0])
    record = home / "checkpoints/reviews-lora-seed1/finetune.json"
    change(record, command="\n".join(PAYLOADS), recipe={payload: payload for payload in PAYLOADS})
    build_report(study, output=home)
    return home


def test_nothing_runs_and_nothing_is_asked_for(folder: Path, browser_page: Any, noticed: Any) -> None:
    file = folder / "report.html"
    opened_page(browser_page, file)
    for number in browser_page.locator(".n").all()[:20]:
        number.hover()
    browser_page.wait_for_selector("#note:not([hidden])")
    assert noticed.requests == [file.as_uri()]
    assert noticed.dialogs == []
    assert noticed.errors == []
    for made in ("main img", "main iframe", "main object", "main form", "main base", "main video"):
        assert browser_page.locator(f"{made}:not(#explorer *)").count() == 0, made
    links = browser_page.eval_on_selector_all("a", "links => links.map(link => link.getAttribute('href'))")
    assert [link for link in links if not re.match(r"#|https://huggingface\.co/", link)] == []


def test_no_table_breaks(folder: Path, browser_page: Any) -> None:
    browser_page.goto((folder / "report.html").as_uri())
    widths = browser_page.eval_on_selector_all(
        "main table", "tables => tables.map(t => [...t.rows].map(row => row.cells.length))"
    )
    assert widths
    assert [widths_of for widths_of in widths if len(set(widths_of)) != 1] == []
    assert len(browser_page.locator("h2#contributions ~ ul").first.locator("li").all()) == len(PAYLOADS)


def test_every_word_is_backed_and_the_sheet_is_inert(folder: Path) -> None:
    for name in ("report.html", "report.md"):
        assert not verify_report(folder / name).problems
    with (folder / "scores.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert len({len(row) for row in rows}) == 1
    assert [cell for row in rows for cell in row if re.match(r"[=@\t\r]|[+-](?![\d.])", cell)] == []
