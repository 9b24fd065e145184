"""A page in a file: whether it is what its facts give, and they what their files give."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from harness_tasks.reading import Kind, read_text
from report.facts.current import read_facts, recorded_facts
from report.page.explorer.page import CHUNK_FOLDER
from report.page.template.lookup import own_templates
from report.verify.differences import count_numerals, differences
from report.verify.made import comparable, made_of, original, sources_of
from report.verify.pieces import is_html, pieces
from report.verify.problems import Problem
from report.verify.recount import AGAIN, count_facts, recount

_UNCHECKED = Problem(
    "the page", "a page that was not checked", "the facts that its files give: write both again with `report build`"
)
_PAGE = Kind(
    "the page",
    "there is nothing to verify",
    "name a page that `python -m report build STUDY` wrote, such as report.html",
    limit_mib=1024,
)


@dataclass(frozen=True)
class Verdict:
    """What came of verifying a page."""

    problems: list[Problem]
    numerals: int
    """Numerals on the page; 0 where there are problems."""
    facts: int
    """Facts that were computed again."""
    own: list[str] = field(default_factory=list)
    """What only templates of the study's own say; nothing judges it."""


def verify_report(report: Path, *, facts: Path | None = None, page_only: bool = False) -> Verdict:
    """Returns what is wrong with the page in the file ``report`` and with the facts and files behind it.

    ``page_only``: the facts are taken as they are recorded, for a copy of a page without the results.

    Raises:
        UserError: the page or the facts cannot be read, or nothing can be computed again.
    """
    source = facts or report.parent / "facts.json"
    page = read_text(report, _PAGE).replace("\r\n", "\n")  # as version control may write them on Windows
    recorded = (read_facts if page_only else recorded_facts)(source)
    again = 0 if page_only else count_facts(recorded)
    problems = [] if page_only else recount(recorded, source.parent)
    if any(problem.place.startswith(("facts.json", AGAIN)) for problem in problems):
        # Facts that the files do not give back no page, and may be of any shape.
        return Verdict([*problems, _UNCHECKED], 0, again)
    folder, templates = source.parent, own_templates(source.parent) if recorded.get("templates") else None
    made = made_of(recorded, folder, templates)
    name = original(made, report, page)
    wanted, shown = (comparable(text, folder) for text in (made[name], page))
    problems += differences(shown, wanted, sources_of(recorded))
    for beside in sorted(name for name in made if name.startswith(f"{CHUNK_FOLDER}/") and is_html(page)):
        problems += _beside(report.parent / beside, made[beside])
    own = _own(made[name], made_of(recorded, folder, None)[name]) if templates else []
    return Verdict(problems, 0 if problems else count_numerals(page), again, own)


def _beside(path: Path, wanted: str) -> Iterator[Problem]:
    """Yields what is wrong with a file of the explorer's items beside a page."""
    if not path.is_file():
        yield Problem(f"the file {path.name} beside the page", "", "items of the explorer")
    elif list(differences(read_text(path, _PAGE), wanted)):
        yield Problem(f"the file {path.name} beside the page", "items that the sample files do not give", "theirs")


def _own(theirs: str, ours: str) -> list[str]:
    """Returns the texts of a page by the study's own templates that our templates do not make."""
    known = {piece.text for piece in pieces(ours)}
    return [piece.text for piece in pieces(theirs) if piece.text and piece.text not in known]
