"""The one kind of error that a user can mend."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer


class UserError(ValueError):
    """What was found (with the values), why it matters, and what mends it.

    Our own command lines print it and exit 2; under the stock ``lm_eval`` it is the exception's message.

    >>> print(UserError("the study has no task", "there is nothing to score", "add a task under `tasks:`"))
    Found: the study has no task
    Why it matters: there is nothing to score
    To mend it: add a task under `tasks:`
    """

    exit_code = 2
    """What our own command lines leave with: 2 for wrong input, 1 where a subclass stands for a check that failed."""

    def __init__(self, found: str, why: str, mend: str) -> None:
        self.found, self.why, self.mend = found, why, mend
        super().__init__(f"Found: {found}\nWhy it matters: {why}\nTo mend it: {mend}")


@contextmanager
def exit_on_user_error() -> Iterator[None]:
    """Prints a `UserError` on stderr and leaves with its exit code; every verb of our command lines runs inside it.

    What stdout cannot encode is written by its number, as on stderr: a file may hold half a surrogate, and a terminal
    may know ASCII alone.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        yield
    except UserError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(error.exit_code) from None
