"""Several checkpoints of one base in one run: the base is loaded once, and each adapter is put on it in turn."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

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
            "only hf-shared scores several adapters on one base, one after another",
            "write --model hf-shared, or name one adapter; None in a list is the base itself",
        )
    others = {key: value for key, value in model_args.items() if key != "peft"}
    named = dict.fromkeys(str(adapter) for adapter in adapters if adapter)
    base = [others] if len(named) < len(adapters) and not all(adapters) else []
    return [*base, *({**others, "peft": adapter} for adapter in named)]


def on_one_base(
    model_args: Sequence[Mapping[str, Any]], make: Callable[[Mapping[str, Any]], Any]
) -> Callable[[Mapping[str, Any]], Any]:
    """Returns what gives the model of each of ``model_args``: one `hf-shared`, with one adapter after another on it.

    ``make`` loads the base when the first is asked for. Raises UserError, before that, where an adapter is a learned
    prompt.
    """
    from harness_tasks.models.loading import refuse_learned_prompts

    adapters = [each["peft"] for each in model_args if each.get("peft")]
    for adapter in adapters:
        refuse_learned_prompts(adapter, model_args[0].get("revision"))

    @cache
    def base() -> Any:
        lm = make({key: value for key, value in model_args[0].items() if key != "peft"})
        if len(model_args) > 1:
            lm.share_lower_layers(adapters)
        return lm

    def wearing(each: Mapping[str, Any]) -> Any:
        base().wear(each.get("peft"))
        return base()

    return wearing
