"""Ways to damage a file that is whole: its structure (JSON, JSON lines, YAML), its bytes, and what it is at all.

A way takes the file's path and a random source, and leaves something else in the file's place.
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

Way = Callable[[Path, random.Random], None]

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


def changed(value: Any, choice: random.Random) -> Any:
    """Returns a copy of ``value`` in which one thing is of another type, missing, renamed, repeated or moved."""
    value = copy.deepcopy(value)
    place = choice.choice(places(value))
    if not place:
        return choice.choice(VALUES)
    home = value
    for key in place[:-1]:
        home = home[key]
    key, way = place[-1], choice.randrange(10)
    if way == 0:
        del home[key]
    elif way == 1 and isinstance(home, dict):
        home[choice.choice([f"{key}x", "", "a\nb", str(key).upper(), "__class__"])] = home.pop(key)
    elif way == 2 and isinstance(home, list):
        home.insert(key, copy.deepcopy(home[key]))
    elif way == 3 and isinstance(home, dict):
        home["more"] = choice.choice(VALUES)
    elif way == 4:
        home[key] = [home[key]]
    elif way == 5:
        home[key] = {"value": home[key]}
    elif way == 6:
        home[key] = str(home[key])
    elif way == 7:
        other = choice.choice(places(value))
        found = value
        for step in other:
            found = found[step]
        home[key] = copy.deepcopy(found)
    else:
        home[key] = choice.choice(VALUES)
    return value


def structure(path: Path, choice: random.Random) -> None:
    """Changes one value of the file, or two, and writes it whole."""
    text = path.read_text(encoding="utf-8")
    if path.suffix in (".yaml", ".yml"):
        value = changed(yaml.safe_load(text), choice)
        try:
            new = yaml.safe_dump(value, allow_unicode=True)
        except (yaml.YAMLError, RecursionError):
            new = json.dumps(value)
    elif path.suffix == ".jsonl":
        rows = [json.loads(line) for line in text.split("\n") if line.strip()]
        if choice.random() < 0.2:
            rows = changed(rows, choice)
            rows = rows if isinstance(rows, list) else [rows]
        elif choice.random() < 0.2:  # the same fault in every row
            seed = choice.random()
            rows = [changed(row, random.Random(seed)) for row in rows]
        else:
            number = choice.randrange(len(rows))
            rows[number] = changed(rows[number], choice)
        new = "".join(json.dumps(row) + "\n" for row in rows)
    else:
        value = changed(json.loads(text), choice)
        new = json.dumps(changed(value, choice) if choice.random() < 0.3 else value)
    path.write_text(new, encoding="utf-8")


def text(path: Path, choice: random.Random) -> None:
    """Breaks the text of the file: cut off, a byte flipped, no UTF-8, a bare NaN, nested without end."""
    content = path.read_bytes()
    place = choice.randrange(max(1, len(content)))
    flipped = bytes([byte ^ (1 << choice.randrange(8)) for byte in content[place : place + 1]])
    aliases = [b"a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    aliases += [b"a%d: &a%d [%s]" % (i, i, b",".join([b"*a%d" % (i - 1)] * 9)) for i in range(1, 9)]
    kinds = [
        content[:place],
        content[:place] + flipped + content[place + 1 :],
        content[:place] + b"\xff\xfe" + content[place:],
        b"\xef\xbb\xbf" + content,
        content + b"\n" + content,
        content[:place] + content[place + choice.randrange(50) :],
        content.replace(b": ", b": NaN, ", 1),
        content.replace(b": 1", b": Infinity", 1),
        b"[" * 10_000 + b"]" * 10_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b"9" * 6000,
        b"",
        b"\n\n",
        b"null",
        b"[]",
        b"{}",
        b'"x"',
        b"0",
        b"true",
        b"\x00" * 100,
        b"%PDF-1.4\n",
        b"- [",
        b"a: &a [*a]",
        b"\n".join(aliases),
    ]  # fmt: skip
    path.write_bytes(choice.choice(kinds))


def file(path: Path, choice: random.Random) -> None:
    """Puts something in the file's place that is none, or takes it away."""
    path.unlink()
    way = choice.randrange(6)
    if way == 0:
        os.mkfifo(path)
    elif way == 1:
        path.mkdir()
    elif way == 2:
        path.symlink_to("/dev/zero")
    elif way == 3:
        path.symlink_to("nowhere")
    elif way == 4:
        path.symlink_to(path.name)


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
