"""What the first screen must say beside the headline: parameters, and what guards, checks and an audit came to."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.oracle import weights
from tests.oracle.lines import Line, count, joined, known, line, reason, text

Part = Mapping[str, Any]

HOW_TO_VERIFY = line(
    "aftertune verify computes the facts again from the sample files, makes this page again from them, and "
    "names whatever differs."
)


def sizes(facts: Part) -> Iterator[Line]:
    """Yields how many parameters the model has, and how many were trained: by checkpoint where they are few."""
    total = facts["parameters"].get("total", {})
    if not known(total):
        return
    yield line("{model} has {total} parameters.", model=text(facts["model"]["name"]), total=count(total))
    if len(facts["checkpoints"]) < 4:
        yield from map(weights.trained_share, facts["checkpoints"])
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
    found = facts["checks"]
    if "absent" in found:
        words = "Whether guards and checks of the saved weights passed is not known: {why}."
        yield line(words, why=reason(found["absent"]))
    else:
        objections = found["objections"]
        words = (
            "Not all of {guards} guards before training and {proofs} checks of the saved weights after it passed; "
            "objections: {objected}; checkpoints: {checkpoints}."
            if objections
            else "All {guards} guards before training and all {proofs} checks of the saved weights after it passed; "
            "checkpoints: {checkpoints}."
        )
        yield line(words, **{key: count(found[key]) for key in ("guards", "proofs", "objected", "checkpoints")})
        for one in objections:
            yield line("{checkpoint}, {id} ({verdict}): {found}", **{key: text(fact) for key, fact in one.items()})
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
