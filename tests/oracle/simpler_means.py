"""What a page says of a checkpoint beside the best of a bag of words, the nearest sentence and few-shot examples."""

from collections.abc import Mapping
from typing import Any

from tests.oracle import lines
from tests.oracle.lines import Line, count, known, line, number, reason, text
from tests.oracle.ways import way

Part = Mapping[str, Any]

_WORDS = "{means}"
_NUMBERS = "{label} of the {name} is {score}, and that of the checkpoint minus it is {by}"
_SAID = {
    "better": f"On {{task}}, {{who}} does better than {_WORDS}: {_NUMBERS}.",
    "worse": f"On {{task}}, {{who}} does worse than {_WORDS}: {_NUMBERS}. The simpler means is the better one here.",
    "open": f"On {{task}}, {{who}} does not clearly beat {_WORDS}: {_NUMBERS}, which does not exclude zero.",
    "same": f"On {{task}}, {{who}} scores the same as {_WORDS}: {{label}} {{points}}.",
    "unjudged": f"On {{task}}, {{who}} and {_WORDS} score differently: {_NUMBERS}; whether that is better is not "
    "known, since no file says it of this metric, or two contradict each other.",
    "unknown": f"On {{task}}, whether {{who}} does better than {_WORDS} is not known{{why}}.",
}


def every(comparison: Part) -> list[Part]:
    """Returns what needs no fine-tuning and answered the same items: the simpler means, and few-shot examples."""
    return [*([comparison["simpler"]] if "simpler" in comparison else []), *comparison.get("few_shot", [])]


def best(comparison: Part) -> Part:
    """Returns the means that is hardest to beat: that which the checkpoint is least better than.

    Where neither is known to be better, or none is set beside the checkpoint, the first.
    """
    found = every(comparison)
    beside = [means for means in found if known(means["tuned_above"])]
    better = [score["higher_is_better"] for score in comparison["scores"] if score["primary"]]
    if not beside or not better or better[0] is None:
        return [*beside, *found][0]
    in_order = sorted(beside, key=lambda means: float(means["tuned_above"]["value"]), reverse=not better[0])
    return in_order[0]


def kind(comparison: Part) -> str:
    """Returns what may be said, as a key of the sentences; empty where none answered."""
    if not every(comparison):
        return ""
    primary = [score for score in comparison["scores"] if score["primary"]]
    went = way(best(comparison)["tuned_above"]) if primary else "unknown"
    if went not in ("up", "down"):
        return went
    if primary[0]["higher_is_better"] is None:
        return "unjudged"
    return "better" if primary[0]["higher_is_better"] is (went == "up") else "worse"


def said(task: Part, comparison: Part) -> Line:
    """Returns the sentence on a checkpoint beside the simpler means."""
    words = best(comparison)
    label = next((text(score["label"]) for score in comparison["scores"] if score["primary"]), ())
    above, score = words["tuned_above"], words["score"]
    if "training_rows" in words:
        learned = "a {name} that learned from the same {rows} training rows"
        means = line(learned, name=text(words["name"]), rows=count(words["training_rows"]))
    elif words in comparison.get("few_shot", []):
        means = line("the {name}", name=text(words["name"]))
    else:
        means = line("the passage's {name}", name=text(words["name"]))
    return line(
        _SAID[kind(comparison)],
        task=text(task["name"]),
        who=text(comparison["display_name"]),
        name=text(words["name"]),
        means=means,
        label=label,
        score=lines.value(score),
        points=number(score) if known(score) else (),
        by=lines.by(above) if known(above) else (),
        why=() if known(above) else line(": {why}", why=reason(above)),
    )
