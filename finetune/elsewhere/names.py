"""Which tensor of a checkpoint is which of its base: programs put other prefixes before the same names."""

from collections import Counter
from collections.abc import Iterable

HEAD = "lm_head.weight"
"""What transformers' language models call the head that may be tied to the embeddings."""
_WRAPPERS = frozenset({"base_model", "model", "language_model", "text_model", "transformer", "module",
                       "pretrained_model", "backbone"})  # fmt: skip
"""What transformers, peft, trl and data-parallel wrappers call the model within them."""


def plain_name(name: str) -> str:
    """Returns a tensor's name without the wrappers at its head.

    >>> plain_name("base_model.model.model.layers.0.mlp.up_proj.weight"), plain_name("model.norm.weight")
    ('layers.0.mlp.up_proj.weight', 'norm.weight')
    """
    parts = name.split(".")
    while len(parts) > 2 and parts[0] in _WRAPPERS:
        parts = parts[1:]
    return ".".join(parts)


def matched(names: Iterable[str], base: Iterable[str]) -> dict[str, str]:
    """Returns for each of ``names`` that the base has too what the base calls it.

    Equal names come first, then those that are equal without wrappers, then those where one side has a body's name
    before (``bert.encoder…``) that the other side lacks.
    """
    names, base = list(names), list(base)
    known = set(base)
    found = {name: name for name in names if name in known}
    left, free = [name for name in names if name not in found], [name for name in base if name not in found]
    plain = _unique((plain_name(name), name) for name in free)
    found |= {name: plain[plain_name(name)] for name in left if plain_name(name) in plain}
    taken = set(found.values())
    without_body = _unique((plain_name(name).partition(".")[2], name) for name in free if name not in taken)
    for name in left:
        own = plain_name(name)
        rest = own.partition(".")[2]
        other = without_body.get(own) or (plain.get(rest) if rest.count(".") else None)
        if name not in found and other and other not in taken:
            found[name] = other
            taken.add(other)
    return found


def _unique(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Returns the pairs by their keys, without keys that stand for two names."""
    pairs = list(pairs)
    count = Counter(key for key, _ in pairs)
    return {key: name for key, name in pairs if count[key] == 1}
