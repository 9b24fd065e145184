"""Keys and values of several sequences beside each other, each of its own length, and forwards that continue them.

A row can take over the keys and values of a beginning that was read before, continue by any number of tokens together
with its neighbours, and give its place up. Nothing is computed at the vocabulary but at the positions asked for.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional as F
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.cache_utils import Cache, CacheLayerMixin
from transformers.masking_utils import sdpa_mask

ATTENTION = "aftertune_rows"
"""The name under which transformers knows `rows_attention`."""


def rows_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    is_causal: bool | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Returns attention, (B, T, heads, D), of queries (B, heads, T, D) over keys and values (B, groups, L, D).

    torch's scaled dot product attention, in which the heads of a group stand beside each other as more queries: keys
    and values of grouped-query attention are read where they lie, not repeated for each head. ``attention_mask``
    (B, 1, T, L) is true where a query may look.

    Raises NotImplementedError where the model's attention is of another kind: windows, capped scores, sinks.
    """
    if not (sliding_window is None and softcap is None and s_aux is None):
        raise NotImplementedError("attention with windows, capped scores or sinks")
    batch, heads, tokens, width = query.shape
    groups = key.shape[1]
    share = heads // groups
    if attention_mask is not None and share > 1:
        query = query.reshape(batch, groups, share * tokens, width)
        attention_mask = attention_mask.expand(-1, share, -1, -1).reshape(batch, 1, share * tokens, -1)
    causal = attention_mask is None and tokens > 1
    out = F.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=attention_mask,
        is_causal=causal,
        scale=scaling,
        enable_gqa=query.shape[1] != groups,
    )
    return out.reshape(batch, heads, tokens, width).transpose(1, 2).contiguous(), None


AttentionInterface.register(ATTENTION, rows_attention)
AttentionMaskInterface.register(ATTENTION, sdpa_mask)


class KeyValueSlots:
    """Keys and values of ``slots`` sequences of up to ``capacity`` tokens of a causal LM; see `forward`.

    ``lengths`` (slots) are the tokens that each holds; ``held`` names what beginning a slot holds whole, if any.
    """

    def __init__(self, model: Any, slots: int, capacity: int) -> None:
        """Makes room; nothing is in it."""
        self.model, self.slots, self.capacity = model, slots, capacity
        self.lengths = torch.zeros(slots, dtype=torch.long)
        self.held: list[Any] = [None] * slots
        layers, groups, width = shape_of(model)
        # One place more for each, into which padding is written. Zeros, since what is masked is multiplied too.
        self.store = torch.zeros(layers, 2, slots, groups, capacity + 1, width, dtype=model.dtype, device=model.device)

    def forward(
        self, first: int, tokens: Sequence[Sequence[int]], kept: int = 1, *, stays: bool = True
    ) -> torch.Tensor:
        """Returns the logits (B, kept, vocabulary) after the last ``kept`` tokens of each of B sequences.

        Slots ``first`` to ``first`` + B - 1 are continued by their ``tokens``, which stay in them unless told that
        nothing continues from there.
        """
        device = self.store.device
        lengths = torch.tensor([len(own) for own in tokens])
        batch, longest = len(tokens), int(lengths.max())
        pads = longest - lengths
        ids = torch.zeros(batch, longest, dtype=torch.long)
        for row, own in enumerate(tokens):
            ids[row, longest - len(own) :] = torch.as_tensor(own)
        window = slice(first, first + batch)
        places = self.lengths[window, None] + torch.arange(longest) - pads[:, None]
        is_pad = torch.arange(longest) < pads[:, None]
        positions = places.masked_fill(is_pad, 0)
        if not stays and not self.lengths[window].any():
            return self._alone(ids, positions, is_pad, kept)
        seen = int(positions.max()) + 1
        mask = torch.arange(seen) <= positions[..., None]
        cache = _Window(self.store, window, places.masked_fill(is_pad, self.capacity).to(device), seen)
        out = self.model(
            input_ids=ids.to(device),
            attention_mask=mask[:, None].to(device),
            position_ids=positions.to(device),
            cache=cache,
            use_cache=True,
            logits_to_keep=_last(kept, longest, device),
        )
        self.lengths[window] += lengths
        return out.logits

    def _alone(self, ids: torch.Tensor, positions: torch.Tensor, is_pad: torch.Tensor, kept: int) -> torch.Tensor:
        """Returns the logits of sequences that begin and end with this forward: no key is kept, or looked up."""
        device, longest = self.store.device, ids.shape[1]
        mask = torch.ones(longest, longest, dtype=torch.bool).tril() & ~is_pad[:, None]
        mask |= torch.eye(longest, dtype=torch.bool)  # padding sees itself: of nothing, attention would make no number
        out = self.model(
            input_ids=ids.to(device),
            attention_mask=mask[:, None].to(device),
            position_ids=positions.to(device),
            use_cache=False,
            logits_to_keep=_last(kept, longest, device),
        )
        return out.logits

    def beginning(self, slot: int, start: int) -> torch.Tensor:
        """Returns a copy of what ``slot`` holds from the position ``start`` on: (layers, 2, groups, tokens, width)."""
        return self.store[:, :, slot, :, start : int(self.lengths[slot])].clone()

    def load(self, slot: int, parts: Sequence[torch.Tensor], name: Any = None) -> None:
        """Gives ``slot`` a beginning, the copies ``parts`` after each other; nothing to do where it holds ``name``."""
        length = sum(part.shape[3] for part in parts)
        if name is None or self.held[slot] is not name:
            at = 0
            for part in parts:
                self.store[:, :, slot, :, at : at + part.shape[3]] = part
                at += part.shape[3]
            self.held[slot] = name
        self.lengths[slot] = length

    def move(self, source: int, target: int) -> None:
        """Puts what slot ``source`` holds into slot ``target``."""
        if source != target:
            length = int(self.lengths[source])
            self.store[:, :, target, :, :length] = self.store[:, :, source, :, :length]
            self.lengths[target] = length
            self.held[target] = self.held[source]


