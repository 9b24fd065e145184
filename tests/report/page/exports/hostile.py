"""Facts in which every text is hostile, and how the exports say what is theirs."""

import copy
from collections.abc import Iterator
from typing import Any

KEPT = {"file", "sha256", "unit", "schema"}
"""Keys whose text the program itself writes."""


def poisoned(facts: dict[str, Any], payloads: list[str]) -> dict[str, Any]:
    """Returns the facts with the payloads in the place of their texts, in turn: names, labels, reasons, commands."""
    facts = copy.deepcopy(facts)
    turns = _turns(payloads)
    findings = facts.pop("findings")
    names: dict[str, str] = {}

    def poison(value: Any) -> Any:
        if isinstance(value, list):
            return [poison(part) for part in value]
        if not isinstance(value, dict):
            return value
        found = {}
        for key, part in value.items():
            hostile = (
                isinstance(part, str) and key not in KEPT and (key != "value" or value["unit"] in ("text", "setting"))
            )
            # A name stays one name, so that what belongs together is found.
            if hostile and key not in ("kind", "metric"):
                found[key] = names.setdefault(part, next(turns))
            elif hostile and key == "metric":
                found[key] = names.setdefault(part, f"{part}{next(turns)}")
            else:
                found[key] = poison(part)
        return found

    return {**poison(facts), "findings": findings}


def _turns(payloads: list[str]) -> Iterator[str]:
    number = 0
    while True:
        # What is not unique would make one name of two.
        yield payloads[number % len(payloads)] + ("" if number < len(payloads) else str(number))
        number += 1
