"""What the checkpoints keep of what they were not trained on: other tasks' scores beside the base model's, tested."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from report.facts.across import SIGNIFICANCE, paired_difference
from report.facts.before_and_after import level_fact, overlapping
from report.facts.measured import interval_fact, label_of, unit_of
from report.facts.pairing import Pair
from report.facts.schema.parts import Fact, Known, is_known
from report.facts.schema.retention import BesideTraining, Retention, ScoreBeside, UnknownBeside
from report.facts.schema.study import ModelFacts
from report.facts.schema.training import CheckpointFacts, Trained, is_from_elsewhere
from report.facts.scored_task import Sides
from report.facts.unfinished import why_unscored
from report.facts.values import fact, missing
from report.reading.bases import scored_on_another, trained_on_another
from report.statistics import non_inferiority, paired_tests
from report.statistics.directions import metric_direction
from report.statistics.intervals import Estimate
from report.statistics.non_inferiority import Retained
from studies.experiments import Retention as Asked

Tested = tuple[BesideTraining, Estimate | None]
"""A score on another task, and the difference that `corrected` counts the items of."""


def beside_training(
    folder: Path,
    model: ModelFacts,
    asked: Asked | None,
    study: Mapping[str, str],
    task: str,
    checkpoints: Sequence[CheckpointFacts],
    sides: Sides,
) -> list[Tested]:
    """Returns the primary score of each of ``checkpoints`` on a ``task`` that it is scored on for retention.

    ``asked``: the margins, and ``study``: where the study file asks for them; None: for no retention. ``sides``: as in
    `task_facts`. The p-values are not corrected yet.
    """
    return [_score(folder, task, model, one, sides, asked, study) for one in checkpoints] if asked else []


def _score(
    folder: Path,
    task: str,
    model: ModelFacts,
    checkpoint: CheckpointFacts,
    sides: Sides,
    asked: Asked,
    study: Mapping[str, str],
) -> Tested:
    told = {"task": fact(task, "text", study), "checkpoint": checkpoint.display_name}
    unscored = next((name for name in ("base", checkpoint.name.value) if name not in sides), None)
    if unscored:
        why = "the base model has not been scored" if unscored == "base" else why_unscored(folder, unscored, task)
        return UnknownBeside(**told, absent=missing(why)), None
    pair = Pair(sides["base"], sides[checkpoint.name.value])
    metric = pair.before.scores.primary
    if metric is None:
        return UnknownBeside(**told, absent=missing("the task declares no primary metric")), None
    made = _refusal(folder, task, model, checkpoint, pair, metric) or paired_difference(pair, metric)
    if isinstance(made, str):
        return UnknownBeside(**told, absent=missing(made)), None
    before, after = (level_fact(side, metric) for side in (pair.before, pair.after))
    if not is_known(before) or not is_known(after):
        return UnknownBeside(**told, absent=missing("one of the two files does not hold the primary metric")), None
    return _tested(told, pair, metric, (before, after), made[0], asked, study), made[0]


def _refusal(
    folder: Path, task: str, model: ModelFacts, checkpoint: CheckpointFacts, pair: Pair, metric: str
) -> str | None:
    """Returns why the two may not be compared as what training left untouched; None where they may."""
    weights = model.fingerprint.value
    began_with = checkpoint.base_fingerprint.value if isinstance(checkpoint, Trained) else None
    lineage = None if is_from_elsewhere(checkpoint) else trained_on_another(weights, began_with)
    if refused := lineage or scored_on_another(weights, pair.before.scores, pair.after.scores):
        return refused
    if overlapping(folder, checkpoint.task.value, task):
        return "the two tasks overlap, so it was trained on items of this one"
    return pair.refusal() or pair.signature_differs(metric)


def _tested(
    told: Mapping[str, Any],
    pair: Pair,
    metric: str,
    levels: tuple[Known, Known],
    difference: Estimate,
    asked: Asked,
    study: Mapping[str, str],
) -> ScoreBeside:
    unit, source = unit_of(pair.before, metric), pair.after.scores.samples.source()
    also = [pair.before.scores.samples.source()]
    better = metric_direction(metric, [pair.before.scores]).better
    scale = pair.before.scale
    margin = asked.margin * scale if scale else asked.text_margin * abs(levels[0].value)
    if better is None:
        tests = Retained(None, None, "no file says whether higher is better")
    else:
        tests = non_inferiority.retained(difference, margin, higher_is_better=better)
    return ScoreBeside(
        **told,
        label=fact(label_of(pair.before, metric), "text", pair.before.scores.primary_source),
        higher_is_better=better,
        before=levels[0],
        after=levels[1],
        difference=interval_fact(difference, unit, source, also=also),
        margin=fact(margin, unit, study, also=None if scale else [levels[0].source]),
        kept_p=_p(tests.kept, tests.why, source, also),
        lost_p=_p(tests.lost, tests.why, source, also),
        needed=missing("it was decided, or not tested"),
    )


def _p(value: float | None, why: str, source: Mapping[str, Any], also: list[Any]) -> Fact:
    return missing(why) if value is None else fact(value, "p", source, also=also)


def corrected(found: Sequence[Tested], study: Mapping[str, str]) -> Retention:
    """Returns the scores with each of their two p-values corrected by Holm over all of them.

    Where neither is below the level, the items that would decide are told.
    """
    scores = [score for score, _ in found]
    tested = [(one, difference) for one, difference in found if isinstance(one, ScoreBeside) and is_known(one.kept_p)]
    for name in ("kept_p", "lost_p"):
        raw = [getattr(one, name) for one, _ in tested]
        for (one, _), p, adjusted in zip(tested, raw, paired_tests.holm([p.value for p in raw]), strict=True):
            setattr(one, name, fact(adjusted, "p", p.source, also=p.also))
    for one, difference in tested:
        if min(one.kept_p.value, one.lost_p.value) < SIGNIFICANCE or difference is None:
            continue
        needed = non_inferiority.items_needed(
            difference,
            one.margin.value,
            higher_is_better=bool(one.higher_is_better),
            tests=len(tested),
            level=SIGNIFICANCE,
        )
        if needed is not None:
            one.needed = fact(needed, "count", one.difference.source, also=one.difference.also)
    return Retention(scores=scores, tested=fact(len(tested), "count", study))
