"""Somebody else's text as it may be published: no place of this machine, no user's name, no token, nothing hidden."""

import re
import shlex
import unicodedata

_UNFIT = {
    **dict.fromkeys((0xE000, 0xE001, 0xE002)),
    **dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A))),
    **dict.fromkeys(range(0xD800, 0xE000), 0xFFFD),
    **dict.fromkeys([sign for sign in (*range(0x20), 0x7F) if chr(sign) not in "\t\n\r"], 0x20),
}
"""What no text may bring: the private characters that mark numbers while a page is made (`notes.py`); directions that
would turn what stands beside it; halves of characters, which no file can hold; signs that control a terminal."""

_KEPT = "\u200c\u200d"
"""Joiners, without which some scripts and emoji are other signs."""


def printable(text: str) -> str:
    """Returns ``text`` without the signs that a page cannot hold, or that turn or hide what stands beside them."""
    return text if text.isascii() and text.isprintable() else text.translate(_UNFIT)


def shell_word(text: str) -> str:
    """Returns ``text`` as one word of bash, on one line and with nothing in it that is not seen.

    >>> print(shell_word("studies/mine.yaml"), shell_word("my study"), shell_word("a\\tb"))
    studies/mine.yaml 'my study' $'a\\U00000009b'
    """
    if text.isprintable() and "  " not in text:
        return shlex.quote(text)
    plain = (sign if sign.isprintable() and sign not in " '\\" else f"\\U{ord(sign):08x}" for sign in text)
    return "$'" + "".join(plain) + "'"


def one_line(text: str) -> str:
    """Returns ``text`` without line breaks, control characters, bidi marks, other invisible signs and half surrogates.

    For what can hold no more than that: a table's cell, a name, a foreign format.

    >>> one_line("a\\tb\\r\\n c\\u202ed\\u202c")
    'a b cd'
    """
    if text.isascii() and text.isprintable():
        return re.sub(" +", " ", text)
    shown = "".join(" " if _is_space(sign) else sign for sign in text if not _is_hidden(sign))
    return re.sub(" +", " ", shown)


def _is_space(sign: str) -> bool:
    return sign.isspace() or unicodedata.category(sign) == "Cc"


def _is_hidden(sign: str) -> bool:
    return unicodedata.category(sign) in ("Cf", "Cs", "Co") and sign not in _KEPT
