"""Pieces of error texts."""


def first_line(error: BaseException) -> str:
    """Returns the type of ``error`` and the first line of its message, at most 200 characters.

    >>> first_line(KeyError("answers"))
    "KeyError: 'answers'"
    """
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
