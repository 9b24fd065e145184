"""What the tests of own tasks look at: the rows that were written, and what was refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

New = Callable[..., Any]


def rows_of(folder: Path, side: str) -> list[dict[str, Any]]:
    """Returns the rows of one side, as they were written."""
    return [json.loads(line) for line in (folder / f"{side}.jsonl").read_text(encoding="utf-8").split("\n") if line]


def both_sides(folder: Path) -> list[dict[str, Any]]:
    """Returns all rows of a task."""
    return rows_of(folder, "train") + rows_of(folder, "test")


def three_parts(result: Any) -> str:
    """Returns what was refused, once it has three parts and the exit code 2."""
    assert result.exit_code == 2, result.output
    assert [line.partition(":")[0] for line in result.stderr.splitlines()] == [
        "Found", "Why it matters", "To mend it",
    ]  # fmt: skip
    return str(result.stderr)
