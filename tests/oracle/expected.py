"""What may stand on a page: headings, prose, tables, code and figures, each with the lines that the facts license."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tests.oracle.lines import Fact, Line, line
from tests.oracle.page import squeezed


@dataclass(frozen=True)
class Heading:
    """A heading of a level from 1 to 6."""

    level: int
    text: Line


@dataclass(frozen=True)
class Prose:
    """Sentences that follow each other in one paragraph, list item or quote."""

    kind: Literal["text", "item", "quote"]
    lines: Sequence[Line]


@dataclass(frozen=True)
class Table:
    """A table: its header, and for each row what every cell must say."""

    header: Sequence[Line]
    rows: Sequence[Sequence[Line]]
    drawings: Sequence["Figure"] = ()
    """The drawings within cells, in their order; each stands in its cell's line as `DRAWING`."""


@dataclass(frozen=True)
class Fold:
    """The beginning of what a reader opens by hand, with what it is called."""

    title: Line


@dataclass(frozen=True)
class End:
    """The end of what a reader opens by hand."""


@dataclass(frozen=True)
class Code:
    """A block of code."""

    text: str


@dataclass(frozen=True)
class Figure:
    """A drawing: an image in Markdown, the drawing itself with its texts in HTML."""

    name: Line
    """The image's alternative text."""
    path: str
    title: Line
    """The drawing's title, which is its caption too."""
    words: Line
    """The drawing's description."""
    labels: Sequence[Line] = ()
    """Texts in the drawing, in their order; numbers along an axis are not among them."""
    data: Table | None = None
    """The numbers drawn, where no table of the page has them."""
    has_axes: bool = field(default=False)
    """Whether numbers stand along axes: they must be evenly spaced in value as they are in place."""
    is_in_cell: bool = field(default=False)
    """Whether it stands within a table's cell: then nothing is written under it."""


Expected = Heading | Prose | Table | Code | Figure | Fold | End


def paragraph(*lines: Line) -> Prose:
    """Returns a paragraph of sentences."""
    return Prose("text", lines)


def items(lines: Iterable[Line]) -> list[Prose]:
    """Returns a list, one sentence an item."""
    return [Prose("item", (one,)) for one in lines]


NOTHING: Line = ("–",)
"""What a cell says where there is nothing to say."""


def folded(title: Line, content: Iterable[Expected]) -> Iterator[Expected]:
    """Yields what a reader opens by hand."""
    yield Fold(title)
    yield from content
    yield End()


def table(
    header: str, rows: Iterable[Sequence[Line | str]], /, *, drawings: Sequence[Figure] = (), **slots: Line
) -> Table:
    """Returns a table; ``header`` has a bar between its cells, and cells may be plain text."""
    cells = [line(cell.strip(), **slots) for cell in header.split("|")]
    return Table(cells, [[(cell,) if isinstance(cell, str) else cell for cell in row] for row in rows], drawings)


def code(fact: Fact) -> Code:
    """Returns a block of code that shows a text fact."""
    return Code(squeezed(str(fact["value"])))
