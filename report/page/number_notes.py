"""What a reader learns by pointing at a number: where it stands, how it was made, and the command that makes it again.

In an HTML page each number carries the number of its note; the notes themselves are one table in the page.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from report.facts.schema.parts import Known, Part, is_known, part_at
from report.facts.schema.scores import Comparison, ScoredTask
from report.facts.schema.training import Trained
from report.facts.schema.whole import Facts
from report.page import formats
from report.reading.results import pointer

OPEN, MIDDLE, CLOSE = "\ue000", "\ue001", "\ue002"
"""Stand around a number while Markdown becomes HTML; `facts.fact` keeps them out of every text."""

_MARKED = re.compile(f"{OPEN}(\\d+){MIDDLE}([^{CLOSE}]*){CLOSE}")


class Notes:
    """The notes of one page: a number is marked while a template shows it, and its note is written afterwards."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._known = dict(_walk(facts))
        self._places = {id(fact): place for place, fact in self._known.items()}
        self._commands = _commands(facts)
        self._used: dict[str, int] = {}

    def mark(self, fact: Any, shown: str) -> str:
        """Returns ``shown``, with the number of ``fact``'s note around it where it is a fact of this page."""
        place = self._places.get(id(fact))
        if place is None or not is_known(fact) or not any(sign.isdigit() for sign in shown):
            return shown
        number = self._used.setdefault(place, len(self._used))
        return f"{OPEN}{number}{MIDDLE}{shown}{CLOSE}"

    def table(self) -> list[dict[str, str]]:
        """Returns the notes in the order of their numbers: short texts by name; `fact` is a pointer into facts.json."""
        return [number_note(self._facts, place, self._known[place], self._commands) for place in self._used]

    def script(self) -> str:
        """Returns the notes as JSON that can stand in an HTML script element: every text once, notes as its numbers."""
        texts: dict[str, int] = {}
        rows = [{key: texts.setdefault(text, len(texts)) for key, text in entry.items()} for entry in self.table()]
        return script_text({"texts": list(texts), "notes": rows})


def script_text(value: Any) -> str:
    """Returns JSON in which nothing can end a script element or begin a comment in it.

    >>> print(script_text("</script><!--"))
    "\\u003c/script\\u003e\\u003c!--"
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def marked_up(html: str) -> str:
    """Returns ``html`` with an element around each marked number.

    >>> marked_up(f"<td>{OPEN}3{MIDDLE}0.5{CLOSE}</td>")
    '<td><span class="n" data-n="3">0.5</span></td>'
    """
    return _MARKED.sub(r'<span class="n" data-n="\1">\2</span>', html)


def unmarked(text: str) -> str:
    """Returns ``text`` with its marked numbers as they are shown.

    >>> unmarked(f"it is {OPEN}3{MIDDLE}0.5{CLOSE}.")
    'it is 0.5.'
    """
    return _MARKED.sub(r"\2", text)


def marks(text: str) -> list[int]:
    """Returns the numbers of the notes of the numbers in ``text``.

    >>> marks(f"it is {OPEN}3{MIDDLE}0.5{CLOSE}.")
    [3]
    """
    return [int(found[1]) for found in _MARKED.finditer(text)]


def number_note(facts: Facts, place: str, fact: Known, commands: Mapping[str, str]) -> dict[str, str]:
    """Returns what is to be said of the fact at ``place``; what is not known of it is left out."""
    said = {"fact": place, "file": fact.source.file, "at": fact.source.pointer}
    if fact.n is not None:
        said["items"] = formats.items(fact)
    if fact.clusters is not None:
        said["clusters"] = formats.clusters(fact)
    if fact.interval:
        show = formats.FILTERS["difference_interval" if place.endswith("/difference") else "interval"]
        said["interval"] = f"{formats.FILTERS['confidence'](fact)} {show(fact)}"
        said["method"] = fact.interval.method
    said |= _of_score(facts, place) | _of_checkpoint(facts, place)
    said["command"] = next((text for start, text in commands.items() if fact.source.file.startswith(start)), "")
    return {key: str(text) for key, text in said.items() if text}


def _of_score(facts: Facts, place: str) -> dict[str, str]:
    """Returns the signature of a score, and the method of a p-value."""
    found = re.fullmatch(r"/tasks/(\d+)/comparisons/(\d+)/scores/(\d+)/(\w+)", place)
    if not found:
        return {}
    task, (comparison, row) = facts.tasks[int(found[1])], (int(found[2]), int(found[3]))
    assert isinstance(task, ScoredTask)  # by its pointer
    score = task.comparisons[comparison].scores[row]
    moves = task.range_of(score.metric)
    said = {"signature": str(moves.signature.value)} if moves and is_known(moves.signature) else {}
    if found[4] in ("p_value", "adjusted") and is_known(score.p_method):
        said["method"] = str(score.p_method.value)
    return said


def _of_checkpoint(facts: Facts, place: str) -> dict[str, str]:
    """Returns the name of the folder of a checkpoint that is called by its display name."""
    owner, _, what = place.rpartition("/")
    if what != "display_name":
        return {}
    one = part_at(facts, owner)
    return {"checkpoint": str((one.checkpoint if isinstance(one, Comparison) else one.name).value)}


def _commands(facts: Facts) -> dict[str, str]:
    """Returns the command that writes a file anew, by the beginning of the file's name; the most telling first."""
    commands = {}
    for run in facts.reproduction.runs:
        if is_known(run.command):
            commands[f"scores/{run.checkpoint.value}/{run.task.value}/"] = str(run.command.value)
    for checkpoint in facts.checkpoints:
        if isinstance(checkpoint, Trained) and is_known(checkpoint.command):
            commands[f"checkpoints/{checkpoint.name.value}/"] = str(checkpoint.command.value)
    commands[""] = f"STUDY={formats.FILTERS['plain_shell'](facts.study.file)} make report"
    return commands


def _walk(part: Any, place: str = "") -> Iterator[tuple[str, Known]]:
    if isinstance(part, Known):
        yield place, part
    elif isinstance(part, Part):
        for name in type(part).model_fields:
            if name in part and name != "findings":
                yield from _walk(getattr(part, name), place + pointer(name))
    elif isinstance(part, list):
        for index, inner in enumerate(part):
            yield from _walk(inner, place + pointer(index))
