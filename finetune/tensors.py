"""What training changed, tensor by tensor: `tensors.json` beside a checkpoint.

A frozen tensor is proven unchanged by its SHA-256 before and after; of a trained one, and of a matrix that an adapter
changes, stands how large its change is against itself. A copy is kept of nothing but the tensors that are trained in
full, a new head among them: before training it is what its seed made it.

Axes: O outputs and I inputs of an adapted matrix, R the adapter's rank.
"""

import hashlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import TrainerCallback
from typing_extensions import override

from finetune.ledger import ComponentName, component_of
from harness_tasks.models.body_name import body_name

CHUNK = 1 << 22
"""Numbers at a time that are held in float64 while a norm is added up."""


@dataclass(frozen=True)
class Before:
    """The weights before training: the SHA-256 of each tensor and adapter, and copies of what will be trained."""

    sha256: dict[str, str]
    copies: dict[str, Tensor]


class Reached(TrainerCallback):
    """Notes which of the parameters that are trained had a gradient other than 0 in some step.

    Experts that no token was sent to have none, nor what a layer reads in another way than its forward does.
    ``parameters`` holds their `id`.
    """

    def __init__(self) -> None:
        self.parameters: set[int] = set()
        self._waiting: list[Tensor] | None = None

    @override
    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, model: Any = None, **rest: Any) -> None:
        if self._waiting is None:
            self._waiting = [parameter for parameter in model.parameters() if parameter.requires_grad]
        reached = [part for part in self._waiting if part.grad is not None and bool(part.grad.any())]
        self.parameters |= set(map(id, reached))
        self._waiting = [part for part in self._waiting if id(part) not in self.parameters]


def before_training(model: Any) -> Before:
    """Returns what `tensor_changes` compares ``model`` (plain or peft) with; called once its weights are loaded."""
    copies, sha256 = {}, {}
    for name, _, parameter in _base_tensors(model):
        sha256[name] = _sha256(parameter)
        if parameter.requires_grad:
            copies[name] = parameter.detach().to("cpu", copy=True)
    for name, _, layer in _adapted(model):
        sha256[_adapter(name)] = _sha256(*_matrices(layer, model.active_adapter))
    return Before(sha256, copies)


def tensor_changes(model: Any, before: Before, reached: Reached | None = None) -> list[dict[str, Any]]:
    """Returns a row for each tensor of the deployed model, a tied one once, and for each matrix that is adapted.

    ``gradient`` says of a trained one whether it had a gradient, as ``reached`` saw it; it is absent where nobody did.

    ``relative_change`` is the Frobenius norm of the change over that of the tensor before. Of an adapted matrix W the
    change is what `merge` would add: scaling·BA for LoRA; for DoRA m·(W + scaling·BA) / ‖W + scaling·BA‖ − W, the norm
    being that of each output's row and m its trained magnitude. Packed weights are hashed as they are, and measured
    unpacked. It is None for a frozen tensor, and where the norm before was 0.
    """
    rows = []
    for name, component, parameter in _base_tensors(model):
        copy = before.copies.get(name)
        rows.append(
            {
                **_described(name, component, parameter, trained=copy is not None),
                **_gradient(reached, parameter, trained=copy is not None),
                "sha256_before": before.sha256[name],
                "sha256_after": _sha256(parameter),
                "relative_change": None if copy is None else _ratio(_norm(parameter, copy), _norm(copy)),
            }
        )
    for name, component, layer in _adapted(model):
        weight, matrices = _unpacked(layer.base_layer.weight), _matrices(layer, model.active_adapter)
        change = _adapted_change(layer, layer.scaling[model.active_adapter], weight, *matrices)
        rows.append(
            {
                **_described(name, component, weight, trained=True),
                **_gradient(reached, *matrices, trained=True),
                "adapter": True,
                "sha256_before": before.sha256[_adapter(name)],
                "sha256_after": _sha256(*matrices),
                "relative_change": _ratio(change, _norm(weight)),
            }
        )
    return rows


