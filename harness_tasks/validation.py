"""What pydantic refused, as errors that a user can mend."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from harness_tasks.errors import UserError
from harness_tasks.messages import nearest_name


class InvalidValue(NamedTuple):
    """What pydantic refused: its ``kind`` of error, the ``location`` from the outside in, the value, and the reason."""

    kind: str
    location: tuple[int | str, ...]
    value: Any
    reason: str

    @property
    def place(self) -> str:
        """The location with dots between its parts; empty where it is the whole value."""
        return ".".join(str(part) for part in self.location)


def first_invalid(error: ValidationError) -> InvalidValue:
    """Returns what is wrong: an unknown key where there is one, since a mistyped key is found missing as well."""
    problems = error.errors(include_url=False)
    found = next((problem for problem in problems if problem["type"] == "extra_forbidden"), problems[0])
    return InvalidValue(found["type"], found["loc"], found["input"], found["msg"].removeprefix("Value error, "))


def unknown_key(file: object, place: str, *, known: Sequence[str], why: str) -> UserError:
    """Returns the error for a key at ``place`` in ``file`` that is none of the ``known``; the nearest one is named."""
    near = nearest_name(place.rpartition(".")[2], known)
    return UserError(
        f"{file} has the unknown key `{place}`",
        why,
        (f"write `{near}`" if near else "delete it") + f" (known here: {', '.join(known)})",
    )


def wrong_key(
    file: object, problem: InvalidValue, *, place: str, known: Sequence[str], mistyped: str, needed_by: str, manual: str
) -> UserError:
    """Returns the error for a key of ``file`` that is unknown, missing, or has a value that it does not take.

    ``place``: what the error calls the key. ``known``: the keys there. ``mistyped``: what an unknown key would lead to.
    ``needed_by``: who needs a missing key. ``manual``: the file that describes the keys.
    """
    if problem.kind == "extra_forbidden":
        return unknown_key(file, place, known=known, why=mistyped)
    if problem.kind == "missing":
        return UserError(f"{file} lacks the key `{place}`", f"{needed_by} needs it", f"add `{problem.location[-1]}:`")
    return UserError(
        f"{file}: `{place}` is {short_repr(problem.value)}: {problem.reason}",
        "the value is not of the kind that this key takes",
        f"see the key in {manual}",
    )


def short_repr(value: Any) -> str:
    """Returns how a value is shown in an error: at most 80 characters, on one line."""
    text = repr(value) if not isinstance(value, dict | list) or len(value) < 20 else f"{len(value)} values"
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= 80 else text[:77] + "..."
