"""Facts made from values and from documents, and where facts come from."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness_tasks.errors import UserError
from harness_tasks.secrets import cleaned
from report.facts.schema.parts import Fact, Known, Missing, Part, Source, Unit
from report.reading.results import Document
from report.reading.texts import printable


def fact(value: Any, unit: Unit, source: Source | Mapping[str, Any], **more: Any) -> Known:
    """Returns a fact; ``more`` may be the other fields of `Known`, and what is None of it is left out.

    Text is stripped of this machine's paths and of access tokens, since the page is for publishing, and of space around
    it; where nothing is left, it is called empty.
    """
    if isinstance(value, str):
        value = printable(cleaned(value)).strip() or "(empty)"
    kept = {key: extra for key, extra in more.items() if extra is not None}
    return Known(value=value, unit=unit, source=Source.model_validate(source), **kept)


def missing(reason: str) -> Missing:
    """Returns the fact that a value is not known, and why."""
    return Missing(missing=printable(reason))


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


def sources(values: Iterable[Any]) -> list[Source]:
    """Returns the distinct sources within ``values`` (any tree of facts), ordered by file and pointer."""
    found = {(source.file, source.pointer): source for value in values for source in _sources(value)}
    return [found[key] for key in sorted(found)]


def _sources(value: Any) -> Iterator[Source]:
    if isinstance(value, Source):
        yield value
    elif isinstance(value, Part):
        for name in value.model_fields_set:
            yield from _sources(getattr(value, name))
    elif isinstance(value, Mapping):
        yield from _sources(list(value.values()))
    elif isinstance(value, list):
        for part in value:
            yield from _sources(part)
