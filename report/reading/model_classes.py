"""As which class of transformers a model is counted that has none of the three heads.

Such are encoder-decoders, and models that see or hear.
"""

from typing import Any

from finetune.heads import TASK_TYPES, auto_class

_KINDS = ("MultimodalLM", "ImageTextToText", "Seq2SeqLM", "SpeechSeq2Seq", "CausalLM", "MaskedLM")
"""Of a type for which the configuration names no class, the first of these that transformers has, else its body."""


def other_class(config: Any) -> Any:
    """Returns the class that the configuration names, or its type stands for; None where that has one of the heads."""
    import transformers

    with_head = [_class_for(config, auto_class(head)) for head in TASK_TYPES]
    for name in config.architectures or []:
        named = getattr(transformers, name, None)
        if named is None or not isinstance(named, type) or not issubclass(named, transformers.PreTrainedModel):
            continue
        if isinstance(config, named.config_class or ()):
            return None if named in with_head else named
    if with_head[0] is not None and not _is_composite(config):
        return None
    names = [*(f"AutoModelFor{kind}" for kind in _KINDS), "AutoModel"]
    found = [_class_for(config, getattr(transformers, name)) for name in names]
    chosen = next((one for one in found if one is not None), None)
    return None if chosen in with_head else chosen


def _is_composite(config: Any) -> bool:
    """Returns whether its causal language model is a part of the whole: one of several models, or a decoder."""
    return bool("text_config" in (config.sub_configs or {}) or config.is_encoder_decoder)


def _class_for(config: Any, auto: Any) -> Any:
    try:
        found = auto._model_mapping.get(type(config), None)
    except ValueError:  # transformers lists some classes that it does not have
        return None
    return found[0] if isinstance(found, (list, tuple)) else found
