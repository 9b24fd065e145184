"""A model object of one of lm_eval's classes: made, and its tokenizer tried, with errors that a user can act on."""

from collections.abc import Callable, Mapping
from typing import Any

from lm_eval.api.registry import get_model
from lm_eval.models.huggingface import HFLM

from harness_tasks.models import register_models
from harness_tasks.models.files import cannot_load, cannot_spell, refusals


def make_model(model: str, model_args: Mapping[str, Any], **settings: Any) -> Any:
    """Returns the object that lm_eval's class ``model``, or one of ours, makes of ``model_args``.

    ``settings``: ``batch_size``, ``max_batch_size`` and ``device``, as lm_eval takes them. Raises UserError where it
    cannot be made.
    """
    register_models()
    with refusals(cannot_load(_place(model, model_args))):
        return get_model(model).create_from_arg_obj(dict(model_args), settings)


def chat_template_of(lm: Any, model: str, model_args: Mapping[str, Any]) -> Callable[..., Any]:
    """Returns what renders a conversation as ``lm`` takes it; it raises UserError where the template fails on one.

    A tokenizer is tried at once that, as those of `hf` do, makes tokens of every prompt.
    """
    error_of = cannot_spell(_place(model, model_args))
    if isinstance(lm, HFLM):
        with refusals(error_of):
            lm.tok_encode("A")

    def render(*arguments: Any, **settings: Any) -> Any:
        with refusals(error_of):
            return lm.apply_chat_template(*arguments, **settings)

    return render


def _place(model: str, model_args: Mapping[str, Any]) -> Any:
    return model_args.get("pretrained") or f"the model class {model}"
