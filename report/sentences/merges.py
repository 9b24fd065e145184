"""Sentences on merged models beside their adapters: why they count as merges, and whether they kept the adapter."""

from report.facts.schema.merges import Merge
from report.facts.schema.parts import is_known
from report.facts.schema.whole import Finding, MeasuredFacts
from report.reading.results import pointer
from report.sentences.rules import decide, finding

KEPT = 0.05
"""The largest share of what an adapter changes by which a merge that kept it differs from it, as `aftertune merge`."""
LOST = 0.5
"""The share from which a merge did not keep the adapter: half the adapter's own change, or more, lies between them."""


def merges(facts: MeasuredFacts) -> list[Finding]:
    """Returns the sentences on each merge of an adapter."""
    found = list[Finding]()
    for i, merge in enumerate(facts.merges or []):
        at = pointer("merges", i)
        found += [_evidence(at, merge), finding(_kept(merge), _read_by_both(at, merge))]
    return found


def is_in_order(merge: Merge) -> bool:
    """Returns whether a merge asks nothing of a reader: it kept its adapter, or nearly so, as far as that is known."""
    return _kept(merge) != "merge_lost" and _basis(merge) != "merge_contradicted"


def _basis(merge: Merge) -> str:
    compared = is_known(merge.cosine)
    cases = {
        "proven": merge.recorded and merge.in_weights,
        "taken": not merge.recorded,
        "contradicted": merge.recorded and not merge.in_weights and compared,
        "recorded": merge.recorded and not merge.in_weights and not compared,
    }
    return decide("merge", cases)


def _evidence(at: str, merge: Merge) -> Finding:
    name = _basis(merge)
    keys = {"merge_contradicted": ("cosine", "others"), "merge_recorded": ()}.get(name, ("multiple", "cosine"))
    evidence = {key: f"{at}/{key}" for key in ("merged", "adapter", *keys)}
    return finding(name, evidence | ({"reason": f"{at}/cosine"} if name == "merge_recorded" else {}))


def _kept(merge: Merge) -> str:
    share, measured = merge.share.value, is_known(merge.mean)
    cases = {
        "kept": share is not None and share <= KEPT,
        "near": share is not None and KEPT < share < LOST,
        "lost": share is not None and share >= LOST,
        "unjudged": share is None and measured,
        "unmeasured": share is None and not measured,
    }
    return decide("merge", cases)


def _read_by_both(at: str, merge: Merge) -> dict[str, str | list[str]]:
    evidence: dict[str, str | list[str]] = {key: f"{at}/{key}" for key in ("merged", "adapter")}
    if not is_known(merge.mean):
        return evidence | {"reason": f"{at}/mean"}
    evidence |= {key: f"{at}/{key}" for key in ("task", "items", "positions", "dtype", "mean", "same")}
    return evidence | ({"share": f"{at}/share"} if is_known(merge.share) else {"reason": f"{at}/share"})