def _last(kept: int, longest: int, device: torch.device) -> torch.Tensor:
    """Returns the places of the last ``kept`` tokens.

    Places and no number: of a slice, which is not contiguous, torch's product copies the vocabulary's matrix once a
    row wherever the weights are frozen, as peft leaves them.
    """
    return torch.arange(longest - kept, longest, device=device)


def shape_of(model: Any) -> tuple[int, int, int]:
    """Returns layers, groups of heads that share a key, and the width of a key, of a causal LM of transformers."""
    config = model.config.get_text_config()
    heads = config.num_attention_heads
    groups = getattr(config, "num_key_value_heads", None) or heads
    width = getattr(config, "head_dim", None) or config.hidden_size // heads
    return config.num_hidden_layers, groups, width


def token_bytes(model: Any) -> int:
    """Returns the bytes that keys and values of one token take."""
    layers, groups, width = shape_of(model)
    return int(2 * layers * groups * width * model.dtype.itemsize)


class _Window(Cache):
    """The slots of a `KeyValueSlots` that one forward continues, as transformers' cache."""

    def __init__(self, store: torch.Tensor, window: slice, places: torch.Tensor, seen: int) -> None:
        super().__init__(layers=[_Layer(part, window, places, seen) for part in store])


class _Layer(CacheLayerMixin):
    """One layer's keys and values of some slots."""

    is_sliding = False

    def __init__(self, store: torch.Tensor, window: slice, places: torch.Tensor, seen: int) -> None:
        super().__init__()
        self.parts, self.places, self.seen = store[:, window], places, seen
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns keys and values (B, groups, L, D) of all tokens so far, after keeping those of the new ones."""
        rows = torch.arange(len(self.places), device=self.places.device)[:, None]
        for part, new in zip(self.parts, (key_states, value_states), strict=True):
            part[rows, :, self.places] = new.transpose(1, 2)
        keys, values = self.parts[:, :, :, : self.seen]
        return keys, values

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Does nothing: the room was made before."""

    def get_seq_length(self) -> int:
        """Returns the tokens of the longest sequence before this forward."""
        return self.seen - self.places.shape[1]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Returns the length of the keys and the offset of the first."""
        return self.seen, 0

    def get_max_length(self) -> int:
        """Returns -1: what there is room for is known to `KeyValueSlots`."""
        return -1
