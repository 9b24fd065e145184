"""Models without weights: made on the meta device from a configuration, to be counted and measured."""

import copy
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from finetune.heads import Head, model_class
from harness_tasks.errors import UserError

MOST_PARTS = 20_000
"""More layers or experts than any model has: a number that is damaged."""


@contextmanager
def quiet_meta() -> Iterator[None]:
    """Inside, modules are made on the meta device, and transformers' and peft's warnings about that are not shown."""
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
    if (deep := next(((key, n) for key, n in _counts(config.to_dict()) if n > MOST_PARTS), None)) is not None:
        raise UserError(
            f"`{deep[0]}` is {deep[1]} in the configuration of a {model_class.__name__}",
            f"no model has more than {MOST_PARTS:,} of them, and to make so many would take for ever",
            "compare it with the published config.json of that model",
        )
    try:
        return model_class._from_config(config)
    except UserError:
        raise
    except Exception as error:  # transformers raises many kinds for a value that is missing or contradicts another
        said = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise UserError(
            f"a configuration of type {config.model_type} of which transformers makes no {model_class.__name__}",
            f"it ends in {type(error).__name__}: {said}",
            "compare it with the published config.json of that model",
        ) from None


def _counts(config: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yields how many layers and experts a configuration and those within it ask for, by name."""
    for key, value in config.items():
        if isinstance(value, dict):
            yield from _counts(value)
        elif type(value) is int and re.search(r"layers?$|experts$|depth$|blocks$", key):
            yield str(key), value
