"""What may be said of a comparison: every sentence on what fine-tuning changed, and the facts that license it.

A second book beside `report/sentences/` and its templates, and kept apart from them on purpose: the rules here, in
`causes.py`, `weights.py` and `cautions.py`, were written from what the sentences mean. To add a sentence, add its words
and its condition to the function that chooses among those of its kind, or a function that `outline.py` calls.
"""

from collections.abc import Mapping
from typing import Any

from tests.oracle import lines
from tests.oracle.lines import Fact, Line, chance, count, known, line, number, percent, reason, setting, text
from tests.oracle.ways import way

Part = Mapping[str, Any]
"""A part of the facts: a task, a comparison, a checkpoint."""

_FROM_TO = "from {before} ({setting}) to {after} ({checkpoint})"
_UNJUDGED = "whether that is better is not known, since no file says it of this metric, or two contradict each other."
_HEADLINE = {
    ("up", True): f"improves {{label}}: it rises {_FROM_TO}, a difference of {{by}}.",
    ("down", True): f"makes {{label}} worse: it falls {_FROM_TO}, a difference of {{by}}.",
    ("up", False): f"makes {{label}} worse, for which lower is better: it rises {_FROM_TO}, a difference of {{by}}.",
    ("down", False): f"improves {{label}}, for which lower is better: it falls {_FROM_TO}, a difference of {{by}}.",
    ("up", None): f"changes {{label}}: it rises {_FROM_TO}, a difference of {{by}}; {_UNJUDGED}",
    ("down", None): f"changes {{label}}: it falls {_FROM_TO}, a difference of {{by}}; {_UNJUDGED}",
}
_DIRECTION = {True: "", False: "; for this one lower is better", None: "; whether higher is better is not known"}
"""What a list of metrics says of one after its change, by whether higher is better."""


def headline(task: Part, comparison: Part) -> Line:
    """Returns what may be said of the primary metric."""
    score = next((score for score in comparison["scores"] if score["primary"]), None)
    common = {
        "task": text(task["name"]),
        "setting": text(task["setting"]),
        "checkpoint": text(comparison["display_name"]),
    }
    if score is None and known(task["primary"]):
        return line(
            "On {task}, neither the base model nor {checkpoint} has a score in the primary metric, {metric}, so no "
            "headline is drawn.",
            metric=text(task["primary"]),
            **common,
        )
    if score is None:
        return line(
            "On {task}, no primary metric is declared, so no headline is drawn from the scores of {checkpoint}.",
            **common,
        )
    before, after, changed = (score[side] for side in ("before", "after", "difference"))
    common |= {"label": text(score["label"]), "before": number(before), "after": number(after)}
    went = way(changed)
    if went in ("up", "down"):
        words = "On {task}, fine-tuning " + _HEADLINE[went, score["higher_is_better"]]
        return line(words, by=lines.by(changed), **common)
    if went == "open":
        words = f"On {{task}}, no clear difference in {{label}} was found: {_FROM_TO}, a difference of {{by}}, "
        return line(words + "which does not exclude zero.", by=lines.by(changed), **common)
    if went == "same":
        return line("On {task}, {label} is the same before and after fine-tuning ({checkpoint}): {before}.", **common)
    if comparison["refused"]:
        words = "On {task}, base and fine-tuned model ({checkpoint}) are not compared: {reason}."
        return line(words, reason=reason(comparison["refused"]), **common)
    if known(before) and known(after):
        words = f"On {{task}}, {{label}} goes {_FROM_TO}; "
        return line(words + "without an interval of the difference nothing can be concluded from it.", **common)
    words = "On {task}, what fine-tuning did ({checkpoint}) is not known: base model {one}, fine-tuned {two}."
    return line(words, one=lines.value(before), two=lines.value(after), **common)


_GROUPS = {
    "up": "Higher after fine-tuning: {changes}.",
    "down": "Lower after fine-tuning: {changes}.",
    "open": "No clear difference: {changes}.",
    "same": "The same before and after: {labels}.",
    "unknown": "No conclusion is possible about {labels}: {why}.",
}


def metrics(comparison: Part) -> list[Line]:
    """Returns one sentence for each way that metrics went, each metric in the one that its interval puts it in."""
    said = []
    for went, words in _GROUPS.items():
        scores = [score for score in comparison["scores"] if way(score["difference"]) == went]
        if not scores:
            continue
        changed = scores[0]["difference"]
        why = lines.difference_interval(changed) if known(changed) else reason(changed)
        changes = [
            line(
                f"{{label}} ({{change}}{_DIRECTION[score['higher_is_better']]})",
                label=text(score["label"]),
                change=lines.change(score["difference"]),
            )
            for score in scores
        ]
        labels = [text(score["label"]) for score in scores]
        said.append(line(words, changes=lines.joined(changes), labels=lines.joined(labels), why=why))
    return said


_SHIFT = {
    "up": "{what}: higher by {by}",
    "down": "{what}: lower, {by}",
    "open": "{what}: no clear change, {by}",
    "same": "{what}: the same",
    "unknown": "{what}: whether it changes is not known",
}


def shift(found: Part) -> Line:
    """Returns what may be said of a change in the answers as such."""
    changed = found["change"]
    went = way(changed)
    by = lines.change(changed) if went in ("up", "down", "open") else ()
    return line(_SHIFT[went], what=text(found["what"]), by=by)


def transitions(counts: Part) -> Line:
    """Returns the items that changed sides."""
    return line(
        "{fixed} fixed, {broken} broken, {both_right} both correct, {both_wrong} both wrong, by {label}",
        label=text(counts["label"]),
        **{key: count(counts[key]) for key in ("fixed", "broken", "both_right", "both_wrong")},
    )


