"""What the tests' Hub holds: users, repositories with their commits, and the faults that strike requests."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

TOKEN = "secret-token-of-ada-0123456789"
OWNER = "ada"
STRANGERS_TOKEN = "secret-token-of-bob-0123456789"
STRANGER = "bob"
"""Has an account, and access to no gated repository."""
USERS = {TOKEN: OWNER, STRANGERS_TOKEN: STRANGER}

LARGE_BYTES = 10_000_000
"""Files from this size on are kept beside git, as the Hub does; so are those that `.gitattributes` names there."""
LARGE_NAMES = (".safetensors", ".parquet")


@dataclass
class Fault:
    """What happens to requests whose method and path match, ``times`` times, after ``after`` that pass.

    ``what``: a status; `half`: the connection is closed when half of the body was read, or half of the file sent;
    `deaf`: the request is done and the connection closed without an answer; `flipped`: a file of the right size comes
    with one bit changed in its middle.
    """

    match: str
    what: int | str
    times: int = 1
    after: int = 0
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """A request that the Hub refuses: a status, the Hub's own code for it, a message, and headers beside them."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        self.status, self.code, self.message, self.headers = status, code, message, headers or {}


@dataclass(frozen=True)
class Answer:
    """An answer that is more than a status and JSON: a file, a redirect."""

    status: int
    content: bytes
    headers: dict[str, str]


@dataclass
class Repository:
    """A repository: at each revision its files (the bytes) by name; `main`, proposals and commits are revisions.

    ``allowed``: who may download its files, where it is gated; None: everybody.
    """

    private: bool
    revisions: dict[str, dict[str, bytes]]
    heads: dict[str, str]
    commits: list[tuple[str, str]] = field(default_factory=list)
    """Branch and summary of each commit that was made, without the first one, which the Hub makes."""
    proposals: list[dict[str, Any]] = field(default_factory=list)
    allowed: set[str] | None = None

    @property
    def files(self) -> dict[str, bytes]:
        return self.revisions[self.heads["main"]]

    def commit_of(self, revision: str) -> str:
        """Returns the commit of a branch or commit; raises `Refused` where there is none of that name."""
        commit = self.heads.get(revision, revision)
        if commit not in self.revisions:
            raise Refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return commit


def is_large(name: str, size: int) -> bool:
    """Returns whether a file is kept beside git (LFS)."""
    return name.endswith(LARGE_NAMES) or size > LARGE_BYTES


def object_id(name: str, data: bytes) -> str:
    """Returns the file's ETag: the SHA-256 of a large one, git's own SHA-1 of another."""
    if is_large(name, len(data)):
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def listed(files: dict[str, bytes], below: str = "", *, recursive: bool = True) -> list[dict[str, Any]]:
    """Returns what a tree listing says of the files and folders below a folder ("": the whole repository)."""
    prefix = f"{below}/" if below else ""
    inside = {name: data for name, data in files.items() if name.startswith(prefix)}
    folders = sorted({folder for name in inside for folder in _parents(name) if folder.startswith(prefix)})
    names = [*folders, *sorted(inside)]
    if not recursive:
        names = [name for name in names if "/" not in name.removeprefix(prefix)]
    return [_entry(name, inside.get(name)) for name in names]


def paths_listed(files: dict[str, bytes], paths: Iterable[str]) -> list[dict[str, Any]]:
    """Returns the entries of those of ``paths`` that exist."""
    folders = {folder for name in files for folder in _parents(name)}
    return [_entry(path, files.get(path)) for path in paths if path in files or path in folders]


def _parents(name: str) -> list[str]:
    parts = name.split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


def _entry(name: str, data: bytes | None) -> dict[str, Any]:
    if data is None:
        return {"type": "directory", "oid": hashlib.sha1(name.encode()).hexdigest(), "size": 0, "path": name}
    entry: dict[str, Any] = {"type": "file", "path": name, "size": len(data), "oid": object_id(name, data)}
    if is_large(name, len(data)):
        pointer = hashlib.sha1(f"pointer to {object_id(name, data)}".encode()).hexdigest()
        large = {"oid": object_id(name, data), "size": len(data), "pointerSize": 130}
        entry |= {"oid": pointer, "lfs": large}
    return entry
