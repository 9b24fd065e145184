"""What the first screen must say: the result, the scoreboard, parameters, what guards, checks and an audit came to."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.oracle import figures, merges, weights
from tests.oracle.expected import NOTHING, Expected, Figure, Table, folded, paragraph, table
from tests.oracle.lines import Line, change, count, counted, joined, known, line, number, reason, text, value
from tests.oracle.page import DRAWING
from tests.oracle.ways import way

Part = Mapping[str, Any]

HOW_TO_VERIFY = line(
    "aftertune verify computes the facts again from the sample files, makes this page again from them, and "
    "names whatever differs."
)


_GOOD = {("up", True): "improved", ("down", False): "improved", ("down", True): "worse", ("up", False): "worse"}


def _primary(comparison: Part) -> Part | None:
    return next((score for score in comparison["scores"] if score["primary"]), None)


def verdict(task: Part, comparison: Part) -> str:
    """Returns in a word what a reader may take from a comparison."""
    score = _primary(comparison)
    if score is None:
        return "not known" if known(task["primary"]) else "no primary metric"
    return _verdict(score, "not comparable" if comparison["refused"] else "not known")


def _verdict(score: Part, unknown: str) -> str:
    went = way(score["difference"])
    if went in ("up", "down"):
        return _GOOD.get((went, score["higher_is_better"]), "changed")
    if went == "unknown":
        return unknown
    return "the same" if went == "same" else "no clear change"


_RESULT = {
    "improved": "Fine-tuning {model} improved the primary score on {tasks}.",
    "worse": "Fine-tuning {model} made the primary score worse on {tasks}.",
    "no clear change": "No clear change of the primary score was found after fine-tuning {model} on {tasks}.",
}
"""What is said where every comparison has the same verdict."""
_IN_A_ROW = {
    "improved": "improved",
    "worse": "worse",
    "no clear change": "without a clear change",
    "the same": "the same",
}
"""Verdicts in a row with how often there are; every other is none to be judged by."""


def result(facts: Part) -> Line:
    """Returns what may be said of the whole study: of one verdict, where all comparisons have it."""
    model = text(facts["model"]["name"])
    compared = [task for task in facts["tasks"] if task.get("comparisons")]
    verdicts = [verdict(task, comparison) for task in compared for comparison in task["comparisons"]]
    if not verdicts:
        words = "Nothing was scored both before and after fine-tuning {model}, so what it changed is not known."
        return line(words, model=model)
    if len(set(verdicts)) == 1 and verdicts[0] in _RESULT:
        names = [text(task["name"]) for task in compared]
        tasks = joined([joined(names[:-1]), names[-1]] if len(names) > 1 else names, " and ")
        return line(_RESULT[verdicts[0]], model=model, tasks=tasks)
    in_a_row = [_IN_A_ROW.get(one, "not to be judged") for one in verdicts]
    told = [
        line(f"{{n}} {words}", n=count({"value": in_a_row.count(words)}))
        for words in (*_IN_A_ROW.values(), "not to be judged")
        if words in in_a_row
    ]
    return line(
        "Primary scores after fine-tuning {model}, beside the base model's: {told}.", model=model, told=joined(told)
    )


def scoreboard(facts: Part) -> Iterator[Expected]:
    """Yields every group's and every other comparison's primary score in a row, where anything was compared."""
    grouped = [group for group in facts.get("groups") or [] if known(group["label"])]
    hidden = [name["value"] for group in grouped for name in group["tasks"]]
    rows = [(_of_group(group, row), None) for group in grouped for row in group["rows"]]
    rows += [row for task in facts["tasks"] if task["task"] not in hidden for row in _of_task(task)]
    yield from _board(rows)


def groups(facts: Part) -> Iterator[Expected]:
    """Yields how each group's score is made, with the rows of its tasks."""
    for group in facts.get("groups") or []:
        name = text(group["name"])
        if not known(group["label"]):
            yield paragraph(line("{group} has no score of its own: {why}.", group=name, why=reason(group["label"])))
            continue
        how = (
            "The score of {group} is the mean over the items of all its tasks; its interval leaves out one cluster of "
            "one task at a time."
            if group["weight_by_size"]
            else "The score of {group} is the mean of its tasks' scores, each of which counts the same, whatever its "
            "number of items; the variance that its interval is made of is the sum of theirs over the square of their "
            "number."
        )
        yield paragraph(line(how, group=name))
        names = [one["value"] for one in group["tasks"]]
        rows = [row for task in facts["tasks"] if task["task"] in names for row in _of_task(task)]
        if rows:
            yield from folded(line("The tasks of {group}", group=name), _board(rows))


Row = tuple[Line | str, ...]


def _board(rows: list[tuple[Row, Figure | None]]) -> Iterator[Table]:
    if rows:
        header = "task | checkpoint | verdict | base → fine-tuned | difference | trivial baseline | items (clusters)"
        yield table(header, [row for row, _ in rows], drawings=[drawing for _, drawing in rows if drawing])


def _of_group(group: Part, row: Part) -> Row:
    told = _verdict(row, "not known")
    return (
        line("{group}, {label}", group=text(group["name"]), label=text(group["label"])),
        *(text(row["checkpoint"]), told, *_change(row, ""), NOTHING, _counted(row)),
    )


def _of_task(task: Part) -> Iterator[tuple[Row, Figure | None]]:
    for comparison in task.get("comparisons", []):
        score = _primary(comparison)
        told = (text(comparison["display_name"]), verdict(task, comparison))
        floor = number(task["floor"]["score"])
        if score is None:
            yield (text(task["name"]), *told, NOTHING, NOTHING, floor, NOTHING), None
            continue
        drawing = None
        if known(score["before"]) or known(score["after"]):
            drawing = figures.score(task, comparison, score)
        name = line("{task}, {label}", task=text(task["name"]), label=text(score["label"]))
        yield (name, *told, *_change(score, f"{DRAWING} " if drawing else ""), floor, _counted(score)), drawing


