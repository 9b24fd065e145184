"""The small files of a checkpoint's folder, read without trust: what cannot be read is said, and nothing is run."""

import re
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from harness_tasks.errors import UserError
from harness_tasks.reading import Kind, parse_json, parse_rows, parse_yaml, read_bytes, sha256_of, text_of
from harness_tasks.secrets import cleaned

PICKLED = (
    ("training_args.bin", "the arguments of the trainer: learning rate, batch size, seed and all others"),
    ("optimizer*.pt", "the optimiser's state"),
    ("optimizer.bin", "the optimiser's state"),
    ("scheduler.pt", "the learning rate schedule's state"),
    ("rng_state*.pth", "the state of the random numbers"),
    ("scaler.pt", "the state of the loss scale"),
    ("pytorch_model*.bin", "weights"),
    ("adapter_model.bin", "an adapter's weights"),
    ("*.bin", "unknown content"),
    ("*.pt", "unknown content"),
    ("*.pth", "unknown content"),
    ("*.ckpt", "unknown content"),
    ("*.pkl", "unknown content"),
)
"""Files that can run code when they are loaded, by the first pattern that fits, and what each would hold."""
MOST_LISTED = 200
"""Entries of a folder that are looked at: no program leaves so many beside a checkpoint's weights."""


class ForeignFolder:
    """A checkpoint's folder, and what became of its files.

    ``sha256``: of each file that was read, by name. ``unreadable``: why a file could not be read, by name. ``prefix``
    stands before every name that is shown.
    """

    def __init__(self, folder: Path, prefix: str = "") -> None:
        self.folder, self.prefix = folder, prefix
        self.sha256: dict[str, str] = {}
        self.unreadable: dict[str, str] = {}

    def names(self, *patterns: str) -> list[str]:
        """Returns the names of the folder's files that match one of ``patterns``, in order."""
        found = sorted(path.name for path in self.folder.iterdir() if path.name.isprintable())
        return [name for name in found if any(fnmatch(name, pattern) for pattern in patterns)]

    def above(self) -> "ForeignFolder | None":
        """Returns the run's folder, where this one is a trainer's `checkpoint-N` within it."""
        place = self.folder.absolute()
        return ForeignFolder(place.parent, "../") if re.fullmatch(r"checkpoint-\d{1,12}", place.name) else None

    def shown(self, name: str) -> str:
        """Returns what a file is called in the record."""
        return self.prefix + name

    def take_over(self, other: "ForeignFolder") -> None:
        """Counts another folder's files among this one's."""
        self.sha256 |= other.sha256
        self.unreadable |= other.unreadable

    def checkpoints(self) -> list[str]:
        """Returns the folders `checkpoint-N` in it, the latest step first."""
        numbers = {
            path.name: int(found[1])
            for path in self.folder.iterdir()
            if (found := re.fullmatch(r"checkpoint-(\d{1,12})", path.name)) and path.is_dir()
        }
        return sorted(numbers, key=lambda name: -numbers[name])

    def json(self, name: str, kind: Kind) -> Any:
        """Returns what a JSON file holds; None where there is none, or it cannot be read, which is noted."""
        return self._read(name, kind, lambda text: parse_json(text, name, kind))

    def rows(self, name: str, kind: Kind) -> list[Any] | None:
        """Returns the rows of a JSON-lines file; None as in `json`."""
        rows: list[Any] | None = self._read(name, kind, lambda text: parse_rows(text, name, kind))
        return rows

    def yaml(self, name: str, kind: Kind) -> Any:
        """Returns what a YAML file holds; None as in `json`."""
        return self._read(name, kind, lambda text: parse_yaml(text, name, kind))

    def text(self, name: str, kind: Kind) -> str | None:
        """Returns a text file's content; None as in `json`."""
        text: str | None = self._read(name, kind, lambda text: text)
        return text

    def note(self, name: str, error: UserError) -> None:
        """Notes that (a part of) a file could not be read."""
        # What YAML refuses it shows with its line, in which anything may stand.
        found = re.sub(r" cannot be read as YAML \(.*?(line \d+)?[^()]*\)$", r" cannot be read as YAML", error.found)
        self.unreadable.setdefault(self.shown(name), cleaned(found))

    def _read(self, name: str, kind: Kind, parsed: Callable[[str], Any]) -> Any:
        path = self.folder / name
        if not (path.exists() or path.is_symlink()):
            return None
        if leads_out(path):
            self.unreadable[self.shown(name)] = f"{name} is a link that leads out of the folder"
            return None
        try:
            content = read_bytes(path, kind, shown=name)
            value = parsed(text_of(content, name, kind))
        except UserError as error:
            self.note(name, error)
            return None
        self.sha256[self.shown(name)] = sha256_of(content)
        return value

    def not_read(self) -> list[dict[str, str]]:
        """Returns the folder's files that are never opened, and what each would hold."""
        found = list[dict[str, str]]()
        for name in self.names("*")[:MOST_LISTED]:
            would_hold = next((content for pattern, content in PICKLED if fnmatch(name, pattern)), None)
            if would_hold:
                found.append({"file": name, "would_hold": would_hold})
        return found


def leads_out(path: Path) -> bool:
    """Returns whether a file is a link out of its folder; the Hub's cache, whose files all are links, is one place."""
    if not path.is_symlink():
        return False
    home, target = path.parent.resolve(), path.resolve()
    if home.parent.name == "snapshots":
        home = home.parent.parent
    return not target.is_relative_to(home)
