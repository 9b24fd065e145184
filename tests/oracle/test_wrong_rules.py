"""Rules that were made wrong by machine: each that changes a page raises, or the oracle objects to the page."""

from functools import cache
from typing import Any

import pytest

from tests.oracle import check
from tests.oracle.random_facts import random_facts
from tests.oracle.wrong_rules import ARRANGED, MODULES, Fault, faults, planted
from tests.report.rendered import render_markdown
from tests.report.synthetic import findings_of, typed


@cache
def stores(count: int) -> list[dict[str, Any]]:
    """Returns ``count`` random facts with the right findings."""
    return [random_facts(seed) for seed in range(count)]


@cache
def right_page(number: int) -> str:
    """Returns the page of those random facts by the right rules."""
    return render_markdown(typed(random_facts(number)))


def verdict(fault: Fault, count: int) -> str:
    """Returns what the fault came to on the pages of ``count`` random facts.

    `raised`: no page could be made; `objected`: the oracle found it; `missed`; `unseen`: it changes no page of all.
    """
    seen = False
    right = [right_page(number) for number in range(count)]
    try:
        with planted(fault):
            for facts, page in zip(stores(count), right, strict=True):
                findings = findings_of(facts)
                if findings == facts["findings"] and fault.module is not ARRANGED:
                    continue
                wrong = render_markdown(typed({**facts, "findings": findings}))
                if wrong != page:
                    seen = True
                    if check(wrong, facts):
                        return "objected"
    except Exception:  # whatever a wrong rule raises stops the build, and so does a sentence that lacks a fact
        return "raised"
    return "missed" if seen else "unseen"


def judged(count: int, of: int) -> dict[str, list[Fault]]:
    """Returns faults by their verdict: as many as it takes until ``count`` change one of ``of`` pages."""
    result: dict[str, list[Fault]] = {"objected": [], "raised": [], "missed": [], "unseen": []}
    for fault in faults(seed=20261130):
        if len(result["objected"]) + len(result["missed"]) == count:
            break
        result[verdict(fault, of)].append(fault)
    for name, listed in result.items():
        print(f"{name}: {len(listed)}", *(listed if name in ("missed", "unseen") else ()), sep="\n  ")
    return result


def test_planting_itself_changes_nothing() -> None:
    for module in MODULES[:2]:  # what is arranged, and a rule
        assert verdict(Fault("none", module, 0, "", "", 0, lambda node: None), 6) == "unseen"


@pytest.mark.parametrize(("count", "of"), [(6, 10), pytest.param(60, 60, marks=pytest.mark.slow)])
def test_wrong_rules_are_found(count: int, of: int) -> None:
    result = judged(count, of)
    assert not result["missed"]
    assert len(result["objected"]) == count
