"""Findings with the facts that they are said of in the place of the pointers to them, as templates take them."""

from collections.abc import Mapping
from typing import Any

from report.reading.results import at


def resolved(facts: Mapping[str, Any], found: Any) -> Any:
    """Returns findings with the facts themselves in the place of the pointers to them."""
    if isinstance(found, list):
        return [resolved(facts, part) for part in found]
    if isinstance(found, str):
        return at(facts, found)
    if "id" in found:
        return {"id": found["id"], "evidence": {key: resolved(facts, path) for key, path in found["evidence"].items()}}
    return {key: resolved(facts, part) for key, part in found.items()}
