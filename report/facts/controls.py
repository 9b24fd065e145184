"""How much of a gain is format: base, control and checkpoint on the same items, and the three differences."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finetune.kinds import FINETUNE
from report.facts.measured import interval_fact, label_of, unfit_items, unit_of
from report.facts.pairing import Pair
from report.facts.schema.control import Control, ControlledGain, UnknownGain
from report.facts.schema.parts import is_known
from report.facts.schema.scores import Comparison, ScoredTask, TaskFacts
from report.facts.schema.study import ModelFacts
from report.facts.scored_task import Sides
from report.facts.unfinished import why_unscored
from report.facts.values import fact, missing
from report.reading.bases import scored_on_another, trained_on_another
from report.reading.results import Document, read_json
from report.reading.scored import refuse_misplaced
from report.statistics import intervals
from report.statistics.sums import samples_of
from studies import Checkpoint

BALANCE = (-1.0, 2.0, -1.0)
"""Weights of base, control and checkpoint: (control − base) − (checkpoint − control) is format minus skill."""


def control_facts(
    folder: Path, control: Checkpoint, model: ModelFacts, task: TaskFacts, sides: Sides, study: Mapping[str, str]
) -> Control:
    """Returns how the gain of the checkpoint that a ``control`` explains is made up, on the primary metric.

    ``sides``: the base model, the checkpoint and the control, by name. ``study``: where the study file asks for it.
    """
    explained = control.explained
    told: dict[str, Any] = {
        "task": fact(control.task, "text", study),
        "checkpoint": fact(explained.display_name(control.task), "text", study),
    }
    if not isinstance(task, ScoredTask):
        return UnknownGain(**told, absent=missing(task.absent.missing if not is_known(task.absent) else ""))
    comparison = next(one for one in task.comparisons if one.checkpoint.value == explained.name)
    names = ("base", control.name, explained.name)
    if unscored := next((name for name in names if name not in sides), None):
        return UnknownGain(**told, absent=missing(_why(folder, unscored, control)))
    records = [
        read_json(folder, f"checkpoints/{name}/finetune.json", FINETUNE) for name in (control.name, explained.name)
    ]
    for record, name in zip(records, names[1:], strict=True):
        refuse_misplaced(record, name)
    if refused := _refusal(model, sides, comparison, names, records):
        return UnknownGain(**told, absent=missing(refused))
    gain = _gain(sides, comparison, names)
    if gain is None:
        return UnknownGain(**told, absent=missing("the primary metric is not computed item by item"))
    rows = fact(records[0].value("data", "rows"), "count", records[0].source("data", "rows"))
    return ControlledGain(**told, rows=rows, **gain)


def _why(folder: Path, name: str, control: Checkpoint) -> str:
    if name == "base":
        return "the base model has not been scored"
    return f"{name}: {why_unscored(folder, name, control.task)}"


def _refusal(
    model: ModelFacts, sides: Sides, comparison: Comparison, names: tuple[str, str, str], records: list[Document]
) -> str | None:
    """Returns why the three may not be set beside each other; None where they may.

    The control must have learnt others' targets, and differ from the checkpoint in nothing else.
    """
    if comparison.refused:
        return comparison.refused.missing
    base, control = sides[names[0]], sides[names[1]]
    own, other = records
    weights = model.fingerprint.value
    if reason := trained_on_another(weights, own.value("base", "fingerprint")) or scored_on_another(
        weights, base.scores, control.scores
    ):
        return f"of the control: {reason}"
    if own.value("recipe", "shuffle_targets") is not True:
        return "the control's record does not say that its rows had the targets of others"
    recipes = [{**(record.value("recipe") or {}), "shuffle_targets": None} for record in records]
    if different := sorted(key for key in recipes[0] | recipes[1] if recipes[0].get(key) != recipes[1].get(key)):
        return f"the control was trained by another recipe than the checkpoint: {', '.join(different)}"
    places: dict[str, tuple[str, ...]] = {"on other rows": ("data", "fingerprint")}
    places |= {"on other prompts": ("render", "hash"), "in another dtype": ("dtype",), "by another method": ("method",)}
    for how, place in places.items():
        if own.value(*place) != other.value(*place):
            return f"the control was trained {how} than the checkpoint"
    pair = Pair(base, control)
    refused = pair.refusal() or (pair.signature_differs(base.scores.primary) if base.scores.primary else None)
    return f"of the control: {refused}" if refused else None


def _gain(sides: Sides, comparison: Comparison, names: tuple[str, str, str]) -> dict[str, Any] | None:
    """Returns the scores and their differences as facts; None where items do not give the primary metric."""
    base, control, after = (sides[name] for name in names)
    metric, primary = base.scores.primary, comparison.primary
    if metric is None or primary is None or base.scores.replicated(metric):
        return None
    pairs = [Pair(*two).items(metric) for two in ((base, control), (control, after), (base, after))]
    if pairs[0] is None or pairs[1] is None or pairs[2] is None:
        return None
    first, of_control, last = pairs[0].one, pairs[0], pairs[2]
    unit, source = unit_of(control, metric), control.scores.samples.source()
    also = [side.scores.samples.source() for side in (base, after)]
    with unfit_items(first.file):
        three = samples_of(
            metric,
            [first.values, *(pair.alignment.in_order(pair.other.values) for pair in (of_control, last))],
            first.clusters,
            scale=first.scale,
        )
        differences = [intervals.difference(pair.encoded()) for pair in pairs if pair]
    found = dict(zip(("format", "skill", "total"), differences, strict=True))
    found["balance"] = intervals.combination(three, BALANCE)
    return {
        "label": fact(label_of(control, metric), "text", control.scores.primary_source),
        "higher_is_better": primary.higher_is_better,
        "before": primary.before,
        "after": primary.after,
        "control": interval_fact(of_control.other.level, unit, source),
        **{name: interval_fact(one, unit, source, also=also) for name, one in found.items()},
    }
