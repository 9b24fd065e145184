"""`hub.json`: what was pushed where; a link is shown as live only from there."""

import json
from pathlib import Path
from typing import Any

from harness_tasks.errors import UserError
from harness_tasks.files import write_json

CHECKPOINTS, SPACE = "hub.json", "space.json"
"""The report's own Space stands in a file of its own: the report shows what `hub.json` holds, and a digest of it."""


def read_record(folder: Path, name: str) -> dict[str, dict[str, Any]]:
    """Returns what was pushed, by checkpoint; empty where nothing was."""
    path = folder / name
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not all(isinstance(entry, dict) for entry in content.values()):
            raise ValueError("it is no mapping of mappings")
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path} cannot be read: {error}",
            "it says what was pushed, and the report's links come from it",
            "delete it and push again: what is on the Hub already is not sent twice",
        ) from None
    return dict(content)


def write_entry(folder: Path, name: str, key: str, entry: dict[str, Any]) -> None:
    """Puts ``entry`` into the record; one that says the same but for the time of the check leaves the file as it is."""
    record = read_record(folder, name)
    known = record.get(key, {})
    if {**known, "checked_at": None} != {**entry, "checked_at": None} or known.keys() != entry.keys():
        write_json(folder / name, {**record, key: entry})
