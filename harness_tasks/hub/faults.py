"""What goes wrong between here and the Hub: tried again where that can help, and said in three parts where not."""

import email.utils
import re
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, TypeVar

from harness_tasks.errors import UserError
from harness_tasks.secrets import without_secrets

_Done = TypeVar("_Done")
TRIES = 4
LONGEST_WAIT_S = 300.0
"""A Hub that asks for more is not waited for: the command ends, and can be given again."""
LONGEST_TROUBLE_S = 60.0
"""After so long no other try is started: the client has tried several times itself."""
_PASSING = frozenset({408, 409, 412, 429, 500, 502, 503, 504})
"""Too slow, two writers at once, too many requests, the Hub's own trouble."""
AGAIN = "give the same command again: what has arrived is not transferred twice"


class HubError(UserError):
    """The Hub did not do what it was asked, though nothing was wrong with the asking."""

    exit_code = 1


def with_retries(
    what: str,
    action: Callable[[], _Done],
    explained: Callable[[str, Exception], UserError],
    *,
    fault_of: Callable[[BaseException], Exception | None] | None = None,
) -> _Done:
    """Returns what ``action`` returns, trying again where the Hub is busy or the connection breaks.

    ``action`` must be one that may be done twice. ``what`` names it in the error's text, which ``explained`` writes. A
    pause that the Hub asks for is kept, and said on stderr. ``fault_of`` says which errors are the Hub's or the
    network's (unset: `fault_behind`); others are raised as they are.

    Raises:
        UserError: the account, the token or the repository does not allow it.
        HubError: the Hub or the network failed to the end.
    """
    started = time.monotonic()
    for attempt in range(1, TRIES + 1):
        try:
            return action()
        except UserError:
            raise
        except Exception as error:
            fault = (fault_of or fault_behind)(error)
            if fault is None:
                raise
            wait = _wait(fault, attempt)
            is_asked = retry_after(fault) is not None
            is_long = not is_asked and time.monotonic() - started > LONGEST_TROUBLE_S
            if attempt == TRIES or wait is None or is_long:
                raise explained(what, fault) from None
            if is_asked and wait:
                print(f"{what}: the Hub asks for a pause of {wait:.0f} s, which is kept", file=sys.stderr, flush=True)
            time.sleep(wait)
    raise AssertionError("the last try returns or raises")


def explained_trouble(what: str, fault: Exception) -> UserError | None:
    """Returns the error for what is the Hub's own trouble, the network's or a proxy's; None where it is none of them.

    It is the same for what is fetched and for what is pushed. No token is in it.
    """
    import httpx2

    status, said = status_of(fault), said_by(fault)
    proxy = proxy_in_use()
    way = f" through the proxy {proxy}" if proxy else ""
    if isinstance(fault, httpx2.ProxyError) or status == 407:
        return UserError(
            f"{what}: the proxy {proxy or 'of this machine'} does not let the request through ({said})",
            "every request to the Hub goes through it",
            "correct HTTPS_PROXY (http://USER:PASSWORD@HOST:PORT where it wants a password), unset it, or name the "
            "Hub's host in NO_PROXY where there is a direct way",
        )
    if status == 429:
        wait = retry_after(fault)
        asked = f", and asks for a pause of {wait:.0f} s" if wait else ""
        return HubError(
            f"{what}: the Hub accepts no more requests for now (429){asked}",
            "nothing is lost" if not wait else "nothing is lost, but a request before that is refused too",
            AGAIN if not wait else f"wait so long, then {AGAIN}; with a token (`hf auth login`) the Hub takes more",
        )
    if status is not None and status >= 500:
        return HubError(f"{what}: the Hub{way} has trouble of its own ({status}): {said}", "nothing is lost", AGAIN)
    if status is None and "CERTIFICATE_VERIFY_FAILED" in str(fault):
        return UserError(
            f"{what}: the Hub's certificate{way} is not signed by an authority that this machine trusts",
            "somebody between here and the Hub may read and change what is transferred",
            "where that is a proxy of yours, name its certificate in SSL_CERT_FILE",
        )
    if status is None:
        mend = f"check the proxy {proxy} (HTTPS_PROXY) and the network, then {AGAIN}" if proxy else AGAIN
        return HubError(f"{what}: the connection{way} broke ({said or type(fault).__name__})", "nothing is lost", mend)
    return None


