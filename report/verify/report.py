"""A page in a file: whether everything on it is backed, down to the sample files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness_tasks.reading import Kind, read_text
from report.facts.current import recorded_facts
from report.verify import check, counted
from report.verify.items import items
from report.verify.page import read_page
from report.verify.problems import Problem
from report.verify.recount import AGAIN, count_facts, recount

_UNCHECKED = Problem(
    "the page", "a page that was not checked", "the facts that its files give: write both again with `report build`"
)
_PAGE = Kind(
    "the page",
    "there is nothing to verify",
    "name the report.md or report.html that `python -m report build STUDY` wrote",
    limit_mib=1024,
)


@dataclass(frozen=True)
class Verdict:
    """What came of verifying a page."""

    problems: list[Problem]
    numerals: int
    """Numerals on the page; 0 where there are problems, as for the next."""
    sentences: int
    """Sentences on the page."""
    facts: int
    """Facts that were computed again."""
    own: list[str]
    """What only templates of the study's own say; nothing judges it."""


def verify_report(report: Path, *, facts: Path | None = None) -> Verdict:
    """Returns what is wrong with the page in the file ``report`` and with the facts and files behind it.

    Raises:
        UserError: the page or the facts cannot be read, or nothing can be computed again.
    """
    source = facts or report.parent / "facts.json"
    page, recorded = _text(report), recorded_facts(source)
    own: list[str] = []
    problems = recount(recorded, source.parent)
    if any(problem.place.startswith(("facts.json", AGAIN)) for problem in problems):
        # Facts that the files do not give back no page, and may be of any shape.
        return Verdict([*problems, _UNCHECKED], 0, 0, count_facts(recorded), own)
    if recorded.get("templates"):
        page, problems_of_own, own = _own(page, recorded, source.parent)
        problems += problems_of_own
    problems += [*check(page, recorded), *items(page, recorded, source.parent)]
    numerals, sentences = (0, 0) if problems else counted(page, recorded)
    return Verdict(problems, numerals, sentences, count_facts(recorded), own)


def _own(page: str, facts: dict[str, Any], folder: Path) -> tuple[str, list[Problem], list[str]]:
    """Returns the page as our templates make it, which can be judged, and what the study's own ones add to it.

    A page by the study's own templates has to be, letter by letter, what those beside the facts make of them.
    """
    from report.page.render import render
    from report.page.template import own_templates

    name = "report.html" if read_page(page).html else "report.md"
    ours, theirs = render(facts, folder)[name], render(facts, folder, own_templates(folder))[name]
    problems = []
    if page != theirs:
        wanted = f"what the templates in {folder / 'templates'} make of the facts"
        problems.append(Problem("the page", "a page that templates of the study's own did not make", wanted))
    known = {block.text for block in read_page(ours).blocks}
    added = [block.text for block in read_page(theirs).blocks if block.text and block.text not in known]
    return ours, problems, added


def _text(path: Path) -> str:
    return read_text(path, _PAGE)
