"""Which scores may be set against each other, and which item of the one belongs to which of the other."""

from collections import Counter
from typing import Any

from harness_tasks.rendering import render_from_results, render_hash
from report.facts.measured import Measured
from report.reading.results import Scores


def refusal(base: Measured, after: Measured, checkpoint: dict[str, Any]) -> str | None:
    """Returns why the two may not be compared; None where they may.

    The same items, asked with the same rendered prompts of the same task version, and trained on prompts rendered in
    that way: otherwise the difference mixes what fine-tuning did with what the prompt did.
    """
    one, two = base.scores, after.scores
    if one.per_task("versions") != two.per_task("versions"):
        return (
            f"the task's version differs: {one.per_task('versions')} for the base model, "
            f"{two.per_task('versions')} for the checkpoint"
        )
    rendered = [render_hash(render_from_results(scores.results.content, scores.task)) for scores in (one, two)]
    if rendered[0] != rendered[1]:
        return "the prompts were rendered in different ways before and after fine-tuning"
    trained = checkpoint.get("render_hash", {}).get("value")
    if trained is not None and checkpoint["task"]["value"] == one.task and trained != rendered[0]:
        return "the checkpoint was trained on prompts rendered in another way than the scored ones"
    before, later = (Counter(scores.hashes) for scores in (one, two))
    if before != later:
        shared = sum((before & later).values())
        return (
            f"the scored items differ: {shared} are the same, of {before.total()} before and {later.total()} after "
            "fine-tuning"
        )
    pairs = zip(one.rows, aligned(one, two), strict=True)
    changed = sum(a.get("prompt_hash") != b.get("prompt_hash") for a, b in pairs)
    return f"the prompts of {changed} items differ before and after fine-tuning" if changed else None


def signature_differs(base: Scores, after: Scores, metric: str) -> str | None:
    """Returns why one metric may not be compared: it was computed in two ways; None where it may."""
    one, two = ((scores.metadata.get("signature") or {}).get(metric) for scores in (base, after))
    return None if one == two else f"it was computed in two ways: {one} for the base model, {two} for the checkpoint"


def aligned(base: Scores, after: Scores) -> list[dict[str, Any]]:
    """Returns the rows of ``after`` in the order of the base's items, paired by `doc_hash` (`doc_id` is no name)."""
    if after.hashes == base.hashes:
        return after.rows
    waiting: dict[str, list[dict[str, Any]]] = {}
    for row in after.rows:
        waiting.setdefault(row["doc_hash"], []).append(row)
    return [waiting[row["doc_hash"]].pop(0) for row in base.rows if waiting.get(row["doc_hash"])]
