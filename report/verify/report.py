"""A page in a file: whether it is what its facts give, and they what their files give."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from harness_tasks.errors import UserError
from harness_tasks.reading import Kind, read_json, read_text
from report.facts.current import FACTS, of_a_study, unchanged
from report.page.explorer.page import CHUNK_FOLDER
from report.page.template.lookup import own_templates
from report.verify.compare_pages import is_comparison, verify_comparison
from report.verify.differences import differences
from report.verify.made import cards_of, comparable, file_shown_by, made_of, sources_of
from report.verify.pieces import count_numerals, is_html, pieces
from report.verify.problems import PageVerdict, Problem
from report.verify.recount import AGAIN, RecordedFacts, count_facts, recount, study_file
from report.verify.replicates import Replicated, replicates_again

FACTS_FILES = ("facts.json", "compare.json")
"""What the facts beside a page may be called: those of a study, and of a comparison."""
_UNCHECKED = Problem(
    "the page", "a page that was not checked", "the facts that its files give: write both again with `aftertune build`"
)
_PAGE = Kind(
    "the page",
    "there is nothing to verify",
    "name a page that `aftertune build STUDY` wrote, such as report.html",
    limit_mib=1024,
)


def verify_report(
    report: Path, results: Sequence[Path] = (), *, facts: Path | None = None, page_only: bool = False
) -> PageVerdict:
    """Returns what is wrong with the page in the file ``report`` and with the facts and files behind it.

    The page is one of a study, a model card, or one of ``aftertune compare``; then ``results`` are what was compared,
    in that order. ``page_only``: the facts are taken as they are recorded, for a copy of a page without the results.

    Raises:
        UserError: the page or the facts cannot be read, or nothing can be computed again.
    """
    page = read_text(report, _PAGE).replace("\r\n", "\n")  # as version control may write them on Windows
    beside = [report.parent / name for name in FACTS_FILES]
    source = facts or next(filter(Path.is_file, beside), beside[0])
    recorded = read_json(source, FACTS)
    if is_comparison(recorded):
        return verify_comparison(report, page, source, recorded, results, page_only=page_only)
    if results:
        raise UserError(
            f"{report} is a page of a study, and results were named beside it ({results[0]})",
            "the study's folder holds its own",
            "leave them out, or name the page that `aftertune compare` wrote",
        )
    found = of_a_study(recorded, source)
    return _study(report, page, source, unchanged(found, source) if page_only else found, page_only=page_only)


def _study(report: Path, page: str, source: Path, recorded: RecordedFacts, *, page_only: bool) -> PageVerdict:
    folder = source.parent
    again = 0 if page_only else count_facts(recorded)
    replicated = Replicated([], []) if page_only else replicates_again(folder)
    problems = replicated.problems + ([] if page_only else recount(recorded, folder))
    if any(problem.place.startswith(("facts.json", AGAIN)) for problem in problems):
        # Facts that the files do not give back no page, and may be of any shape.
        return PageVerdict([*problems, _UNCHECKED], 0, again)
    is_card = page.startswith("---\n")
    own = own_templates(folder) if recorded.get("templates") and not is_card else None
    made = cards_of(recorded, study_file(recorded, folder), folder) if is_card else made_of(recorded, folder, own)
    name = file_shown_by(made, report, page)
    wanted, shown = (comparable(text, folder) for text in (made[name], page))
    problems += differences(shown, wanted, sources_of(recorded))
    for beside in sorted(name for name in made if name.startswith(f"{CHUNK_FOLDER}/") and is_html(page)):
        problems += _beside(report.parent / beside, made[beside])
    numerals = 0 if problems else count_numerals(page)
    said = _said_by_own(made[name], name, recorded, folder) if own else []
    return PageVerdict(problems, numerals, again, said, replicated.taken)


def _beside(path: Path, wanted: str) -> Iterator[Problem]:
    """Yields what is wrong with a file of the explorer's items beside a page."""
    if not path.is_file():
        yield Problem(f"the file {path.name} beside the page", "", "items of the explorer")
    elif list(differences(read_text(path, _PAGE), wanted)):
        yield Problem(f"the file {path.name} beside the page", "items that the sample files do not give", "theirs")


def _said_by_own(page: str, name: str, recorded: RecordedFacts, folder: Path) -> list[str]:
    """Returns the texts of a ``page`` by the study's own templates that the one of that name by ours does not have."""
    known = {piece.text for piece in pieces(made_of(recorded, folder, None).get(name, page))}
    return [piece.text for piece in pieces(page) if piece.text and piece.text not in known]
