"""LoRA as one product more a layer: peft's own way through an adapter passes over each layer's output five times.

peft multiplies in float32, scales, adds and rounds back to the base's dtype, each a pass of its own; where the base is
bfloat16 that takes longer than the layer itself.
"""

from typing import Any

import torch
from torch.nn import functional as F


def quicken(model: Any) -> int:
    """Returns how many layers of peft's ``model`` add their LoRA in one product from now on, in the base's dtype.

    In float32 that is the same sum; in bfloat16 what the adapter adds is rounded once, as the layer's output is. Layers
    of another kind (DoRA, biases, packed weights, several adapters at once) are left to peft.
    """
    from peft.tuners.lora.layer import Linear

    plain: list[Any] = [module for module in model.modules() if type(module) is Linear and _is_plain(module)]
    for module in plain:
        (name,) = module.active_adapters
        dtype = module.base_layer.weight.dtype
        down = module.lora_A[name].weight.detach().to(dtype)
        up = (module.lora_B[name].weight.detach() * module.scaling[name]).to(dtype).T.contiguous()
        module.forward = _Quick(module.base_layer, down, up)
    return len(plain)


def _is_plain(module: Any) -> bool:
    names = list(module.active_adapters)
    return (
        type(module.base_layer) is torch.nn.Linear
        and len(names) == 1
        and names[0] in module.lora_A
        and not (module.lora_variant or module.merged or module.disable_adapters or module.training)
        and module.lora_B[names[0]].bias is None
    )


class _Quick:
    """The forward of a linear layer with LoRA: ``down`` (rank, in) and the scaled ``up`` (rank, out)."""

    def __init__(self, base: torch.nn.Linear, down: torch.Tensor, up: torch.Tensor) -> None:
        self.base, self.down, self.up = base, down, up

    def __call__(self, x: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
        result = self.base(x)
        inner = F.linear(x, self.down)
        result.view(-1, result.shape[-1]).addmm_(inner.view(-1, inner.shape[-1]), self.up)
        return result
