"""Names that become folders, patterns and words of commands: what they may be, so that none means more than a name."""

import re
import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator

from harness_tasks.errors import UserError

LONGEST_BYTES = 100
"""Of a name, in UTF-8: a file system allows 255 for a file's, and other words stand beside it there."""
BUILT_IN_FOLDERS = ("base", "tiny-model")
"""Folders under `build/` of the base models that come along."""
_OTHERS = (*BUILT_IN_FOLDERS, "bench", "browser", "lock")
"""Folders under `build/` that are no study's."""
_SIGNS, _NOT_FIRST = " _-+,=()@.", " -+,=()@."
_ROOMS = (
    "checkpoints", "every_eval_ever", "figures", "items", "kept", "logs", "merged", "overlap", "parameters", "samples",
    "scores", "scratch", "shards", "tasks", "templates",
)  # fmt: skip
"""Folders that a study, or a grid, makes within its own."""


def check_name(name: str, of: str, *, is_in_grid: bool = False) -> None:
    """Raises a UserError where a study cannot be called ``name``; ``of`` says whose name it is.

    It becomes a folder, a pattern of Snakemake and a part of commands: letters and digits of any script, spaces and
    `_ - + , = ( ) @ .` mean nothing else there.
    """
    problem = None
    reserved = _ROOMS if is_in_grid else _OTHERS
    if not name or not all(map(_is_plain, name)) or name[0] in _NOT_FIRST or name[-1] in " .," or ".." in name:
        problem = "has signs that a folder's name, a pattern or a command could take for something else"
    elif len(name.encode("utf-8", "replace")) > LONGEST_BYTES:
        problem = f"is {len(name.encode('utf-8', 'replace'))} bytes long, {LONGEST_BYTES} are allowed"
    elif name.casefold() in reserved:
        problem = "is the name of a folder that something else is written to"
    if problem:
        raise UserError(
            f"{of} {_shown(name)} {problem}",
            f"everything that it makes goes to {'a folder of that name' if is_in_grid else 'build/<name>/'}",
            "give it another name: letters, digits, and within it spaces, dots and _-+,=()@"
            + (", by `name:`" if is_in_grid else ""),
        )


def check_texts(values: Any, of: str) -> None:
    """Raises a UserError where a text within ``values`` holds what no file or command can: NUL, half a character."""
    for place, text in _texts(values, ""):
        if found := re.search("[\0\ud800-\udfff]", text):
            raise UserError(
                f"{of}: `{_printable(place)}` holds the character U+{ord(found[0]):04X}",
                "no file and no command can hold it",
                "take it out",
            )


def _is_plain(sign: str) -> bool:
    return sign in _SIGNS or unicodedata.category(sign)[0] in "LMN"  # letters, marks on them, digits


def _texts(value: Any, place: str) -> list[tuple[str, str]]:
    if isinstance(value, str):
        return [(place, value)]
    found: list[tuple[str, str]] = []
    if isinstance(value, dict):
        for key, part in value.items():
            inner = f"{place}.{key}" if place else str(key)
            found += [(inner, str(key)), *_texts(part, inner)]
    elif isinstance(value, list):
        for index, part in enumerate(value):
            found += _texts(part, f"{place}.{index}")
    return found


def _task_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*", name) or ".." in name or len(name) > LONGEST_BYTES:
        raise ValueError(f"no task has such a name: letters, digits and _.+-, at most {LONGEST_BYTES}")
    return name


def _place(name: str) -> str:
    """Returns a folder, a Hub id or a revision that is one word of a command."""
    if not name.strip() or name.startswith("-") or re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", name):
        raise ValueError("it is empty, begins with a dash, or holds a line break or another control character")
    return name


def _distinct(values: list[Any]) -> list[Any]:
    for index, value in enumerate(values):
        if value in values[:index]:
            raise ValueError(f"{value} is listed twice: one measurement would count as two")
    return values


def folder_name(text: str) -> str:
    """Returns a text as the name of a folder, other signs as dashes.

    >>> folder_name("  my:adapter (v2)/")
    'my-adapter (v2)'
    """
    plain = "".join(sign if _is_plain(sign) else "-" for sign in text)
    short = re.sub(r"\.\.+", ".", plain).lstrip(_NOT_FIRST).encode()[: LONGEST_BYTES - 20].decode(errors="ignore")
    return short.rstrip(" .,-") or "checkpoint"


def _checkpoint_name(name: str) -> str:
    try:
        check_name(name, "a checkpoint has a name:", is_in_grid=True)
    except UserError as error:
        raise ValueError(f"{error.found.removeprefix('a checkpoint has a name: ')}") from None
    return name


CheckpointName = Annotated[str, AfterValidator(_checkpoint_name)]
"""A checkpoint's name, which becomes a folder and a word of commands."""
TaskName = Annotated[str, AfterValidator(_task_name)]
"""A task's name, which becomes a folder and a word of lm_eval's `--tasks`, where commas and `*` mean something."""
Place = Annotated[str, AfterValidator(_place)]
"""A folder, a Hub id or a revision."""
Distinct = AfterValidator(_distinct)
"""Of a list: no value twice, since what is made of each counts as evidence of its own."""


def _shown(name: str) -> str:
    return repr(name) if len(name) <= LONGEST_BYTES else repr(name[:LONGEST_BYTES]) + "…"


def _printable(place: str) -> str:
    return place.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")[:200]
