"""What a transformers model calls its body; nothing is imported for it."""

from typing import Any


def body_name(model: Any) -> str:
    """Returns what a transformers model calls what stands below its head.

    That is its `base_model_prefix`, but where no module bears that name (Llama 4's text model): the largest one.
    """
    children = dict(model.named_children())
    if model.base_model_prefix in children:
        return str(model.base_model_prefix)
    return max(children, key=lambda name: sum(weight.numel() for weight in children[name].parameters()))
