"""Files that a user or another program gives us, read within bounds: regular files only, whole, of a stated kind.

Every kind of file is declared once, as a `Kind`: what it is called, why it is needed, what mends a bad one, how large
one may be, and its schema. What a reader returns has that schema, so that nothing behind it has to check again.
"""

import hashlib
import json
import math
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from io import BufferedReader
from pathlib import Path
from typing import Any, NoReturn

import yaml
from pydantic import TypeAdapter, ValidationError

from harness_tasks.errors import UserError
from harness_tasks.validation import first_invalid, short_repr

MIB = 2**20
LIMIT_VARIABLE = "AFTERTUNE_MAX_FILE_MIB"
"""The environment variable that raises (or lowers) how large a file of any kind may be, in MiB."""

YAML_NODES = 200_000
"""How many nodes a YAML file may have, each alias counted as what it stands for."""


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    ``name`` says what it is ("the study file"); ``why`` and ``mend`` are the second and third part of every error about
    one. ``limit_mib`` is the largest size that is read. ``schema`` is what the content (of a file of rows: each row)
    must be, a type that pydantic knows; it is checked strictly, so that no value is converted. ``finite`` refuses a
    bare NaN or Infinity.
    """

    name: str
    why: str
    mend: str
    limit_mib: int = 256
    schema: Any = None
    finite: bool = True

    @cached_property
    def adapter(self) -> TypeAdapter[Any] | None:
        """What checks the schema, made when the first file is read: to make all of them at once takes a while."""
        return None if self.schema is None else TypeAdapter(self.schema)


def read_bytes(path: str | Path, kind: Kind, *, shown: str | None = None) -> bytes:
    """Returns what is in the file; ``shown`` is what errors call it, in place of its path.

    Raises:
        UserError: there is no such file, it is a folder, a pipe or a device, cannot be read, or is too large.
    """
    limit, name = _limit_bytes(kind), path if shown is None else shown
    with _told(name, kind), open_regular(path) as file:
        # By its size: to ask for as much as is allowed would set that much memory aside.
        content = file.read(min(limit, os.fstat(file.fileno()).st_size) + 1)
        while len(content) <= limit and (more := file.read(min(limit + 1 - len(content), MIB))):  # it grows
            content += more
    if len(content) > limit:
        raise _too_large(name, kind)
    return content


def check_file(path: str | Path, kind: Kind) -> None:
    """Raises `UserError` as `read_bytes` does, without reading: for a file that another library will read."""
    with _told(path, kind), open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
    if size > _limit_bytes(kind):
        raise _too_large(path, kind)


def read_text(path: str | Path, kind: Kind) -> str:
    """Returns the file's text, which is UTF-8; raises `UserError` as `read_bytes` does, and where it is not."""
    return text_of(read_bytes(path, kind), path, kind)


def text_of(content: bytes, path: str | Path, kind: Kind) -> str:
    """Returns the text that ``content``, read from ``path``, holds; raises `UserError` where it is not UTF-8.

    A byte-order mark at its head, which some programs write, is no part of the text.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _refuse(kind, f"{_shown(path, kind)} is no UTF-8 text (byte {error.start})")


def read_json(path: str | Path, kind: Kind, *, shown: str | None = None) -> Any:
    """Returns what a JSON file holds, of the kind's schema; raises `UserError` where it is not whole or not that.

    ``shown`` is as in `read_bytes`.
    """
    name = path if shown is None else shown
    return parse_json(text_of(read_bytes(path, kind, shown=shown), name, kind), name, kind)


def read_rows(path: str | Path, kind: Kind) -> list[Any]:
    """Returns the values of a JSON-lines file, one a line that is not blank; raises `UserError` as `read_json` does."""
    return parse_rows(read_text(path, kind), path, kind)


def iterate_rows(path: str | Path, kind: Kind, *, shown: str | None = None, head: Kind | None = None) -> Iterator[Any]:
    """Yields the values of a JSON-lines file without ever holding all of them; errors are `read_json`'s.

    ``head`` is the kind of the first line, where it differs; ``shown`` is what errors call the file.
    """
    name, limit, number = path if shown is None else shown, _limit_bytes(kind), 0
    with _told(name, kind), open_regular(path) as file:
        while content := file.readline(limit + 1):
            number += 1
            if len(content) > limit:
                _refuse(kind, f"line {number} of {_shown(name, kind)} is larger than {limit // MIB} MiB")
            if content.strip():
                text = text_of(content, name, kind)
                yield parse_json(text, name, head if head and number == 1 else kind, line=number)


def parse_rows(text: str, path: str | Path, kind: Kind, *, first_line: int = 1) -> list[Any]:
    """Returns the values of JSON lines that ``path`` holds, from its ``first_line`` on; errors are `read_json`'s."""
    # Not splitlines: a row may hold U+2028 and its like, at which it would be cut.
    lines = enumerate(text.split("\n"), first_line)
    return [parse_json(line, path, kind, line=number) for number, line in lines if line.strip()]


