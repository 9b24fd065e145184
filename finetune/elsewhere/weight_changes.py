"""What changed in the weights, tensor by tensor, as `tensors.json` has it: a whole model beside its base."""

import math
import re
from collections.abc import Mapping
from typing import Any

from finetune.elsewhere.names import HEAD, matched, plain_name
from finetune.elsewhere.streaming import Compared, compare, dtype_name, sha256
from finetune.ledger import component_named
from harness_tasks.models.weights import StoredTensor

Tensors = Mapping[str, StoredTensor]


def whole_changes(base: Tensors, tuned: Tensors, *, tied: bool) -> dict[str, Any]:
    """Returns the content of `tensors.json` for a whole model ``tuned`` beside its ``base``, but for its name.

    A tensor is trained if its bytes changed. Where the dtypes differ, both hashes are of values in the checkpoint's. Of
    embeddings and heads the rows that both have are compared and counted. A tensor that the base lacks, such as a new
    head, has no hash before and no relative change.

    ``tied``: the base's head is its embedding matrix. A head that either writes out all the same is compared with that
    matrix, and is no tensor of its own where it equals the checkpoint's embeddings.
    """
    known = matched(tuned, base)
    heads = {plain_name(name): name for name in tuned if plain_name(name) == HEAD and name not in known}
    embedded = embeddings_of(base)
    if tied and heads and embedded:
        known |= dict.fromkeys(heads.values(), embedded)
    rows, reasons = [], dict[str, str]()
    for name, after in tuned.items():
        if tied and _is_the_embeddings(name, tuned):
            continue
        before = base[known[name]] if name in known else None
        found = compare(before, after) if before else None
        rows.append(_row(name, before, after, found))
        if reason := _unknown_because(before, after, found):
            reasons[name] = reason
    left = sorted(set(base) - set(known.values()))
    left = [name for name in left if not (tied and plain_name(name) == HEAD)]
    added = sorted(name for name in tuned if name not in known)
    same = not left and not added and not any(row["trained"] for row in rows)
    return {
        "tensors": rows,
        "identical": same,
        "only_in_base": left,
        "only_in_checkpoint": added,
        "not_computed": reasons,
    }


def embeddings_of(tensors: Tensors) -> str | None:
    """Returns the name of the matrix of token embeddings; None where none has one of the usual names."""
    names = ("embed_tokens.weight", "wte.weight", "word_embeddings.weight", "embed_in.weight")
    return next((name for name in tensors if name.endswith(names)), None)


def _is_the_embeddings(name: str, tensors: Tensors) -> bool:
    """Returns whether a tensor is a head that was written out beside the embeddings that it is tied to."""
    embedded = embeddings_of(tensors)
    if plain_name(name) != HEAD or embedded is None or tensors[name].shape != tensors[embedded].shape:
        return False
    return sha256(tensors[name]) == sha256(tensors[embedded])


def described(name: str, shape: tuple[int, ...]) -> dict[str, Any]:
    """Returns the first keys of a row of `tensors.json`."""
    layer = re.search(r"\.(\d+)\.", name)
    kind = component_named(plain_name(name))
    return {"name": name, "layer": int(layer[1]) if layer else None, "kind": kind, "shape": list(shape)}


def _row(name: str, before: StoredTensor | None, after: StoredTensor, found: Compared | None) -> dict[str, Any]:
    row = described(name, after.shape)
    if before is None or found is None:
        hashes = {"sha256_before": None, "sha256_after": sha256(after)}
        return {**row, "trained": True, **hashes, "relative_change": None}
    trained = found.sha256_before != found.sha256_after
    row |= {
        "trained": trained,
        "sha256_before": found.sha256_before,
        "sha256_after": found.sha256_after,
        "relative_change": found.relative_change if trained else None,
    }
    return row | row_counts(row["kind"], before, after, found) | dtypes(before, after)


def row_counts(kind: str, before: StoredTensor, after: StoredTensor, found: Compared) -> dict[str, int]:
    """Returns how many rows of a matrix of embeddings, or a head, were compared and moved, and how many are new."""
    if kind not in ("embeddings", "head") or len(after.shape) != 2 or not found.rows:
        return {}
    counts = {"rows": found.rows, "rows_moved": found.rows_moved}
    more = after.shape[0] - before.shape[0]
    return counts | ({"rows_added": more} if more else {})


def dtypes(before: StoredTensor, after: StoredTensor) -> dict[str, str]:
    """Returns both dtypes where they differ."""
    if before.dtype == after.dtype:
        return {}
    return {"dtype_before": dtype_name(before), "dtype_after": dtype_name(after)}


def _unknown_because(before: StoredTensor | None, after: StoredTensor, found: Compared | None) -> str | None:
    """Returns why the change of a tensor that both have is not known, or is that of a part; None where it is known."""
    if before is None or found is None or found.sha256_before == found.sha256_after:
        return None
    if found.change is None:
        if before.shape != after.shape:
            return f"its shape is {list(after.shape)}, and the base's {list(before.shape)}"
        return f"values of the dtype {dtype_name(after)} are not compared"
    if not math.isfinite(found.change) or not math.isfinite(found.norm):
        return "it holds values that are not finite"
    return None
