"""Which tensors fine-tuning changed, and by how much, from a checkpoint's `tensors.json`."""

from collections.abc import Iterable
from pathlib import Path
from statistics import fmean
from typing import Any

from report.facts import Fact, fact, missing
from report.results import Document, read_json

Tensor = dict[str, Any]


def change_facts(folder: Path, home: str) -> dict[str, Any]:
    """Returns how many tensors were frozen, trained and changed, and the relative change by kind and by layer.

    The relative change of a matrix W is ‖W after − W before‖ / ‖W before‖ (Frobenius); of an adapted one, the norm of
    what the adapter adds to it, over its own.
    """
    name = f"{home}/tensors.json"
    if not (folder / name).exists():
        return {"absent": missing(f"it was not recorded: there is no {name}")}
    document = read_json(folder, name)
    tensors: list[Tensor] = document.content.get("tensors") or []
    source = document.source("tensors")
    frozen = [tensor for tensor in tensors if not tensor["trained"]]
    trained = [tensor for tensor in tensors if tensor["trained"]]

    def count(found: Iterable[Tensor]) -> Fact:
        return fact(sum(1 for _ in found), "count", source)

    return {
        "frozen": count(frozen),
        "frozen_changed": count(tensor for tensor in frozen if _changed(tensor)),
        "trained": count(trained),
        "trained_changed": count(tensor for tensor in trained if _changed(tensor)),
        "adapted": any(tensor.get("adapter") for tensor in trained),
        "kinds": [
            {"kind": fact(kind, "text", source), "tensors": count(found), **_sizes(found, document)}
            for kind, found in _grouped(trained, "kind").items()
        ],
        "layers": [
            {"layer": fact(layer, "count", source), "tensors": count(found), **_sizes(found, document)}
            for layer, found in sorted(_grouped(trained, "layer").items())
        ],
    }


def _changed(tensor: Tensor) -> bool:
    return bool(tensor["sha256_before"] != tensor["sha256_after"])


def _grouped(tensors: list[Tensor], key: str) -> dict[Any, list[Tensor]]:
    groups: dict[Any, list[Tensor]] = {}
    for tensor in tensors:
        if tensor[key] is not None:
            groups.setdefault(tensor[key], []).append(tensor)
    return groups


def _sizes(tensors: list[Tensor], document: Document) -> dict[str, Fact]:
    """Returns the mean and the largest relative change of a group."""
    sizes = [tensor["relative_change"] for tensor in tensors if tensor["relative_change"] is not None]
    if not sizes:
        return dict.fromkeys(("mean", "largest"), missing("a tensor of zeros has no relative change"))
    source = document.source("tensors")
    return {"mean": fact(fmean(sizes), "share", source), "largest": fact(max(sizes), "share", source)}
