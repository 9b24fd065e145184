"""A report that was written, for Python: its facts, its scores as a table, its sentences, and its page."""

import html
import os
import re
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from harness_tasks.errors import UserError
from report.facts.current import read_facts
from report.facts.schema.whole import Facts
from report.page.exports.scores_csv import COLUMNS, score_rows
from report.page.headlines import sentences
from report.page.number_notes import Notes, unmarked
from report.page.render import marked_markdown

if TYPE_CHECKING:
    import pandas

PAGE = "report.html"


@dataclass(frozen=True, repr=False)
class Report:
    """What a study came to, in ``folder``."""

    folder: Path
    facts: Facts
    """Every fact of the page, typed; docs/reference/facts.md lists them."""

    @cached_property
    def scores(self) -> "pandas.DataFrame":
        """A row for each score, with interval, difference, p-values and source: the columns of `scores.csv`."""
        import pandas

        return pandas.DataFrame(score_rows(self.facts), columns=list(COLUMNS))

    @cached_property
    def sentences(self) -> list[str]:
        """What the page says first, as plain text: the result, each comparison, warnings, and limits."""
        found = self.facts.findings
        return sentences(self.facts, [found.result, *found.headline, *found.warnings, *found.limits])

    def save(self, place: str | os.PathLike[str]) -> Path:
        """Returns the file that the page was copied to: ``place``, or `report.html` in it where it is a folder.

        Raises:
            UserError: the page is not there any more.
        """
        page = self.folder / PAGE
        if not page.is_file():
            raise UserError(f"there is no {page}", "the page is what is saved", "write it again: aftertune build STUDY")
        to = Path(place)
        to = to / PAGE if to.is_dir() else to
        beside = to.with_name(f".{to.name}.partial")
        shutil.copyfile(page, beside)
        return beside.replace(to)

    def __repr__(self) -> str:
        """Returns the folder and the result in a sentence."""
        return f"<Report {self.folder}: {self.sentences[0]}>"

    def _repr_html_(self) -> str:
        """Returns the result and the scoreboard, for a notebook."""
        said = f"<p><strong>{html.escape(self.sentences[0])}</strong></p>"
        return said + _scoreboard(self.facts)


def load_report(place: str | os.PathLike[str]) -> Report:
    """Returns the report in a folder, or beside a file of it.

    Raises:
        UserError: there are no facts, or they were changed since they were written.
    """
    folder = Path(place)
    folder = folder.parent if folder.is_file() else folder
    return Report(folder, read_facts(folder / "facts.json"))


def _scoreboard(facts: Facts) -> str:
    """Returns the table of the page's first screen as HTML, without its drawings; "" where nothing was compared."""
    page = unmarked(marked_markdown(facts, Notes(facts)))
    table = re.search(r"^\|.*\n\|[:| -]+\n(?:\|.*\n)+", page, re.MULTILINE)
    if table is None:
        return ""
    plain = re.sub(r"!\[[^\]]*\]\([^)]*\) ?", "", table[0])
    return MarkdownIt("commonmark", {"html": False}).enable("table").render(plain)
