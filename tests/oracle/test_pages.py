"""The oracle on pages of the synthetic studies: right ones pass, wrong sentences and wrong choices are found."""

import json
import random
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jinja2 import TemplateError

from report.page.build import build_report
from report.page.figures import pictures
from report.page.template import lookup
from report.verify.recount import recount
from tests.oracle import check
from tests.oracle.random_facts import CLAIMS, from_elsewhere, several_methods
from tests.report import rendered
from tests.report.synthetic import ALL_WRONG, GOLD, LEARNED, NEVER_ABSTAINS, TWO_WRONG, folder_of, typed, write_study
from tests.report.verify.mutations import SAID, plant

LEAST = 0.99
PAGES = ("report.md", "report.html")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = write_study(tmp_path_factory.mktemp("study"))
    build_report(file, output=folder_of(file))
    return file


def read(folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    return facts, {name: (folder / name).read_text(encoding="utf-8") for name in PAGES}


def told(problems: list[Any]) -> str:
    return "\n".join(map(str, problems[:5]))


@pytest.mark.parametrize(
    "scored",
    [
        {},
        {"reviews": (GOLD, TWO_WRONG), "passages": (LEARNED, NEVER_ABSTAINS)},
        {"reviews": (ALL_WRONG, GOLD), "passages": (LEARNED, LEARNED)},
        {"reviews": (None, GOLD), "passages": (NEVER_ABSTAINS, None)},
        {"reviews": (GOLD, GOLD), "passages": (None, None)},
        {"passages": (["unanswerable"] * 30, ["gold"] * 30)},
    ],
)
def test_untouched_pages_pass_whatever_was_measured(tmp_path: Path, scored: dict[str, Any]) -> None:
    file = write_study(tmp_path, **scored)
    build_report(file, output=folder_of(file))
    facts, pages = read(folder_of(file))
    for page in pages.values():
        problems = check(page, facts)
        assert not problems, told(problems)
    problems = recount(facts, folder_of(file))
    assert not problems, told(problems)


def test_several_methods_and_seeds_pass(tmp_path: Path) -> None:
    file = several_methods(tmp_path)
    build_report(file, output=folder_of(file))
    facts, pages = read(folder_of(file))
    assert len(facts["equivalences"]) > 1
    assert facts["spreads"]
    for page in pages.values():
        problems = check(page, facts)
        assert not problems, told(problems)
    problems = recount(facts, folder_of(file))
    assert not problems, told(problems)


def test_checkpoints_from_elsewhere_pass(tmp_path: Path) -> None:
    file = from_elsewhere(tmp_path)
    build_report(file, output=folder_of(file))
    facts, pages = read(folder_of(file))
    assert [one["elsewhere"]["kind"]["value"] for one in facts["checkpoints"]] == ["adapter", "model", "model"]
    assert not facts["spreads"]
    for page in pages.values():
        assert "the weights are identical" in page
        problems = check(page, facts)
        assert not problems, told(problems)
    problems = recount(facts, folder_of(file))
    assert not problems, told(problems)


def test_an_audit_of_claims_passes(tmp_path: Path) -> None:
    file = write_study(tmp_path, claims=str(CLAIMS))
    build_report(file, output=folder_of(file))
    facts, pages = read(folder_of(file))
    assert facts["audit"]["claims"]
    for page in pages.values():
        problems = check(page, facts)
        assert not problems, told(problems)
    problems = recount(facts, folder_of(file))
    assert not problems, told(problems)


@pytest.mark.slow
def test_findings_that_a_wrong_rule_chose(study: Path) -> None:
    """A rule that chooses another sentence of its claim, with all the facts that the sentence needs."""
    text = (folder_of(study) / "facts.json").read_text(encoding="utf-8")
    right = rendered.render_markdown(typed(json.loads(text)))
    sentences = set(re.findall(r"macro (\w+)\(", (files("templates") / "findings.md.j2").read_text(encoding="utf-8")))
    choice = random.Random(2)
    results = []
    while len(results) < 100:
        facts = json.loads(text)
        chosen = choice.choice(list(found_in(facts["findings"])))
        claim = chosen["id"].split("_")[0]
        chosen["id"] = choice.choice(sorted(name for name in sentences if name.startswith(f"{claim}_")))
        try:
            page = rendered.render_markdown(typed(facts))
        except (TemplateError, TypeError, KeyError):
            continue
        if page != right:
            results.append(bool(check(page, facts)))
    print(f"findings chosen wrongly: {sum(results)} of 100 caught")
    assert sum(results) >= LEAST * 100


def found_in(findings: Any) -> Iterator[dict[str, Any]]:
    """Yields every finding."""
    if isinstance(findings, dict) and "id" in findings:
        yield findings
    elif isinstance(findings, dict | list):
        for part in findings.values() if isinstance(findings, dict) else findings:
            yield from found_in(part)


def mutants(pages: dict[str, str], count: int, seed: int) -> Iterator[tuple[str, str]]:
    """Yields kind and text of ``count`` wrong pages, kinds and formats in turn."""
    choice = random.Random(seed)
    turns = [(kind, name) for kind in SAID for name in pages]
    made = 0
    while made < count:
        kind, name = turns[made % len(turns)]
        mutant = SAID[kind](pages[name], choice)
        # Bold or not is no difference in what is said.
        if mutant is not None and _plain(mutant) != _plain(pages[name]):
            made += 1
            yield f"{kind}, {name}", mutant


def _plain(page: str) -> str:
    return re.sub(r"\*\*|</?strong>", "", page)


def caught(pages: dict[str, str], facts: dict[str, Any], count: int, seed: int) -> tuple[Counter[str], Counter[str]]:
    found, every = Counter[str](), Counter[str]()
    for kind, mutant in mutants(pages, count, seed):
        every[kind] += 1
        found[kind] += bool(check(mutant, facts))
    return found, every


def test_a_hundred_wrong_pages(study: Path) -> None:
    facts, pages = read(folder_of(study))
    found, every = caught(pages, facts, 100, seed=1)
    assert found.total() >= LEAST * every.total(), {kind: (found[kind], every[kind]) for kind in every}


@pytest.mark.slow
def test_a_thousand_wrong_pages(study: Path) -> None:
    facts, pages = read(folder_of(study))
    found, every = caught(pages, facts, 1000, seed=20261125)
    for kind in sorted(every):
        print(f"{kind}: {found[kind]} of {every[kind]} caught")
    assert found.total() >= LEAST * every.total()


def planted(facts: dict[str, Any], folder: Path, count: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Yields the pages of ``count`` sets of templates with a wrong sentence each, where it shows."""
    choice = random.Random(3)
    drawn = pictures(typed(facts))
    right = rendered.render_markdown(typed(facts))
    right_html = rendered.render_html(typed(facts), drawn)
    made = 0
    while made < count:
        copy = folder / "templates"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(str(files("templates")), copy)
        plant(copy, choice)
        monkeypatch.setattr(lookup, "OURS", copy)
        try:
            markdown = rendered.render_markdown(typed(facts))
            html = rendered.render_html(typed(facts), drawn)
        except (TemplateError, KeyError, ValueError):  # such as a claim word, which the loader refuses
            continue
        wrong = [page for page, known in ((markdown, right), (html, right_html)) if page != known]
        if wrong:
            made += 1
            yield wrong


@pytest.mark.slow
def test_wrong_sentences_in_templates(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts, _ = read(folder_of(study))
    results = [all(check(page, facts) for page in wrong) for wrong in planted(facts, tmp_path, 100, monkeypatch)]
    print(f"planted in templates: {sum(results)} of {len(results)} caught")
    assert sum(results) >= LEAST * len(results)
