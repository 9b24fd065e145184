"""The explorer as a part of a page: what is packed, what is shortened, and what lies beside the page."""

import json
import re
from pathlib import Path
from typing import Any

from report.facts.redact import redacted
from report.page.explorer import explorer
from tests.report.page.explorer.explorer_pages import page_of, unpacked
from tests.report.some_facts import known
from tests.report.synthetic import PASSAGES, REVIEWS, typed, write_rows

CHECKPOINT = f"{REVIEWS}-lora-seed1"


def test_every_item_is_packed_with_all_that_it_holds(study_folder: Path, facts: dict[str, Any]) -> None:
    index, texts = unpacked(explorer(typed(facts), study_folder))
    reviews, passages = index["tasks"]
    assert (reviews["name"], passages["name"]) == (REVIEWS, PASSAGES)
    assert index["grades"] == ["identical", "same source", "containment"]
    assert (len(reviews["names"]), len(passages["names"]), len(texts)) == (40, 30, 70)
    assert reviews["labels"] == ["fresh", "rotten"]
    assert reviews["right"] == [[1, 0] * 20, [0, 0, *[1] * 38]]  # ALWAYS_POSITIVE, TWO_WRONG
    assert [metric["label"] for metric in reviews["metrics"]] == ["accuracy", "Brier score"]
    assert [metric["higher"] for metric in reviews["metrics"]] == [True, False]
    assert (reviews["primary"], reviews["verdict"], reviews["refused"]) == (0, 0, [None])
    assert passages["metrics"][passages["verdict"]]["label"] == "token F1"  # here it is 0 or 100 an item
    title, prompt, gold, sides = texts[0]
    assert (title, prompt, gold) == ("item 0 of the reviews", "prompt 0", ["fresh"])
    assert sides[1] == ["rotten", [], [0.0, 0.5344]]  # the other label has (e / (e + 1))² = 0.5344


def test_the_same_study_gives_the_same_bytes(study_folder: Path, facts: dict[str, Any]) -> None:
    assert explorer(typed(facts), study_folder) == explorer(typed(facts), study_folder)


def test_texts_beyond_the_limit_lie_beside_the_page(study_folder: Path, facts: dict[str, Any]) -> None:
    inside = explorer(typed(facts), study_folder)
    size = sum(map(len, re.findall(r'class="explorer-\w+">([^<]*)</script>', inside.html)))
    assert inside.files == {}
    assert explorer(typed(facts), study_folder, largest=size) == inside
    beside = explorer(typed(facts), study_folder, largest=size - 1)
    assert list(beside.files) == ["items/chunk-0001.js", "items/chunk-0002.js"]
    assert unpacked(beside) == unpacked(inside)
    assert "lie in the folder <code>items/</code> beside it: keep the two together" in beside.html
    assert "keep the two together" not in inside.html


def test_texts_are_shortened_but_where_the_licence_allows_them(study_folder: Path, facts: dict[str, Any]) -> None:
    made = explorer(typed(facts), study_folder, redact=redacted)
    _, texts = unpacked(made)
    assert texts[0][0] == redacted("item 0 of the reviews")
    assert texts[0][1] == redacted("prompt 0")
    assert texts[0][2] == ["fresh"]  # a label is no text of anybody's
    assert [side[0] for side in texts[40][3]] == [redacted("gold")] * 2  # an answer is taken from the passage
    assert "cut to their first words, eight or half of them at most, and a hash" in made.html
    for task in facts["tasks"]:
        task["text_licence"] = known("CC-BY-SA-4.0").as_json()
    assert explorer(typed(facts), study_folder, redact=redacted) == explorer(typed(facts), study_folder)


def test_nothing_of_this_machine_is_packed(study_folder: Path, facts: dict[str, Any]) -> None:
    secret = f"{Path.home()}/notes {Path.cwd()}/x hf_{'a' * 30} \ud800 \U0001f600"
    for side in ("base", CHECKPOINT):
        path = study_folder / "scores" / side / REVIEWS / "samples.jsonl"
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        rows[0]["doc"]["sentence"] = rows[0]["arguments"]["gen_args_0"]["arg_0"] = secret
        write_rows(path, rows)
    _, texts = unpacked(explorer(typed(facts), study_folder))
    assert texts[0][:2] == ["~/notes ./x hf_[removed] � \U0001f600"] * 2


def test_facts_that_lie_alone_make_a_page_without_items(tmp_path: Path, facts: dict[str, Any]) -> None:
    made = explorer(typed(facts), tmp_path)
    assert "their sample files do not lie beside the facts" in made.html
    assert "<script" not in made.html
    assert made.files == {}


def test_names_are_escaped(study_folder: Path, facts: dict[str, Any]) -> None:
    name = '"><img src=x onerror=alert(1)>'
    (study_folder / "scores" / "base" / REVIEWS).rename(study_folder / "scores" / "base" / name)
    facts["tasks"][0]["task"] = name
    results = study_folder / "scores" / "base" / name / "results.json"
    results.write_text('{"results": {}}', encoding="utf-8")
    html = explorer(typed(facts), study_folder).html
    assert "<img" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html


def test_the_script_keeps_to_itself(study_folder: Path, facts: dict[str, Any]) -> None:
    made = explorer(typed(facts), study_folder)
    assert made.script.startswith('(() => {\n"use strict";\n')
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch(", "XMLHttpRequest"):
        assert word not in made.script
    assert "</script" not in made.script
    assert not re.search(r"https?://", made.script + made.style)
    assert page_of(made).count("<script") == 2 + len(re.findall("explorer-chunk", made.html))