def hub_fault(error: BaseException) -> Exception | None:
    """Returns the Hub's answer or the broken connection behind any program's error; None where it is none of them."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    causes = list(_causes(error))
    if any(isinstance(cause, OfflineModeIsEnabled) for cause in causes):
        return None
    kinds = HfHubHTTPError | httpx2.TransportError | httpx2.HTTPStatusError
    return next((cause for cause in causes if isinstance(cause, kinds)), None)


def fault_behind(error: BaseException) -> Exception | None:
    """Returns what went wrong between the Hub's own client and the Hub; None where an error is something else."""
    from huggingface_hub.errors import OfflineModeIsEnabled

    if fault := hub_fault(error):
        return fault
    causes = list(_causes(error))
    if any(isinstance(cause, OfflineModeIsEnabled) for cause in causes):
        return None
    # hf_xet, which carries large files, says most of what goes wrong as a plain RuntimeError; a file that arrived with
    # another length than announced is a plain OSError.
    broken = [
        cause
        for cause in causes
        if isinstance(cause, RuntimeError | ConnectionError | TimeoutError)
        or (type(cause) is OSError and "Consistency check failed" in str(cause))
    ]
    return broken[-1] if broken else None


def status_of(fault: Exception) -> int | None:
    """Returns the status with which the Hub answered; None where it did not answer."""
    response: Any = getattr(fault, "response", None)
    return None if response is None else int(response.status_code)


def said_by(fault: Exception) -> str:
    """Returns the Hub's own words, or the client's: on one line, shortened, without a token."""
    said = " ".join(str(getattr(fault, "server_message", None) or fault).split())
    return without_secrets(said)[:300]


def repository_of(fault: Exception) -> str | None:
    """Returns the data set or model that was asked for when the fault struck; None where its address does not say."""
    request: Any = getattr(getattr(fault, "response", None) or fault, "_request", None)
    address = urllib.parse.unquote(str(request.url)) if request is not None else ""
    found = re.search(r"/(?:datasets|models)/([^/?]+)(?:/(?!resolve/|tree/|revision/|paths-info/)([^/?]+))?", address)
    return "/".join(part for part in found.groups() if part) if found else None


def retry_after(fault: Exception) -> float | None:
    """Returns how many seconds the Hub asks to wait, which it says as a number or as a date; None where it does not."""
    response: Any = getattr(fault, "response", None)
    text = "" if response is None else response.headers.get("retry-after", "").strip()
    if text.isdigit():
        return float(text)
    try:
        date = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())


def proxy_in_use() -> str | None:
    """Returns the proxy through which the Hub is asked, without user and password; None where the way is direct."""
    from urllib.request import getproxies, proxy_bypass  # here, because it takes longer to load than all of the rest

    from huggingface_hub import constants

    address = urllib.parse.urlsplit(constants.ENDPOINT)
    proxies = getproxies()
    proxy = proxies.get(address.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(address.hostname or ""):
        return None
    parts = urllib.parse.urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yields an error and what caused it: the client wraps what happened to one of many files."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _wait(fault: Exception, attempt: int) -> float | None:
    """Returns the seconds to wait before the next try; None where trying again cannot help."""
    import httpx2

    status = status_of(fault)
    if isinstance(fault, httpx2.ProxyError) or (status is not None and status not in _PASSING):
        return None
    asked = retry_after(fault)
    wait = 2.0 ** (attempt - 1) if asked is None else asked
    return wait if wait <= LONGEST_WAIT_S else None
