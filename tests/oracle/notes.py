"""What an HTML page says of a number to whoever points at it: the notes, and the script that shows them."""

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from report.reading.results import value_at
from report.reading.texts import shell_word
from report.verify.problems import Problem
from tests.oracle import lines
from tests.oracle.lines import Line, known, matches
from tests.oracle.page import Page, squeezed

Part = Mapping[str, Any]


def notes(page: Page, facts: Part) -> list[Problem]:
    """Returns what is wrong with the notes of a page, with the numbers that they are of, and with its scripts."""
    problems = []
    scripts = [_packaged("report.js"), *([_explorers()] if page.has_items else [])]
    if page.scripts[1:] != scripts:
        other = next((script for script in page.scripts[1:] if script not in scripts), "one is missing")
        problems.append(Problem("the page", f"a script: {other[:80]}", "the scripts of this version and no other"))
    try:
        table = json.loads(page.scripts[0]) if page.scripts else {"texts": [], "notes": []}
        told = [{key: table["texts"][i] for key, i in entry.items()} for entry in table["notes"]]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        return [
            *problems,
            Problem("the notes", f"{type(error).__name__}: {error}", "notes as `aftertune build` writes them"),
        ]
    places = {}
    for position, note in enumerate(told):
        fact = _fact(facts, note.get("fact", ""))
        if fact is None:
            problems.append(Problem("the notes", f"a note of {note.get('fact')!r}", "a fact of facts.json"))
            continue
        places[str(position)] = fact
        for key, text in note.items():
            licensed = list(_licensed(facts, note["fact"], fact, key)) if key != "fact" else [(text,)]
            if not any(matches(line, shown) for line in licensed for shown in (text, squeezed(text))):
                problems.append(Problem(f"the note of {note['fact']}", f"{key}: {text}", "what facts.json says of it"))
    for number, text in page.noted:
        if number not in places or not _shows(places[number], text):
            problems.append(Problem("a number's note", f"{text}, with note {number}", "the note of the fact it shows"))
    return problems


def _explorers() -> str:
    names = ("explorer_items", "explorer_scores", "explorer_words", "explorer_reader", "explorer")
    parts = (_text(f"{name}.js") for name in names)
    return "\n".join(["(() => {", '"use strict";', *parts, "})();"])


def _packaged(name: str) -> str:
    return _text(name).strip()


def _text(name: str) -> str:
    return (files("templates") / name).read_text(encoding="utf-8")


def _fact(facts: Part, place: str) -> Part | None:
    """Returns the fact at a JSON pointer; None where no known fact stands there."""
    try:
        found = value_at(facts, place)
    except (LookupError, ValueError, TypeError):
        return None
    return found if isinstance(found, Mapping) and "value" in found and "source" in found else None


def _licensed(facts: Part, place: str, fact: Part, key: str) -> Iterator[Line]:
    """Yields what a note may say of ``fact`` under ``key``."""
    if key == "file":
        yield (fact["source"]["file"],)
    elif key == "at":
        yield (fact["source"]["pointer"],)
    elif key in ("items", "clusters"):
        yield lines.counted(fact, {"items": "n"}.get(key, key))
    elif key == "interval" and "interval" in fact:
        show = lines.difference_interval if place.endswith("/difference") else lines.interval
        yield lines.line("{c} {i}", c=lines.confidence(fact), i=show(fact))
    elif key == "command":
        yield from _commands(facts, fact["source"]["file"])
    elif key == "checkpoint" and place.rpartition("/")[2] in ("display_name", "name_on_own_task"):
        owner = value_at(facts, place.rpartition("/")[0])
        yield lines.text(owner["checkpoint" if "checkpoint" in owner else "name"])
    elif key in ("method", "signature"):
        yield from _score(facts, place, fact, key)


def _score(facts: Part, place: str, fact: Part, key: str) -> Iterator[Line]:
    if key == "method" and "interval" in fact:
        yield (fact["interval"]["method"],)
    above, _, name = place.rpartition("/")
    score = value_at(facts, above)
    if not isinstance(score, Mapping) or "metric" not in score:
        return
    if key == "method" and name in ("p_value", "adjusted"):
        yield lines.text(score["p_method"])
    if key == "signature":
        task = facts["tasks"][int(place.split("/")[2])]
        yield from (lines.text(row["signature"]) for row in task["ranges"] if row["metric"] == score["metric"])


def _commands(facts: Part, file: str) -> Iterator[Line]:
    """Yields the command that writes ``file`` anew."""
    parts = file.split("/")
    for run in facts["reproduction"]["runs"]:
        own = ["scores", str(run["checkpoint"]["value"]), str(run["task"]["value"])]
        if own == parts[:3] and known(run["command"]):
            yield (run["command"]["value"],)
            return
    for checkpoint in facts["checkpoints"]:
        if parts[:2] == ["checkpoints", str(checkpoint["name"]["value"])] and known(checkpoint.get("command", {})):
            yield (checkpoint["command"]["value"],)
            return
    yield (f"STUDY={shell_word(str(facts['study']['file']['value']))} make report",)


def _shows(fact: Part, text: str) -> bool:
    """Returns whether ``text`` is one of the ways in which a page may show ``fact``."""
    value = fact["value"]
    if "n" in fact and matches(lines.counted(fact, "n"), text):
        return True
    if "clusters" in fact and matches(lines.counted(fact, "clusters"), text):
        return True
    if "interval" in fact and any(matches(show(fact), text) for show in (lines.interval, lines.difference_interval)):
        return True
    shown: list[Line] = [lines.setting(fact)]
    if isinstance(value, int | float):
        shown += [lines.percent(fact), lines.duration(fact), lines.size(fact), lines.chance(fact)]
        if isinstance(value, int):
            shown.append(lines.count(fact))
        if fact["unit"] in lines.PLACES:
            shown += [lines.number(fact), lines.difference(fact)]
    return any(matches(line, text) for line in shown)
