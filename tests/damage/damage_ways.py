"""Ways to damage a file that is whole: its structure (JSON, JSON lines, YAML), its bytes, and what it is at all.

A way takes the file's path and a random source, leaves something else in the file's place, and returns what it did.
"""

import copy
import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

Way = Callable[[Path, random.Random], str]

DEEP: Any = 0
for _ in range(150):
    DEEP = [DEEP]

VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 2**63, 10**30, -(10**30), 0.5, -0.0, 1e308, float("nan"), float("inf"),
    "", " ", "x", "0", "1e999", "nan", "../../x", "/etc/passwd", "a\nb", "a\u2028b", "\ud800", "\x00", "\u202ex",
    "{{ x }}", "<b>", "x" * 5000, [], [None], [[]],
    [1, "a"], [0] * 300, {}, {"a": None}, {"": 1}, {"a": {"b": [{}]}}, DEEP,
]  # fmt: skip


def places(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Returns the path of every value within ``value``."""
    found = [above]
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        found += places(part, (*above, key))
    return found


def changed(value: Any, choice: random.Random) -> tuple[Any, str]:
    """Returns a copy of ``value`` in which one thing is of another type, missing, renamed or moved, and how."""
    value = copy.deepcopy(value)
    place = choice.choice(places(value))
    if not place:
        return choice.choice(VALUES), "all replaced"
    home = value
    for key in place[:-1]:
        home = home[key]
    key, way = place[-1], choice.randrange(10)
    if way == 0:
        del home[key]
        return value, "missing"
    if way == 1 and isinstance(home, dict):
        home[choice.choice([f"{key}x", "", "a\nb", str(key).upper(), "__class__"])] = home.pop(key)
        return value, "renamed"
    if way == 2 and isinstance(home, list):
        home.insert(key, copy.deepcopy(home[key]))
        return value, "repeated"
    if way == 3 and isinstance(home, dict):
        home["more"] = choice.choice(VALUES)
        return value, "added"
    if way in (4, 5):
        home[key] = [home[key]] if way == 4 else {"value": home[key]}
        return value, "wrapped"
    if way == 6:
        home[key] = str(home[key])
        return value, "as text"
    if way == 7:
        other = choice.choice(places(value))
        found = value
        for step in other:
            found = found[step]
        home[key] = copy.deepcopy(found)
        return value, "from elsewhere"
    home[key] = choice.choice(VALUES)
    return value, "of another type or size"


def structure(path: Path, choice: random.Random) -> str:
    """Changes one value of the file, or two, and writes it whole."""
    text = path.read_text(encoding="utf-8")
    if path.suffix in (".yaml", ".yml"):
        value, how = changed(yaml.safe_load(text), choice)
        try:
            new = yaml.safe_dump(value, allow_unicode=True)
        except (yaml.YAMLError, RecursionError):
            new = json.dumps(value)
    elif path.suffix == ".jsonl":
        rows = [json.loads(line) for line in text.split("\n") if line.strip()]
        if choice.random() < 0.2:
            rows, how = changed(rows, choice)
            rows = rows if isinstance(rows, list) else [rows]
        elif choice.random() < 0.2:  # the same fault in every row
            seed = choice.random()
            rows, ways = zip(*(changed(row, random.Random(seed)) for row in rows), strict=True)
            how = f"{ways[0]}, in every row"
        else:
            number = choice.randrange(len(rows))
            rows[number], how = changed(rows[number], choice)
        new = "".join(json.dumps(row) + "\n" for row in rows)
    else:
        value, how = changed(json.loads(text), choice)
        if choice.random() < 0.3:
            value, _ = changed(value, choice)
            how = "two of these"
        new = json.dumps(value)
    path.write_text(new, encoding="utf-8")
    return how


def text(path: Path, choice: random.Random) -> str:
    """Breaks the text of the file: cut off, a byte flipped, no UTF-8, a bare NaN, nested without end."""
    content = path.read_bytes()
    place = choice.randrange(max(1, len(content)))
    flipped = bytes([byte ^ (1 << choice.randrange(8)) for byte in content[place : place + 1]])
    aliases = [b"a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    aliases += [b"a%d: &a%d [%s]" % (i, i, b",".join([b"*a%d" % (i - 1)] * 9)) for i in range(1, 9)]
    kinds = {
        "cut off": content[:place],
        "a bit flipped": content[:place] + flipped + content[place + 1 :],
        "no UTF-8": content[:place] + b"\xff\xfe" + content[place:],
        "a byte order mark": b"\xef\xbb\xbf" + content,
        "twice": content + b"\n" + content,
        "a hole": content[:place] + content[place + choice.randrange(50) :],
        "a bare NaN": content.replace(b": ", b": NaN, ", 1),
        "a bare Infinity": content.replace(b": 1", b": Infinity", 1),
        "lists 10,000 deep": b"[" * 10_000 + b"]" * 10_000,
        "objects 10,000 deep": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        "a number of 6,000 digits": b"9" * 6000,
        "empty": b"",
        "blank": b"\n\n",
        "null": b"null",
        "an empty list": b"[]",
        "an empty object": b"{}",
        "a text": b'"x"',
        "a number": b"0",
        "true": b"true",
        "zeros": b"\x00" * 100,
        "another program's": b"%PDF-1.4\n",
        "no YAML": b"- [",
        "an alias within itself": b"a: &a [*a]",
        "aliases that explode": b"\n".join(aliases),
    }
    how = choice.choice(list(kinds))
    path.write_bytes(kinds[how])
    return how


def file(path: Path, choice: random.Random) -> str:
    """Puts something in the file's place that is none, or takes it away."""
    path.unlink()
    how = choice.choice(["a pipe", "a folder", "a device", "a link to nowhere", "a link to itself", "missing"])
    if how == "a pipe":
        os.mkfifo(path)
    elif how == "a folder":
        path.mkdir()
    elif how == "a device":
        path.symlink_to("/dev/zero")
    elif how == "a link to nowhere":
        path.symlink_to("nowhere")
    elif how == "a link to itself":
        path.symlink_to(path.name)
    return how


WAYS: dict[str, tuple[Way, int]] = {"structure": (structure, 8), "text": (text, 3), "file": (file, 1)}
"""Each kind of damage, and how often it is taken."""


def restore(root: Path, whole: dict[str, bytes]) -> None:
    """Makes the tree under ``root`` what it was: the files ``whole``, nothing else."""
    for path in sorted(root.rglob("*"), reverse=True):
        name = path.relative_to(root).as_posix()
        if path.is_symlink() or not path.is_dir():
            if path.is_symlink() or not path.is_file() or name not in whole:
                path.unlink()
        elif name in whole:
            shutil.rmtree(path)
        elif not any(path.iterdir()) and not any(kept.startswith(name + "/") for kept in whole):
            path.rmdir()
    for name, content in whole.items():
        path = root / name
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def snapshot(root: Path) -> dict[str, bytes]:
    """Returns every regular file under ``root`` by its name."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
