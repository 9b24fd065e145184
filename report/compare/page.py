"""The comparison as Markdown and as one HTML file, from its facts and the templates alone."""

import re
from collections.abc import Mapping
from functools import cache
from html import escape as escape_html
from importlib.resources import files
from itertools import count, pairwise
from typing import Any

from jinja2 import StrictUndefined
from jinja2.loaders import FunctionLoader
from jinja2.sandbox import SandboxedEnvironment
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from report import formats
from report.compare.pictures import SCHEME, forest

TEMPLATES = files("templates")


def render(facts: Mapping[str, Any]) -> dict[str, str]:
    """Returns the text of every file of the page by its name; the same facts give the same bytes."""
    drawn = {
        board["figure"]["value"]: forest(board, number)
        for number, board in enumerate((board for task in facts["tasks"] for board in task["boards"]), 1)
        if board.get("figure")
    }
    markdown = render_markdown(facts, figures=True)
    return {"compare.md": markdown, "compare.html": _html_page(markdown, drawn), **drawn}


def render_markdown(facts: Mapping[str, Any], *, figures: bool = False) -> str:
    """Returns the comparison as Markdown; ``figures``: with images, for where their files lie beside it."""
    text = _environment(formats.in_markdown).get_template("compare.md.j2").render(**facts, figures=figures)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _html_page(markdown: str, drawn: Mapping[str, str]) -> str:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(markdown)
    contents = _anchor(tokens)
    _dress(tokens, drawn)
    body = parser.renderer.render(tokens, parser.options, {})
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    page = _environment(_in_html).get_template("compare.html.j2")
    return page.render(contents=contents, body=Markup(body), style=Markup(style))


@cache
def _environment(finalize: Any) -> SandboxedEnvironment:
    environment = SandboxedEnvironment(
        loader=FunctionLoader(lambda name: (TEMPLATES / name).read_text(encoding="utf-8")),
        undefined=StrictUndefined,
        autoescape=True,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(formats.FILTERS)
    environment.tests["known"] = formats.is_known
    return environment


def _in_html(value: Any) -> Markup:
    return value if isinstance(value, Markup) else Markup(escape_html(str(value)))


def _anchor(tokens: list[Token]) -> list[dict[str, str]]:
    """Gives each second-level heading an id of its own; returns the table of contents."""
    contents: list[dict[str, str]] = []
    numbers = count(1)
    for token, inline in pairwise(tokens):
        if token.type == "heading_open" and token.tag == "h2":
            name = f"part-{next(numbers)}"
            token.attrSet("id", name)
            shown = "".join(child.content for child in inline.children or [] if child.type in ("text", "code_inline"))
            contents.append({"id": name, "title": shown})
    return contents


def _dress(tokens: list[Token], drawn: Mapping[str, str]) -> None:
    """Puts the drawings in, makes tables scroll by themselves, and marks the cells that say who beats whom."""
    for index, token in enumerate(tokens):
        if token.type == "table_open":
            tokens[index] = _html('<div class="scroll" tabindex="0">\n<table>\n')
        elif token.type == "table_close":
            tokens[index] = _html("</table>\n</div>\n")
        elif token.type == "blockquote_open":
            token.attrSet("class", "warning")
        elif token.type == "inline":
            images = [child for child in token.children or [] if child.type == "image"]
            if len(images) == 1 and images[0].attrGet("src") in drawn:
                picture = drawn[str(images[0].attrGet("src"))].replace(SCHEME, "")
                tokens[index - 1] = tokens[index + 1] = _html("")
                tokens[index] = _html(f'<figure><div class="scroll" tabindex="0">{picture}</div></figure>\n')
            elif token.content.startswith("Sources: "):
                tokens[index - 1].attrSet("class", "sources")
            elif tokens[index - 1].type == "td_open" and re.match(r"(beats|loses to|open) [+−0]", token.content):
                tokens[index - 1].attrSet("class", token.content.split()[0])


def _html(text: str) -> Token:
    return Token("html_block", "", 0, content=text)
