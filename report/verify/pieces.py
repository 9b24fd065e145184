"""A page cut into pieces: a line or a cell of Markdown or LaTeX, an element of HTML, each with its place.

Nothing is left out: the pieces joined are the page. So two pages with the same pieces are the same page, in what a
reader sees and in what is hidden: attributes, comments, scripts, styles, invisible characters.
"""

import base64
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape

_PHRASES = r"(?:a|code|em|strong|span)\b"
"""Elements that belong to the piece that they stand in; every other one begins a piece."""


@dataclass(frozen=True)
class Piece:
    """A piece of a page."""

    source: str
    """As it stands in the file."""
    place: str = field(compare=False)
    """The headings that it stands under; in a table the row's first cell and the column's name too."""
    line: str = field(default="", compare=False)
    """The whole line that it stands in; empty in HTML."""
    is_html: bool = field(default=False, compare=False)

    @property
    def text(self) -> str:
        """Returns what a reader sees of it, white space squeezed."""
        if not self.is_html or re.match(r"<(script|style|!|meta)", self.source):
            return " ".join(self.source.split())
        seen = re.sub(r"<[^>]*>", " ", re.sub(rf"</?{_PHRASES}[^>]*>", "", self.source))
        return " ".join(unescape(seen).split())


def is_html(page: str) -> bool:
    """Returns whether ``page`` is HTML; its content tells, not a file's name.

    >>> is_html("<!doctype html><p>a"), is_html("# a <html>")
    (True, False)
    """
    return re.match(r"\s*<(!doctype\s+html|html)\b", page, flags=re.IGNORECASE) is not None


def pieces(page: str) -> list[Piece]:
    """Returns the pieces of ``page`` in their order.

    >>> [(piece.place, piece.text) for piece in pieces("<!doctype html><h2>A</h2><p title='t'>b <em>c</em></p>")][1:]
    [('A', 'A'), ('A', 'b c')]
    >>> [piece.place for piece in pieces("## A\\n\\n| m | base |\\n|---|---|\\n| acc | 1 |\\n") if piece.text == "| 1"]
    ['A › row acc › column base']
    """
    return list(_of_html(page) if is_html(page) else _of_lines(page))


class _Place:
    """Where the reader of a page has come to."""

    def __init__(self) -> None:
        self.headings: dict[int, str] = {}
        self.end_table()

    def end_table(self) -> None:
        self.header: list[str] = []
        self.row: list[str] = []
        self.rows = 0

    def heading(self, level: int, text: str) -> str:
        self.end_table()
        self.headings = {above: title for above, title in self.headings.items() if above < level} | {level: text}
        return str(self)

    def new_row(self) -> None:
        if self.rows == 1:
            self.header = self.row
        self.rows, self.row = self.rows + 1, []

    def cell(self, text: str) -> str:
        self.row.append(text)
        column = self.header[len(self.row) - 1] if len(self.row) <= len(self.header) else ""
        about = [f"row {self.row[0]}" if self.row[0] else "", f"column {column}" if column else ""]
        return " › ".join([str(self), *filter(None, about)])

    def __str__(self) -> str:
        # The title is every place's, and says nothing beside others.
        path = [title for level, title in sorted(self.headings.items()) if level > 1]
        return " › ".join(path) or "the beginning"


def _of_html(page: str) -> Iterator[Piece]:
    place = _Place()
    for source in re.split(rf"(?=<(?!/|{_PHRASES}))", unpacked(page)):
        if not source:
            continue
        piece = Piece(source, str(place), is_html=True)
        name = re.match(r"<(\w+)", source)
        if name and re.fullmatch(r"h[1-6]", name[1]):
            title = piece.text.removesuffix(" #")  # the link to itself
            piece = Piece(source, place.heading(int(name[1][1]), title), is_html=True)
        elif name and name[1] == "tr":
            place.new_row()
        elif name and name[1] in ("td", "th"):
            piece = Piece(source, place.cell(piece.text), is_html=True)
        elif name and name[1] in ("script", "style"):
            piece = Piece(source, f"the page's {name[1]}s", is_html=True)
        elif name and name[1] == "title" and piece.text:
            piece = Piece(source, "the page's title" if place.headings == {} else f"{place} › a drawing", is_html=True)
        yield piece
        if "</table>" in source:
            place.end_table()


def _of_lines(page: str) -> Iterator[Piece]:
    place = _Place()
    for line in page.splitlines(keepends=True):
        if found := re.match(r"(#{1,6}) (.*)", line):
            yield Piece(line, place.heading(len(found[1]), found[2]), line)
        elif line.startswith("|"):
            place.new_row()
            rule = re.fullmatch(r"[|:\- ]+\n?", line)
            for cell in filter(None, re.split(r"(?<!\\)(?=\|)", line)):
                inner = cell.removeprefix("|").strip()
                yield Piece(cell, str(place) if rule or cell in ("|", "|\n") else place.cell(inner), line)
        else:
            place.end_table()
            yield Piece(line, str(place), line)


_PACKED = re.compile(r'(class="explorer-(?:index|chunk)">|aftertuneItems\(\d+, ")([A-Za-z0-9+/=]+)')
_MOST_BYTES = 2**28
"""Of one packed text: more is not unpacked."""


def unpacked(page: str) -> str:
    """Returns the page with the explorer's items as they were before packing: other versions of zlib pack otherwise."""

    def opened(piece: re.Match[str]) -> str:
        try:
            packed = base64.b64decode(piece[2], validate=True)
            text = zlib.decompressobj(wbits=31).decompress(packed, _MOST_BYTES).decode()
        except (ValueError, zlib.error):
            return piece[0]
        return piece[1] + text.replace("<", "&lt;")

    return _PACKED.sub(opened, page)


def count_numerals(page: str) -> int:
    """Returns how many numerals a reader sees on ``page``.

    >>> count_numerals("On `sst2`, +0.025 of 1,000 items")
    3
    """
    seen = (piece.text for piece in pieces(page) if not re.match(r"<(script|style|!|meta|section)", piece.source))
    return sum(len(re.findall(r"\d[\d,.]*", text)) for text in seen)
