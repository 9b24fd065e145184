"""The words of a template that are its own: what it would show whatever the facts are.

A claim, and a numeral, has no place among them: claims are entries, chosen by rules, and numerals come from facts
through filters. Looked at are texts between the tags and every text within them that may be shown; not code, which is
quoted, and not what no reader sees: tags, addresses, styles, LaTeX's commands.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, TemplateSyntaxError, nodes

from harness_tasks.errors import UserError
from harness_tasks.reading import read_text
from report.page.template.lookup import ENTRIES, LAYOUT, OURS, TEMPLATE, own_names
from report.sentences.lexicon import claiming

_JINJA = Environment(autoescape=True)
_VALUE_SIGN = "\ufffc"
"""What stands for a value in the text around it."""

_FENCE = re.compile(r"^(`{3,})[^\n]*\n.*?^\1`*[ \t]*$", flags=re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_TARGET = re.compile(r"(?<=\])\([^)\n]*\)")
_TAG = re.compile(
    r"<(?P<script>style|script)\b[^>]*>(?P<inner>.*?)</(?P=script)>|<!--.*?-->|<[a-zA-Z/!][^>]*>", re.DOTALL
)
_READ = re.compile(r"""\b(?:alt|title|aria-label|aria-description|placeholder)\s*=\s*("[^"]*"|'[^']*')""")
_DESCRIPTION = re.compile(r"""\bname="description"[^>]*\bcontent=("[^"]*")""")
_QUOTED = re.compile(r""""[^"\n]*"|'[^'\n]*'""")
_COMMAND = re.compile(r"\\[a-zA-Z]+\*?")


class OwnWord(NamedTuple):
    """A claim word or a numeral of a template, and the line that it stands in, from 1."""

    line: int
    word: str


def own_words(name: str, template: str | nodes.Template) -> list[OwnWord]:
    """Returns the claim words and numerals that the template ``name``, a text or parsed, shows of its own.

    Raises:
        TemplateSyntaxError: it is no template.

    >>> own_words("a.md.j2", "It has {{ n | count }} parts,\\n12 more than `none`{{ ' at best' if n }}.")
    [OwnWord(line=2, word='12'), OwnWord(line=2, word='more'), OwnWord(line=2, word='best')]
    """
    tree = _JINJA.parse(template) if isinstance(template, str) else template
    texts = [(1, _text_between_tags(tree)), *_texts_within(tree)]
    found = [
        OwnWord(line + shown.count("\n", 0, place), word)
        for line, kept in texts
        for shown in (_visible(kept, name),)
        for place, word in claiming(shown)
    ]
    kept = (own for own in found if not (name == LAYOUT and own.word[0].isdigit()))
    return sorted(kept, key=lambda own: own.line)


def refuse_own_words(path: Path, template: str | nodes.Template) -> None:
    """Raises UserError where ``template``, one of ours at ``path``, says what only an entry or a fact may."""
    found = own_words(path.name, template)
    if path.name in ENTRIES:
        found = [own for own in found if own.word[0].isdigit()]
    if found:
        line, word = found[0]
        raise UserError(
            f"{path}, line {line}: `{word}` is of the template itself",
            "neither a rule nor a fact is behind it, so the page could say what is not so",
            f"write a claim as an entry of {', '.join(ENTRIES)}, which a rule chooses, and show a numeral as a fact, "
            "through a filter",
        )


def words_of_a_study(own: Path | None) -> dict[str, list[OwnWord]]:
    """Returns the claim words and numerals that a study's own templates have and ours of that name have not."""
    found = {}
    for name in own_names(own):
        if own is None or name.endswith(".css"):
            continue
        known = set((OURS / name).read_text(encoding="utf-8").splitlines()) if (OURS / name).is_file() else set()
        text = read_text(own / name, TEMPLATE)
        lines = text.splitlines()
        try:
            words = own_words(name, text)
        except TemplateSyntaxError:
            continue  # told, with its line, as soon as a page is made of it
        if words := [word for word in words if lines[word.line - 1] not in known]:
            found[name] = words
    return found


def _text_between_tags(tree: nodes.Template) -> str:
    """Returns the text of a template with a sign in the place of each value; lines stay lines."""
    lines: defaultdict[int, str] = defaultdict(str)
    for output in tree.find_all(nodes.Output):
        for node in output.nodes:
            data = node.data if isinstance(node, nodes.TemplateData) else _VALUE_SIGN
            for number, part in enumerate(data.split("\n"), node.lineno):
                lines[number] += part
    return "\n".join(lines[number] for number in range(1, max(lines, default=1) + 1))


def _texts_within(node: nodes.Node) -> Iterator[tuple[int, str]]:
    """Yields (line, text) of every constant within tags that may be shown: not what is asked, looked up or loaded."""
    if isinstance(node, nodes.TemplateData | nodes.Compare | nodes.Test | nodes.FromImport | nodes.Import):
        return
    if isinstance(node, nodes.Include | nodes.Extends):
        return
    if isinstance(node, nodes.Const):
        if isinstance(node.value, str | int | float) and not isinstance(node.value, bool):
            yield node.lineno, str(node.value)
        return
    parts: list[nodes.Node] = list(node.iter_child_nodes())
    if isinstance(node, nodes.If | nodes.CondExpr | nodes.For):
        parts = [part for part in parts if part is not node.test]
    elif isinstance(node, nodes.Getitem):
        parts = [node.node]
    elif isinstance(node, nodes.Filter) and node.name != "join":
        parts = [node.node] if node.node else []
    for part in parts:
        yield from _texts_within(part)


def _visible(text: str, name: str) -> str:
    """Returns ``text`` without what no reader reads as words; its lines stay lines."""
    if name.endswith(".tex.j2"):
        return _COMMAND.sub("", text)
    if not name.endswith(".html.j2"):
        for quoted in (_FENCE, _CODE, _TARGET):
            text = quoted.sub(lambda found: "\n" * found[0].count("\n"), text)
    return _TAG.sub(_read_of_tag, text)


def _read_of_tag(found: re.Match[str]) -> str:
    """Returns what a reader has of a tag: texts in attributes that are shown or read aloud; lines stay lines."""
    inner = found["inner"] if found["script"] else found[0]
    kept = _QUOTED if found["script"] else _READ
    read = [*kept.findall(inner), *_DESCRIPTION.findall(found[0])]
    return " ".join(read) + "\n" * (found[0].count("\n") - sum(part.count("\n") for part in read))
