"""Rows that change their neighbours in a batch, and lengths from which on a model reads otherwise.

Windows, chunks and the frequencies of some rotary embeddings take effect from a certain length on, the latter by the
longest row of a batch. A trial that is shorter than that finds nothing.
"""

import re
from collections.abc import Iterator
from typing import Any

import torch

from harness_tasks.models.body_name import body_name

SHORT_TOKENS, LONG_TOKENS = 12, 40
"""The shortest and the longest row of a trial where the configuration names no length."""
WRITTEN_TOKENS = 4
"""Tokens that a trial writes after a prompt."""
TRIED_TOKENS = 1024
"""The longest change that is tried: reading more takes a large model minutes on a processor."""
_NAMES = re.compile(r"window|chunk|block|local|segment|span|topk$|original_max_position")
_COUNTS = re.compile(r"^num_|^n_|layers?$|_ids$|experts|_per_|pattern")
_SWITCHED = re.compile("dynamic|longrope")
"""The kinds of rotary embedding whose frequencies depend on the longest row that is read."""


def changes(config: Any) -> tuple[list[int], int | None]:
    """Returns the lengths in tokens at which a model may begin to read otherwise, and the least that is not tried.

    ``config``: the model's transformers configuration. The lengths are those up to `TRIED_TOKENS`.

    >>> from transformers import GPTNeoConfig, MistralConfig
    >>> changes(GPTNeoConfig(window_size=256)), changes(MistralConfig(sliding_window=4096))
    (([256], None), ([], 4096))
    """
    found = {value for name, value in _integers(config.get_text_config().to_dict()) if _is_length(name) and value > 1}
    return sorted(value for value in found if value <= TRIED_TOKENS), min(
        (value for value in found if value > TRIED_TOKENS), default=None
    )


def rope_switch(config: Any) -> int | None:
    """Returns the tokens up to which the frequencies of a model's rotary embedding do not depend on the length.

    None where they never do.
    """
    text = config.get_text_config()
    given = getattr(text, "rope_parameters", None) or {}
    kinds = [given, *(own for own in given.values() if isinstance(own, dict))]
    switched = [own for own in kinds if _SWITCHED.search(str(own.get("rope_type") or ""))]
    whole = getattr(text, "max_position_embeddings", None)
    original = getattr(text, "original_max_position_embeddings", None)
    lengths = []
    for own in switched:
        # the first factor of `dynamic` is reached where the positions of the configuration end
        is_long = "longrope" in own["rope_type"]
        lengths.append((own.get("original_max_position_embeddings") or original or whole) if is_long else whole)
    return min((int(length) for length in lengths if length), default=0 if switched else None)


def alone_over(model: Any) -> int | None:
    """Returns the tokens over which a row must be read alone, since its neighbours in a batch change it; None: never.

    ``model`` is one of transformers, of any head, perhaps with an adapter. What the configuration does not tell is
    tried: a short row beside a longer one must give what it gives alone. From then on a rotary embedding that keeps
    the frequencies of the longest sequence so far forgets them before each forward.
    """
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    switch = rope_switch(inner.config)
    if switch is not None:
        for module in inner.modules():
            if "dynamic" in str(getattr(module, "rope_type", "")):
                module.register_forward_pre_hook(_forget)
        return switch
    body = getattr(inner, body_name(inner))
    lengths = {max(LONG_TOKENS, length + 8) for length in [0, *changes(inner.config)[0]]}
    was_training = inner.training
    inner.eval()
    try:
        same = all(_same_beside(body, length) for length in sorted(lengths))
    except Exception:  # what cannot be read beside another is read alone
        same = False
    inner.train(was_training)
    return None if same else 0


def writes_beside(model: Any) -> bool:
    """Returns whether ``model``, a causal LM, writes after a short prompt beside longer ones what it writes alone.

    Prompts that are written after are padded at their beginning, which a model may take that compresses its keys by
    blocks, or that no mask keeps from counting the padding. The logits of the first tokens are compared.
    """
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    lengths = {max(LONG_TOKENS, length + 8) for length in [0, *changes(inner.config)[0]]}
    try:
        return all(_writes_beside(inner, length) for length in sorted(lengths))
    except Exception:  # what cannot be written beside another is written alone
        return False


