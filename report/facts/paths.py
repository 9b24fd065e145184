"""The names that files have in a study's folder."""

import re

REPORT_MANIFEST = "report_files.json"
"""Names the files that a build wrote: those, and no others, are removed when a later one has them no more."""


def figure_path(kind: str, *names: str) -> str:
    """Returns where the figure of a kind of things with ``names`` lies, within the study's folder.

    >>> figure_path("moves", "reviews-lora-seed1", "../a b")
    'figures/moves-reviews-lora-seed1-on--a-b.svg'
    """
    safe = (re.sub(r"[^A-Za-z0-9_-]+", "-", name) for name in names)
    return f"figures/{'-'.join([kind, '-on-'.join(safe)])}.svg"
