"""Whether a folder or a repository holds the language model as which lm_eval's `hf` would load it.

transformers makes a causal LM of an encoder, whose every prediction has seen its answer, and lm_eval an encoder with a
decoder of a decoder alone; the scores of both look plausible.
"""

from typing import Any

from transformers import AutoConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

from harness_tasks.errors import UserError
from harness_tasks.models.loading import is_pair


def sees_the_future(config: Any) -> str | None:
    """Returns what in a model's configuration lets each token attend to those after it; None where nothing does.

    >>> from transformers import BertConfig, GPT2Config
    >>> sees_the_future(BertConfig()), sees_the_future(BertConfig(is_decoder=True)), sees_the_future(GPT2Config())
    ('is_decoder: false', None, None)
    """
    text = config.get_text_config()
    masked = text.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES or text.model_type == "bert-generation"
    # BERT and its like; XLM; what a decoder's own attention is told
    if masked and getattr(text, "is_decoder", None) is False:
        return "is_decoder: false"
    if masked and getattr(text, "causal", None) is False:
        return "causal: false"
    if getattr(text, "is_causal", True) is False:
        return "is_causal: false"
    both = getattr(text, "use_bidirectional_attention", None)
    return "use_bidirectional_attention" if both is True or both == "all" else None


def refuse_encoder(place: str, config: Any) -> None:
    """Raises `UserError` where a model that is to be a causal LM sees the tokens that it is to predict."""
    if key := sees_the_future(config):
        raise UserError(
            f"{place} is an encoder ({config.model_type}, {key}), asked for as a causal language model",
            "each prediction has seen the token that it predicts, so scores and losses look good and mean nothing",
            "name a decoder; or train this one with --head sequence-classification or question-answering, "
            "and score it with --model hf-seqcls or hf-span",
        )


def check_language_model(place: str, *, revision: str | None, subfolder: str = "", backend: str = "default") -> None:
    """Raises UserError where ``place`` is a model that `hf` would load otherwise than it was trained.

    That is an encoder, or a decoder that is taken for an encoder with a decoder.

    A configuration that transformers cannot read the class itself refuses.
    """
    try:
        config = AutoConfig.from_pretrained(place, revision=revision, subfolder=subfolder, trust_remote_code=False)
    except Exception:
        return
    if not is_pair(config, backend):
        refuse_encoder(place, config)
    elif getattr(config, "is_decoder", False) and not config.is_encoder_decoder:
        raise UserError(
            f"{place} is the decoder alone of an encoder-decoder ({config.model_type})",
            "lm_eval loads the encoder of models of this type too, at random, and the scores look plausible",
            "add backend=causal to --model_args",
        )
