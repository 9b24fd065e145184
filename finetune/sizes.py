"""A model's sizes, read from its modules on the meta device: families call the same size by different names."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from finetune.heads import Head
from finetune.meta import built_on_meta


@dataclass(frozen=True)
class Sizes:
    """What memory and time are computed from, in numbers of features, layers, tokens of the vocabulary or parameters.

    ``hidden``: the width that layers hand on. ``inner``: the widest input of what leads back to it, for a token (of
    routed experts, all that a token reaches). ``keys``: the width of a layer's keys; where they are computed together
    with queries, ``hidden``, which is the most that they can be. ``idle``: parameters of experts that a token does not
    reach. ``stored``: the dtype that the configuration names, if any.
    """

    layers: int
    hidden: int
    inner: int
    keys: int
    vocabulary: int
    idle: int
    stored: str | None


def sizes_of(config: Any, head: Head = "causal") -> Sizes:
    """Returns the sizes of the model that ``config`` describes; raises `UserError` where there is none with that head.

    No weight is loaded. A model without a list of layers counts as one of a single layer.
    """
    import torch

    model = built_on_meta(config, head)
    lists = [module for module in model.modules() if isinstance(module, torch.nn.ModuleList) and len(module)]
    layers: Any = max(lists, key=_parameters, default=[model])
    vocabulary, width = model.get_input_embeddings().weight.shape
    shapes = [list(_shapes(layer)) for layer in layers]
    found = Counter(size for own in shapes for pair in own for size in pair)
    # where the embeddings are projected (OPT-350M), it is the size that most matrices share
    hidden = width if width in found or not found else found.most_common(1)[0][0]
    keys = {name.rpartition(".")[2]: module for name, module in layers[0].named_modules()}.get("k_proj")
    routed = [_routed(layer, hidden) for layer in layers]
    inner = max((into for own in shapes for into, out in own if out == hidden), default=hidden)
    return Sizes(
        layers=len(layers),
        hidden=int(hidden),
        inner=int(max(inner, *(reached for reached, _ in routed))),
        keys=int(getattr(keys, "out_features", hidden)),
        vocabulary=int(vocabulary),
        idle=sum(idle for _, idle in routed),
        stored=str(config.dtype).rpartition(".")[2] if getattr(config, "dtype", None) is not None else None,
    )


def layer_count(config: Any, head: Head = "causal") -> int:
    """Returns how many layers the model has that ``config`` describes."""
    text = config.get_text_config()
    count = getattr(text, "num_hidden_layers", None)
    return int(count) if count is not None else sizes_of(config, head).layers


def _parameters(module: Any) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _shapes(layer: Any) -> Iterator[tuple[int, int]]:
    """Yields input and output of each matrix product of a layer that every token takes part in."""
    import torch
    from transformers.pytorch_utils import Conv1D

    for name, module in layer.named_modules():
        if "experts." in f"{name}.":  # also those that are modules of their own, one an expert
            continue
        if isinstance(module, torch.nn.Linear):
            yield module.in_features, module.out_features
        elif isinstance(module, Conv1D):
            yield module.nx, module.nf


def _routed(layer: Any, hidden: int) -> tuple[int, int]:
    """Returns the inner width of the experts that a token reaches in a layer, and the parameters of the others."""
    import torch

    reached, idle = 0, 0
    chosen = [module.top_k for module in layer.modules() if isinstance(getattr(module, "top_k", None), int)]
    for name, module in layer.named_modules():
        if name.rpartition(".")[2] != "experts":
            continue
        if isinstance(module, torch.nn.ModuleList):
            count = len(module)
            inner = max((into for into, out in _shapes(module[0]) if out == hidden), default=hidden)
        else:
            stacks = [parameter.shape for parameter in module.parameters() if parameter.dim() == 3]
            if not stacks:
                continue
            count = stacks[0][0]
            inner = min(max(size for size in stack[1:] if size != hidden or stack[1] == stack[2]) for stack in stacks)
        used = min(chosen[0] if chosen else count, count)
        reached = max(reached, used * int(inner))
        idle += _parameters(module) * (count - used) // count
    return reached, idle
