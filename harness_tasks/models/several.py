"""Several checkpoints of one base in one run: the base is loaded once, and each adapter is put on it in turn."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from unittest import mock

from harness_tasks.errors import UserError


def runs(model: str, model_args: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns the model arguments of each run: one for each entry of ``peft`` where that is a list, else one.

    An entry that is None, or empty, is the base itself, which comes first: what an adapter needs of it is done later.
    Raises UserError where the list is empty or the model class takes none.

    >>> runs("hf-shared", {"pretrained": "BASE", "peft": ["A", None]})
    [{'pretrained': 'BASE'}, {'pretrained': 'BASE', 'peft': 'A'}]
    """
    adapters = model_args.get("peft")
    if not isinstance(adapters, list | tuple):
        return [dict(model_args)]
    if model != "hf-shared" or not adapters:
        raise UserError(
            f"a list of {len(adapters)} adapters for the model class {model}",
            "hf-shared alone puts several adapters on one base, one after another",
            "write --model hf-shared, or name one adapter; the base itself stands in a list as None",
        )
    others = {key: value for key, value in model_args.items() if key != "peft"}
    named = dict.fromkeys(str(adapter) for adapter in adapters if adapter)
    base = [others] if len(named) < len(adapters) and not all(adapters) else []
    return [*base, *({**others, "peft": adapter} for adapter in named)]


def with_model_args(arguments: Sequence[str], model_args: Mapping[str, Any]) -> list[str]:
    """Returns lm_eval's ``arguments`` with other model arguments, as JSON.

    >>> with_model_args(["--model_args", "pretrained=A", "peft=B", "--tasks", "x"], {"pretrained": "A"})
    ['--tasks', 'x', '--model_args', '{"pretrained": "A"}']
    """
    kept, is_dropped = list[str](), False
    for word in arguments:
        if word.startswith("-"):
            is_dropped = word.split("=")[0] in ("--model_args", "-a")
        if not is_dropped:
            kept.append(word)
    return [*kept, "--model_args", json.dumps(model_args)]


def score_each(model_args: Sequence[Mapping[str, Any]], score: Callable[[Mapping[str, Any]], None]) -> None:
    """Calls ``score`` with each of ``model_args``; every `hf-shared` that lm_eval makes meanwhile is the same one.

    Raises UserError, before anything is loaded, where an adapter is a learned prompt.
    """
    from harness_tasks.models.loading import refuse_learned_prompts
    from harness_tasks.models.shared import SharedLM

    adapters = [each["peft"] for each in model_args if each.get("peft")]
    for adapter in adapters:
        refuse_learned_prompts(adapter, model_args[0].get("revision"))
    make = SharedLM.create_from_arg_obj
    loaded: list[SharedLM] = []

    def made(arguments: dict[str, Any], additional_config: dict[str, Any] | None = None) -> SharedLM:
        if not loaded:
            loaded.append(make({key: value for key, value in arguments.items() if key != "peft"}, additional_config))
            if len(model_args) > 1:
                loaded[0].share_below(adapters)
        loaded[0].wear(arguments.get("peft"))
        return loaded[0]

    with mock.patch.object(SharedLM, "create_from_arg_obj", made):
        for arguments in model_args:
            score(arguments)
