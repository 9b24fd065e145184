"""Text of a study, of a model or of a data set as one line of visible characters: what a foreign format can hold."""

import re
import unicodedata

_KEPT = "\u200c\u200d"
"""Joiners, without which some scripts and emoji are other signs."""


def one_line(text: str) -> str:
    """Returns ``text`` without line breaks, control characters, bidi marks, other invisible signs and half surrogates.

    >>> one_line("a\\tb\\r\\n c\u202ed\u202c")
    'a b cd'
    """
    shown = "".join(" " if _is_space(sign) else sign for sign in text if not _is_hidden(sign))
    return re.sub(" +", " ", shown)


def _is_space(sign: str) -> bool:
    return sign.isspace() or unicodedata.category(sign) == "Cc"


def _is_hidden(sign: str) -> bool:
    return unicodedata.category(sign) in ("Cf", "Cs", "Co") and sign not in _KEPT
