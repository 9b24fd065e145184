"""Values that files record of a training, each with its file; where two files differ, both are said."""

import math
from collections.abc import Mapping
from typing import Any

from harness_tasks.secrets import cleaned

LONGEST_TEXT = 300
"""Characters of a value that are kept: a recipe's are short, and whatever is longer is none."""


_ROUNDED = {"epochs": 0.0051, "seconds": 0.0051}
"""Values that some files hold with two decimals: how far apart two may be that are one."""


class Recorded:
    """What was recorded of a training, by the value's name (``recipe.learning_rate``, ``steps``), file by file.

    ``means``: by a value's name what some values of it stand for, such as a list of all modules for `all-linear`.
    """

    def __init__(self, means: Mapping[str, Mapping[str, str]] | None = None) -> None:
        self._found: dict[str, dict[str, Any]] = {}
        self._means = means or {}

    def add(self, name: str, value: Any, file: str) -> None:
        """Notes that ``file`` records ``value``; None, and what is neither a number nor a short text, is no value."""
        if (kept := _plain(value)) is not None:
            self._found.setdefault(name, {}).setdefault(file, kept)

    def files_of(self, name: str) -> dict[str, Any]:
        """Returns the recorded values of a name by their files."""
        return self._found.get(name, {})

    def value(self, name: str) -> Any:
        """Returns the value that all files record; None where none does, or two differ."""
        found, near = list(self.files_of(name).values()), _ROUNDED.get(name, 0.0)
        values = [self._means.get(name, {}).get(value, value) for value in found]
        return found[0] if found and all(_same(values[0], other, near) for other in values[1:]) else None

    def recipe(self) -> dict[str, Any]:
        """Returns the values of the recipe; one that files record differently is a text that says each."""
        names = [name for name in self._found if name.startswith("recipe.")]
        return {name.removeprefix("recipe."): self._shown(name) for name in sorted(names)}

    def recorded_in(self) -> dict[str, str]:
        """Returns the file of each value, the first where several agree; all of them where they do not."""
        return {
            name: next(iter(files)) if self.value(name) is not None else ", ".join(files)
            for name, files in sorted(self._found.items())
        }

    def disagreements(self) -> list[dict[str, Any]]:
        """Returns the values that two files record differently."""
        names = [name for name in sorted(self._found) if self.value(name) is None]
        return [{"value": name, "files": dict(self._found[name])} for name in names]

    def _shown(self, name: str) -> Any:
        value = self.value(name)
        if value is not None:
            return value
        return ", ".join(f"{value} ({file})" for file, value in self.files_of(name).items())


def _plain(value: Any) -> Any:
    """Returns a value as a number, a truth value or a short text without secrets; None where it is none of them."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bool | int):
        return value if -(2**63) <= value < 2**63 else None
    if isinstance(value, list | tuple):
        parts = [_plain(part) for part in value]
        return _plain(",".join(map(str, parts))) if parts and None not in parts else None
    if not isinstance(value, str) or not value.strip():
        return None
    text = foreign_text(" ".join(value.split()))
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def _same(first: Any, second: Any, near: float = 0.0) -> bool:
    """Returns whether two recorded values are one: numbers by their value, texts whatever the case.

    >>> _same(0.0002, 2e-4), _same(3, 3.0), _same("q_proj", "Q_proj"), _same(True, 1)
    (True, True, True, False)
    """
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second
    if isinstance(first, int | float) and isinstance(second, int | float):
        return math.isclose(first, second, rel_tol=1e-9, abs_tol=near)
    return str(first).casefold() == str(second).casefold()


def number_of(value: Any) -> int | float | None:
    """Returns the number that a value is or spells, as a form in a browser sends it; None where it is none.

    >>> number_of("5e-5"), number_of("3.0"), number_of("16"), number_of(True), number_of("nan")
    (5e-05, 3.0, 16, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = int(value) if isinstance(value, str) and value.strip().lstrip("+-").isdigit() else float(value)
    except (ValueError, OverflowError):
        return None
    if isinstance(value, int):
        return value if abs(value) < 2**63 else None
    return number if math.isfinite(number) and abs(number) < 2**63 else None


def count_of(value: Any) -> int | None:
    """Returns `number_of` where that is a whole number of 0 or more, else None."""
    number = number_of(value)
    return int(number) if number is not None and number >= 0 and number == int(number) else None


def foreign_text(text: str) -> str:
    """Returns somebody else's text as it can be written: without places, secrets and halves of characters."""
    return cleaned(text.encode("utf-8", "replace").decode())


def mapping(value: Any) -> Mapping[str, Any]:
    """Returns ``value`` where it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}
