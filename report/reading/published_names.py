"""Names that may be published: of folders, files and models, without this machine's or anybody's home."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from report.reading.texts import one_line

MOST_CHARACTERS = 80
"""A name longer than this is cut in its middle: a model's name is a table's first column."""

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")


def plain_tree(part: Any) -> Any:
    """Returns ``part``, a tree of facts, with every text in it made `one_line`: most of them are somebody else's."""
    if isinstance(part, str):
        return one_line(part).strip()
    if isinstance(part, list):
        return [plain_tree(inner) for inner in part]
    return {key: plain_tree(inner) for key, inner in part.items()} if isinstance(part, dict) else part


def short_name(text: str) -> str:
    """Returns a model's name as it may be shown: one of the Hub whole, of a folder's path the last part.

    >>> short_name("EleutherAI/pythia-14m"), short_name("/home/ada/models/mine/"), short_name("C:\\\\models\\\\mine")
    ('EleutherAI/pythia-14m', 'mine', 'mine')
    """
    name = one_line(text).strip()
    if not _HUB_NAME.fullmatch(name):
        name = re.split(r"[/\\]", name.rstrip("/\\"))[-1] or "unnamed"
    half = MOST_CHARACTERS // 2  # long names often differ only where they end
    return name if len(name) <= MOST_CHARACTERS else f"{name[: half - 1]}…{name[-half:]}"


def public_parts(path: Path) -> tuple[str, ...]:
    """Returns the parts of ``path`` below this folder, else below a home, else below the root; never a user's name."""
    path = path.resolve()
    for folder in (Path.cwd(), Path.home()):
        if folder != Path(folder.anchor) and path.is_relative_to(folder):
            return path.relative_to(folder).parts or ("here",)
    parts = path.parts[1:] or ("root",)
    return parts[2:] or ("home",) if parts[0] in ("home", "Users") else parts


def distinct(paths: Sequence[tuple[str, ...]]) -> list[str]:
    """Returns the shortest ends of ``paths`` that still tell them apart; a number where nothing does.

    >>> distinct([("old", "demo"), ("new", "demo")]), distinct([("a", "x"), ("b", "y")])
    (['old/demo', 'new/demo'], ['x', 'y'])
    >>> distinct([("x",), ("x",)])
    ['x', 'x (2)']
    """
    for length in range(1, max(map(len, paths), default=0) + 1):
        ends = [str(PurePosixPath(*parts[-length:])) for parts in paths]
        if len(set(ends)) == len(ends):
            return ends
    ends = [str(PurePosixPath(*parts)) for parts in paths]
    seen: Counter[str] = Counter()
    numbered = []
    for end in ends:
        seen[end] += 1
        numbered.append(end if seen[end] == 1 else f"{end} ({seen[end]})")
    return numbered
