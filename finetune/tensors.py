"""What training changed, tensor by tensor: `tensors.json` beside a checkpoint.

A frozen tensor is proven unchanged by its SHA-256 before and after; of a trained one, and of a matrix that LoRA adapts,
stands how large its change is against itself. A copy is kept of nothing but the tensors that are trained in full.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from finetune.ledger import ComponentName, component_of

CHUNK = 1 << 22
"""Numbers at a time that are held in float64 while a norm is added up."""


@dataclass(frozen=True)
class Before:
    """The weights before training: the SHA-256 of each tensor and adapter, and copies of what will be trained."""

    sha256: dict[str, str]
    copies: dict[str, Tensor]


def before_training(model: Any) -> Before:
    """Returns what `tensor_changes` compares ``model`` (plain or peft) with; called once its weights are loaded."""
    copies, sha256 = {}, {}
    for name, _, parameter in _base_tensors(model):
        sha256[name] = _sha256(parameter)
        if parameter.requires_grad:
            copies[name] = parameter.detach().to("cpu", copy=True)
    for name, _, matrices, _ in _adapted(model):
        sha256[_adapter(name)] = _sha256(*matrices)
    return Before(sha256, copies)


def tensor_changes(model: Any, before: Before) -> list[dict[str, Any]]:
    """Returns a row for each tensor of the base model, a tied one once, and for each matrix that LoRA adapts.

    ``relative_change`` is the Frobenius norm of the change over that of the tensor before; of an adapted matrix W the
    change is scaling·BA, which `merge` would add. It is None for a frozen tensor, and where the norm before was 0.
    """
    rows = []
    for name, component, parameter in _base_tensors(model):
        copy = before.copies.get(name)
        rows.append(
            {
                **_described(name, component, parameter, trained=copy is not None),
                "sha256_before": before.sha256[name],
                "sha256_after": _sha256(parameter),
                "relative_change": None if copy is None else _ratio(_norm(parameter, copy), _norm(copy)),
            }
        )
    for name, component, matrices, layer in _adapted(model):
        weight = layer.base_layer.weight
        change = layer.scaling[model.active_adapter] * _product_norm(*matrices)
        rows.append(
            {
                **_described(name, component, weight, trained=True),
                "adapter": True,
                "sha256_before": before.sha256[_adapter(name)],
                "sha256_after": _sha256(*matrices),
                "relative_change": _ratio(change, _norm(weight)),
            }
        )
    return rows


def _base_tensors(model: Any) -> Iterator[tuple[str, ComponentName, Tensor]]:
    """Yields the base model's parameters under the names they have without peft; of tied ones the first."""
    base = model.get_base_model() if hasattr(model, "peft_config") else model
    modules = dict(base.named_modules())
    for name, parameter in base.named_parameters():  # tied ones come once
        path = name.split(".")
        if not any(part.startswith("lora_") for part in path):
            module = modules[".".join(path[:-1])]
            yield _plain(name), component_of(module, path, base.base_model_prefix), parameter


def _adapted(model: Any) -> Iterator[tuple[str, ComponentName, tuple[Tensor, Tensor], Any]]:
    """Yields for each matrix that LoRA adapts its name and component, the pair A, B, and peft's layer around it."""
    if not hasattr(model, "peft_config"):
        return
    base, adapter = model.get_base_model(), model.active_adapter
    for name, layer in base.named_modules():
        if adapter in getattr(layer, "lora_A", {}):
            matrices = layer.lora_A[adapter].weight, layer.lora_B[adapter].weight
        elif adapter in getattr(layer, "lora_embedding_A", {}):
            matrices = layer.lora_embedding_A[adapter], layer.lora_embedding_B[adapter]
        else:
            continue
        path = [*name.split("."), "weight"]
        yield ".".join(path), component_of(layer.base_layer, path, base.base_model_prefix), matrices, layer


def _described(name: str, component: ComponentName, tensor: Tensor, *, trained: bool) -> dict[str, Any]:
    layer = re.search(r"\.(\d+)\.", name)
    return {
        "name": name,
        "layer": int(layer[1]) if layer else None,
        "kind": component,
        "shape": list(tensor.shape),
        "trained": trained,
    }


def _plain(name: str) -> str:
    return name.replace(".base_layer.", ".")


def _adapter(name: str) -> str:
    return f"{name} adapter"


def _sha256(*tensors: Tensor) -> str:
    """Returns the SHA-256 of the tensors' bytes, one after the other."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _norm(tensor: Tensor, minus: Tensor | None = None) -> float:
    """Returns the Frobenius norm of ``tensor``, or of ``tensor - minus``, added up in float64."""
    parts = tensor.detach().flatten().split(CHUNK)
    if minus is None:
        return sum(float(part.cpu().double().square().sum()) for part in parts) ** 0.5
    pairs = zip(parts, minus.flatten().split(CHUNK), strict=True)
    return sum(float((part.cpu().double() - other.double()).square().sum()) for part, other in pairs) ** 0.5


def _product_norm(a: Tensor, b: Tensor) -> float:
    """Returns the Frobenius norm of BA without BA itself: its square is the trace of (BᵀB)(AAᵀ), both r by r."""
    a, b = a.detach().cpu().double(), b.detach().cpu().double()
    return max(0.0, float(((b.T @ b) * (a @ a.T)).sum())) ** 0.5


def _ratio(change: float, before: float) -> float | None:
    return change / before if before else None
