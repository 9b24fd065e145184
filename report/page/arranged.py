"""What a page says once for several checkpoints: sentences that would read alike, and settings that all of them share.

Filters of templates: they take facts and findings apart and put them together, and make no text.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from report.facts.schema.parts import Known, Missing, Part
from report.facts.schema.training import NamedSetting, Trained

_MOST_COLUMNS = 6
"""Settings beside each other in a table of what differs."""


def together(findings: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Returns findings, those made one that say the same of several checkpoints: the same sentence and values.

    Its evidence then has all of them as ``checkpoints``; and as ``every``, how many those are, where no finding is on
    another one.
    """
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for found in findings:
        rest = {slot: fact for slot, fact in found["evidence"].items() if slot != "checkpoint"}
        key = repr((found["id"], sorted((slot, _values(fact)) for slot, fact in rest.items())))
        groups.setdefault(key if "checkpoint" in found["evidence"] else repr(id(found)), []).append(found)
    of_one = [group for group in groups.values() if "checkpoint" in group[0]["evidence"]]
    return [_merged(group, alone=of_one == [group]) for group in groups.values()]


def _merged(group: Sequence[Mapping[str, Any]], *, alone: bool) -> Mapping[str, Any]:
    if len(group) == 1:
        return group[0]
    evidence = {**group[0]["evidence"], "checkpoints": [found["evidence"]["checkpoint"] for found in group]}
    return {"id": group[0]["id"], "evidence": evidence | ({"every": len(group)} if alone else {})}


def _values(fact: Any) -> Any:
    """Returns what a reader would see of evidence, wherever it comes from."""
    if isinstance(fact, Known):
        return fact.value, fact.unit
    if isinstance(fact, Missing):
        return fact.missing
    if isinstance(fact, Part):
        return [(name, _values(part)) for name, part in fact.written().items()]
    return [_values(part) for part in fact] if isinstance(fact, list) else fact


def recipes(checkpoints: Sequence[Any]) -> dict[str, Any]:
    """Returns the recipes of the trained ones of ``checkpoints`` side by side.

    ``shared``: the settings that all have with the same value; ``differing``: tables of the others, each with at most
    six names, and for each checkpoint its settings by these names (None: not recorded); ``checkpoints``: the
    trained ones; ``several``: whether there are more than one.
    """
    trained = [one for one in checkpoints if isinstance(one, Trained)]
    settings = [{row.name.value: row for row in one.recipe} for one in trained]
    names = list(dict.fromkeys(name for rows in settings for name in rows))
    shared = [name for name in names if len({_shown(rows.get(name)) for rows in settings}) == 1]
    others = [name for name in names if name not in shared]
    differing = [
        {
            "names": [next(rows[name].name for rows in settings if name in rows) for name in part],
            "rows": [
                {"checkpoint": one, "settings": [rows[name].value if name in rows else None for name in part]}
                for one, rows in zip(trained, settings, strict=True)
            ],
        }
        for part in (others[i : i + _MOST_COLUMNS] for i in range(0, len(others), _MOST_COLUMNS))
    ]
    return {
        "shared": [settings[0][name] for name in shared],
        "differing": differing,
        "checkpoints": trained,
        "several": len(trained) > 1,
    }


def _shown(row: NamedSetting | None) -> str:
    """Returns a setting's value as text: 1 and True are not the same."""
    return repr(row.value.value) if row else "not recorded"


_MOST_PICTURES = 4
"""Pictures of one kind below each other that are in sight."""


def many(listed: Sequence[Any]) -> bool:
    """Returns whether a list is too long for a picture of each of its parts to be in sight."""
    return len(listed) > _MOST_PICTURES


FILTERS = {"together": together, "recipes": recipes, "many": many}
