"""`hub.json`: what was pushed where; a link is shown as live only from there."""

from pathlib import Path
from typing import Any

from harness_tasks.files import write_json
from harness_tasks.reading import read_json
from report.reading.kinds import HUB

CHECKPOINTS, SPACE = "hub.json", "space.json"
"""The report's own Space stands in a file of its own: the report shows what `hub.json` holds, and its hash."""


def read_record(folder: Path, name: str) -> dict[str, dict[str, Any]]:
    """Returns what was pushed, by checkpoint; empty where nothing was."""
    path = folder / name
    return dict(read_json(path, HUB)) if path.exists() else {}


def write_entry(folder: Path, name: str, key: str, entry: dict[str, Any]) -> None:
    """Puts ``entry`` into the record; one that says the same but for the time of the check leaves the file as it is."""
    record = read_record(folder, name)
    known = record.get(key, {})
    if {**known, "checked_at": None} != {**entry, "checked_at": None} or known.keys() != entry.keys():
        write_json(folder / name, {**record, key: entry})