_TEST = "p {p}, Holm-adjusted p {adjusted}"
_TESTED = {
    (True, True): f"significant: {_TEST}",
    (False, True): f"not significant after correction, although its own interval excludes zero: {_TEST}",
    (True, False): "at the border, nothing is claimed: the test calls it significant, its interval does not exclude "
    f"zero; {_TEST}",
    (False, False): f"not significant: {_TEST}",
}


def tested(family: Part, comparison: Part) -> list[Line]:
    """Returns whether the primary difference is significant; beside a null result, what could have been found."""
    score = next((score for score in comparison["scores"] if score["primary"]), None)
    if score is None:
        return []
    went, adjusted = way(score["difference"]), score["adjusted"]
    said = [line("no test was possible")]
    if known(adjusted):
        is_significant = adjusted["value"] < family["level"]["value"]
        words = _TESTED[is_significant, went in ("up", "down")]
        said = [line(words, p=chance(score["p_value"]), adjusted=chance(adjusted))]
    if went in ("open", "same"):
        said.append(_power(family, score["detectable"]))
    return said


def _power(family: Part, detectable: Fact) -> Line:
    if not known(detectable):
        return line("minimum detectable effect not known: {why}", why=reason(detectable))
    words = "minimum detectable effect {least} at a power of {power}: a smaller one can have gone unseen"
    return line(words, least=number(detectable), power=percent(family["power"]))


_METHODS = "On {task}, {label} of {other} minus that of {one} is {by}: "
_MARGIN = "a margin of {margin}, two one-sided tests: p-value {p}, level {level}"
_EQUIVALENT = {
    (True, False): f"{_METHODS}the two do equally well within {_MARGIN}.",
    (True, True): f"{_METHODS}a clear difference, but the two do equally well within {_MARGIN}.",
    (False, False): f"{_METHODS}neither a difference nor equality is shown ({_MARGIN}).",
    (False, True): f"{_METHODS}a clear difference, and equality is not shown ({_MARGIN}).",
}


def equivalence(family: Part, found: Part) -> Line:
    """Returns whether two methods do equally well within the study's margin."""
    names = {key: text(found[key]) for key in ("task", "one", "other")}
    if "absent" in found:
        words = "On {task}, {one} and {other} could not be set side by side: {why}."
        return line(words, why=reason(found["absent"]), **names)
    p, common = found["p_value"], {**names, "label": text(found["label"]), "by": lines.by(found["difference"])}
    if not known(p):
        words = f"{_METHODS}whether the two do equally well could not be tested ({{why}})."
        return line(words, why=reason(p), **common)
    is_equal, is_clear = p["value"] < family["level"]["value"], way(found["difference"]) in ("up", "down")
    return line(
        _EQUIVALENT[is_equal, is_clear],
        margin=number(found["margin"]),
        p=chance(p),
        level=setting(family["level"]),
        **common,
    )


def spread(found: Part) -> Line:
    """Returns how far the scores of several seeds lie apart."""
    return line(
        "On {task}, {label} over {seeds} seeds of {method} lies between {lowest} and {highest}: mean {mean} over "
        "seeds, standard deviation {deviation}.",
        task=text(found["task"]),
        label=text(found["label"]),
        seeds=count(found["seeds"]),
        method=text(found["method"]),
        mean=lines.value(found["mean"]),
        **{key: number(found[key]) for key in ("lowest", "highest", "deviation")},
    )


_SOME = "{some} of the scored items ({share}) overlap with the {rows} training rows"
_APART = f"{_SOME}; on the {{none}} items without any overlap the difference in {{label}} is {{by}}: "
_OVERLAP = {
    "nothing": "no overlap with {rows}",
    "everything": f"{_SOME}: all of them, so what fine-tuning does to items of its own cannot be told here",
    "no claim": f"{_SOME}; the headline claims no direction, so nothing is to be taken back for it",
    "holds": f"{_APART}the headline's direction does not rest on the overlap",
    "turns": f"{_APART}the opposite direction of the headline's, which therefore rests on the overlap",
    "open": f"{_APART}there the direction is not clear, so the headline may rest on the overlap",
}


def overlap_kind(comparison: Part) -> str:
    """Returns what the overlap of training and scored rows means for the headline, as a key of the sentences."""
    found = comparison["overlap"]
    score = next((score for score in comparison["scores"] if score["primary"]), None)
    headline = way(score["difference"]) if score else "unknown"
    if found["some"]["value"] == 0:
        return "nothing"
    if found["none"]["value"] == 0:
        return "everything"
    if headline not in ("up", "down"):
        return "no claim"
    free = way(found["parts"][0]["difference"]) if found["parts"] else "unknown"
    return "holds" if free == headline else "turns" if free in ("up", "down") else "open"


def overlap(comparison: Part) -> Line:
    """Returns what may be said of the overlap of training and scored rows."""
    found = comparison["overlap"]
    if "absent" in found:
        words = "how far scored items and training rows overlap is not known: {why}"
        return line(words, why=reason(found["absent"]))
    score = next((score for score in comparison["scores"] if score["primary"]), None)
    difference = found["parts"][0]["difference"] if found["parts"] else {"missing": ""}
    return line(
        _OVERLAP[overlap_kind(comparison)],
        some=count(found["some"]),
        share=percent(found["some_share"]),
        rows=count(found["training_rows"]),
        none=count(found["none"]),
        label=text(score["label"]) if score else (),
        by=lines.by(difference) if known(difference) else text(difference),
    )
