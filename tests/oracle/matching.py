"""Setting a page beside what the facts license: each block, sentence, cell and numeral, in both directions."""

from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import TypeVar

from report.verify.problems import Problem
from tests.oracle.expected import Code, End, Expected, Figure, Fold, Heading, Prose, Table
from tests.oracle.lines import Departure, Line, follow, matches, said
from tests.oracle.numerals import numeral_at
from tests.oracle.page import Block, Label

One = TypeVar("One")
Other = TypeVar("Other")
_SHORT = 300
"""Characters of a text that a problem quotes at most."""


def compare(blocks: Sequence[Block], page: Sequence[Expected]) -> Iterator[Problem]:
    """Yields what is wrong with ``blocks``, section by section."""
    found, wanted = _sections(blocks), _expected_sections(page)
    path: list[tuple[int, str]] = []
    for block_part, wanted_part in _paired(found, wanted, _same_section, lambda part: _told(part[0])):
        heading = wanted_part[0] if wanted_part else None
        title = said(heading.text) if isinstance(heading, Heading) else ""
        if isinstance(heading, Heading):
            path = [*[step for step in path if step[0] < heading.level], (heading.level, title)]
        place = " › ".join(name for level, name in path if level > 1) or "the beginning"
        if block_part is None:
            yield Problem(place, "", f"a section “{title}”")
        elif wanted_part is None:
            yield Problem(f"after {place}", f"a section “{_short(block_part[0].text)}”", "")
        else:
            yield from _section(block_part, wanted_part, place)


def _sections(blocks: Sequence[Block]) -> list[list[Block]]:
    parts: list[list[Block]] = [[]]
    for block in blocks:
        if block.kind == "heading":
            parts.append([])
        parts[-1].append(block)
    return [part for part in parts if part]


def _expected_sections(page: Sequence[Expected]) -> list[list[Expected]]:
    parts: list[list[Expected]] = [[]]
    for one in page:
        if isinstance(one, Heading):
            parts.append([])
        parts[-1].append(one)
    return [part for part in parts if part]


def _same_section(blocks: list[Block], wanted: list[Expected]) -> bool:
    return not any(_differs(blocks[0], wanted[0], ""))


def _paired(
    found: Sequence[One], wanted: Sequence[Other], same: Callable[[One, Other], bool], told: Callable[[Other], str]
) -> Iterator[tuple[One | None, Other | None]]:
    """Yields pairs in order: what is the same together, then what is left between, one by one; None: no partner."""
    if len(found) == len(wanted):
        yield from zip(found, wanted, strict=True)
        return
    keys = [told(other) for other in wanted]

    def key(i: int) -> str | int:
        near = sorted(range(len(wanted)), key=lambda j: abs(j - i))
        return next((keys[j] for j in near if same(found[i], wanted[j])), i)

    blocks = SequenceMatcher(None, [key(i) for i in range(len(found))], keys, autojunk=False).get_opcodes()
    for _, i, i_end, j, j_end in blocks:
        for step in range(max(i_end - i, j_end - j)):
            one = found[i + step] if i + step < i_end else None
            yield one, (wanted[j + step] if j + step < j_end else None)


def _section(blocks: Sequence[Block], wanted: Sequence[Expected], place: str) -> Iterator[Problem]:
    for block, one in _paired(blocks, wanted, lambda block, one: not any(_differs(block, one, "")), _told):
        if block is None and one is not None:
            yield Problem(place, "", _told(one))
        elif block is not None and one is None:
            yield _unlicensed(block, wanted, place)
        elif block is not None and one is not None:
            yield from _differs(block, one, place)


def _unlicensed(block: Block, wanted: Sequence[Expected], place: str) -> Problem:
    """Returns the problem of something that stands there on nobody's licence, with what is nearest to it."""
    text = _shown(block)
    near = max(map(_told, wanted), key=lambda told: SequenceMatcher(None, text, told).quick_ratio(), default="")
    hint = f"no such {'sentence' if block.kind in ('text', 'item', 'quote') else block.kind} is licensed here"
    return Problem(place, _short(text), f"{hint}; nearest: {_short(near)}")


