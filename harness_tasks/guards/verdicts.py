"""What a guard says, and the error that stops a run whose guards failed."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from harness_tasks.errors import UserError

GuardOutcome = Literal["pass", "fail", "warn", "by-design", "after-training"]
"""`by-design`: the code leaves no way to it, and a test proves that. `after-training`: it can be judged only then."""


@dataclass(frozen=True)
class Verdict:
    """What one guard found. ``why`` and ``mend`` are said where it failed or warns, and are empty otherwise."""

    id: str
    verdict: GuardOutcome
    found: str
    why: str = ""
    mend: str = ""

    def as_json(self) -> dict[str, str]:
        """Returns the verdict as plain JSON values, without the parts that are empty."""
        return {name: value for name, value in asdict(self).items() if value}


class GuardError(UserError):
    """A guard failed: the run would go wrong, though every value of it can be read (exit code 1).

    It holds all failed ``verdicts``; its message gives each with its id and its three parts.
    """

    exit_code = 1

    def __init__(self, verdicts: Sequence[Verdict]) -> None:
        self.verdicts = tuple(verdicts)
        first = verdicts[0]
        super().__init__(first.found, first.why, first.mend)
        self.args = ("\n\n".join(_message(verdict) for verdict in verdicts),)


def raise_failed(verdicts: Sequence[Verdict]) -> None:
    """Raises a `GuardError` with every failed one of ``verdicts``, in their order; returns where none failed."""
    if failed := [verdict for verdict in verdicts if verdict.verdict == "fail"]:
        raise GuardError(failed)


def _message(verdict: Verdict) -> str:
    """Returns a failed verdict as text.

    >>> print(_message(Verdict("bos", "fail", "no row begins with <s>", "the model expects it", "add it")))
    Guard bos: no row begins with <s>
    Why it matters: the model expects it
    To mend it: add it
    """
    return f"Guard {verdict.id}: {verdict.found}\nWhy it matters: {verdict.why}\nTo mend it: {verdict.mend}"
