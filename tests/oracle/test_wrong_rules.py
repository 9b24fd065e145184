"""Rules that were made wrong by machine: each that changes a page raises, or the oracle objects to the page."""

import ast
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from report import sentences
from report.page.render import render_markdown
from tests.oracle import check
from tests.oracle.random_facts import random_facts
from tests.oracle.wrong_rules import MODULES, Fault, faults, planted

STORES = 60


@cache
def stores() -> list[dict[str, Any]]:
    """Returns random facts with the right findings."""
    return [random_facts(seed) for seed in range(STORES)]


@cache
def right_page(number: int) -> str:
    """Returns the page of those random facts by the right rules."""
    return render_markdown(stores()[number])


def verdict(fault: Fault) -> str:
    """Returns what the fault came to on the pages of the random facts.

    `raised`: no page could be made; `objected`: the oracle found it; `missed`; `unseen`: it changes no page of all.
    """
    seen = False
    try:
        with planted(fault):
            wrong = [sentences.find(facts) for facts in stores()]
        for number, (facts, findings) in enumerate(zip(stores(), wrong, strict=True)):
            if findings == facts["findings"]:
                continue
            page = render_markdown({**facts, "findings": findings})
            if page != right_page(number):
                seen = True
                if check(page, facts):
                    return "objected"
    except Exception:  # whatever a wrong rule raises stops the build
        return "raised"
    return "missed" if seen else "unseen"


def judged(count: int) -> dict[str, list[Fault]]:
    """Returns faults by their verdict: as many as it takes until ``count`` of them change a page."""
    result: dict[str, list[Fault]] = {"objected": [], "raised": [], "missed": [], "unseen": []}
    for fault in faults(seed=20261130):
        if len(result["objected"]) + len(result["missed"]) == count:
            break
        result[verdict(fault)].append(fault)
    for name, listed in result.items():
        print(f"{name}: {len(listed)}", *(listed if name in ("missed", "unseen") else ()), sep="\n  ")
    return result


def test_planting_itself_changes_nothing() -> None:
    for module in MODULES:
        right = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        assert verdict(Fault("none", module, 0, "", "", right)) == "unseen"


@pytest.mark.parametrize("count", [6, pytest.param(60, marks=pytest.mark.slow)])
def test_wrong_rules_are_found(count: int) -> None:
    result = judged(count)
    assert not result["missed"]
    assert len(result["objected"]) == count
