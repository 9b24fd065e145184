"""Rules that were made wrong by machine: each that changes a page raises, or the oracle objects to the page."""

from functools import cache
from typing import Any

import pytest

from report import sentences
from report.page.render import render_markdown
from tests.oracle import check
from tests.oracle.random_facts import random_facts
from tests.oracle.wrong_rules import Fault, faults, planted

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
    """Returns `found`, `missed`, or `unseen` where no page of all is another one with the fault in the rules."""
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
                    return "found"
    except Exception:  # whatever a wrong rule raises stops the build: it is found
        return "found"
    return "missed" if seen else "unseen"


def judged(count: int) -> dict[str, list[Fault]]:
    """Returns the first faults by their verdict, ``count`` of them seen on a page."""
    result: dict[str, list[Fault]] = {"found": [], "missed": [], "unseen": []}
    for fault in faults(seed=20261130):
        if len(result["found"]) + len(result["missed"]) == count:
            break
        result[verdict(fault)].append(fault)
    for name, listed in result.items():
        print(f"{name}: {len(listed)}", *(listed if name != "found" else ()), sep="\n  ")
    return result


@pytest.mark.parametrize("count", [6, pytest.param(60, marks=pytest.mark.slow)])
def test_wrong_rules_are_found(count: int) -> None:
    result = judged(count)
    assert not result["missed"]
    assert len(result["found"]) == count
