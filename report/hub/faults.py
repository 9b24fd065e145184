"""What goes wrong with a push: tried again where that can help, and said in three parts where not."""

from collections.abc import Callable
from typing import TypeVar

from harness_tasks.errors import UserError
from harness_tasks.hub import faults
from harness_tasks.hub.faults import AGAIN, HubError, explained_trouble, said_by, status_of
from harness_tasks.secrets import cleaned

__all__ = ["HubError", "push_error", "push_with_retries"]

_Done = TypeVar("_Done")


def push_with_retries(what: str, action: Callable[[], _Done]) -> _Done:
    """Returns what ``action``, a step of a push that may be done twice, returns; as `harness_tasks.hub.faults` does."""
    return faults.with_retries(what, action, push_error)


def push_error(what: str, fault: Exception) -> UserError:
    """Returns the error for the user: what the Hub answered, and what mends it. No token is in it."""
    status, said = status_of(fault), cleaned(said_by(fault))
    if status == 401:
        return UserError(
            f"{what}: the Hub does not know the token, or nothing of that name (401)",
            "without an account that may write there, nothing can be pushed",
            "run `hf auth login`, or set HF_TOKEN to a token with write access, and check the repository's name",
        )
    if status == 403:
        return UserError(
            f"{what}: the token may not do that (403): {said}",
            "a token of its own kind is needed to write, and membership where the namespace is an organisation",
            "give the token write access, name a namespace of yours (--repo), or propose the change (--create-pr)",
        )
    if status == 404:
        return UserError(f"{what}: not found (404): {said}", "there is nowhere to push to", "check the name in --repo")
    if status in (409, 412):
        return HubError(
            f"{what}: somebody else writes there at the same time ({status})",
            "two pushes at once could undo each other",
            AGAIN,
        )
    if trouble := explained_trouble(what, fault):
        return trouble
    return UserError(f"{what}: the Hub refuses it ({status}): {said}", "nothing was pushed by it", "see the message")