def _differs(block: Block, wanted: Expected, place: str) -> Iterator[Problem]:
    """Yields how a block differs from the one that should stand in its place."""
    if isinstance(wanted, Heading):
        if block.kind != "heading" or block.level != wanted.level:
            yield Problem(place, _short(_shown(block)), _told(wanted))
        else:
            yield from _line_differs(block.text, [wanted.text], f"{place} › heading")
    elif isinstance(wanted, Prose):
        if block.kind != wanted.kind:
            yield Problem(place, f"as {block.kind}: {_short(_shown(block))}", f"as {wanted.kind}: {_told(wanted)}")
        else:
            yield from _line_differs(block.text, wanted.lines, place)
    elif isinstance(wanted, Code):
        if block.kind != "code" or block.text != wanted.text:
            yield Problem(place, _short(_shown(block)), _short(wanted.text))
    elif isinstance(wanted, Table):
        if block.kind != "table":
            yield Problem(place, _short(_shown(block)), _told(wanted))
        else:
            yield from _table_differs(block.rows, wanted, place)
            yield from _drawings_differ(block.drawings, wanted.drawings, place)
    elif isinstance(wanted, Fold):
        if block.kind != "fold":
            yield Problem(place, _short(_shown(block)), _told(wanted))
        else:
            yield from _line_differs(block.text, [wanted.title], f"{place} › what is folded")
    elif isinstance(wanted, End):
        if block.kind != "end":
            yield Problem(place, _short(_shown(block)), _told(wanted))
    elif block.kind != "figure":
        yield Problem(place, _short(_shown(block)), _told(wanted))
    else:
        yield from _figure_differs(block, wanted, f"{place} › figure “{said(wanted.name)}”")
    for text, target in block.links:
        if text != target:
            yield Problem(place, f"a link that reads {text} and goes to {target}", "it must go where it says")


def _line_differs(text: str, lines: Sequence[Line], place: str) -> Iterator[Problem]:
    """Yields the first sentence of a text that is not the one that the facts license there."""
    start = 0
    for number, one in enumerate(lines):
        begun = start
        try:
            start = follow(one, text, start)
        except Departure as departure:
            yield _departs(text, begun, departure, lines[number:], place)
            return
        start += text.startswith(" ", start)
    if start < len(text):
        rest = text[start:]
        yield Problem(place, _short(rest), "no such sentence is licensed here")


def _departs(text: str, begun: int, departure: Departure, lines: Sequence[Line], place: str) -> Problem:
    """Returns the problem of a text that, from ``begun`` on, should have said the first of ``lines``."""
    if not isinstance(departure.part, str):
        shown = numeral_at(text, departure.at)
        if shown is not None:
            near = text[max(begun, departure.at - 60) : shown.end + 20]
            return Problem(place, f"{text[departure.at : shown.end]} in “{near}”", str(departure.part))
    return Problem(place, _short(text[begun:]), _short(said(lines[0])))


def _table_differs(rows: Sequence[Sequence[str]], wanted: Table, place: str) -> Iterator[Problem]:
    name = f"{place} › table “{' | '.join(map(said, wanted.header))}”"
    header = rows[0] if rows else []
    if len(header) != len(wanted.header):
        yield Problem(name, " | ".join(header), " | ".join(map(said, wanted.header)))
        return
    for cell, line in zip(header, wanted.header, strict=True):
        if not matches(line, cell):
            yield Problem(f"{name} › header", _short(cell), said(line))
    for row, cells in _paired(rows[1:], wanted.rows, _same_row, _told_row):
        if row is None and cells is not None:
            yield Problem(f"{name} › row {said(cells[0])}", "", _told_row(cells))
        elif cells is None and row is not None:
            yield Problem(f"{name} › row {row[0] if row else ''}", " | ".join(row), "no such row")
        elif row is not None and cells is not None:
            yield from _row_differs(row, cells, wanted, name)


def _drawings_differ(drawings: Sequence[Block], wanted: Sequence[Figure], place: str) -> Iterator[Problem]:
    """Yields how the drawings within a table's cells differ from those that should stand there."""
    if len(drawings) != len(wanted):
        yield Problem(place, f"{len(drawings)} drawings within a table", f"{len(wanted)}")
    for block, figure in zip(drawings, wanted, strict=False):
        yield from _figure_differs(block, figure, f"{place} › drawing “{said(figure.title)}”")


def _same_row(row: Sequence[str], cells: Sequence[Line]) -> bool:
    return len(row) == len(cells) and all(map(matches, cells, row))


def _told_row(cells: Sequence[Line]) -> str:
    return " | ".join(map(said, cells))


