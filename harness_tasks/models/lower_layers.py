"""The layers below all that any of a base's adapters changes: what they make of a sequence is computed once for all."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

Name = tuple[Sequence[int], int]
"""A part of a sequence: the whole sequence, and the position of the part's first token."""


class LowerLayers:
    """The hidden states that enter layer ``first`` of ``model``, kept by sequence from one checkpoint to the next.

    They take at most ``memory_bytes``; what there is no room for is computed each time. Until `end` is called, each
    forward of the model goes through here.
    """

    def __init__(self, model: Any, first: int, memory_bytes: int) -> None:
        """Keeps nothing yet."""
        self._room = memory_bytes
        self._kept: dict[Name, torch.Tensor] = {}
        self._entering: torch.Tensor | None = None
        self._entered: torch.Tensor | None = None
        _, layers = _layers(model)
        self._layers = list(layers[:first])
        for layer in self._layers:
            layer.forward = self._passing(layer.forward)
        self._hook = layers[first].register_forward_pre_hook(self._enter)

    @contextmanager
    def known(self, names: Sequence[Name]) -> Iterator[None]:
        """Inside, one forward reads the parts ``names``, a row each, padded on the left, and no later one needs them.

        The layers below are passed over where all parts are known, and have no keys and values of them then.
        """
        kept = [self._kept.get(name) for name in names]
        known = [part for part in kept if part is not None]
        self._entering = _beside(known) if len(known) == len(names) else None
        self._entered = None
        try:
            yield
        finally:
            entered, self._entered, self._entering = self._entered, None, None
        if entered is not None:
            for (ids, start), row in zip(names, entered, strict=True):
                self._keep((ids, start), row[start - len(ids) :])

    def end(self) -> None:
        """Takes itself out of the model."""
        self._hook.remove()
        for layer in self._layers:
            del layer.forward

    def _keep(self, name: Name, part: torch.Tensor) -> None:
        size = part.numel() * part.element_size()
        if name not in self._kept and size <= self._room:
            self._kept[name] = part.clone()
            self._room -= size

    def _passing(self, forward: Any) -> Any:
        def passed(hidden: torch.Tensor, *arguments: Any, **named: Any) -> Any:
            return forward(hidden, *arguments, **named) if self._entering is None else hidden

        return passed

    def _enter(self, _: torch.nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        if self._entering is not None:
            return (self._entering, *arguments[1:])
        self._entered = arguments[0]
        return arguments


def first_changed(model: Any, adapters: Iterable[Iterable[str]]) -> int | None:
    """Returns the number of the first layer that an adapter has tensors in; None where some are in no layer."""
    name, _ = _layers(model)
    numbers = []
    for tensor in (tensor for tensors in adapters for tensor in tensors):
        found = re.match(rf"base_model\.model\.{re.escape(name)}\.(\d+)\.", tensor)
        if found is None:
            return None
        numbers.append(int(found[1]))
    return min(numbers, default=None)


def _layers(model: Any) -> tuple[str, torch.nn.ModuleList]:
    """Returns the decoder layers of a causal LM of transformers, and what they are called in it."""
    count = model.config.get_text_config().num_hidden_layers
    lists = ((name, module) for name, module in model.named_modules() if isinstance(module, torch.nn.ModuleList))
    return next((name, module) for name, module in lists if len(module) == count)


def _beside(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """Returns parts (tokens, width) as rows (B, longest, width), padded with zeros on the left."""
    longest = max(map(len, parts))
    rows = parts[0].new_zeros(len(parts), longest, parts[0].shape[-1])
    for row, part in enumerate(parts):
        rows[row, longest - len(part) :] = part
    return rows
