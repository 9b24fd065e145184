"""The sentences that a study's page opens with, as plain text: in the page's own words, for a terminal."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from report.facts.current import read_facts
from report.facts.schema.whole import Facts, Finding
from report.page import formats
from report.page.template import environment
from report.reading.texts import one_line
from report.sentences.evidence import resolved


def headlines(folder: Path, own: Path | None = None) -> list[str]:
    """Returns what fine-tuning did to each primary metric, a sentence for each comparison, without control characters.

    ``folder`` is the study's, ``own`` that of its own templates, where it has one.

    Raises:
        UserError: the folder has no facts, or they were changed since they were written.
    """
    facts = read_facts(folder / "facts.json")
    return sentences(facts, facts.findings.headline, own)


def sentences(facts: Facts, findings: Sequence[Finding], own: Path | None = None) -> list[str]:
    """Returns the words of some of the findings of ``facts``, as plain text without control characters."""
    words = environment(formats.in_markdown, own=own).get_template("findings.md.j2").module
    return [_plain(getattr(words, one["id"])(one["evidence"])) for one in resolved(facts, list(findings))]


def _plain(markdown: str) -> str:
    """Returns a paragraph of Markdown as text.

    >>> _plain("On `a_b`, it is 1 \\\\[2, 3\\\\].")
    'On a_b, it is 1 [2, 3].'
    """
    return one_line("".join(_texts(MarkdownIt("commonmark").parse(markdown)))).strip()


def _texts(tokens: Iterable[Token]) -> Iterable[str]:
    for token in tokens:
        yield from _texts(token.children) if token.children else [token.content or " "]
