"""Pieces of error texts."""


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
