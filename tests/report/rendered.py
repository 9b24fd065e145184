"""A page from its facts alone: without exports, and without the explorer, which needs the sample files."""

from collections.abc import Mapping

from markupsafe import Markup

from report.facts.schema.whole import Facts
from report.page.explorer import Explorer
from report.page.figures.drawing import Picture
from report.page.number_notes import Notes, unmarked
from report.page.render import html_page, marked_markdown, with_footnotes


def render_markdown(facts: Facts) -> str:
    """Returns the page of ``facts`` as `render` writes report.md."""
    return with_footnotes(unmarked(marked_markdown(facts, Notes(facts))))


def render_html(facts: Facts, drawn: Mapping[str, Picture]) -> str:
    """Returns the page of ``facts`` with the pictures ``drawn`` as `render` writes report.html."""
    notes = Notes(facts)
    return html_page(facts, marked_markdown(facts, notes), notes, drawn, Explorer(Markup(""), "", "", {}))