def trial_text(config: Any, tokens: int, step: int = 7) -> list[int]:
    """Returns ``tokens`` ids of no meaning, of which many differ."""
    vocabulary = min(config.get_text_config().vocab_size, 997)
    return [(step * n + 3) % vocabulary for n in range(tokens)]


def tolerance(model: Any, values: torch.Tensor) -> float:
    """Returns how far two ways of computing ``values`` may be apart: a few roundings of the largest."""
    return float(64 * torch.finfo(model.dtype).eps * values.abs().max().clamp(min=1))


def _same_beside(body: Any, length: int) -> bool:
    """Returns whether a short row is read beside one of ``length`` tokens as it is alone, with and without a mask."""
    short, long = trial_text(body.config, SHORT_TOKENS), trial_text(body.config, length, 5)
    device = next(body.parameters()).device
    ids = torch.tensor([short + [0] * (length - len(short)), long], device=device)
    mask = torch.ones_like(ids)
    mask[0, len(short) :] = 0
    with torch.inference_mode():
        alone = body(input_ids=ids[:1, : len(short)], use_cache=False).last_hidden_state[0].float()
        for given in ({}, {"attention_mask": mask}):
            beside = body(input_ids=ids, use_cache=False, **given).last_hidden_state[0, : len(short)].float()
            if not torch.allclose(beside, alone, atol=tolerance(body, alone), rtol=1e-3):
                return False
    return True


def _writes_beside(model: Any, length: int) -> bool:
    """Returns whether the logits after a short prompt beside one of ``length`` tokens are those that it has alone."""
    short, long = trial_text(model.config, SHORT_TOKENS), trial_text(model.config, length, 5)
    ids = torch.tensor([[0] * (length - len(short)) + short, long], device=model.device)
    mask = torch.ones_like(ids)
    mask[0, : length - len(short)] = 0
    settings = {"max_new_tokens": WRITTEN_TOKENS, "min_new_tokens": WRITTEN_TOKENS, "do_sample": False}
    settings |= {"output_logits": True, "return_dict_in_generate": True, "pad_token_id": 0}
    with torch.inference_mode():
        alone = model.generate(ids[:1, length - len(short) :], attention_mask=mask[:1, -len(short) :], **settings)
        beside = model.generate(ids, attention_mask=mask, **settings)
    for one, other in zip(alone.logits, beside.logits, strict=True):
        if not torch.allclose(other[0].float(), one[0].float(), atol=tolerance(model, one.float()), rtol=1e-3):
            return False
        if one[0].argmax() != other[0].argmax():
            break  # two that tie; what is written after them differs
    return True


def _forget(module: Any, _: Any) -> None:
    """Puts a rotary embedding back to the frequencies that it had before it met a longer sequence."""
    prefixes = [name.removesuffix("original_inv_freq") for name in vars(module) if name.endswith("original_inv_freq")]
    prefixes += [name.removesuffix("original_inv_freq") for name in module._buffers if "original_inv_freq" in name]
    for prefix in prefixes:
        current, original = getattr(module, f"{prefix}inv_freq"), getattr(module, f"{prefix}original_inv_freq")
        if current.shape == original.shape and not torch.equal(current, original.to(current.device)):
            setattr(module, f"{prefix}inv_freq", original.to(current.device, copy=True))
        if hasattr(module, f"{prefix}max_seq_len_cached"):
            setattr(module, f"{prefix}max_seq_len_cached", module.original_max_seq_len)


def _is_length(name: str) -> bool:
    return bool(_NAMES.search(name)) and not _COUNTS.search(name)


def _integers(values: Any, name: str = "") -> Iterator[tuple[str, int]]:
    """Yields every whole number in a configuration, with the name of its key."""
    if isinstance(values, dict):
        for key, value in values.items():
            yield from _integers(value, str(key))
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _integers(value, name)
    elif isinstance(values, int) and not isinstance(values, bool):
        yield name, values
