"""Hostile text as prompts, answers, gold answers, titles, labels and names: nothing of it runs, all of it is shown."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from report.page.explorer import explorer
from tests.browser.opened import opened_explorer
from tests.report.page.explorer.explorer_pages import write_page
from tests.report.payloads import PAYLOADS
from tests.report.synthetic import typed, write_rows

WORDS = 'document.querySelector(".detail").textContent'


def _hostile_study(folder: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """Returns facts of a task with a payload for its name, its metrics and its checkpoint, and one item a payload."""
    facts = copy.deepcopy(facts)
    task = next(task for task in facts["tasks"] if task["kind"] == "extraction")
    task["task"], name = "<img src=x onerror=alert(1)>", "</script><script>alert(1)<!-- {{ 7331 * 7 }} ${7331*7}"
    comparison = task["comparisons"][0]
    comparison["checkpoint"]["value"] = name.replace("/", "∕")  # a file's name has no slash
    comparison["refused"] = None
    for score in comparison["scores"]:
        score["label"]["value"] = f"{score['metric']} <svg onload=alert(1)>"
    comparison["transitions"]["label"]["value"] = "exact <svg onload=alert(1)>"
    for row in task["ranges"]:
        row["label"]["value"] = f"{row['metric']} <svg onload=alert(1)>"
    about = {"results": {task["task"]: {}}, "configs": {task["task"]: {"metadata": {"input": "question"}}}}
    for side, offset in (("base", 0), (comparison["checkpoint"]["value"], 1)):
        home = folder / "scores" / side / task["task"]
        rows = [_row(number, payload, offset) for number, payload in enumerate(PAYLOADS)]
        write_rows(home / "samples.jsonl", rows)
        (home / "results.json").write_text(json.dumps(about), encoding="utf-8")
    return {**facts, "tasks": [task]}


def _row(number: int, payload: str, offset: int) -> dict[str, Any]:
    said = PAYLOADS[(number + offset) % len(PAYLOADS)]
    return {
        "doc_id": number,
        "doc": {"question": payload, "answers": {"text": [payload, f"{payload}{payload}"]}},
        "arguments": {"gen_args_0": {"arg_0": f"{payload}\n{said}", "arg_1": {}}},
        "filter": "none",
        "filtered_resps": [said],
        "doc_hash": f"{number:064x}",
        "exact": float(number % 2),
        "f1": 50.0,
    }


@pytest.mark.parametrize("largest", [8_000_000, 0], ids=["inside", "beside"])
def test_nothing_of_a_hostile_study_runs(
    facts: dict[str, Any], tmp_path: Path, browser_page: Any, noticed: Any, largest: int
) -> None:
    assert len(PAYLOADS) >= 200
    hostile = _hostile_study(tmp_path / "study", facts)
    file = write_page(tmp_path / "page", explorer(typed(hostile), tmp_path / "study", largest=largest))
    # Whatever would run has these to call, and they would tell.
    browser_page.add_init_script("for (const name of ['alert', 'msgbox']) window[name] = () => console.error(name)")
    opened_explorer(browser_page, file)
    listbox = browser_page.get_by_role("listbox")
    listbox.focus()
    before = browser_page.evaluate(
        "document.querySelectorAll('script, iframe, object, embed, base, meta, link').length"
    )
    for payload in PAYLOADS:
        shown = browser_page.evaluate(WORDS)
        for part in _visible(payload):
            assert part in shown, payload
        browser_page.keyboard.press("ArrowDown")
    browser_page.evaluate("document.querySelectorAll('#explorer *').forEach((one) => one.click?.())")
    assert (
        browser_page.evaluate("document.querySelectorAll('#explorer :is(img, svg, a:not([href^=\"#item=\"]))').length")
        == 0
    )
    after = browser_page.evaluate("document.querySelectorAll('script, iframe, object, embed, base, meta, link').length")
    assert after - before == 0
    assert "51317" not in browser_page.evaluate("document.body.textContent")  # 7331 * 7
    assert noticed.errors == []
    assert noticed.dialogs == []
    assert all(request.startswith((tmp_path / "page").as_uri()) for request in noticed.requests)


def _visible(payload: str) -> list[str]:
    """Returns the longest parts of a payload between the signs that the page shows by their number."""
    kept = "".join(sign if sign.isprintable() and not 0xD800 <= ord(sign) < 0xE000 else "\0" for sign in payload)
    return [part for part in kept.split("\0") if part.strip()]


def test_signs_that_turn_or_hide_text_are_shown_by_their_number(
    facts: dict[str, Any], tmp_path: Path, browser_page: Any
) -> None:
    hostile = _hostile_study(tmp_path / "study", facts)
    file = write_page(tmp_path / "page", explorer(typed(hostile), tmp_path / "study"))
    opened_explorer(browser_page, file)
    browser_page.evaluate(f"location.hash = `#item=${{encodeURIComponent('<img src=x onerror=alert(1)>')}}/{_place()}`")
    browser_page.get_by_text(f"item {_place()}", exact=False).first.wait_for()
    assert browser_page.evaluate('document.querySelector(".gold li").textContent') == "U+202EevilU+202C"
    assert browser_page.evaluate("/[\\u202a-\\u202e]/.test(document.body.textContent)") is False


def _place() -> int:
    return PAYLOADS.index("\u202eevil\u202c")
