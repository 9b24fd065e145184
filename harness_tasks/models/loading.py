"""Weights with a head, whole or an adapter on its base, through calls of transformers and peft alone."""

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import transformers
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES

from harness_tasks.errors import UserError
from harness_tasks.models.body_name import body_name
from harness_tasks.models.labels import CLASSIFIERS
from harness_tasks.models.weights import tensors_of


def load_head(
    auto_class: Any, pretrained: str, *, config: Any, peft: str | None, revision: str | None, dtype: str
) -> Any:
    """Returns the model that ``auto_class`` makes of ``pretrained``, with the adapter ``peft`` and its head on it.

    An adapter's head stays in float32, in which it is trained, whatever ``dtype`` its base has. Raises UserError where
    weights are missing that no adapter brings: transformers would make them at random.
    """
    with quiet():
        model, found = auto_class.from_pretrained(
            pretrained,
            config=config,
            revision=revision,
            dtype=dtype,
            key_mapping=renamed_body(auto_class, config) if peft else None,
            output_loading_info=True,
        )
    body = body_name(model)
    children = model.named_children()
    heads = [name for name, module in children if name != body and any(True for _ in module.parameters())]
    brought = [name.removeprefix("base_model.model.") for name in tensor_shapes(peft, revision)] if peft else []
    if missing := sorted(set(found["missing_keys"]) - set(brought)):
        raise _random(f"{pretrained}{' and its adapter have' if peft else ' has'}", missing, type(model).__name__)
    if not peft:
        return model
    from peft import PeftModel

    for name in heads:
        model.get_submodule(name).float().register_forward_pre_hook(in_own_dtype)
    return PeftModel.from_pretrained(model, peft, revision=revision)


def refuse_unfilled(pretrained: str, *, revision: str | None, subfolder: str = "", backend: str = "default") -> None:
    """Raises UserError where a language model's files lack weights of the model that its configuration describes.

    Where they hold more layers than that, a warning says so on stderr. transformers makes weights that are missing at
    random, with a warning. It is asked itself, by a load in which no weight is read; where that fails, or the model is
    quantised, nothing is said here: loading it in earnest tells.
    """
    with quiet():
        try:
            config = AutoConfig.from_pretrained(pretrained, revision=revision, subfolder=subfolder)
            if getattr(config, "quantization_config", None) is not None:
                return
            auto_class: Any = AutoModelForSeq2SeqLM if is_pair(config, backend) else AutoModelForCausalLM
            model, found = auto_class.from_pretrained(
                pretrained, revision=revision, subfolder=subfolder, device_map="meta", output_loading_info=True
            )
        except Exception:  # of any kind; see above
            return
    if missing := sorted(found["missing_keys"]):
        raise _random(f"{pretrained} has", missing, type(model).__name__)
    warn_of_layers_left_out(pretrained, model, found["unexpected_keys"])


def is_pair(config: Any, backend: str) -> bool:
    """Returns whether lm_eval's `hf` loads a model of this configuration as an encoder with a decoder: its own rule."""
    by_type = config.model_type in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES
    return by_type if backend == "default" else backend == "seq2seq"


def warn_of_layers_left_out(pretrained: str, model: Any, unexpected: Iterable[str]) -> None:
    """Says on stderr where ``unexpected`` tensors of ``pretrained`` are further layers of what ``model`` has fewer of.

    Of a part that its class does not have at all, a tower for images, nothing is said.
    """
    known = {_without_numbers(name) for name in model.state_dict()}
    if left := sorted(name for name in unexpected if _without_numbers(name) in known):
        print(
            f"Warning: {pretrained} holds {len(left)} tensors for which its configuration has no layer, the first "
            f"{left[0]}: the model goes without them.",
            file=sys.stderr,
        )


def _without_numbers(name: str) -> str:
    return re.sub(r"\d+", "#", name)


def _random(whose: str, missing: list[str], name: str) -> UserError:
    return UserError(
        f"{whose} no weights for {len(missing)} tensors of {name}, the first {missing[0]}",
        "they would be random, and the scores would look plausible",
        "name a complete checkpoint, or its base as `pretrained` and the adapter as `peft`",
    )


def labels_of_adapter(place: str, revision: str | None) -> int | None:
    """Returns how many labels the classifier's head in an adapter's weights has; None where it holds none."""
    heads = [shape for name, shape in tensor_shapes(place, revision).items() if name.endswith(CLASSIFIERS)]
    return heads[-1][0] if heads else None


def tensor_shapes(adapter: str, revision: str | None) -> dict[str, list[int]]:
    """Returns the shape of each tensor of an adapter, by name; no tensor is read."""
    from transformers.utils import cached_file

    file = str(cached_file(adapter, "adapter_model.safetensors", revision=revision))
    return {name: list(tensor.shape) for name, tensor in tensors_of(Path(file)).items()}


def refuse_learned_prompts(adapter: str, revision: str | None) -> None:
    """Raises UserError where an adapter is a learned prompt: nothing that is put on the base's own modules."""
    from peft import PeftConfig

    config = PeftConfig.from_pretrained(adapter, revision=revision)
    if config.is_prompt_learning:
        raise UserError(
            f"{adapter} is a learned prompt ({config.peft_type.value}), in a list of adapters",
            "hf-shared puts them on one base in turn, and a prompt is not within the base: it would not be read",
            f"score it by itself: --model_args pretrained=BASE,peft={adapter}",
        )


def renamed_body(auto_class: Any, config: Any) -> dict[str, str] | None:
    """Returns how the tensors of a language model are called in the class with a head, as a pattern.

    Llama's body is `model` in the one and `transformer` in the span reader. Without this, transformers finds not one
    weight of the base, and continues with a random body.
    """
    prefixes = []
    for kind in (AutoModelForCausalLM, auto_class):
        made = kind._model_mapping.get(type(config), None)
        made = made[0] if isinstance(made, list | tuple) else made
        prefixes.append(made.base_model_prefix if made else None)
    language_model, head = prefixes
    if language_model is None or head is None or language_model == head:
        return None
    return {rf"^{language_model}\.": f"{head}."}


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps transformers from listing missing weights inside the block: whoever loads checks all but a new head's."""
    verbosity, has_bar = transformers.logging.get_verbosity(), transformers.logging.is_progress_bar_enabled()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers.logging.set_verbosity(verbosity)
        if has_bar:
            transformers.logging.enable_progress_bar()


def in_own_dtype(module: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
    """Gives a float32 head its input in float32, where the body's output is not."""
    dtype = next(module.parameters()).dtype
    return tuple(
        value.to(dtype) if isinstance(value, Tensor) and value.is_floating_point() else value for value in given
    )
