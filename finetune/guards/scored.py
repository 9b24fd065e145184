"""Guards of what the score will mean: rows trained on and scored, related tasks, the split that chooses."""

from typing import Any

from finetune.guards.evidence import Evidence
from finetune.prepare import split_named
from finetune.run import DEV
from harness_tasks.guards.verdicts import Verdict
from harness_tasks.models.overlapping_tasks import are_related
from harness_tasks.overlap import GRADES

MOST_OVERLAP = 0.05
"""Share of the scored rows that may resemble a training row: texts of one kind share a phrase now and then."""


def overlap(evidence: Evidence) -> Verdict:
    """Fails where more than 5 % (`MOST_OVERLAP`) of a task's scored rows overlap with a training row in any grade."""
    found, worst = [], 0.0
    for scored in evidence.scored:
        share = scored.overlapping / max(1, len(scored.identities))
        worst = max(worst, share)
        counts = scored.as_json()
        named = ", ".join(f"{counts[grade]:,} {grade}" for grade in GRADES if counts[grade])
        found.append(
            f"{scored.overlapping:,} of {len(scored.identities):,} scored rows of {scored.name} ({share:.1%}) resemble "
            "a training row" + (f": {named}" if named else "")
        )
    if worst <= MOST_OVERLAP:
        return Verdict("overlap", "pass", "; ".join(found))
    task = evidence.prepared.run.scored_tasks[0]
    return Verdict(
        "overlap",
        "fail",
        "; ".join(found),
        "the score would tell what the model remembers, and none of it could be told apart afterwards",
        f"leave such rows out with --exclude-overlap {task} --min-words 4, score a task whose splits are apart, or "
        "allow it with --allow overlap (the report shows the score without those rows beside it)",
    )


def scored_rows(evidence: Evidence) -> Verdict:
    """Fails where a scored row is trained on, or is among those that choose the checkpoint."""
    prepared, id_ = evidence.prepared, "scored-rows"
    trained = {row.identity for row in prepared.rows}
    # Where the checkpoint is chosen on the scored split itself, the guard selection-split says so.
    chosen = set() if _selects_on_scored(evidence) else {row.identity for row in prepared.dev_rows}
    for scored in evidence.scored:
        for what, identities, mend in (
            ("trained on", trained, "leave them out with --exclude-overlap identical, as is the default"),
            ("used to choose the checkpoint", chosen, "choose it on rows held back with --dev-share 0.1"),
        ):
            if both := sum(row in identities for row in scored.identities):
                return Verdict(
                    id_,
                    "fail",
                    f"{both:,} of {len(scored.identities):,} scored rows of {scored.name} are {what}",
                    "their score would say nothing about texts that the model has not seen",
                    f"{mend}, or allow it with --allow scored-rows where just these splits are meant",
                )
    names = ", ".join(scored.name for scored in evidence.scored)
    dropped = prepared.counts["identical"]
    left = f" (training rows left out since they are identical to scored ones: {dropped:,})" if dropped else ""
    return Verdict(id_, "pass", f"no scored row of {names} is trained on or chooses the checkpoint{left}")


def hidden_labels(evidence: Evidence) -> Verdict:
    """Fails where a scored row's label is hidden (-1)."""
    id_ = "hidden-labels"
    for scored in evidence.scored:
        if hidden := _hidden_labels(scored.task):
            return Verdict(
                id_,
                "fail",
                f"{hidden:,} of {len(scored.identities):,} scored rows of {scored.name} have the label -1",
                "it stands for a hidden label: whatever the model answers would be counted as wrong",
                "score the validation split, whose labels are known",
            )
    names = ", ".join(scored.name for scored in evidence.scored)
    return Verdict(id_, "pass", f"every scored row of {names} has its label")


def selection_split(evidence: Evidence) -> Verdict:
    """Fails where the checkpoint is chosen on the rows that it is then scored on."""
    run, id_ = evidence.prepared.run, "selection-split"
    if (name := _selects_on_scored(evidence)) is not None:
        return Verdict(
            id_,
            "fail",
            f"the checkpoint is chosen on the split {run.select_on}, and {name} is scored on it",
            "the best of several checkpoints on these rows is better there than anywhere else",
            "leave --select-on out and hold rows back with --dev-share 0.1, or allow it with --allow selection-split",
        )
    if not run.selects:
        return Verdict(id_, "pass", "no checkpoint is chosen: the last one is kept")
    where = "rows held back from the training rows" if run.select_on == DEV else f"the split {run.select_on}"
    return Verdict(id_, "pass", f"the checkpoint is chosen on {len(evidence.prepared.dev_rows):,} {where}")


def related_task(evidence: Evidence) -> Verdict:
    """Fails where a scored task declares that it shares texts with the one that is trained on."""
    run = evidence.prepared.run
    for name in run.scored_tasks:
        if name != run.task and are_related(run.task, name, run.include_path):
            return Verdict(
                "related-task",
                "fail",
                f"the checkpoint is trained on {run.task} and scored on {name}, which share texts",
                "training rows are among the scored ones, in other splits and with other spelling",
                f"train on {name} itself, or allow it with --allow related-task",
            )
    return Verdict(
        "related-task", "pass", f"none of {', '.join(run.scored_tasks)} is declared to overlap with {run.task}"
    )


def _selects_on_scored(evidence: Evidence) -> str | None:
    """Returns the scored task on whose scored split the checkpoint is chosen, or None."""
    run = evidence.prepared.run
    if run.select_on == DEV:
        return None
    split = split_named(run.select_on, evidence.prepared.task)
    chosen = {row.identity for row in evidence.prepared.dev_rows}
    for scored in evidence.scored:
        if scored.name == run.task and scored.split == split:
            return scored.name
        if chosen and len(chosen.intersection(scored.identities)) == len(chosen):
            return scored.name
    return None


def _hidden_labels(task: Any) -> int:
    if task.OUTPUT_TYPE != "multiple_choice":
        return 0
    return sum(task.doc_to_target(doc) == -1 for doc in task.eval_docs)