def _change(score: Part, drawn: str) -> tuple[Line, Line]:
    before, after = value(score["before"]), value(score["after"])
    return line("{drawn}{before} → {after}", drawn=drawn, before=before, after=after), change(score["difference"])


def _counted(score: Part) -> Line:
    measured = score["before"] if known(score["before"]) else score["after"]
    return line("{n} ({c})", n=counted(measured, "n"), c=counted(measured, "clusters"))


def published(checkpoints: list[Part]) -> Line:
    """Returns how many checkpoints are on the Hub."""
    there = sum(checkpoint["hub"]["published"] for checkpoint in checkpoints)
    if not there:
        return line("No checkpoint of this study is recorded as published on the Hugging Face Hub.")
    if there == len(checkpoints):
        return line("Every checkpoint of this study is published on the Hugging Face Hub.")
    words = "Published on the Hugging Face Hub: {there} of {all} checkpoints."
    return line(words, all=count({"value": len(checkpoints)}), there=count({"value": there}))


def badge(facts: Part) -> Line:
    """Returns in a word what guards and checks came to."""
    found, pair = facts["checks"], facts.get("pair_checks")
    if "absent" in found and (facts["study"]["methods"] or not pair):
        return line("Checks: not known")
    objections = [*found.get("objections", []), *(pair["objections"] if pair else [])]
    odd = any(map(merges.objects, facts.get("merges") or []))
    return line("Checks: some objected" if objections or odd else "Checks: all passed")


def sizes(facts: Part) -> Iterator[Line]:
    """Yields how many parameters the model has, and how many were trained: by checkpoint where they are few."""
    total = facts["parameters"].get("total", {})
    if not known(total):
        return
    yield line("{model} has {total} parameters.", model=text(facts["model"]["name"]), total=count(total))
    if len(facts["checkpoints"]) < 4:
        yield from weights.of_each(facts["checkpoints"], weights.trained_share)
        return
    every = [checkpoint["parameters"].get("trainable", {}) for checkpoint in facts["checkpoints"]]
    trained = sorted((one for one in every if known(one)), key=lambda one: one["value"])
    if trained and trained[0]["value"] == trained[-1]["value"]:
        yield line("Each checkpoint trained {n} parameters.", n=count(trained[0]))
    elif trained:
        words = "The checkpoints trained between {least} and {most} parameters."
        yield line(words, least=count(trained[0]), most=count(trained[-1]))


def checks(facts: Part) -> Iterator[Line]:
    """Yields what guards and checks said over all checkpoints, each objection, and what an audit counted."""
    found, pair = facts["checks"], facts.get("pair_checks")
    if "absent" not in found:
        words = (
            "Not all of {guards} guards before training and {proofs} checks of the saved weights after it passed; "
            "objections: {objected}; checkpoints: {checkpoints}."
            if found["objections"]
            else "All {guards} guards before training and all {proofs} checks of the saved weights after it passed; "
            "checkpoints: {checkpoints}."
        )
        yield line(words, **{key: count(found[key]) for key in ("guards", "proofs", "objected", "checkpoints")})
        yield from map(_objection, found["objections"])
    elif facts["study"]["methods"] or not pair:
        words = "Whether guards and checks of the saved weights passed is not known: {why}."
        yield line(words, why=reason(found["absent"]))
    if pair:
        words = (
            "Checks of whether the checkpoints from elsewhere belong to the base model: {verdicts}, not all passed; "
            "objections: {objected}; checkpoints: {checkpoints}."
            if pair["objections"]
            else "Checks of whether the checkpoints from elsewhere belong to the base model: {verdicts}, all passed; "
            "checkpoints: {checkpoints}."
        )
        yield line(words, **{key: count(pair[key]) for key in ("verdicts", "objected", "checkpoints")})
        yield from map(_objection, pair["objections"])
    for merge in facts.get("merges") or []:
        yield from merges.said(merge)
    if facts["audit"]:
        words = (
            "Audit of an earlier write-up: claims that hold: {holds}; impossible: {impossible}; that cannot be told: "
            "{cannot_be_told}; missing: {missing}."
        )
        yield line(words, **{key: count(fact) for key, fact in facts["audit"]["counts"].items()})
    if facts["templates"]:
        words = (
            "This study has templates of its own ({names}): what they say beside the facts is the study's, and nothing "
            "has checked it."
        )
        yield line(words, names=joined(map(text, facts["templates"])))
        if own := facts.get("own_words"):
            yield _own_words(own)
    else:
        yield HOW_TO_VERIFY


def _objection(one: Part) -> Line:
    return line("{checkpoint}, {id} ({verdict}): {found}", **{key: text(fact) for key, fact in one.items()})


def _own_words(own: Part) -> Line:
    """Returns where the study's own templates claim something by themselves; of many lines the first, and how many."""
    rows = [
        line("{name}, line {n}: {own}", name=text(row["template"]), n=count(row["line"]), own=text(row["words"]))
        for row in own["first"]
    ]
    words = "They hold claim words and numerals that no rule chose and no fact gives"
    if len(rows) < own["lines"]["value"]:
        return line(f"{words} in {{lines}} lines, first {{rows}}.", lines=count(own["lines"]), rows=joined(rows, "; "))
    return line(f"{words}: {{rows}}.", rows=joined(rows, "; "))