def _base_tensors(model: Any) -> Iterator[tuple[str, ComponentName, Tensor]]:
    """Yields the deployed model's parameters under the names they have without peft; of tied ones the first.

    Of a head that peft trains that is the trained copy: the frozen original beside it is neither used nor saved.
    """
    base = model.get_base_model() if hasattr(model, "peft_config") else model
    modules, body = dict(base.named_modules()), body_name(base)
    for name, parameter in base.named_parameters():  # tied ones come once
        path = name.split(".")
        if not any(part.startswith("lora_") or part == "original_module" for part in path):
            module = modules[".".join(path[:-1])]
            yield _plain(name, model), component_of(module, path, body), parameter


def _adapted(model: Any) -> Iterator[tuple[str, ComponentName, Any]]:
    """Yields for each matrix that the adapter changes its name and component, and peft's layer around it."""
    if not hasattr(model, "peft_config"):
        return
    base, adapter = model.get_base_model(), model.active_adapter
    body = body_name(base)
    for name, layer in base.named_modules():
        if adapter in getattr(layer, "lora_A", {}) or adapter in getattr(layer, "lora_embedding_A", {}):
            path = [*name.split("."), "weight"]
            yield ".".join(path), component_of(layer.base_layer, path, body), layer


def _matrices(layer: Any, adapter: str) -> tuple[Tensor, ...]:
    """Returns A (R, I) and B (O, R), and for DoRA the magnitudes (O,)."""
    if adapter in layer.lora_A:
        pair = layer.lora_A[adapter].weight, layer.lora_B[adapter].weight
    else:
        pair = layer.lora_embedding_A[adapter], layer.lora_embedding_B[adapter]
    magnitudes = getattr(layer, "lora_magnitude_vector", None) or {}
    return (*pair, magnitudes[adapter].weight) if adapter in magnitudes else pair


def _adapted_change(
    layer: Any, scaling: float, weight: Tensor, a: Tensor, b: Tensor, magnitude: Tensor | None = None
) -> float:
    """Returns the Frobenius norm of what the adapter adds to ``weight``."""
    if magnitude is None:
        return scaling * _product_norm(a, b)
    # embeddings, and GPT-2's layers, lie the other way round: (I, O)
    outputs = weight.T if isinstance(layer.base_layer, torch.nn.Embedding) or layer.fan_in_fan_out else weight
    a, b, magnitude = (part.detach().cpu().double() for part in (a, b, magnitude))
    squares = 0.0
    step = max(1, CHUNK // outputs.shape[1])
    for start in range(0, outputs.shape[0], step):
        part = slice(start, start + step)
        old = outputs[part].detach().cpu().double()
        new = old + scaling * b[part] @ a
        new *= (magnitude[part] / new.norm(dim=1)).unsqueeze(1)
        squares += float((new - old).square().sum())
    return math.sqrt(squares)


def _unpacked(weight: Any) -> Tensor:
    """Returns a weight as numbers, also one that bitsandbytes holds in 4 bits."""
    from peft.utils.integrations import dequantize_bnb_weight

    found: Tensor = weight if getattr(weight, "quant_state", None) is None else dequantize_bnb_weight(weight)
    return found


def _described(name: str, component: ComponentName, tensor: Tensor, *, trained: bool) -> dict[str, Any]:
    layer = re.search(r"\.(\d+)\.", name)
    return {
        "name": name,
        "layer": int(layer[1]) if layer else None,
        "kind": component,
        "shape": list(getattr(tensor, "quant_state", tensor).shape),
        "trained": trained,
    }


def _gradient(reached: Reached | None, *parts: Tensor, trained: bool) -> dict[str, bool]:
    if reached is None or not trained:
        return {}
    return {"gradient": any(id(part) in reached.parameters for part in parts)}


def _plain(name: str, model: Any) -> str:
    name = name.replace(".base_layer.", ".")
    return name.replace(f".modules_to_save.{model.active_adapter}.", ".") if "modules_to_save" in name else name


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
