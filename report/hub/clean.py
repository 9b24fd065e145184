"""What is pushed is looked through once more: no home folder, no token, no password."""

import re
from pathlib import Path

from harness_tasks.errors import UserError
from harness_tasks.secrets import without_secrets


def check_clean(name: str, content: bytes, token: str | None, *, paths: bool = True) -> None:
    """Raises UserError where ``content`` holds ``token``, or with ``paths`` this user's home folder or any secret."""
    home = Path.home()
    ends = rb"(?=$|[/\\\s'\",:;\x00])"
    named = paths and home != Path(home.anchor) and re.search(re.escape(str(home)).encode() + ends, content)
    if named or (token and token.encode() in content):
        raise UserError(
            f"{name} holds {'the path of your home folder' if named else 'your access token'}",
            "what is pushed can be read by everybody",
            f"take it out of {name}, or delete the checkpoint and train it again",
        )
    if not paths:  # a vocabulary's own words, which mean nothing
        return
    text = content.decode("utf-8", "replace")
    if (clean := without_secrets(text)) != text:
        place = next((i for i, (one, other) in enumerate(zip(text, clean, strict=False)) if one != other), 0)
        raise UserError(
            f"{name} holds what looks like a token or a password, at character {place + 1}",
            "what is pushed can be read by everybody",
            f"take it out of {name}, and make it invalid where it came from",
        )
