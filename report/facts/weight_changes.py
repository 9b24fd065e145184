"""Which tensors fine-tuning changed, and by how much, from a checkpoint's `tensors.json`."""

import re
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean
from typing import Any

from harness_tasks.kinds import TENSORS
from harness_tasks.secrets import cleaned
from report.facts.paths import figure_path
from report.facts.schema.parts import Absent, Fact, Known
from report.facts.schema.training import MovedKind, MovedLayer, WeightChanges
from report.facts.values import fact, missing
from report.reading.results import Document, read_json
from report.reading.scored import refuse_misplaced
from report.reading.texts import printable

Tensor = dict[str, Any]


def change_document(folder: Path, home: str) -> Document | None:
    """Returns the `tensors.json` of the checkpoint in ``home``, a folder within ``folder``; None where it has none."""
    name = f"{home}/tensors.json"
    if not (folder / name).exists():
        return None
    document = read_json(folder, name, TENSORS)
    refuse_misplaced(document, Path(home).name)
    return document


def change_facts(document: Document | None, home: str) -> WeightChanges | Absent:
    """Returns how many tensors were frozen, trained and changed, and the relative change by kind and by layer.

    The relative change of a matrix W is ‖W after − W before‖ / ‖W before‖ (Frobenius); of an adapted one, the norm of
    what the adapter adds to it, over its own. ``document``: as `change_document` gives it of ``home``.
    """
    if document is None:
        return Absent(absent=missing(f"it was not recorded: there is no {home}/tensors.json"))
    tensors: list[Tensor] = document.content.get("tensors") or []
    source = document.source("tensors")
    frozen = [tensor for tensor in tensors if not tensor["trained"]]
    trained = [tensor for tensor in tensors if tensor["trained"]]

    def count(found: Iterable[Tensor]) -> Known:
        return fact(sum(1 for _ in found), "count", source)

    return WeightChanges(
        frozen=count(frozen),
        frozen_changed=count(tensor for tensor in frozen if _changed(tensor)),
        trained=count(trained),
        trained_changed=count(tensor for tensor in trained if _changed(tensor)),
        adapted=any(tensor.get("adapter") for tensor in trained),
        kinds=[
            MovedKind(kind=fact(kind, "text", source), tensors=count(found), **_sizes(found, document))
            for kind, found in _grouped(trained, "kind").items()
        ],
        layers=[
            MovedLayer(layer=fact(layer, "count", source), tensors=count(found), **_sizes(found, document))
            for layer, found in sorted(_grouped(trained, "layer").items())
        ],
        grid=_grid(tensors, document),
        figure=fact(figure_path("changes", Path(home).name), "text", source),
        **_beside_the_base(tensors, document),
    )


def _beside_the_base(tensors: list[Tensor], document: Document) -> dict[str, Known]:
    """Returns which tensors and rows of embeddings differ, where two finished models were compared."""
    found: dict[str, Known] = {}
    if alone := document.content.get("only_in_checkpoint"):
        found["new"] = fact(len(alone), "count", document.source("only_in_checkpoint"))
    for at, tensor in enumerate(tensors):
        if tensor.get("rows") is not None and tensor.get("rows_moved") is not None:
            for key in ("rows", "rows_moved"):
                found[key] = fact(tensor[key], "count", document.source("tensors", at, key))
            break
    return found


def _grid(tensors: list[Tensor], document: Document) -> Fact:
    """Returns the mean relative change of each kind of matrix in each layer: rows of layer, kind, change.

    Kinds of which nothing was trained are left out; where a kind was trained in other layers only, the change is None.
    """
    cells: dict[tuple[int, str], list[float | None]] = {}
    for tensor in tensors:
        if tensor["layer"] is not None:
            size = tensor["relative_change"] if tensor["trained"] else None
            # A trained tensor of zeros has no relative change, and is not for that untrained.
            if size is not None or not tensor["trained"]:
                cells.setdefault((tensor["layer"], _module(tensor["name"])), []).append(size)
    known = {place: [size for size in sizes if size is not None] for place, sizes in cells.items()}
    trained = {module for (_, module), sizes in known.items() if sizes}
    modules = [module for module in dict.fromkeys(module for _, module in cells) if module in trained]
    rows = [
        [layer, module, fmean(known[layer, module]) if known[layer, module] else None]
        for layer in sorted({layer for layer, _ in cells})
        for module in modules
        if (layer, module) in cells
    ]
    source = document.source("tensors")
    return fact(rows, "curve", source, n=len(rows)) if rows else missing("nothing of a layer was trained")


def _module(name: str) -> str:
    """Returns which matrix of its layer a tensor is, as the text of a fact is kept.

    >>> _module("model.layers.0.self_attn.q_proj.weight"), _module("layers.0.q"), _module("layers.0.")
    ('q_proj', 'q', '(empty)')
    """
    return printable(cleaned(re.sub(r"\.(weight|bias)$", "", name).rpartition(".")[2])).strip() or "(empty)"


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
