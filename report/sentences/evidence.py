"""Findings with the facts that they are said of in the place of the pointers to them, as templates take them."""

from collections.abc import Mapping
from typing import Any

from report.facts.schema.parts import Part, part_at
from report.facts.schema.whole import Finding


def resolved(facts: Part | Mapping[str, Any], found: Any) -> Any:
    """Returns findings with the facts themselves in the place of the pointers to them."""
    if found is None:
        return None
    if isinstance(found, list):
        return [resolved(facts, part) for part in found]
    if isinstance(found, str):
        return part_at(facts, found)
    if isinstance(found, Finding):
        return {"id": found.id, "evidence": {slot: resolved(facts, place) for slot, place in found.evidence.items()}}
    parts = found.written() if isinstance(found, Part) else found
    return {key: resolved(facts, part) for key, part in parts.items()}
