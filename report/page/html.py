"""HTML of a page that was written as Markdown: drawings in the place of images, headings that can be linked to."""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from html import escape, unescape
from itertools import pairwise
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from report.facts.schema.parts import Known, Missing
from report.page import formats
from report.page.figures import Picture
from report.page.number_notes import unmarked

_PARSER = MarkdownIt("commonmark", {"html": False}).enable("table")


def tokens_of(markdown: str) -> list[Token]:
    """Returns the pieces of ``markdown``, in which no HTML of anybody's is any."""
    return _PARSER.parse(markdown)


def html_of(tokens: list[Token]) -> str:
    """Returns the HTML of ``tokens``."""
    rendered: str = _PARSER.renderer.render(tokens, _PARSER.options, {})
    return rendered


def in_html(value: Any) -> Markup:
    """Returns what a template shows, escaped; a fact as its plain text.

    Raises:
        TypeError: a number, None or a boolean came without a filter.
    """
    return formats.escaped(formats.plain(value) if isinstance(value, Known | Missing) else value, escape)


def anchored(tokens: list[Token]) -> list[dict[str, str]]:
    """Gives each heading but the title an id of its own and a link to itself; returns the table of contents."""
    contents: list[dict[str, str]] = []
    names: set[str] = set()
    for token, inline in pairwise(tokens):
        if token.type != "heading_open" or token.tag == "h1":
            continue
        title = "".join(child.content for child in inline.children or [] if child.type in ("text", "code_inline"))
        name = re.sub(r"[^a-z0-9]+", "-", title.partition(":")[0].lower()).strip("-")
        if not name or name in names:
            name = f"part-{len(names) + 1}"
        names.add(name)
        token.attrSet("id", name)
        link = piece(f' <a class="anchor" href="#{name}" aria-label="Link to this part">#</a>')
        link.type = "html_inline"
        inline.children = [*(inline.children or []), link]
        if token.tag == "h2":
            contents.append({"id": name, "title": title})
    return contents


def dressed(tokens: list[Token], drawn: Mapping[str, Picture]) -> None:
    """Puts the drawings in, makes tables scroll by themselves, and marks warnings and lines of sources."""
    for index, token in enumerate(tokens):
        if token.type == "table_open":
            tokens[index] = piece('<div class="scroll" tabindex="0">\n<table>\n')
        elif token.type == "table_close":
            tokens[index] = piece("</table>\n</div>\n")
        elif token.type == "blockquote_open":
            token.attrSet("class", "warning")
        elif token.type == "inline":
            _dressed_text(tokens, index, drawn)


def _dressed_text(tokens: list[Token], index: int, drawn: Mapping[str, Picture]) -> None:
    """Marks a line of sources, and puts HTML in the place of a drawing or of what a reader opens by hand."""
    token = tokens[index]
    if token.content.startswith("Sources: "):
        tokens[index - 1].attrSet("class", "sources")
    elif html := _fold(token.content) or _only_picture(token, drawn):
        tokens[index - 1] = tokens[index + 1] = piece("")
        tokens[index] = piece(html)
    else:
        for child in token.children or []:
            if child.type == "image" and (picture := drawn.get(str(child.attrGet("src")))):
                child.type, child.content = "html_inline", f'<span class="drawn">{picture.inline()}</span>'


_SUMMARY = re.compile(r"<details>\n<summary>([^\n]*)</summary>")


def _fold(markdown: str) -> str | None:
    """Returns the HTML of a paragraph that begins or ends what a reader opens by hand; None for any other.

    Only a template can write one: in every other text `<` is escaped. A summary is HTML already, of text alone: a tag
    in it, from a template of the study's own, is shown as it is written.
    """
    if found := _SUMMARY.fullmatch(markdown):
        return f"<details>\n<summary>{escape(unescape(unmarked(found[1])), quote=False)}</summary>\n"
    return "</details>\n" if markdown == "</details>" else None


def piece(html: str) -> Token:
    """Returns HTML of ours as a token."""
    return Token("html_block", "", 0, content=html)


def _only_picture(token: Token, drawn: Mapping[str, Picture]) -> str | None:
    """Returns the figure of a paragraph that holds an image of ours and nothing else; None for any other."""
    children = token.children or []
    picture = drawn.get(str(children[0].attrGet("src"))) if [child.type for child in children] == ["image"] else None
    return _figure(picture) if picture else None


def _figure(picture: Picture) -> str:
    drawing = f'<div class="scroll" tabindex="0">{picture.inline()}</div>'
    caption = f"<figcaption>{escape(picture.title)}</figcaption>"
    return f"<figure>\n{drawing}\n{caption}\n{_data(picture)}</figure>\n"


def _data(picture: Picture) -> str:
    if not picture.rows:
        return ""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in picture.columns)
    cells = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in picture.rows)
    body = "".join(f"<tr>{row}</tr>\n" for row in cells)
    table = f'<table class="data"><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>'
    return (
        f'<details><summary>The figure\'s data</summary>\n<div class="scroll" tabindex="0">{table}</div>\n</details>\n'
    )


def security_policy(scripts: Iterable[str]) -> str:
    """Returns the page's Content-Security-Policy: our own scripts by their hashes, and those of files beside the page.

    ``scripts``: each as it stands between its tags. Nothing of another origin is loaded, and no other script runs. The
    browser's own words for a folder on disk and for a site that holds the page are `file:` and `'self'`.
    """
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    known = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {known} 'self' file:; style-src 'unsafe-inline'; img-src 'self' file: data:; "
        "base-uri 'none'; form-action 'none'"
    )
