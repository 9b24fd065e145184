"""The names of the files that the page's figures have."""

import re


def figure_path(kind: str, *names: str) -> str:
    """Returns where the figure of a kind of things with ``names`` lies, within the study's folder.

    >>> figure_path("moves", "reviews-lora-seed1", "../a b")
    'figures/moves-reviews-lora-seed1-on--a-b.svg'
    """
    safe = (re.sub(r"[^A-Za-z0-9_-]+", "-", name) for name in names)
    return f"figures/{'-'.join([kind, '-on-'.join(safe)])}.svg"