def parse_json(text: str, path: str | Path, kind: Kind, *, line: int | None = None) -> Any:
    """Returns the value of the JSON that ``path`` (its ``line``) holds; raises `UserError` as `read_json` does."""
    decoder = _FINITE if kind.finite else _ANY
    where = f"line {line} of " if line else ""
    try:
        value = decoder.decode(text)
    except _NotFiniteError as constant:
        raise UserError(
            f"{where}{_shown(path, kind)} holds a bare {constant}",
            "a value that is no number cannot be compared, and must not be shown as one",
            "look for what gave it (a mean over no items?), mend that and write the file again",
        ) from None
    except json.JSONDecodeError as error:
        _refuse(kind, f"{where}{_shown(path, kind)} is not complete JSON ({error})")
    except (RecursionError, ValueError) as error:  # ValueError: an integer of thousands of digits
        _refuse(kind, f"{where}{_shown(path, kind)} is JSON that cannot be read ({_reason(error)})")
    return checked(value, path, kind, line=line)


def read_yaml(path: str | Path, kind: Kind) -> Any:
    """Returns what a YAML file holds, of the kind's schema: plain values, with text as keys.

    Raises:
        UserError: as `read_bytes`; or the file is no YAML, holds one key twice, a key that is no text, a tag that makes
            objects, or aliases that stand for very much.
    """
    return parse_yaml(read_text(path, kind), path, kind)


def parse_yaml(text: str, path: str | Path, kind: Kind) -> Any:
    """Returns the value of the YAML that ``path`` holds; raises `UserError` as `read_yaml` does."""
    try:
        value = yaml.load(text, Loader=_PlainLoader)
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, AttributeError, RecursionError) as error:
        _refuse(kind, f"{_shown(path, kind)} cannot be read as YAML ({_reason(error)})")
    return checked(value, path, kind)


def checked(value: Any, path: str | Path, kind: Kind, *, line: int | None = None) -> Any:
    """Returns ``value``, which ``path`` (its ``line``) holds, as it is; raises `UserError` where the schema is not met.

    The error names the file, the place in it and the value that stands there.
    """
    if kind.adapter is None:
        return value
    try:
        kind.adapter.validate_python(value, strict=True)
    except ValidationError as error:
        problem = first_invalid(error)
        where = f"line {line} of " if line else ""
        at = f"`{problem.place}`" if problem.place else "what it holds"
        reason = problem.reason[:1].lower() + problem.reason[1:]
        stands = f"lacks {at}" if problem.kind == "missing" else f"has at {at} {short_repr(problem.value)}: {reason}"
        _refuse(kind, f"{where}{_shown(path, kind)} {stands}")
    except UnicodeEncodeError:  # pydantic shows no half surrogate, neither as a key nor where something else is due
        where = f"line {line} of " if line else ""
        _refuse(kind, f"{where}{_shown(path, kind)} holds half a surrogate where something else is due")
    except RecursionError:
        _refuse(kind, f"{_shown(path, kind)} is nested too deeply")
    return value


def only_file(folder: Path, pattern: str, *, why: str, mend: str) -> Path:
    """Returns the file under ``folder``, however deep, whose name matches; raises `UserError` unless there is just one.

    ``why`` and ``mend`` are the error's second and third part.
    """
    found = [path for path in folder.rglob(pattern) if path.is_file()]
    if len(found) != 1:
        raise UserError(f"{folder} holds {len(found)} files {pattern}", why, mend)
    return found[0]


def sha256_of(content: bytes) -> str:
    """Returns the SHA-256 of ``content`` as 64 hex digits."""
    return hashlib.sha256(content).hexdigest()


