"""What is published is cleaned: no path of this machine, no user's name in one, no token."""

import getpass
import re
from pathlib import Path

from harness_tasks.errors import UserError
from report.facts import TOKEN

_ENDS = r"(?=$|[/\\\s'\",:;)\]}])"
_HOMES = re.compile(rf"(?:/home|/Users)/[^/\\\s'\",:;]+{_ENDS}|[A-Za-z]:\\+Users\\+[^\\\s'\",:;]+{_ENDS}")


def cleaned(text: str) -> str:
    """Returns ``text`` without home folders, user names in paths, and the Hub's tokens.

    >>> print(cleaned(r'"/home/ada/models/base", "C:\\\\Users\\\\ada\\\\x", hf_abcdefghijklmnopqrst'))
    "~/models/base", "~\\\\x", hf_[removed]
    """
    for folder, shown in ((Path.cwd(), "."), (Path.home(), "~")):
        if folder != Path(folder.anchor):
            text = re.sub(re.escape(str(folder)) + _ENDS, shown, text)
    if user := _user():
        within = rf"(?<![\w.~-])((?:/[^/\s'\",:;]+)*/){re.escape(user)}{_ENDS}"
        text = re.sub(within, r"\1[user]", text)
    return TOKEN.sub("hf_[removed]", _HOMES.sub("~", text))


def check_clean(name: str, content: bytes, token: str | None, *, paths: bool = True) -> None:
    """Raises UserError where ``content`` holds ``token``, or with ``paths`` this user's home folder."""
    home = Path.home()
    ends = rb"(?=$|[/\\\s'\",:;\x00])"
    named = paths and home != Path(home.anchor) and re.search(re.escape(str(home)).encode() + ends, content)
    if named or (token and token.encode() in content):
        raise UserError(
            f"{name} holds {'the path of your home folder' if named else 'your access token'}",
            "what is pushed can be read by everybody",
            f"take it out of {name}, or delete the checkpoint and train it again",
        )


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return None
