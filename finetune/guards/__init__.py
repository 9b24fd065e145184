"""Named checks of a run before its first step: what would go wrong without a sign of it.

Eighteen of them, up to `cache`, are failures that have been seen elsewhere (finetune/README.md has a section for each);
the others are of the same kind. A guard looks at what is really there: the rendered rows, the scored rows, the model's
files. Where the code leaves no way to a failure the verdict is `by-design`, and a test proves it.
"""

from collections.abc import Callable
from dataclasses import replace

from finetune.guards import base, rows, scored, tokens, training
from finetune.guards.evidence import Evidence
from finetune.prepare import Prepared
from harness_tasks.errors import UserError
from harness_tasks.guards.verdicts import GuardError, GuardOutcome, Verdict, raise_failed
from harness_tasks.messages import nearest_name

__all__ = ["ALLOWABLE", "GUARDS", "Evidence", "GuardError", "GuardOutcome", "Verdict", "examine", "raise_failed"]

GUARDS: dict[str, Callable[[Evidence], Verdict]] = {
    "pad-token": tokens.pad_token,
    "pad-is-eos": tokens.pad_is_eos,
    "stop-token": tokens.stop_token,
    "bos": tokens.bos,
    "prompt": rows.prompt,
    "mask": rows.mask,
    "truncation": rows.truncation,
    "accumulation": training.accumulation,
    "resume-order": training.resume_order,
    "head-saved": training.head_saved,
    "trainable-count": training.trainable_count,
    "tied-embeddings": training.tied_embeddings,
    "merged-base": base.merged_base,
    "overlap": scored.overlap,
    "question-first": rows.question_first,
    "packing": training.packing,
    "precision": training.precision,
    "cache": training.cache,
    "tokenizer": tokens.tokenizer,
    "scored-rows": scored.scored_rows,
    "hidden-labels": scored.hidden_labels,
    "selection-split": scored.selection_split,
    "related-task": scored.related_task,
    "base-fine-tuned": base.base_fine_tuned,
    "disk": base.disk,
    "below-majority": training.below_majority,
    "loss-shape": training.loss_shape,
    "never-stops": training.never_stops,
}
"""Every guard by its id, in the order in which they are shown."""
ALLOWABLE = (
    "bos",
    "prompt",
    "merged-base",
    "overlap",
    "scored-rows",
    "selection-split",
    "related-task",
    "base-fine-tuned",
    "disk",
)
"""The guards that a user may mean to go against; the others fail only where nobody can want what they find."""


def examine(prepared: Prepared, *, evidence: Evidence | None = None) -> list[Verdict]:
    """Returns every guard's verdict; a failed one that the run allows is a warning.

    ``evidence``: what the guards look at, where the caller has it already.

    Raises:
        UserError: the run allows a guard that is none, or that cannot be allowed; a scored task cannot be loaded.
    """
    for name in prepared.run.allow:
        _check_allowed(name)
    evidence = evidence or Evidence(prepared)
    verdicts = [guard(evidence) for guard in GUARDS.values()]
    return [
        replace(verdict, verdict="warn") if verdict.verdict == "fail" and verdict.id in prepared.run.allow else verdict
        for verdict in verdicts
    ]


def _check_allowed(name: str) -> None:
    if name not in GUARDS:
        raise UserError(
            f"--allow {name}: there is no such guard",
            "a mistyped name would have no effect",
            f"write {nearest_name(name, GUARDS, cutoff=0.3) or ALLOWABLE[0]}, if that is what you mean "
            "(`aftertune plan-training` lists the guards)",
        )
    if name not in ALLOWABLE:
        raise UserError(
            f"--allow {name}",
            "what this guard finds is never what anyone means",
            f"correct what it found; these can be allowed: {', '.join(ALLOWABLE)}",
        )
