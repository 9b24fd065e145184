"""Models without weights: made on the meta device from a configuration, to be counted and measured."""

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from finetune.heads import Head, model_class
from harness_tasks.errors import UserError
from harness_tasks.messages import first_line
from harness_tasks.models.files import refusals


@dataclass(frozen=True)
class Described:
    """A configuration that is equal to every other of the same class and content, so that a cache can look it up."""

    config: Any = field(compare=False)
    content: tuple[type, str]


def described(config: Any) -> Described:
    """Returns ``config`` as it is now: a later change of it is another one."""
    config = copy.deepcopy(config)
    return Described(config, (type(config), config.to_json_string(use_diff=False)))


@contextmanager
def quiet_meta() -> Iterator[None]:
    """Makes modules on the meta device inside the block, without transformers' and peft's warnings about that."""
    import torch

    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore")
        yield


def build(config: Any, head: Head, labels: int | None = None) -> Any:
    """Returns the model that a configuration describes, on torch's device; ``config`` is not changed.

    ``labels``: of a sequence-classification head; None: as the configuration says. Raises `UserError` where
    transformers has no model of this type with that head, or cannot make it.
    """
    config = copy.deepcopy(config)
    if head == "sequence-classification" and labels is not None:
        config.num_labels = labels
    return made(model_class(config, head), config)


def built_on_meta(config: Any, head: Head, labels: int | None = None) -> Any:
    """Returns the model that a configuration describes, without weights; raises as `build` does."""
    with quiet_meta():
        return build(config, head, labels)


def made(model_class: Any, config: Any) -> Any:
    """Returns a model of that class; raises `UserError` where transformers cannot make one of the configuration."""

    def refusal(error: Exception) -> UserError:
        return UserError(
            f"a configuration of type {config.model_type} of which transformers makes no {model_class.__name__}",
            f"it ends in {first_line(error)}",
            "compare it with the published config.json of that model",
        )

    with refusals(refusal):
        return model_class._from_config(config)
