"""The page, from facts and templates alone: Markdown, one HTML file, and the figures."""

import re
from collections.abc import Mapping
from contextvars import ContextVar
from html import escape as escape_html
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from report import formats
from report.exports import exports
from report.figures import Picture, pictures
from report.notes import Notes, marked_up, unmarked
from report.template import environment, filled, source
from report.template.environment import Environment

TEMPLATES = files("templates")
_NOTES: ContextVar[Notes] = ContextVar("notes")
"""Those of the page that is being made: templates are compiled once, for every page."""


def render(facts: Mapping[str, Any], own: Path | None = None) -> dict[str, str]:
    """Returns the text of every file of the page and of every export by its name; the same facts give the same bytes.

    ``own`` is the folder of the study's own templates, where it has one.
    """
    drawn, notes = pictures(facts), Notes(facts)
    marked = _marked_markdown(facts, notes, own)
    return {
        "report.md": with_footnotes(unmarked(marked)),
        "report.html": _html_page(facts, marked, notes, drawn, own),
        **{name: picture.svg for name, picture in drawn.items()},
        **exports(facts, own),
    }


def render_markdown(facts: Mapping[str, Any]) -> str:
    """Returns the page as Markdown; every text that is not ours is escaped on its way in."""
    return with_footnotes(unmarked(_marked_markdown(facts, Notes(facts), None)))


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
        notes.append(f"[^{len(notes) + 1}]: {found[1]}\n")
        return f"Sources.[^{len(notes)}]"

    text = re.sub(r"^Sources: (.*)$", noted, markdown, flags=re.MULTILINE)
    return "\n".join([text, *notes]) if notes else text


def _marked_markdown(facts: Mapping[str, Any], notes: Notes, own: Path | None) -> str:
    """Returns the page as Markdown in which each number is marked with the number of its note."""
    said = {part: _resolved(facts, found) for part, found in facts["findings"].items()}
    noted = _NOTES.set(notes)
    try:
        text = filled(_environment(formats.in_markdown, own), "report.md.j2", {**facts, "findings": said})
    finally:
        _NOTES.reset(noted)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def render_html(facts: Mapping[str, Any], drawn: Mapping[str, Picture]) -> str:
    """Returns the page as one HTML file that asks nothing of a network, and reads well without its script."""
    notes = Notes(facts)
    return _html_page(facts, _marked_markdown(facts, notes, None), notes, drawn, None)


def _html_page(
    facts: Mapping[str, Any], marked: str, notes: Notes, drawn: Mapping[str, Picture], own: Path | None
) -> str:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(marked)
    contents = _anchor(tokens)
    _inline_figures(tokens, drawn)
    _dress(tokens)
    body = marked_up(parser.renderer.render(tokens, parser.options, {}))
    values = {
        "study": facts["study"],
        "contents": contents,
        "body": Markup(body),
        "style": Markup(source("report.css", own)[0]),
        "notes": Markup(notes.script()),
        "script": Markup((TEMPLATES / "report.js").read_text(encoding="utf-8")),
    }
    return filled(_environment(_in_html, own), "report.html.j2", values)


def _noted(show: Any) -> Any:
    """Returns the filter ``show`` made to mark what it shows, for the notes of the page that is being made."""

    def noted(fact: Any) -> Markup:
        notes, shown = _NOTES.get(None), show(fact)
        return Markup(notes.mark(fact, shown)) if notes else shown

    return noted


_ENVIRONMENTS: dict[tuple[Any, Path | None], Environment] = {}
"""Templates are compiled once, for every page that is made of them."""


def _environment(finalize: Any, own: Path | None) -> Environment:
    if (finalize, own) not in _ENVIRONMENTS:
        filters = {name: _noted(formats.FILTERS[name]) for name in formats.NUMBERS}
        _ENVIRONMENTS[finalize, own] = environment(finalize, own=own, filters=filters)
    return _ENVIRONMENTS[finalize, own]


