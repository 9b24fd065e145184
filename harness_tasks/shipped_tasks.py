"""lm_eval's own tasks by name, found in the text of its 14,000 YAML files.

Its index parses each of them, which takes some ten seconds; their text is searched in about one.
"""

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_DEFINED = re.compile(
    r"""^["']?(?:task|group)["']?[ \t]*:[ \t]*(["']?)([^\s"'#\[{|>].*?)\1[ \t]*(?:#.*)?$""", re.MULTILINE
)
_TAGS, _INCLUDES = (
    re.compile(rf"""^["']?{key}["']?[ \t]*:(.*(?:\n[ \t]*-[ \t].*)*)""", re.MULTILINE) for key in ("tag", "include")
)
_WORD = re.compile(r"""(?<![^\s,"'\[])[^\s,"'#\[\]-][^\s,"'#\[\]]*""")


def names() -> set[str]:
    """Returns the names of lm_eval's own tasks, groups and tags."""
    return {*_files(), *_tagged()}


def folders(wanted: Collection[str]) -> list[Path]:
    """Returns the folders that an index has to have to know those of ``wanted`` that lm_eval ships: one for each.

    None lies in another, and the last of them in the order of their names comes first: of a name that two folders have,
    an index of several keeps the last one's, and lm_eval's index of all its own the first one's.
    """
    own = {Path(os.path.commonpath(places)) for name in wanted if (places := _places_of(name))}
    return sorted((one for one in own if not own.intersection(one.parents)), reverse=True)


def _places_of(name: str) -> set[Path]:
    """Returns the folders of the files that define a task, a group and its tasks, or those with a tag."""
    found, seen, todo = set[Path](), set[str](), [name]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            files = [*_files().get(name, [])[:1], *_tagged().get(name, [])]  # lm_eval takes the first that defines it
            found.update(file.parent for file in files)
            todo += [member for file in files for member in _members(_text(file))]
    return found


def _members(text: str) -> Iterator[str]:
    """Yields the names that the text of a group's file lists, those of the groups that it defines within too."""
    if re.search(r"^group:", text, re.MULTILINE):
        yield from _listed(yaml.safe_load(without_functions(text)).get("task"))


def without_functions(text: str) -> str:
    """Returns a task's YAML without the Python functions that it names, which only lm_eval loads.

    >>> without_functions("doc_to_text: !function hooks.text")
    'doc_to_text: null'
    """
    return re.sub(r"!function\s+\S+", "null", text)


def _listed(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _listed(value.get("task"))
    elif isinstance(value, Sequence):
        for part in value:
            yield from _listed(part)


@cache
def _files() -> dict[str, list[Path]]:
    """Returns the files that define each task and group, in lm_eval's order."""
    found = dict[str, list[Path]]()
    for path in _paths():
        for _, name in _DEFINED.findall(_text(path)):
            found.setdefault(name, []).append(path)
    return found


@cache
def _tagged() -> dict[str, list[Path]]:
    """Returns the files of the tasks that may have each tag: they say so, or one that they include does."""
    found = dict[str, list[Path]]()
    for path in _paths():
        for tag in _tags(path):
            found.setdefault(tag, []).append(path)
    return found


@cache
def _tags(path: Path) -> set[str]:
    if not path.is_file():
        return set()
    included = (_tags(Path(os.path.normpath(path.parent / name))) for name in _words(_INCLUDES, path))
    return set(_words(_TAGS, path)).union(*included)


def _words(pattern: re.Pattern[str], path: Path) -> list[str]:
    return [word for found in pattern.findall(_text(path)) for word in _WORD.findall(found)]


@cache
def _paths() -> list[Path]:
    """Returns lm_eval's YAML files in the order in which it reads them."""
    import lm_eval

    return sorted((Path(lm_eval.__file__).parent / "tasks").rglob("*.yaml"), key=str)


@cache
def _text(path: Path) -> str:
    return path.read_text("utf-8", errors="replace")
