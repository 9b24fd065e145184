"""Sentences on what the numbers do not cover, and what a reader must know before believing a score."""

from report.facts.schema.diagnosis import Side
from report.facts.schema.parts import Absent, is_known
from report.facts.schema.scores import Comparison, Overlap, ScoredTask
from report.facts.schema.training import Trained, is_from_elsewhere
from report.facts.schema.whole import Finding, MeasuredFacts
from report.reading.results import pointer
from report.sentences.controls import mostly_format
from report.sentences.retention import losses
from report.sentences.rules import comparisons, decide, direction, finding, primary_index
from report.sentences.simpler_means import UNBEATEN, beside_simpler

FEWEST_CLUSTERS = 24
"""Of those for which the coverage of the intervals was simulated: see `report.statistics.intervals`."""


def limits(facts: MeasuredFacts) -> list[Finding]:
    """Returns the sentences on what the numbers do not cover."""
    found = _seeds(facts)
    for t, task in enumerate(facts.tasks):
        at = pointer("tasks", t)
        if not isinstance(task, ScoredTask):
            continue
        if task.limited:
            found.append(finding("limit_applied", {k: f"{at}/{k}" for k in ("name", "scored", "available")}))
        if not task.clustered:
            found.append(finding("clusters_undeclared", {"name": f"{at}/name"}))
        elif few := _over_few_clusters(task):
            found.append(finding("clusters_few", {"name": f"{at}/name", "difference": at + pointer(*few)}))
        found += _scored_otherwise(at, task)
    for c, checkpoint in enumerate(facts.checkpoints):
        for d, dropped in enumerate(checkpoint.data.dropped if isinstance(checkpoint, Trained) else []):
            if dropped.reason.value == "identical" and dropped.rows.value > 0:
                at = pointer("checkpoints", c)
                evidence = {"checkpoint": f"{at}/display_name", "rows": f"{at}/data/dropped/{d}/rows"}
                found.append(finding("identical_left_out", evidence))
    return found


def _seeds(facts: MeasuredFacts) -> list[Finding]:
    """Returns the sentences on what other runs of the same recipes would have scored."""
    number, found = len(facts.study.seeds), list[Finding]()
    if number:
        found.append(finding("seeds_one" if number == 1 else "seeds_several", {"seeds": "/study/seeds"}))
    if any(map(is_from_elsewhere, facts.checkpoints)):
        found.append(finding("seeds_elsewhere", {}))
    return found


def _scored_otherwise(at: str, task: ScoredTask) -> list[Finding]:
    """Returns the sentences on checkpoints that were scored in another dtype, or by another class, than the base."""
    found = []
    for c, comparison in enumerate(task.comparisons):
        place = f"{at}/comparisons/{c}"
        for key in ("dtype", "model_class"):
            before, after = (getattr(side, key, None) for side in (task.before, comparison.after))
            if is_known(before) and is_known(after) and before.value != after.value:
                evidence = {"task": f"{at}/name", "checkpoint": f"{place}/display_name"}
                evidence |= {"before": f"{at}/before/{key}", "after": f"{place}/after/{key}"}
                found.append(finding(f"{key}_differs", evidence))
    return found


def _over_few_clusters(task: ScoredTask) -> tuple[str | int, ...]:
    """Returns the place in ``task`` of the first primary difference over fewer clusters than was simulated; else ()."""
    for c, comparison in enumerate(task.comparisons):
        index = primary_index(comparison)
        difference = comparison.scores[index].difference if index is not None else None
        clusters = difference.clusters if is_known(difference) else None
        if index is not None and clusters is not None and clusters < FEWEST_CLUSTERS:
            return ("comparisons", c, "scores", index, "difference")
    return ()


def warnings(facts: MeasuredFacts) -> list[Finding]:
    """Returns the sentences that a reader must know before believing a score, and those on scores that are missing."""
    unfinished, found = facts.unfinished, list[Finding]()
    for i in range(len(unfinished.failed)):
        at = pointer("unfinished", "failed", i)
        found.append(finding("warning_step_failed", {key: f"{at}/{key}" for key in ("step", "tries", "reason")}))
    if unfinished.unscored:
        found.append(finding("warning_unscored", {"cells": "/unfinished/unscored"}))
    for t, task in enumerate(facts.tasks):
        at = pointer("tasks", t)
        if isinstance(task, ScoredTask) and isinstance(task.before, Side) and is_known(task.before.allowed):
            evidence = {"task": f"{at}/name", "setting": f"{at}/setting", "allowed": f"{at}/before/allowed"}
            found.append(finding("warning_allowed_base", evidence))
    for task_at, _, at, comparison in comparisons(facts):
        found += _of_comparison(task_at, at, comparison)
    return found + mostly_format(facts) + losses(facts)


def _of_comparison(task_at: str, at: str, comparison: Comparison) -> list[Finding]:
    """Returns the sentences that a reader must know before believing a checkpoint's score."""
    about, found = {"task": f"{task_at}/name", "checkpoint": f"{at}/display_name"}, list[Finding]()
    if isinstance(comparison.after, Side) and is_known(comparison.after.allowed):
        found.append(finding("warning_allowed_tuned", about | {"allowed": f"{at}/after/allowed"}))
    simpler = beside_simpler(task_at, at, comparison)
    if simpler and simpler.id in UNBEATEN:
        found.append(simpler)
    evidence = about | {"trained_on": f"{at}/trained_on"}
    if comparison.overlaps:
        found.append(finding("warning_overlap", evidence))
    if comparison.refused:
        found.append(finding("warning_refused", evidence | {"reason": f"{at}/refused"}))
    if comparison.overlap:
        verdict = overlap_verdict(at, comparison, comparison.overlap)
        if verdict.id in ("overlap_unclear", "overlap_reverses", "overlap_all"):
            found.append(finding(f"warning_{verdict.id}", verdict.evidence | about))
    return found


def overlap_verdict(at: str, comparison: Comparison, overlap: Overlap | Absent) -> Finding:
    """Returns the sentence on what the overlap of training rows and scored items means for the headline."""
    place = f"{at}/overlap"
    if isinstance(overlap, Absent):
        return finding("overlap_unmeasured", {"reason": f"{place}/absent"})
    index = primary_index(comparison)
    way = direction(comparison.scores[index].difference) if index is not None else "missing"
    free = direction(overlap.parts[0].difference) if overlap.parts else "missing"
    some, none, clear = overlap.some.value, overlap.none.value, way in ("higher", "lower")
    opposite = {"higher": "lower", "lower": "higher"}.get(way)
    name = decide(
        "overlap",
        {
            "none": some == 0,
            "all": some > 0 and none == 0,
            "without_headline": some > 0 and none > 0 and not clear,
            "holds": some > 0 and none > 0 and clear and free == way,
            "reverses": some > 0 and none > 0 and clear and free == opposite,
            "unclear": some > 0 and none > 0 and clear and free not in (way, opposite),
        },
    )
    evidence = {key: f"{place}/{key}" for key in ("some", "some_share", "none", "training_rows")}
    if overlap.parts and index is not None:
        evidence |= {"label": f"{at}/scores/{index}/label", "difference": f"{place}/parts/0/difference"}
    return finding(name, evidence)
