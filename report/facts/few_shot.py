"""What the base model scores with few-shot examples before each item, beside it without and a checkpoint."""

from collections.abc import Sequence
from pathlib import Path

from report.facts.before_and_after import level_fact
from report.facts.measured import Measured, interval_fact, unit_of
from report.facts.pairing import Pair
from report.facts.schema.parts import Fact, is_known
from report.facts.schema.scores import Comparison, SimplerMeans, TaskFacts, comparisons_of
from report.facts.schema.study import ModelFacts
from report.facts.scored_task import Sides
from report.facts.unfinished import why_unscored
from report.facts.values import fact, missing
from report.reading.bases import scored_on_another
from report.statistics import intervals
from studies import FewShot


def add_few_shot(folder: Path, model: ModelFacts, task: TaskFacts, asked: Sequence[FewShot], sides: Sides) -> None:
    """Adds to each comparison of ``task`` the base model with few-shot examples, by each of the numbers ``asked`` for.

    ``sides``: the base model, the checkpoints, and the base with examples, by name.
    """
    for comparison in comparisons_of(task) if asked else ():
        name = comparison.checkpoint.value
        comparison.few_shot = [_beside(folder, model, one, comparison, sides, name) for one in asked]


def _beside(
    folder: Path, model: ModelFacts, asked: FewShot, comparison: Comparison, sides: Sides, name: str
) -> SimplerMeans:
    base, own, after = (sides.get(one) for one in ("base", asked.name, name))
    known = own or base or after
    assert known is not None  # a task that nothing was scored on has no comparisons
    called = fact(f"{asked.shots}-shot base model", "text", known.scores.results.source("n-shot", known.scores.task))
    refused = _refusal(folder, model, asked, own, known)
    if refused or own is None:
        why = missing(refused)
        return SimplerMeans(name=called, score=why, above_base=why, tuned_above=why)
    metric = str(own.scores.primary)
    score = level_fact(own, metric)
    return SimplerMeans(
        name=called,
        score=score,
        above_base=_difference(base, own, metric, score),
        tuned_above=comparison.refused or _difference(own, after, metric, score),
    )


def _refusal(folder: Path, model: ModelFacts, asked: FewShot, own: Measured | None, known: Measured) -> str:
    """Returns why the scores with examples are not those that were asked for; empty where they are."""
    if own is None:
        return why_unscored(folder, asked.name, known.scores.task)
    if own.scores.primary is None:
        return "the task declares no primary metric"
    if (shots := own.scores.per_task("n-shot")) != asked.shots:
        return f"{own.scores.results.file} records {shots} few-shot examples, not {asked.shots}"
    return scored_on_another(model.fingerprint.value, own.scores, own.scores) or ""


def _difference(one: Measured | None, other: Measured | None, metric: str, score: Fact) -> Fact:
    """Returns the other's score minus the one's, paired item by item: the prompts differ, the items do not."""
    if one is None or other is None or not is_known(score):
        return missing("the other score is missing")
    pair = Pair(one, other)
    if differs := pair.signature_differs(metric):
        return missing(differs)
    if one.scores.per_task("versions") != other.scores.per_task("versions"):
        return missing("the task's version differs")
    items = None if one.scores.replicated(metric) or other.scores.replicated(metric) else pair.items(metric)
    if items is None:
        return missing("the two cannot be paired item by item")
    source, also = other.scores.samples.source(), [one.scores.samples.source()]
    return interval_fact(intervals.difference(items.encoded()), unit_of(one, metric), source, also=also)
