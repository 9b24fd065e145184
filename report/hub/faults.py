"""What goes wrong between here and the Hub: tried again where that can help, and said in three parts where not."""

import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from harness_tasks.errors import UserError
from report.texts import cleaned

_Done = TypeVar("_Done")
TRIES = 4
LONGEST_WAIT_S = 300.0
"""A Hub that asks for more is not waited for: the command ends, and can be given again."""
_PASSING = frozenset({408, 409, 412, 429, 500, 502, 503, 504})
"""Too slow, two writers at once, too many requests, the Hub's own trouble."""
_AGAIN = "give the same command again: what has arrived is not sent twice"


class HubError(UserError):
    """The Hub did not do what it was asked, though nothing was wrong with the asking."""

    exit_code = 1


def patiently(what: str, action: Callable[[], _Done]) -> _Done:
    """Returns what ``action`` returns, trying again where the Hub is busy or the connection breaks.

    ``action`` must be one that may be done twice. ``what`` names it in the error's text.

    Raises:
        UserError: the account, the token or the repository does not allow it.
        HubError: the Hub or the network failed to the end.
    """
    for attempt in range(1, TRIES + 1):
        try:
            return action()
        except UserError:
            raise
        except Exception as error:
            fault = _fault(error)
            if fault is None:
                raise
            wait = _wait(fault, attempt)
            if attempt == TRIES or wait is None:
                raise explained(what, fault) from None
            time.sleep(wait)
    raise AssertionError("the last try returns or raises")


def explained(what: str, fault: Exception) -> UserError:
    """Returns the error for the user: what the Hub answered, and what mends it. No token is in it."""
    status = _status(fault)
    said = cleaned(" ".join(str(getattr(fault, "server_message", None) or fault).split()))[:300]
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
            _AGAIN,
        )
    if status == 429:
        wait = _retry_after(fault)
        asked = f", and asks for a pause of {wait:.0f} s" if wait else ""
        return HubError(f"{what}: the Hub takes no more requests for now (429){asked}", "nothing is lost", _AGAIN)
    if status is not None and status >= 500:
        return HubError(f"{what}: the Hub has trouble of its own ({status}): {said}", "nothing is lost", _AGAIN)
    if status is not None:
        return UserError(
            f"{what}: the Hub refuses it ({status}): {said}", "nothing was pushed by it", "see the message"
        )
    return HubError(f"{what}: the connection broke ({said or type(fault).__name__})", "nothing is lost", _AGAIN)


def _fault(error: BaseException | None) -> Exception | None:
    """Returns the Hub's answer or the broken connection behind an error; None where it is something else."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    causes = list(_causes(error))
    if any(isinstance(cause, OfflineModeIsEnabled) for cause in causes):
        return None
    for cause in causes:
        if isinstance(cause, HfHubHTTPError | httpx2.TransportError | httpx2.HTTPStatusError):
            return cause
    # hf_xet, which carries large files, says most of what goes wrong as a plain RuntimeError.
    broken = [cause for cause in causes if isinstance(cause, RuntimeError | ConnectionError | TimeoutError)]
    return broken[-1] if broken else None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yields an error and what caused it: the client wraps what happened to one of many files."""
    while error is not None:
        yield error
        error = error.__cause__


def _status(fault: Exception) -> int | None:
    response: Any = getattr(fault, "response", None)
    return None if response is None else int(response.status_code)


def _wait(fault: Exception, attempt: int) -> float | None:
    """Returns the seconds to wait before the next try; None where trying again cannot help."""
    status = _status(fault)
    if status is not None and status not in _PASSING:
        return None
    wait = _retry_after(fault) or 2.0 ** (attempt - 1)
    return wait if wait <= LONGEST_WAIT_S else None


def _retry_after(fault: Exception) -> float | None:
    response: Any = getattr(fault, "response", None)
    text = "" if response is None else response.headers.get("retry-after", "").strip()
    return float(text) if text.isdigit() else None
