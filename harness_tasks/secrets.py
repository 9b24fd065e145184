"""What no text that we write may hold of somebody's machine: tokens, keys, passwords, home folders, user names."""

import getpass
import os
import re
from functools import cache
from pathlib import Path

_KEYS = (
    r"hf_[A-Za-z0-9]{16,}",  # the Hugging Face Hub's
    r"api_org_[A-Za-z0-9]{16,}",
    r"gh[pousr]_[A-Za-z0-9]{20,}",  # GitHub's
    r"github_pat_[A-Za-z0-9_]{20,}",
    r"glpat-[A-Za-z0-9_-]{16,}",  # GitLab's
    r"sk-(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{16,}",  # OpenAI's and others'
    r"wandb_v\d+_[A-Za-z0-9_]{20,}",
    r"(?:AKIA|ASIA)[0-9A-Z]{16}",  # AWS's
    r"AIza[0-9A-Za-z_-]{35}",  # Google's
    r"xox[abeprs]-[A-Za-z0-9-]{10,}",  # Slack's
    r"npm_[A-Za-z0-9]{30,}",
    r"pypi-[A-Za-z0-9_-]{40,}",
    r"eyJ[A-Za-z0-9+/_=-]{16,}(?:\.[A-Za-z0-9_=-]{8,}){0,2}",  # JSON in base 64: web tokens, Neptune's
)
_KEY = re.compile(rf"(?<![A-Za-z0-9_])(?:{'|'.join(_KEYS)})")
_PREFIX = re.compile(r"[A-Za-z]+(?:_[a-z]+)*[_-]")
# A value that a name or an option says to be one: WANDB_API_KEY=…, --token …, api_key=…, ?sig=…, Bearer …
_VALUE = re.compile(
    r"(?P<before>\b[A-Z][A-Z0-9_]*(?:API_KEY|ACCESS_KEY|API_TOKEN|TOKEN|SECRET|PASSWORD)[\"']?\s*[=:]\s*[\"']?"
    r"|--(?:api[-_]key|access[-_]token|token|password|secret)[= ][\"']?"
    r"|\b(?:api_key|auth_token|access_token|password|passwd|client_secret)=[\"']?"
    r"|[?&](?:token|key|sig|signature|X-Amz-Signature|X-Amz-Credential|X-Amz-Security-Token)="
    r"|\b[Bb]earer\s+(?=[A-Za-z0-9._~+/-]*\d)(?=[^\s\"']{16}))"
    r"(?P<value>(?!\[removed\])[^\s\"'`,;&<>)\]}]{6,})"
)
_IN_ADDRESS = re.compile(r"(?P<scheme>\b[A-Za-z][A-Za-z0-9+.-]*://)(?P<who>[^\s/:@\"'<>]*:[^\s/@\"'<>]+)@")
_PRIVATE_KEY = re.compile(r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?(?:-----END \1-----|\Z)", re.DOTALL)
_NAMED_SO = re.compile(r"(?:API_KEY|ACCESS_KEY|TOKEN|SECRET|PASSWORD)$")
_ENDS = r"(?=$|[/\\\s'\",:;)\]}])"
_HOMES = re.compile(rf"(?:/home|/Users)/[^/\\\s'\",:;]+{_ENDS}|[A-Za-z]:\\+Users\\+[^\\\s'\",:;]+{_ENDS}")
_SHORTEST = 12
"""Characters of a value in the environment below which it may be an ordinary word."""


def without_secrets(text: str) -> str:
    """Returns ``text`` without access tokens, keys, passwords in addresses, and this process's own secrets.

    >>> without_secrets("hf_abcdefghijklmnopqrst https://ada:pw12@example.org WANDB_API_KEY=0123456789abcdef")
    'hf_[removed] https://[removed]@example.org WANDB_API_KEY=[removed]'
    """
    for value in _of_this_process():
        text = text.replace(value, "[removed]")
    if "-----BEGIN" in text:
        text = _PRIVATE_KEY.sub("[removed]", text)
    if "://" in text:
        text = _IN_ADDRESS.sub(r"\g<scheme>[removed]@", text)
    text = _VALUE.sub(r"\g<before>[removed]", text)
    return _KEY.sub(_removed, text)


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


def _removed(found: re.Match[str]) -> str:
    prefix = _PREFIX.match(found[0])
    return f"{prefix[0] if prefix else ''}[removed]"


@cache
def _of_this_process() -> tuple[str, ...]:
    """Returns the values of environment variables whose names say that they are secrets, the longest first."""
    found = {value for name, value in os.environ.items() if _NAMED_SO.search(name) and len(value) >= _SHORTEST}
    return tuple(sorted(found, key=len, reverse=True))


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
