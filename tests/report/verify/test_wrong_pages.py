"""`aftertune verify` on pages that were made wrong: each is caught, and the message names the spot.

Equality catches every difference, so what can fail is what counts as one (`unpacked`), and the message: its place, and
what it shows. The spot is found here by other means: what two pages have in common at both ends.
"""

import random
import re
from collections import Counter
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from report.page.build import build_report
from report.verify.differences import differences
from report.verify.pieces import unpacked
from report.verify.problems import Problem
from report.verify.report import verify_report
from tests.report.synthetic import folder_of, write_study
from tests.report.verify.mutations_of_form import NOT_LOCAL, ON_THE_PAGE

CAUGHT, NAMED = 0.998, 0.99


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = write_study(tmp_path_factory.mktemp("study"))
    build_report(study, output=folder_of(study))
    return folder_of(study)


def mutants(page: str, name: str, of_each: int, seed: int) -> Iterator[tuple[str, str]]:
    """Yields (kind, wrong page): ``of_each`` different ones of every kind that this page can have, fewer if rare."""
    for kind, mutate in ON_THE_PAGE.items():
        choice, made = random.Random(f"{seed} {kind} {name}"), set[str]()
        for _ in range(3 * of_each):
            mutant = mutate(page, choice)
            if mutant is not None and unpacked(mutant) != unpacked(page):
                made.add(mutant)
            if len(made) == of_each:
                break
        yield from ((kind, mutant) for mutant in sorted(made))


class Spot:
    """Where a mutant differs from the page that it was made from, and in what."""

    def __init__(self, page: str, mutant: str) -> None:
        right, wrong = unpacked(page), unpacked(mutant)
        begin = next(i for i, (a, b) in enumerate(zip(right + "\0", wrong + "\1", strict=False)) if a != b)
        most = min(len(right), len(wrong)) - begin
        end = next((i for i in range(most) if right[-1 - i] != wrong[-1 - i]), most)
        self.wrong = wrong[begin : len(wrong) - end]
        self.right = right[begin : len(right) - end]
        before = wrong[:begin]
        opened = re.findall(r"<(/?)(script|style)\b", before)
        self.hidden = f"the page's {opened[-1][1]}s" if opened and not opened[-1][0] and "<h1" in right else ""
        # What was changed within a heading is in the part that it begins.
        within = re.search(r"<h[2-6]\b(?:(?!</h[2-6]>).)*$", before, flags=re.DOTALL)
        to_here = before + right[begin : right.find("</h", begin) + 3] if within else before
        headings = re.findall(r"<h[2-6][^>]*>(.*?)</h|(?m:^##+ ([^\n]*)$)", to_here, flags=re.DOTALL)
        title = re.sub(r" <a class=\"anchor\".*?</a>", "", " ".join(headings[-1])) if headings else ""
        self.section = _bare(title)

    def placed(self, problem: Problem) -> bool:
        """Returns whether the problem is reported in the right section of the page."""
        return self.hidden in problem.place and (bool(self.hidden) or self.section in _bare(problem.place))

    def shown(self, problem: Problem) -> bool:
        """Returns whether the problem shows what was changed: what stands there, or what should."""
        said = [text for part in (problem.found, problem.facts) for text in (_squeezed(part), _bare(part))]
        asked = (_squeezed(self.wrong)[:300], _squeezed(self.right)[:300], _bare(self.wrong), _bare(self.right))
        return any(text and text in part for text in asked for part in said)


def _bare(text: str) -> str:
    """Returns what a reader sees of a text that may begin or end within a tag, without white space."""
    return _squeezed(unescape(re.sub(r"^/?\w*>|<[^>]*>|<[^>]*$", "", text)))


def _squeezed(text: str) -> str:
    return "".join(text.split())


def judged(page: str, name: str, of_each: int, seed: int) -> tuple[Counter[str], dict[str, Counter[str]], list[str]]:
    """Returns how many mutants there were of each kind, how many of them were caught and named, and what was not."""
    every, good, bad = Counter[str](), {"caught": Counter[str](), "named": Counter[str]()}, []
    for kind, mutant in mutants(page, name, of_each, seed):
        every[kind] += 1
        problems, spot = list(differences(mutant, page)), Spot(page, mutant)
        good["caught"][kind] += bool(problems)
        named = any(map(spot.placed, problems))
        if kind not in NOT_LOCAL:
            named = named and len(problems) <= 3 and any(spot.placed(one) and spot.shown(one) for one in problems)
        good["named"][kind] += named
        if not named:
            told = "\n".join(map(str, problems[:3])) or "missed"
            bad.append(f"{name}, {kind}: {spot.right[:100]!r} -> {spot.wrong[:100]!r} in {spot.section!r}\n{told}")
    return every, good, bad


@pytest.mark.parametrize(
    ("name", "of_each"),
    [
        ("report.md", 3),
        ("report.html", 3),
        pytest.param("report.md", 110, marks=pytest.mark.slow),
        pytest.param("report.html", 110, marks=pytest.mark.slow),
    ],
)
def test_wrong_pages_are_caught_and_the_spot_is_named(folder: Path, name: str, of_each: int) -> None:
    page = (folder / name).read_text(encoding="utf-8")
    assert not list(differences(page, page))
    every, good, bad = judged(page, name, of_each, seed=20261130)
    print(
        *(
            f"{name}, {kind}: {good['caught'][kind]} caught, {good['named'][kind]} named of {every[kind]}"
            for kind in every
        ),
        sep="\n",
    )
    print(*bad, sep="\n")
    assert every.total() >= 15 * of_each
    assert good["caught"].total() >= CAUGHT * every.total()
    assert good["named"].total() >= NAMED * every.total(), bad


@pytest.mark.slow
def test_wrong_files_are_caught(folder: Path) -> None:
    missed = []
    for name in ("report.md", "report.html"):
        page = folder / name
        right = page.read_text(encoding="utf-8")
        assert not verify_report(page).problems
        try:
            for kind, mutant in mutants(right, name, 3, seed=7):
                page.write_text(mutant, encoding="utf-8")
                if not verify_report(page).problems:
                    missed.append(f"{name}, {kind}: {Spot(right, mutant).wrong[:100]!r}")
        finally:
            page.write_text(right, encoding="utf-8")
    assert not missed
