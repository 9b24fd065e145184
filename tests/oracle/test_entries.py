"""Every case that a rule may choose has its words, and no words are without a rule, on the pages of random facts."""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

import pytest
from jinja2 import Environment, nodes

from report.page import formats
from report.sentences import rules
from tests.oracle.random_facts import random_facts
from tests.oracle.wrong_rules import MODULES
from tests.report.synthetic import findings_of


def entries() -> set[str]:
    """Returns the ids of the sentences of a study's page that have words."""
    environment = Environment()
    environment.filters.update(formats.FILTERS)
    tree = environment.parse((files("templates") / "findings.md.j2").read_text(encoding="utf-8"))
    return {macro.name for macro in tree.find_all(nodes.Macro) if not macro.name.startswith("_")}


def ids(findings: Any) -> Iterator[str]:
    """Yields the ids of all sentences within ``findings``."""
    if isinstance(findings, Mapping):
        if "evidence" in findings:
            yield findings["id"]
        findings = list(findings.values())
    for inner in findings if isinstance(findings, list) else ():
        yield from ids(inner)


@pytest.mark.parametrize("count", [20, pytest.param(300, marks=pytest.mark.slow)])
def test_every_case_has_words_and_all_words_have_a_case(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    cases: set[str] = set()

    def noted(claim: str, of: Mapping[str, bool]) -> str:
        cases.update(f"{claim}_{case}" for case in of)
        return rules.decide(claim, of)

    for module in MODULES:
        if module is not rules and hasattr(module, "decide"):
            monkeypatch.setattr(module, "decide", noted)
    chosen = {name for seed in range(count) for name in ids(findings_of(random_facts(seed)))}
    assert len(cases) > 60
    assert not (cases | chosen) - entries()
    if count >= 300:  # the rarest sentence was first said by seed 100 to 200
        assert not entries() - cases - chosen