@contextmanager
def open_regular(path: str | Path) -> Iterator[BufferedReader]:
    """Opens a regular file for reading; raises OSError for anything else, without waiting for a pipe's writer."""
    if not stat.S_ISREG(os.stat(path).st_mode):  # before it is opened: to open a device may do something
        raise OSError(_no_file(os.stat(path).st_mode))
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(_no_file(os.fstat(handle).st_mode))
        yield file


@contextmanager
def _told(name: str | Path, kind: Kind) -> Iterator[None]:
    """Turns what the system says inside of the file ``name`` into a `UserError`."""
    try:
        yield
    except UserError:
        raise
    except FileNotFoundError:
        _refuse(kind, f"{_shown(name, kind)} is missing")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        _refuse(kind, f"{_shown(name, kind)} cannot be read ({_reason(error)})")


def _too_large(name: str | Path, kind: Kind) -> UserError:
    return UserError(
        f"{_shown(name, kind)} is larger than {_limit_bytes(kind) // MIB} MiB",
        "a file of this kind is small, and one without end would fill the memory",
        f"name the right file, or allow more MiB with the environment variable {LIMIT_VARIABLE}",
    )


def _no_file(mode: int) -> str:
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return f"it is {kinds.get(stat.S_IFMT(mode), 'a device')}, not a file"


def _limit_bytes(kind: Kind) -> int:
    given = os.environ.get(LIMIT_VARIABLE)
    if not given:
        return kind.limit_mib * MIB
    try:
        allowed = float(given)
    except ValueError:
        allowed = math.nan
    if not 0 < allowed < 2**40:
        raise UserError(
            f"the environment variable {LIMIT_VARIABLE} is {given!r}",
            "it says how large a file may be that is read, in MiB",
            f"give a number above 0 (now {kind.limit_mib} for {kind.name}), or unset it",
        )
    return int(allowed * MIB)


def _shown(path: str | Path, kind: Kind) -> str:
    name = str(path).encode("utf-8", "backslashreplace").decode()
    return f"{kind.name} {name if name.isprintable() else repr(name)}"


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())[:300]


def _refuse(kind: Kind, found: str) -> NoReturn:
    raise UserError(found, kind.why, kind.mend) from None


class _NotFiniteError(Exception):
    pass


def _refuse_constant(constant: str) -> NoReturn:
    raise _NotFiniteError(constant)


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):  # such as 1e999
        raise _NotFiniteError(digits[:20])
    return number


# One for all rows: to make one takes longer than to read a row.
_FINITE = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)
_ANY = json.JSONDecoder()


class _PlainLoader(yaml.SafeLoader):
    """SafeLoader, but for what it takes in silence: a key twice, keys that are no text, aliases that explode."""

    def get_single_data(self) -> Any:
        node = self.get_single_node()
        if node is None:
            return None
        _count(node, {}, set())
        return self.construct_document(node)


def _count(node: yaml.Node, sizes: dict[int, int], above: set[int]) -> int:
    """Returns how many nodes there are at and below ``node``; raises where a mapping's keys or the number won't do."""
    if id(node) in sizes:
        return sizes[id(node)]
    if id(node) in above:
        raise _unfit("an alias stands inside what it names", node)
    size, parts = 1, list[yaml.Node]()
    if isinstance(node, yaml.MappingNode):
        _check_keys(node)
        parts = [part for pair in node.value for part in pair]
    elif isinstance(node, yaml.SequenceNode):
        parts = node.value
    above.add(id(node))
    for part in parts:
        size += _count(part, sizes, above)
        if size > YAML_NODES:
            raise _unfit(f"more than {YAML_NODES:,} values, aliases written out", node)
    above.discard(id(node))
    sizes[id(node)] = size
    return size


def _check_keys(mapping: yaml.MappingNode) -> None:
    seen = set[str]()
    for key, _ in mapping.value:
        if key.tag == "tag:yaml.org,2002:merge":
            continue
        if key.tag != "tag:yaml.org,2002:str":
            shown = key.value if isinstance(key, yaml.ScalarNode) else "a list or a mapping"
            raise _unfit(f"the key {shown} is no text: put it in quotes", key)
        if key.value in seen:
            raise _unfit(f"the key {key.value} occurs twice", key)
        seen.add(key.value)


def _unfit(problem: str, node: yaml.Node) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
