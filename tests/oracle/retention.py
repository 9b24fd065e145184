"""What a page says of the scores on tasks that a checkpoint was not trained on."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.oracle import lines
from tests.oracle.expected import NOTHING, Expected, folded, paragraph, table
from tests.oracle.lines import Line, chance, change, count, known, line, number, reason, text, value

Part = Mapping[str, Any]


def kind(score: Part, level: Part) -> str:
    """Returns what may be said of a score: kept, lost, open, same (no item changed) or unknown."""
    if "absent" in score:
        return "unknown"
    both = [score[name].get("value") for name in ("kept_p", "lost_p")]
    if None in both:
        bounds = score["difference"].get("interval") or {"lower": 1, "upper": 1}
        nothing = score["difference"]["value"] == bounds["lower"] == bounds["upper"] == 0
        return "same" if nothing else "unknown"
    within, loss = (p < level["value"] for p in both)
    return "kept" if within else "lost" if loss else "open"


def _verdict(score: Part, level: Part) -> Line:
    found = kind(score, level)
    if found == "unknown":
        return line("cannot be told: {why}", why=reason(score["absent"] if "absent" in score else score["kept_p"]))
    if found == "open" and known(score["needed"]):
        return line("cannot be told: would need about {items} items", items=count(score["needed"]))
    words = {
        "kept": "kept within the margin, p {kept}",
        "lost": "lost, p {lost}",
        "open": "cannot be told",
        "same": "kept: no item changed",
    }
    ps = {name: chance(score[f"{name}_p"]) for name in ("kept", "lost") if known(score[f"{name}_p"])}
    return line(words[found], **ps)


def _of_all(kinds: list[str]) -> str:
    if "lost" in kinds:
        return "Not every score on a task that a checkpoint was not trained on is kept: at least one is lost."
    if {*kinds} <= {"kept", "same"}:
        return "Every score on a task that a checkpoint was not trained on is kept within its margin."
    return (
        "No score on a task that a checkpoint was not trained on is shown to be lost, but it cannot be told of all "
        "that they are kept."
    )


def lost(facts: Part) -> list[Line]:
    """Returns the warnings of scores that are lost."""
    words = (
        "{who} lost on {task}, which it was not trained on: a difference in {label} of {difference}; that the loss is "
        "less than {margin} is not shown."
    )
    level = facts["family"]["level"]
    return [
        line(
            words,
            who=text(score["checkpoint"]),
            task=text(score["task"]),
            label=text(score["label"]),
            difference=lines.by(score["difference"]),
            margin=number(score["margin"]),
        )
        for score in facts.get("retention", {}).get("scores", ())
        if kind(score, level) == "lost"
    ]


def kept(facts: Part) -> Iterator[Expected]:
    """Yields the sentence on all scores, their table, and how to read it; nothing where none was asked for."""
    if "retention" not in facts:
        return
    level, scores = facts["family"]["level"], facts["retention"]["scores"]
    yield paragraph(line(_of_all([kind(score, level) for score in scores])))
    yield from folded(line("Scores on tasks that were not trained on"), _scores(scores, level))


def _scores(scores: Sequence[Part], level: Part) -> Iterator[Expected]:
    columns = "other task | checkpoint | base | fine-tuned | difference | margin | verdict"
    yield table(columns, [_row(score, level) for score in scores])
    yield paragraph(
        line(
            "A score is kept where a loss of the margin or more is ruled out, and lost where a loss is shown and "
            "that is not: two one-sided tests of the paired difference, each corrected by Holm over all scores that "
            "have one."
        )
    )


def _row(score: Part, level: Part) -> list[Line]:
    who, verdict = text(score["checkpoint"]), _verdict(score, level)
    if "absent" in score:
        return [text(score["task"]), who, *[NOTHING] * 4, verdict]
    about = line("{task}, {label}", task=text(score["task"]), label=text(score["label"]))
    sides = [value(score[key]) for key in ("before", "after")]
    return [about, who, *sides, change(score["difference"]), number(score["margin"]), verdict]
