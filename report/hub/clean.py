"""What is pushed is looked through once more: no home folder, no token."""

import re
from pathlib import Path

from harness_tasks.errors import UserError


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