def _in_html(value: Any) -> Any:
    if isinstance(value, Markup):
        return value
    if isinstance(value, str):
        return Markup(escape_html(value))
    if isinstance(value, dict):
        return Markup(escape_html(formats.plain(value)))
    raise TypeError(f"a template may not show {value!r} without a filter")


def _resolved(facts: Mapping[str, Any], found: Any) -> Any:
    """Returns findings with the facts themselves in the place of the pointers to them."""
    if isinstance(found, list):
        return [_resolved(facts, part) for part in found]
    if isinstance(found, str):
        return at(facts, found)
    if "id" in found:
        return {"id": found["id"], "evidence": {key: _resolved(facts, path) for key, path in found["evidence"].items()}}
    return {key: _resolved(facts, part) for key, part in found.items()}


def at(facts: Any, pointer: str) -> Any:
    """Returns what a JSON pointer names.

    >>> at({"tasks": [{"a/b": 3}]}, "/tasks/0/a~1b")
    3
    """
    for part in pointer.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        facts = facts[int(part)] if isinstance(facts, list) else facts[part]
    return facts


def _anchor(tokens: list[Token]) -> list[dict[str, str]]:
    """Gives each second-level heading an id; returns the table of contents."""
    contents = []
    for token, inline in pairwise(tokens):
        if token.type == "heading_open" and token.tag == "h2":
            name = re.sub(r"[^a-z0-9]+", "-", inline.content.partition(":")[0].lower()).strip("-")
            token.attrSet("id", name)
            contents.append({"id": name, "title": inline.content.replace("\\", "")})
    return contents


def _inline_figures(tokens: list[Token], drawn: Mapping[str, Picture]) -> None:
    """Puts the drawing itself in the place of a paragraph that holds an image of ours and nothing else."""
    for index, token in enumerate(tokens):
        images = [child for child in token.children or [] if child.type == "image"]
        if token.type != "inline" or len(images) != 1 or images[0].attrGet("src") not in drawn:
            continue
        picture = drawn[str(images[0].attrGet("src"))]
        tokens[index - 1] = _html("")
        caption = f"<figcaption>{escape_html(picture.title)}</figcaption>"
        drawing = f'<div class="scroll" tabindex="0">{picture.inline()}</div>'
        tokens[index] = _html(f"<figure>\n{drawing}\n{caption}\n{_data(picture)}</figure>\n")
        tokens[index + 1] = _html("")


def _data(picture: Picture) -> str:
    if not picture.rows:
        return ""
    head = "".join(f'<th scope="col">{escape_html(name)}</th>' for name in picture.columns)
    cells = ("".join(f"<td>{escape_html(cell)}</td>" for cell in row) for row in picture.rows)
    body = "".join(f"<tr>{row}</tr>\n" for row in cells)
    table = f'<table class="data"><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>'
    return (
        f'<details><summary>The figure\'s data</summary>\n<div class="scroll" tabindex="0">{table}</div>\n</details>\n'
    )


def _dress(tokens: list[Token]) -> None:
    """Makes tables scroll by themselves, marks the lines of sources, and wraps the summary."""
    headings = [index for index, token in enumerate(tokens) if token.type == "heading_open" and token.tag == "h2"]
    if len(headings) > 1 and tokens[headings[0]].attrGet("id") == "summary":
        tokens.insert(headings[1], _html("</section>\n"))
        tokens.insert(headings[0], _html('<section class="card">\n'))
    for index, token in enumerate(tokens):
        if token.type == "table_open":
            tokens[index] = _html('<div class="scroll" tabindex="0">\n<table>\n')
        elif token.type == "table_close":
            tokens[index] = _html("</table>\n</div>\n")
        elif token.type == "inline" and token.content.startswith("Sources: "):
            tokens[index - 1].attrSet("class", "sources")
        elif token.type == "blockquote_open":
            token.attrSet("class", "warning")


def _html(text: str) -> Token:
    return Token("html_block", "", 0, content=text)
