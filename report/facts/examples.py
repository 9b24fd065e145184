"""Scored items to read: some that fine-tuning fixed, broke, left right and left wrong, as they stand in the samples."""

from itertools import islice
from typing import Any

from report.facts.choices import choice_item
from report.facts.measured import Measured, gold_answers, input_field, response
from report.facts.pairing import Pair
from report.facts.schema.parts import Known
from report.facts.schema.scores import Example, Examples
from report.facts.values import fact

EXAMPLES_SHOWN = 2
"""Items of each kind."""

LONGEST = 240
"""Characters of a text that are shown."""

KINDS = {"fixed": (False, True), "broken": (True, False), "both_right": (True, True), "both_wrong": (False, False)}
"""Right before and right after, by name."""


def examples(pair: Pair, metric: str) -> Examples:
    """Returns the first items of each kind, of different clusters as far as there are, by a right-or-wrong metric."""
    base, after = pair.before, pair.after
    before, later = base.scores.rows, pair.later
    clusters = base.scores.clusters(before) or [row["doc_hash"] for row in before]
    sides = [(one[metric] > 0, two[metric] > 0) for one, two in zip(before, later, strict=True)]
    found: dict[str, list[Example]] = {}
    for kind, (right, then) in KINDS.items():
        of_kind = [index for index, side in enumerate(sides) if side == (right, then)]
        seen: set[str] = set()
        first = [i for i in of_kind if not (clusters[i] in seen or seen.add(clusters[i]))][:EXAMPLES_SHOWN]  # type: ignore[func-returns-value]
        others = (i for i in of_kind if i not in first)
        chosen = sorted([*first, *islice(others, EXAMPLES_SHOWN - len(first))])
        found[kind] = [_example(base, after, before[i], later[i]) for i in chosen]
    return Examples(**found)


def _example(base: Measured, after: Measured, before: dict[str, Any], later: dict[str, Any]) -> Example:
    doc = before["doc"]
    name = input_field(doc, base.scores.metadata.get("input"))
    line, samples, others = base.scores.line(before), base.scores.samples, after.scores.samples
    return Example(
        input=_quoted(str(doc[name]) if name else "", samples.source(line, "doc", *([name] if name else []))),
        gold=_quoted(_gold(base, before), samples.source(line, "doc")),
        before=_quoted(said(base, before), samples.source(line, "filtered_resps")),
        after=_quoted(said(after, later), others.source(after.scores.line(later), "filtered_resps")),
    )


def _quoted(text: str, source: dict[str, str]) -> Known:
    text = " ".join(text.split())
    shown = text if len(text) <= LONGEST else text[:LONGEST].rsplit(" ", 1)[0] + " …"
    return fact(shown or "(empty)", "text", source)


def _gold(measured: Measured, row: dict[str, Any]) -> str:
    if measured.kind == "extraction":
        return next(iter(gold_answers(row)), "unanswerable")
    item = None if measured.label_metric else choice_item(row)
    return item.texts[item.gold] if item else _label(measured, row, 0)


def said(measured: Measured, row: dict[str, Any]) -> str:
    """Returns the answer of a row: the predicted label, the text of the choice that was made, or what was written."""
    if measured.kind == "classification":
        return _label(measured, row, 1)
    item = choice_item(row)
    return item.texts[item.chosen] if item else response(row)


def _label(measured: Measured, row: dict[str, Any], side: int) -> str:
    """Returns the gold (0) or predicted (1) label's name."""
    metric = measured.label_metric
    label = row[metric][side] if metric else row.get("target", "")
    return measured.labels[label] if metric and label < len(measured.labels) else str(label)
