"""Texts that count as the same."""

import re
import unicodedata


def fold(text: str) -> str:
    """Returns the words of ``text`` in lower case, without punctuation.

    >>> fold("It's  GOOD -- really.")
    'it s good really'
    """
    return " ".join(re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", text).casefold()))
