"""The page, from facts and templates alone: Markdown, one HTML file, and the figures."""

import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from importlib.resources import files
from pathlib import Path
from typing import Any

from markdown_it.token import Token
from markupsafe import Markup, escape

from report.facts.schema.whole import Facts
from report.page import formats
from report.page.explorer import Explorer, explorer_of_page
from report.page.exports import exports
from report.page.figures import Picture, pictures
from report.page.html import anchored, dressed, html_of, in_html, piece, security_policy, tokens_of
from report.page.number_notes import Notes, marked_up, marks, unmarked
from report.page.template import environment, filled, source
from report.page.template.environment import Environment
from report.sentences.evidence import resolved

TEMPLATES = files("templates")
_NOTES: ContextVar[Notes] = ContextVar("notes")
"""Those of the page that is being made: templates are compiled once, for every page."""


def render(
    facts: Facts,
    folder: Path,
    own: Path | None = None,
    items: Explorer | None = None,
    draw: Callable[[Facts], dict[str, Picture]] = pictures,
) -> dict[str, str]:
    """Returns the text of every file of the page and of every export by its name; the same facts give the same bytes.

    ``folder`` is the study's, with the sample files that the explorer shows, unless ``items`` hold them; ``own`` is
    that of the study's own templates, where it has one. ``draw`` gives the figures by file name.
    """
    notes = Notes(facts)
    marked = marked_markdown(facts, notes, own)
    items, others = items or explorer_of_page(facts, folder), exports(facts, own)
    drawn = draw(facts)
    page = html_page(facts, marked, notes, drawn, items, own)
    return {
        "report.md": with_footnotes(unmarked(marked)),
        "report.html": _with_warning(page, facts) if own else page,
        **{name: picture.svg for name, picture in drawn.items()},
        **items.files,
        **others,
    }


def noted_lines(facts: Facts) -> tuple[dict[str, list[int]], list[dict[str, str]]]:
    """Returns the numbers of the notes of each line of the page in Markdown, and the notes: see `Notes.table`."""
    notes = Notes(facts)
    lines = marked_markdown(facts, notes).splitlines(keepends=True)
    return {unmarked(line): marks(line) for line in lines}, notes.table()


_CODE_OR_SOURCES = re.compile(
    r"^(?P<fence>`{3,})[^\n]*\n.*?^(?P=fence)$|^Sources: (?P<places>[^\n]*)$", flags=re.MULTILINE | re.DOTALL
)
"""A line of sources, and blocks of code, which are somebody else's text and may hold lines that look like one."""


def with_footnotes(markdown: str) -> str:
    """Returns the page with each line of sources as a footnote of GitHub's Markdown, and the notes at its end.

    >>> print(with_footnotes("| 1 |\\n\\nSources: `a.json`.\\n"))
    | 1 |
    <BLANKLINE>
    Sources.[^1]
    <BLANKLINE>
    [^1]: `a.json`.
    <BLANKLINE>
    """
    notes: list[str] = []

    def noted(found: re.Match[str]) -> str:
        if found["fence"]:
            return found[0]
        notes.append(f"[^{len(notes) + 1}]: {found['places']}\n")
        return f"Sources.[^{len(notes)}]"

    text = _CODE_OR_SOURCES.sub(noted, markdown)
    return "\n".join([text, *notes]) if notes else text


def marked_markdown(facts: Facts, notes: Notes, own: Path | None = None) -> str:
    """Returns the page as Markdown in which each number is marked with the number of its note.

    Every text that is not ours is escaped on its way in. ``own``: the folder of the study's own templates.
    """
    said = resolved(facts, facts.findings)
    noted = _NOTES.set(notes)
    try:
        text = filled(_environment(formats.in_markdown, own), "report.md.j2", {**facts.written(), "findings": said})
    finally:
        _NOTES.reset(noted)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def html_page(
    facts: Facts,
    marked: str,
    notes: Notes,
    drawn: Mapping[str, Picture],
    items: Explorer,
    own: Path | None = None,
) -> str:
    """Returns the page as one HTML file that asks nothing of a network, from its ``marked`` Markdown.

    ``drawn``: its pictures by name; ``items``: the explorer, which is left out where its HTML is empty.
    """
    tokens = tokens_of(marked)
    contents = anchored(tokens)
    dressed(tokens, drawn)
    if items.html:
        _before(tokens, "contributions", items.html)
        place = next((i for i, entry in enumerate(contents) if entry["id"] == "contributions"), len(contents))
        contents.insert(place, {"id": "explorer", "title": "Every item"})
    body = marked_up(html_of(tokens))
    scripts = [(TEMPLATES / "report.js").read_text(encoding="utf-8"), items.script]
    values = {
        "policy": Markup(security_policy(f"\n{script}\n" for script in scripts if script)),
        "study": facts.study,
        "contents": contents,
        "body": Markup(body),
        "style": Markup(source("report.css", own)[0] + items.style),
        "notes": Markup(notes.script()),
        "scripts": [Markup(script) for script in scripts],
    }
    return filled(_environment(in_html, own), "report.html.j2", values)


_SEEN = "!important; ".join(
    ("all: initial", "display: block", "position: relative", "z-index: 2147483647", "padding: 0.5em 1em",
     "font: 1rem/1.5 sans-serif", "color: #000", "background: #fd6", "")
)  # fmt: skip
"""What a style sheet cannot overrule: important, and of the element itself."""


def _with_warning(page: str, facts: Facts) -> str:
    """Returns a page of the study's own templates with a line that says so, which its own style sheet cannot hide."""
    names = ", ".join(escape(str(name.value)) for name in facts.templates)
    said = f"This study has templates of its own ({names}): what they say beside the facts is the study's alone."
    return re.sub(r"(<body[^>]*>)|\Z", lambda found: f'{found[0]}<p style="{_SEEN.strip()}">{said}</p>', page, count=1)


def _noted(show: Any) -> Any:
    """Returns the filter ``show`` made to mark what it shows, for the notes of the page that is being made."""

    def noted(fact: Any) -> Markup:
        notes, shown = _NOTES.get(None), show(fact)
        return Markup(notes.mark(fact, shown)) if notes else shown

    return noted


_NOTED = {name: _noted(formats.FILTERS[name]) for name in formats.NUMBERS}


def _environment(finalize: Any, own: Path | None) -> Environment:
    return environment(finalize, own=own, filters=_NOTED)


def _before(tokens: list[Token], heading: str, html: str) -> None:
    """Puts ``html`` before the heading with that id, or at the end where there is none."""
    place = next((i for i, token in enumerate(tokens) if token.attrGet("id") == heading), len(tokens))
    tokens.insert(place, piece(html))
