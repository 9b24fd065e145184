"""A fact: a value on the page with its unit, its uncertainty and its source.

A fact is `{"value", "unit", "source": {"file", "pointer", "sha256"}}`, with `interval`, `n`, `clusters` where it is
measured on items, and `also` where a second file was needed. What is not known is `{"missing": reason}`.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from harness_tasks.errors import UserError
from report.reading.results import Document
from report.reading.texts import cleaned, fit

Fact = dict[str, Any]
Unit = Literal[
    "text",
    "setting",  # a recipe value of whatever kind
    "count",
    "number",
    "proportion",  # 0 to 1
    "share",  # 0 to 1, shown in per cent
    "points",  # 0 to 100
    "p",  # a p-value, 0 to 1
    "coefficient",  # -1 to 1
    "seconds",
    "bytes",
    "curve",  # rows of (step, loss)
]


def fact(value: Any, unit: Unit, source: Mapping[str, Any], **more: Any) -> Fact:
    """Returns a fact; ``more`` may be `interval`, `n`, `clusters` and `also`, and what is None of it is left out.

    Text is stripped of this machine's paths and of access tokens, since the page is for publishing, and of space around
    it; where nothing is left, it is called empty.
    """
    if isinstance(value, str):
        value = fit(cleaned(value)).strip() or "(empty)"
    kept = {key: extra for key, extra in more.items() if extra is not None}
    return {"value": value, "unit": unit, "source": dict(source), **kept}


def missing(reason: str) -> Fact:
    """Returns the fact that a value is not known, and why."""
    return {"missing": fit(reason)}


def is_known(value: Fact) -> bool:
    """Returns whether ``value`` is a fact with a value."""
    return "value" in value


def recorded(document: Document, *path: str | int, unit: Unit, absent: str | None = None) -> Fact:
    """Returns the value at ``path`` in ``document`` as a fact; missing where it is absent, null or empty text."""
    value = document.value(*path)
    if value is None or (isinstance(value, str) and not value.strip()):
        return missing(absent or f"{document.file} does not record it")
    if unit not in ("text", "setting", "curve") and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise UserError(
            f"{document.file} has {value!r} at {document.source(*path)['pointer']}",
            f"a {unit} is a number",
            "delete the file and run the study again",
        )
    return fact(plain(value), unit, document.source(*path))


def plain(value: Any) -> Any:
    """Returns lists and mappings of settings as text: a page has no use for brackets."""
    if isinstance(value, list) and all(not isinstance(part, list | dict) for part in value):
        return ", ".join(str(part) for part in value)
    return value


def sources(values: Iterable[Any]) -> list[dict[str, str]]:
    """Returns the distinct sources within ``values`` (any tree of facts), ordered by file and pointer."""
    found: dict[tuple[str, str], dict[str, str]] = {}

    def walk(value: Any) -> None:
        if isinstance(value, list):
            for part in value:
                walk(part)
        elif isinstance(value, dict):
            for source in [value.get("source"), *(value.get("also") or [])]:
                if isinstance(source, dict) and "sha256" in source:
                    found[source["file"], source["pointer"]] = source
            for key, part in value.items():
                if key not in ("source", "also"):
                    walk(part)

    walk(list(values))
    return [found[key] for key in sorted(found)]
