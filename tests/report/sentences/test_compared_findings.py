"""Every case that a rule of a comparison may choose has its words, and no words are without a case."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from report.compare.comparison_facts import comparison_facts
from report.page import formats
from report.sentences import compared, rules
from tests.report.compare.lm_eval_folders import right, write_folder


def entries() -> set[str]:
    """Returns the ids of the sentences of a comparison that have words."""
    environment = Environment()
    environment.filters.update(formats.FILTERS)
    tree = environment.parse((files("templates") / "compare_findings.md.j2").read_text(encoding="utf-8"))
    return {macro.name for macro in tree.find_all(nodes.Macro) if not macro.name.startswith("_")}


def test_every_case_has_words_and_all_words_have_a_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate and a board with a direction ask each rule once, and each names all its cases as it decides."""
    cases: set[str] = set()

    def noted(claim: str, of: Mapping[str, bool]) -> str:
        cases.update(f"{claim}_{case}" for case in of)
        return rules.decide(claim, of)

    monkeypatch.setattr(compared, "decide", noted)
    folders = [tmp_path / name for name in ("before", "after")]
    for number, folder in enumerate(folders):
        write_folder(folder, "model", {"even": right(90 - number, 100)})
    compared.find_compared(comparison_facts(folders, ["even:acc"]))
    assert cases == entries()
