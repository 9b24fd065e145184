"""Rows of text that is cut into cells by a delimiter: CSV, TSV and their like, as programs and people save them."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}


@dataclass(frozen=True)
class Cut:
    """Cells: the header's and each line's below it. ``notes``: what was assumed, beside ``usual`` delimiter and quotes.

    ``uneven``: the first line that has another number of cells than the header, counted from 1, and that number.
    """

    header: list[str]
    lines: list[list[str]]
    notes: list[str]
    uneven: tuple[int, int] | None = None


def cut(text: str, wanted: Sequence[str], *, usual: str) -> Cut | None:
    """Returns the cells of ``text``, cut in the way that gives the ``wanted`` columns, then the most even lines.

    ``usual``: the delimiter that the file's ending promises. Of equally good ways the first is taken: quoted, and by
    the delimiter that the first lines look like. None where no way cuts it: a quotation mark is not closed.
    """
    told = re.match(r"sep=([,;|\t])\r?\n", text)  # a spreadsheet's own line, and no row
    if told:
        text = text[told.end() :]
    ways = [_Way(delimiter, quoted) for quoted in (True, False) for delimiter in _delimiters(text, usual, told)]
    found = [(way, grid) for way in ways if (grid := way.cells(text))]
    if not found:
        return None

    def fitness(one: tuple[_Way, list[list[str]]]) -> tuple[int, int, int]:
        header, *rows = one[1]
        ragged = sum(len(row) != len(header) for row in rows)
        return sum(name in header for name in wanted), -ragged, len(header)

    way, (header, *lines) = max(found, key=fitness)
    uneven = next(((at, len(line)) for at, line in enumerate(lines, 1) if len(line) != len(header)), None)
    notes = [] if way.delimiter == usual else [f"delimiter: {DELIMITERS[way.delimiter]}"]
    notes += [] if way.quoted else ["quotation marks: taken as text, since they do not pair"]
    return Cut(header, lines, notes, uneven)


def _delimiters(text: str, usual: str, told: re.Match[str] | None) -> list[str]:
    """Returns the delimiters that may cut the lines, the likeliest first."""
    likely = told[1] if told else usual
    if not told and usual != "\t":
        try:
            likely = csv.Sniffer().sniff(text[:65536], "".join(DELIMITERS)).delimiter
        except csv.Error:
            likely = usual
    return [likely, *(other for other in DELIMITERS if other != likely)]


@dataclass(frozen=True)
class _Way:
    """A way to cut lines into cells."""

    delimiter: str
    quoted: bool

    def cells(self, text: str) -> list[list[str]] | None:
        """Returns the cells of each line that is not blank, the header's first; None where they cannot be cut so."""
        quoting: Any = csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE
        # newline="": a line break within quotation marks belongs to its cell
        lines = io.StringIO(text, newline="")
        former = csv.field_size_limit(len(text) + 1)
        try:
            found = list(csv.reader(lines, delimiter=self.delimiter, quoting=quoting, strict=True))
        except csv.Error:
            return None
        finally:
            csv.field_size_limit(former)
        rows = [row for row in found if any(cell.strip() for cell in row)]
        if not rows:
            return None
        header = [name.strip() for name in rows[0]]
        return [header, *(_without_blank_end(row, len(header)) for row in rows[1:])]


def _without_blank_end(row: list[str], width: int) -> list[str]:
    """Returns a row without the blank cells behind its last column, which spreadsheets leave there."""
    return row[:width] if not any(cell.strip() for cell in row[width:]) else row
