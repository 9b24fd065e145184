"""The oracle: whether everything that a page says is backed by its facts.

Double-entry bookkeeping. The first book is the page, as the templates wrote it. The second is here: what the facts
license, written down a second time and by other means (`outline.py`, `sentences.py`, `tables.py`, `numerals.py`). The
page is read as text and set beside it, and whatever stands in only one of the two is a problem. Nothing is rendered
again, and no template takes part. Whether the facts themselves hold is another question: `recount.py` answers it from
the sample files.
"""

from collections.abc import Mapping
from typing import Any

from report.verify.problems import Problem
from tests.oracle.lines import matches, said, text
from tests.oracle.matching import compare
from tests.oracle.notes import notes
from tests.oracle.outline import ASIDE, DESCRIPTION, outline
from tests.oracle.page import Page, read_page

ITEMS = ("Every item", "#explorer")
"""The line of the table of contents that leads to the explorer."""


def check(page: str, facts: Mapping[str, Any]) -> list[Problem]:
    """Returns what is wrong with the text of a page (Markdown or HTML) beside ``facts``; nothing where all is backed.

    Pure and fast: reads no file, and recomputes no fact.
    """
    read = read_page(page)
    problems = [Problem("the page", found, "no place for it") for found in read.oddities]
    try:
        licensed = outline(facts)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        found = f"facts that no page can be made of: {type(error).__name__}: {error}"
        return [*problems, Problem("facts.json", found, "facts as `aftertune build` writes them")]
    problems += compare(read.blocks, licensed)
    return problems + (_shell(read, facts) if read.html else [])


def _shell(page: Page, facts: Mapping[str, Any]) -> list[Problem]:
    """Returns what is wrong with what only an HTML page has: title, description, table of contents."""
    problems = notes(page, facts)
    title = text(facts["study"]["title"])
    if not matches(title, page.title):
        problems.append(Problem("the page's title", page.title, said(title)))
    if page.description != DESCRIPTION:
        problems.append(Problem("the page's description", page.description, DESCRIPTION))
    if page.aside != ASIDE:
        problems.append(Problem("beside the content", "; ".join(page.aside), "; ".join(ASIDE)))
    headings = [block.text for block in page.blocks if block.kind == "heading" and block.level == 2]
    listed = [entry for entry in page.contents if not (page.has_items and entry == ITEMS)]
    if [name for name, _ in listed] != headings:
        told = "; ".join(name for name, _ in listed)
        problems.append(Problem("the table of contents", told, "; ".join(headings)))
    for name, target in listed:
        if page.anchors.get(target.removeprefix("#")) != name:
            problems.append(Problem("the table of contents", f"{name}, which leads to {target}", "that heading"))
    return problems
