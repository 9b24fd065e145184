"""Which whole model is the merge of which adapter: what a file says of it, and what the weights show.

An adapter adds a change C to its base's matrices; a whole model differs from the base by D. Both are read a piece at a
time, and neither is ever held whole.
"""

import math
from collections.abc import Mapping
from typing import Any

from finetune.elsewhere.adapter_changes import Lora, adapter_of, added_pieces, lora_of
from finetune.elsewhere.names import matched, plain_name
from finetune.elsewhere.sides import ADAPTER_WEIGHTS, Side
from finetune.elsewhere.streaming import pieces
from harness_tasks.files import sha256_file
from harness_tasks.kinds import MERGED
from harness_tasks.models.weights import StoredTensor

LEAST_COSINE = math.sqrt(0.5)
"""Of D and C, from which weights show a merge: half of the square of what differs then lies along what is added.

Rounding to the dtype has no direction, and matrices that two trainings came to have few in common."""

Changes = Mapping[str, Any]
"""The content of a `tensors.json`."""


def merge_evidence(
    base: Side, adapter: Side, whole: Side, by_adapter: Changes, by_whole: Changes
) -> dict[str, Any] | None:
    """Returns why the model ``whole`` is taken for the merge of ``adapter``, as `merges.json` has it; None: it is not.

    It is where `merged_from.json` beside it holds the hash of the adapter's weights (``recorded``), or where the
    weights show it (``in_weights``): no tensor differs from the base's that the adapter leaves alone, and D has a
    cosine with C of at least LEAST_COSINE. ``by_adapter``, ``by_whole``: what changed with each.
    """
    if adapter.head != whole.head:
        return None
    recorded = _is_recorded(adapter, whole)
    known = matched(whole.tensors, base.tensors)
    others = len(_changed(by_whole, known) - _changed(by_adapter, {}))
    if others and not recorded:
        return None  # no weight need be read
    compared = _compared(base, adapter, whole)
    cosine = compared.get("cosine")
    in_weights = not others and cosine is not None and cosine >= LEAST_COSINE
    if not recorded and not in_weights:
        return None
    return {"recorded": recorded, "in_weights": in_weights, "other_tensors": others, **compared}


def _is_recorded(adapter: Side, whole: Side) -> bool:
    said = whole.files.json("merged_from.json", MERGED) or {}
    return bool(said.get("adapter_sha256")) and said["adapter_sha256"] == sha256_file(adapter.folder / ADAPTER_WEIGHTS)


def _changed(changes: Changes, known: Mapping[str, str]) -> set[str]:
    """Returns the tensors that changed, by the base's names without wrappers; ``known``: what the base calls each."""
    names = [row["name"] for row in changes.get("tensors") or [] if row["trained"]]
    return {plain_name(known.get(name, name)) for name in names}


def _compared(base: Side, adapter: Side, whole: Side) -> dict[str, Any]:
    """Returns the ``cosine`` of D and C over the adapted ``matrices``, how many these are, the ``multiple`` of C in D.

    That is D·C / ‖C‖², and 1 for a merge as peft makes it, whatever rounding adds. ``not_compared``: why none is known.
    """
    parts = adapter_of(adapter.tensors)
    if parts.others:
        return {"not_compared": "what this kind of adapter changes is not computed"}
    own = {in_base: name for name, in_base in matched(whole.tensors, base.tensors).items()}
    known = matched([f"{home}.weight" for home in parts.lora], base.tensors)
    dot = added = differs = 0.0
    matrices = 0
    for home, of_home in parts.lora.items():
        lora = lora_of(home, of_home, adapter.settings)
        if isinstance(lora, str):
            return {"not_compared": lora}
        in_base = known.get(f"{home}.weight", "")
        before, after = base.tensors.get(in_base), whole.tensors.get(own.get(in_base, ""))
        if before is None or after is None or before.shape != after.shape:
            continue  # such as a head that is parted from the embeddings, or a vocabulary that grew
        found = _sums(before, after, lora)
        dot, added, differs = (total + one for total, one in zip((dot, added, differs), found, strict=True))
        matrices += 1
    if not math.isfinite(dot) or not math.isfinite(added) or not math.isfinite(differs):
        return {"not_compared": "the weights hold values that are not finite"}
    if not added:
        return {"not_compared": "the adapter adds nothing"}
    cosine = dot / math.sqrt(added * differs) if differs else 0.0
    return {"matrices": matrices, "cosine": max(-1.0, min(1.0, cosine)), "multiple": dot / added}


def _sums(before: StoredTensor, after: StoredTensor, lora: Lora) -> tuple[float, float, float]:
    """Returns D·C, ‖C‖² and ‖D‖² of one matrix."""
    width = math.prod(before.shape[1:])
    dot = added = differs = 0.0
    for (old, change), new in zip(added_pieces(before, lora), pieces(after, width, None), strict=True):
        difference = new.double().view(-1, width) - old
        dot += float((difference * change).sum())
        added += float(change.square().sum())
        differs += float(difference.square().sum())
    return dot, added, differs