def _row_differs(row: Sequence[str], cells: Sequence[Line], table: Table, name: str) -> Iterator[Problem]:
    if len(row) != len(cells):
        yield Problem(f"{name} › row {said(cells[0])}", " | ".join(row), _told_row(cells))
        return
    for cell, line, column in zip(row, cells, table.header, strict=True):
        if not matches(line, cell):
            place = f"{name} › row {said(cells[0])} › column {said(column) or 'first'}"
            yield Problem(place, _short(cell), said(line))


def _figure_differs(block: Block, wanted: Figure, place: str) -> Iterator[Problem]:
    if block.path:
        yield from _text_differs(block.text, wanted.name, f"{place} › text")
        if block.path != wanted.path:
            yield Problem(f"{place} › file", block.path, wanted.path)
        return
    caption = () if wanted.is_in_cell else wanted.title
    for part, line in (("title", wanted.title), ("desc", wanted.words), ("caption", caption)):
        yield from _text_differs(block.about.get(part, ""), line, f"{place} › {part}")
    summary = ("The figure's data",) if wanted.data else ()
    yield from _text_differs(block.about.get("summary", ""), summary, f"{place} › summary")
    ticks = [label for label in block.labels if wanted.has_axes and _is_tick(label)]
    words = [label.text for label in block.labels if label not in ticks]
    if len(words) != len(wanted.labels):
        yield Problem(f"{place} › labels", "; ".join(words), "; ".join(map(said, wanted.labels)))
    for text, line in zip(words, wanted.labels, strict=False):
        if not _shortens(text, said(line)):
            yield from _text_differs(text, line, f"{place} › label")
    yield from _axes_differ(ticks, place)
    if wanted.data:
        yield from _table_differs(block.rows, wanted.data, place)
    elif block.rows:
        yield Problem(place, "a table", "no data of its own")


def _text_differs(text: str, line: Line, place: str) -> Iterator[Problem]:
    if not matches(line, text):
        yield Problem(place, _short(text), _short(said(line)))


def _shortens(text: str, words: str) -> bool:
    """Returns whether a drawing's ``text`` is ``words`` without their middle, for which there was no room."""
    start, cut, end = text.partition("…")
    is_shorter = len(start) > 0 < len(end) and len(text) < len(words)
    return bool(cut) and is_shorter and words.startswith(start) and words.endswith(end)


def _is_tick(label: Label) -> bool:
    shown = numeral_at(label.text, 0)
    return shown is not None and shown.end == len(label.text)


def _axes_differ(ticks: Sequence[Label], place: str) -> Iterator[Problem]:
    """Yields where the numbers along an axis do not lie on one line with their places."""
    for axis, across in (("x", "y"), ("y", "x")):
        groups: dict[float | None, list[Label]] = {}
        for tick in ticks:
            groups.setdefault(getattr(tick, across), []).append(tick)
        for group in groups.values():
            if len(group) > 1 and not _even([(getattr(tick, axis) or 0.0, tick.text) for tick in group]):
                told = ", ".join(tick.text for tick in group)
                yield Problem(f"{place} › {axis} axis", told, "numbers as evenly spaced as their places")


def _even(ticks: Sequence[tuple[float, str]]) -> bool:
    values = [(place, shown.value) for place, text in ticks if (shown := numeral_at(text, 0))]
    (first, low), (last, high) = values[0], values[-1]
    if first == last or low == high:
        return False
    slope = (high - low) / (last - first)
    return all(abs(low + slope * (place - first) - value) <= abs(high - low) * 1e-4 for place, value in values)


def _shown(block: Block) -> str:
    if block.kind == "table":
        return " | ".join(block.rows[0]) if block.rows else "an empty table"
    if block.kind == "end":
        return "the end of what is folded"
    return block.text or block.about.get("title", "") or block.path


def _told(wanted: Expected) -> str:
    if isinstance(wanted, Heading):
        return f"{'#' * wanted.level} {said(wanted.text)}"
    if isinstance(wanted, Prose):
        return " ".join(map(said, wanted.lines))
    if isinstance(wanted, Code):
        return wanted.text
    if isinstance(wanted, Table):
        return f"a table “{' | '.join(map(said, wanted.header))}”"
    if isinstance(wanted, Fold):
        return f"folded: “{said(wanted.title)}”"
    if isinstance(wanted, End):
        return "the end of what is folded"
    return f"a figure “{said(wanted.name)}”"


def _short(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[:_SHORT]} …"
