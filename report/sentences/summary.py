"""The sentences of the first screen that stand beside the headline: parameters, and the verdicts of the checks."""

from report.facts.schema.parts import Absent, is_known
from report.facts.schema.training import ParameterCounts
from report.facts.schema.whole import Finding, MeasuredFacts
from report.reading.results import pointer
from report.sentences.merges import is_in_order, merges
from report.sentences.parameters import trained_share
from report.sentences.rules import decide, finding

_MOST_NAMED = 3
"""Checkpoints whose share of trained parameters is said one by one; of more, the least and the most."""


def sizes(facts: MeasuredFacts) -> list[Finding]:
    """Returns the sentences on how many parameters the model has, and how many of them were trained."""
    base = facts.parameters
    if isinstance(base, Absent) or not is_known(base.total):
        return []
    said = [finding("sizes_base", {"model": "/model/name", "total": "/parameters/total"})]
    checkpoints = facts.checkpoints
    if len(checkpoints) <= _MOST_NAMED:
        return said + [trained_share(facts, index) for index in range(len(checkpoints))]
    trained = [
        (own.trainable.value, pointer("checkpoints", i, "parameters", "trainable"))
        for i, own in enumerate(checkpoint.parameters for checkpoint in checkpoints)
        if isinstance(own, ParameterCounts) and is_known(own.trainable)
    ]
    if not trained:
        return said
    least, most = min(trained), max(trained)
    name = decide("sizes", {"same": least[0] == most[0], "between": least[0] != most[0]})
    return [*said, finding(name, {"least": least[1], "most": most[1]})]


def badge(facts: MeasuredFacts) -> Finding:
    """What guards, checks of saved weights and of checkpoints from elsewhere, and their merges came to, in a word."""
    training, pair = facts.checks, facts.pair_checks
    # where nothing was trained there is nothing to know of training
    known = not isinstance(training, Absent) or (pair is not None and not facts.study.methods)
    objected = sum(
        found.objected.value for found in (training, pair) if found is not None and not isinstance(found, Absent)
    )
    objected += sum(not is_in_order(merge) for merge in facts.merges or [])
    cases = {
        "passed": known and not objected,
        "objected": known and objected > 0,
        "unknown": not known,
    }
    return finding(decide("badge", cases), {})


def checks(facts: MeasuredFacts) -> list[Finding]:
    """Returns the sentences on guards, checks of the saved weights, merges, and the audit, where there is one."""
    said, found, pair = list[Finding](), facts.checks, facts.pair_checks
    if not isinstance(found, Absent):
        clear = found.objected.value == 0
        evidence = {key: f"/checks/{key}" for key in ("checkpoints", "guards", "proofs", "objected")}
        said.append(finding(decide("checks", {"passed": clear, "objected": not clear}), evidence))
        said += _objections("checks", len(found.objections))
    elif facts.study.methods or pair is None:
        said.append(finding("checks_unknown", {"reason": "/checks/absent"}))
    if pair:
        clear = pair.objected.value == 0
        evidence = {key: f"/pair_checks/{key}" for key in ("checkpoints", "verdicts", "objected")}
        said.append(finding(decide("pair", {"passed": clear, "objected": not clear}), evidence))
        said += _objections("pair_checks", len(pair.objections))
    said += merges(facts)
    if facts.audit:
        keys = ("holds", "impossible", "cannot_be_told", "missing")
        said.append(finding("audit_counted", {key: f"/audit/counts/{key}" for key in keys}))
    if facts.templates:
        said.append(finding("own_templates", {"names": "/templates"}))
        return [*said, *_own_words(facts)]
    return [*said, finding("how_to_verify", {})]


def _objections(part: str, number: int) -> list[Finding]:
    places = [pointer(part, "objections", i) for i in range(number)]
    return [finding("objection", {k: f"{at}/{k}" for k in ("checkpoint", "id", "verdict", "found")}) for at in places]


def _own_words(facts: MeasuredFacts) -> list[Finding]:
    """Returns the sentence on claim words and numerals in the study's own templates; none where they hold none."""
    found = facts.own_words
    if not found:
        return []
    named = found.lines.value == len(found.first)
    name = decide("own_words", {"named": named, "counted": not named})
    return [finding(name, {key: f"/own_words/{key}" for key in ("lines", "first")})]
