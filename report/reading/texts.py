"""Somebody else's text as it may be published: no place of this machine, no user's name, no token, nothing hidden."""

import getpass
import re
import shlex
import unicodedata
from functools import cache
from pathlib import Path

from harness_tasks.secrets import without_secrets

_ENDS = r"(?=$|[/\\\s'\",:;)\]}])"
_HOMES = re.compile(rf"(?:/home|/Users)/[^/\\\s'\",:;]+{_ENDS}|[A-Za-z]:\\+Users\\+[^\\\s'\",:;]+{_ENDS}")

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


def cleaned(text: str) -> str:
    """Returns ``text`` without this folder's place, home folders, user names in paths, and tokens and passwords.

    >>> print(cleaned(r'"/home/ada/models/base", "C:\\\\Users\\\\ada\\\\x", hf_abcdefghijklmnopqrst'))
    "~/models/base", "~\\\\x", hf_[removed]
    """
    if "/" in text or "\\" in text:
        for place, shown in _places(Path.cwd(), Path.home(), _user()):
            text = place.sub(shown, text)
        text = _HOMES.sub("~", text)
    return without_secrets(text)


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


@cache
def _places(here: Path, home: Path, user: str | None) -> list[tuple[re.Pattern[str], str]]:
    """Returns what names a place of this machine, and what is shown instead of it."""
    folders = [(folder, shown) for folder, shown in ((here, "."), (home, "~")) if folder != Path(folder.anchor)]
    places = [(re.compile(re.escape(str(folder)) + _ENDS), shown) for folder, shown in folders]
    if not user:
        return places
    within = re.compile(rf"(?<![\w.~-])((?:/[^/\s'\",:;]+)*/){re.escape(user)}{_ENDS}")
    return [*places, (within, r"\1[user]")]


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return None


def _is_space(sign: str) -> bool:
    return sign.isspace() or unicodedata.category(sign) == "Cc"


def _is_hidden(sign: str) -> bool:
    return unicodedata.category(sign) in ("Cf", "Cs", "Co") and sign not in _KEPT
