"""The comparison as Markdown and as one HTML file, from its facts and the templates alone."""

import re
from collections.abc import Mapping
from importlib.resources import files
from itertools import pairwise
from typing import Any

from markdown_it.token import Token
from markupsafe import Markup

from report.compare.pictures import against_cost, forest
from report.facts.schema.compared import ComparedModels
from report.facts.schema.parts import Part
from report.page import formats
from report.page.figures import Picture
from report.page.html import anchored, dressed, html_of, in_html, piece, security_policy, tokens_of
from report.page.template import environment, filled
from report.sentences.compared import find_compared
from report.sentences.evidence import resolved

TEMPLATES = files("templates")
_MANY_ROWS = 100


def comparison_files(facts: ComparedModels) -> dict[str, str]:
    """Returns the text of every file of the page by its name; the same facts give the same bytes."""
    boards = [board for task in facts.tasks for board in task.boards]
    drawn = {board.figure.value: forest(board, number) for number, board in enumerate(boards, 1) if board.figure}
    for number, task in enumerate(facts.tasks, 1):
        for figure in task.cost_figures:
            drawn[figure.path.value] = against_cost(task.boards[0], task.costs, figure.key, number)
    markdown = _markdown(facts, figures=True)
    return {
        "compare.md": markdown,
        "compare.html": _html_page(markdown, drawn),
        **{name: picture.svg for name, picture in drawn.items()},
    }


def comparison_markdown(facts: ComparedModels) -> str:
    """Returns the comparison as Markdown, without images."""
    return _markdown(facts, figures=False)


def _markdown(facts: ComparedModels, *, figures: bool) -> str:
    has_seeds = any(board.seeds for task in facts.tasks for board in task.boards)
    values = {**facts.written(), **_with_findings(facts), "figures": figures, "has_seeds": has_seeds}
    text = filled(environment(formats.in_markdown), "compare.md.j2", values)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _with_findings(facts: ComparedModels) -> dict[str, Any]:
    """Returns the tasks and the regressions of ``facts``, each with what rules let the page say of it as `said`."""
    found = resolved(facts, find_compared(facts))
    tasks = [
        {**task.written(), "boards": [_said_of(*pair) for pair in zip(task.boards, boards, strict=True)]}
        for task, boards in zip(facts.tasks, found["tasks"], strict=True)
    ]
    rows = zip(facts.regressions, found["regressions"], strict=True)
    return {"tasks": tasks, "regressions": [_said_of(*pair) for pair in rows]}


def _said_of(part: Part, said: Any) -> dict[str, Any]:
    return {**part.written(), "said": said}


def _html_page(markdown: str, drawn: Mapping[str, Picture]) -> str:
    tokens = tokens_of(markdown)
    contents = anchored(tokens)
    dressed(tokens, drawn)
    _mark_long(tokens)
    tokens = _folded(tokens)
    for opened, inline in pairwise(tokens):  # the cells of the pairwise comparisons
        if opened.type == "td_open" and (found := re.match(r"(better|worse|not significant) [+−0]", inline.content)):
            opened.attrSet("class", found[1].split()[0])
    names = ("report.css", "compare.css", "compare.js")
    style, own_style, script = ((TEMPLATES / name).read_text(encoding="utf-8") for name in names)
    values = {
        "policy": Markup(security_policy([f"\n{script}\n"])),
        "contents": contents,
        "body": Markup(html_of(tokens)),
        "style": Markup(f"{style}\n{own_style.removesuffix(chr(10))}"),
        "script": Markup(script),
    }
    return filled(environment(in_html), "compare.html.j2", values)


def _folded(tokens: list[Token]) -> list[Token]:
    """Returns the tokens with the parts of each group folded away, each part within them too.

    A heading of the third level begins the parts of a group, and one of the fourth a part; a task of its own has one of
    the second.
    """
    found: list[Token] = []
    depth = 0
    for place, token in enumerate(tokens):
        if token.type == "heading_open" and token.tag in ("h2", "h3", "h4"):
            title = tokens[place + 1].content
            is_group, is_part = token.tag == "h3" and title.startswith("Parts of "), token.tag == "h4" and depth > 0
            if token.tag == "h2" or is_group or is_part:
                within = 1 if is_part else 0
                found += [piece("</details>\n")] * (depth - within)
                depth = within
            if is_group or is_part:
                found.append(piece('<details class="parts">'))
                depth += 1
        if token.type in ("heading_open", "heading_close") and depth and token.tag in ("h3", "h4"):
            begins = token.type == "heading_open"
            heading = f'<summary id="{token.attrGet("id")}">' if begins else "</summary>\n"
            opens = depth == (1 if token.tag == "h3" else 2)
            found.append(piece(heading) if opens else token)
            if opens and begins:  # a click on what opens a fold goes nowhere else: no link within it
                inline = tokens[place + 1]
                inline.children = (inline.children or [])[:-1]
            continue
        found.append(token)
    return found + [piece("</details>\n")] * depth


def _mark_long(tokens: list[Token]) -> None:
    """Marks tables of very many rows, so that a browser lays them out only when they come into view."""
    opened, rows = Token("", "", 0), 0
    for token in tokens:
        if token.content.startswith('<div class="scroll"'):
            opened, rows = token, 0
        elif token.type == "tr_open":
            rows += 1
        elif rows > _MANY_ROWS and token.content.startswith("</table>"):
            opened.content = opened.content.replace('"scroll"', '"scroll long"')
