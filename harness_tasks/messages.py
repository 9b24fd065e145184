"""Pieces of messages."""

from collections.abc import Iterable
from difflib import get_close_matches


def first_line(error: BaseException) -> str:
    """Returns the type of ``error`` and the first line of its message, at most 200 characters.

    >>> first_line(KeyError("answers"))
    "KeyError: 'answers'"
    """
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__


def reason_of(error: BaseException) -> str:
    """Returns what ``error`` says, on one line without its type: its first line, or the next after one with a colon.

    >>> reason_of(RuntimeError("size mismatch:\\n\\tA is (2, 3)")), reason_of(ValueError())
    ('A is (2, 3)', 'ValueError')
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = lines[1] if len(lines) > 1 and lines[0].endswith(":") else lines[0] if lines else type(error).__name__
    return said[:300]


def nearest_name(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Returns the one of ``known`` that is spelt most like ``name``; None where none has difflib's ratio ``cutoff``.

    >>> nearest_name("titel", ["title", "tasks"]), nearest_name("x", ["title", "tasks"])
    ('title', None)
    """
    return next(iter(nearest_names(name, known, most=1, cutoff=cutoff)), None)


def nearest_names(name: str, known: Iterable[str], *, most: int, cutoff: float = 0.6) -> list[str]:
    """Returns up to ``most`` of ``known`` that are spelt like ``name``, the nearest first."""
    return get_close_matches(name, list(known), n=most, cutoff=cutoff)


def counted(count: int, what: str) -> str:
    """Returns a number and what is counted, whose first word is in the plural, and loses its s where there is one.

    >>> counted(1, "rows without a label"), counted(1200, "rows without a label")
    ('1 row without a label', '1,200 rows without a label')
    """
    noun, space, rest = what.partition(" ")
    return f"{count:,} {noun.removesuffix('s') if count == 1 else noun}{space}{rest}"
