"""What a page says of a gain beside a control that learned the targets of other rows."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.oracle import lines
from tests.oracle.expected import Expected, folded, items, paragraph, table
from tests.oracle.lines import Line, change, count, line, reason, text, value
from tests.oracle.ways import way

Part = Mapping[str, Any]

_SHARES = "format (control minus base) {format}; skill (fine-tuned minus control) {skill}; format minus skill {balance}"
_GAIN = "the gain of {who} in {label}"
_SAID = {
    "format": f"On {{task}}, {_GAIN} is mostly format: {_SHARES}.",
    "skill": f"On {{task}}, {_GAIN} is mostly skill: {_SHARES}.",
    "open": f"On {{task}}, whether {_GAIN} is mostly format or mostly skill cannot be told: {_SHARES}, which is not "
    "clearly on either side of zero.",
    "no gain": "On {task}, {who} has no clear gain in {label} over the base model that could be format or skill: a "
    "difference of {total}.",
    "no interval": f"On {{task}}, without an interval it cannot be told whether {_GAIN} is mostly format or mostly "
    f"skill: {_SHARES}.",
    "unjudged": "On {task}, whether {who} gains in {label} is not known, since no file says which way is better, or "
    f"two contradict each other: {_SHARES}.",
}


def kind(gain: Part) -> str:
    """Returns what may be said of a gain, as a key of the sentences; `missing` where no control stands beside it."""
    if "absent" in gain:
        return "missing"
    if gain["higher_is_better"] is None:
        return "unjudged"
    better, worse = ("up", "down") if gain["higher_is_better"] else ("down", "up")
    total, balance = way(gain["total"]), way(gain["balance"])
    if total == "unknown":
        return "no interval"
    if total != better:
        return "no gain"
    return {better: "format", worse: "skill", "unknown": "no interval"}.get(balance, "open")


def verdict(gain: Part) -> Line:
    """Returns the sentence on how a gain is made up."""
    names = {"task": text(gain["task"]), "who": text(gain["checkpoint"])}
    found = kind(gain)
    if found == "missing":
        return line("On {task}, {who} is not set beside a control: {why}.", why=reason(gain["absent"]), **names)
    parts = {key: lines.by(gain[key]) for key in ("format", "skill", "total", "balance")}
    return line(_SAID[found], label=text(gain["label"]), **parts, **names)


def format_and_skill(facts: Part) -> Iterator[Expected]:
    """Yields the table of gains in two parts, their sentences, and how to read them; nothing without controls."""
    controls = facts.get("controls")
    if not controls:
        return
    yield from items(verdict(gain) for gain in controls if kind(gain) != "format")  # which is a warning
    yield from folded(line("Format and skill: the scores of base, control and checkpoint"), _scores(controls))


def _scores(controls: Sequence[Part]) -> Iterator[Expected]:
    rows = [_row(gain) for gain in controls if "absent" not in gain]
    if rows:
        sides = "base | control | fine-tuned | format: control − base | skill: fine-tuned − control | total"
        yield table(f"format and skill | {sides}", rows)
    yield paragraph(
        line(
            "A control is trained by the recipe of its checkpoint on the same rows, each of which has the target of "
            "another row."
        ),
        line(
            "What it gains over the base model is format and label prior, and what the checkpoint gains over it is "
            "skill; the two sum to the total."
        ),
        line("The gain is mostly one of the two where the interval of format minus skill lies on its side of zero."),
        line("Each control is one training run; its intervals hold the variation over items, not over seeds."),
    )


def _row(gain: Part) -> list[Line]:
    names = {key: text(gain[key]) for key in ("task", "label", "checkpoint")}
    return [
        line("{task}, {label}, {checkpoint}; rows: {rows}", rows=count(gain["rows"]), **names),
        *(value(gain[key]) for key in ("before", "control", "after")),
        *(change(gain[key]) for key in ("format", "skill", "total")),
    ]
