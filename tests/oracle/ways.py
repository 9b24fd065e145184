"""Which way a difference went, as far as its interval allows to say."""

from tests.oracle.lines import Fact, known


def way(difference: Fact) -> str:
    """Returns which way a difference went: `up` or `down` only where its interval lies on that side of 0.

    `same` where it is 0, `open` where the interval holds or touches 0, `unknown` without difference or interval.

    >>> way({"value": 0.1, "interval": {"lower": 0.02, "upper": 0.2}}), way({"value": 0.1})
    ('up', 'unknown')
    """
    if not known(difference):
        return "unknown"
    if difference["value"] == 0:
        return "same"
    if "interval" not in difference:
        return "unknown"
    lower, upper = difference["interval"]["lower"], difference["interval"]["upper"]
    return "up" if min(lower, upper) > 0 else "down" if max(lower, upper) < 0 else "open"
