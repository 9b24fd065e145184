"""Which modules an adapter is put on: by default every linear layer of the body that peft can adapt."""

import copy
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from finetune.heads import head_of, without_adapter
from finetune.meta import Described, built_on_meta, described, quiet_meta
from finetune.sizes import layer_count
from harness_tasks.errors import UserError
from harness_tasks.messages import nearest_name, reason_of
from harness_tasks.models.body_name import body_name


def lora_target_names(model: Any, targets: Sequence[str] | None) -> list[str]:
    """Returns the names that peft looks for; None for ``targets`` stands for all that it can adapt.

    peft's own "all-linear" is not used: it takes in a question-answering head, on which peft then fails.

    Raises:
        UserError: no module bears one of the names, or peft does not put an adapter on it, or on none at all.
    """
    # packed in 4 bits, or adapted already, modules are of other kinds
    inner = without_adapter(model)
    config, head = inner.config, head_of(inner)
    if targets is None:
        return _default(config, head)
    twin = built_on_meta(config, head)
    if not targets:
        raise UserError("an empty list of LoRA targets", "an adapter without modules trains nothing", "name modules")
    modules = {name.rpartition(".")[0] for name, _ in twin.named_parameters()}
    for target in targets:
        if fused := _fused(twin, target):
            raise UserError(
                f"LoRA on {target} of {type(twin).__name__}: {fused} holds all experts in one tensor",
                "LoRA is put on linear layers, each a matrix of its own",
                f"name modules among {', '.join(_default(config, head))}, leave --lora-targets out to take them all, "
                "or train the experts too with --method full",
            )
        if not any(name == target or name.endswith(f".{target}") for name in modules):
            known = _names(linear_modules(twin))
            raise UserError(
                f"no module called {target} in {type(twin).__name__}",
                "the adapter would not be put where you mean; its linear layers are " + ", ".join(known),
                f"write {nearest_name(target, known, cutoff=0.3) or known[0]}, if that is what you mean",
            )
    if why := _refusal(twin, list(targets)):
        raise UserError(
            f"LoRA on {', '.join(targets)} of {type(twin).__name__}: {why}",
            "the adapter would not be where you mean, or would have no effect there",
            f"name modules among {', '.join(_default(config, head))}, or leave --lora-targets out to take them all",
        )
    return list(targets)


def linear_modules(model: Any) -> list[str]:
    """Returns the full names of the layers below the head, on the meta device, that give back a matrix product.

    A subclass that gives back something else (a router: indices too) is none; Falcon's own linear layer is one.
    """
    import torch
    from transformers.pytorch_utils import Conv1D  # GPT-2's linear layers

    def is_product(module: Any) -> bool:
        if type(module).forward in (torch.nn.Linear.forward, Conv1D.forward):
            return True
        try:
            found = module(torch.empty(2, module.in_features, device="meta", dtype=module.weight.dtype))
        except Exception:  # it takes something else than a layer's input
            return False
        return isinstance(found, torch.Tensor) and found.shape == (2, module.out_features)

    prefix, kinds = body_name(model) + ".", (torch.nn.Linear, Conv1D)
    return [
        name
        for name, module in model.named_modules()
        if name.startswith(prefix) and isinstance(module, kinds) and is_product(module)
    ]


def adaptable_matrices(config: Any, head: Any) -> list[str]:
    """Returns the names of the weights that LoRA is put on by default in the model that ``config`` describes."""
    twin = built_on_meta(config, head)
    short = _default(config, head)
    return [
        f"{name}.weight"
        for name in linear_modules(twin)
        if any(name == target or name.endswith(f".{target}") for target in short)
    ]


def layer_indices(config: Any, layers: Sequence[int] | None) -> list[int] | None:
    """Returns the indices of the layers that get LoRA, None for all; raises `UserError` for one that is not there."""
    if layers is None:
        return None
    count = layer_count(config)
    wrong = [layer for layer in layers if not 0 <= layer < count]
    if wrong or not layers:
        raise UserError(
            f"LoRA on layer {wrong[0]}" if wrong else "an empty list of LoRA layers",
            f"the model's layers are 0 to {count - 1}",
            "name layers among them, or leave them out to adapt all",
        )
    return sorted(set(layers))


def _fused(twin: Any, target: str) -> str | None:
    """Returns the first parameter that ``target`` names, itself or by its module, and that is a stack of matrices.

    None where there is none, and where it names a linear layer as well.
    """
    if any(name == target or name.endswith(f".{target}") for name in linear_modules(twin)):
        return None
    for name, parameter in twin.named_parameters():
        places = (name, name.rpartition(".")[0])
        if parameter.dim() == 3 and any(place == target or place.endswith(f".{target}") for place in places):
            return str(name)
    return None


def _default(config: Any, head: Any) -> list[str]:
    """Returns the short names of all linear modules, those left out that peft refuses or puts elsewhere."""
    return list(_default_of(described(config), head))


@lru_cache(maxsize=64)
def _default_of(model: Described, head: Any) -> tuple[str, ...]:
    twin = built_on_meta(model.config, head)
    own = set(linear_modules(twin))
    names = _names(sorted(own), [name for name, _ in twin.named_modules() if name not in own])
    if names and _refusal(twin, names):
        names = [name for name in names if not _refusal(twin, [name])]
    if not names:
        raise UserError(
            f"no linear layer of {type(twin).__name__} that peft puts LoRA on",
            "an adapter without modules trains nothing",
            "take --method full, or head",
        )
    return tuple(names)


def _refusal(twin: Any, names: list[str]) -> str | None:
    """Returns why peft cannot put LoRA on the modules with these names, and on nothing else; None where it can.

    Of experts that are kept as one tensor it makes something else of the names that they had as modules.
    """
    from peft import LoraConfig, get_peft_model
    from peft.tuners.lora import LoraLayer

    with quiet_meta():
        try:
            made = get_peft_model(copy.deepcopy(twin), LoraConfig(r=1, target_modules=list(names)))
        except Exception as error:  # of whatever kind; its first line says what it does not take
            return f"peft refuses it ({reason_of(error)})"
    modules = set(dict(twin.named_modules()))
    adapted = {name for name, module in made.get_base_model().named_modules() if isinstance(module, LoraLayer)}
    meant = {name for name in modules if any(name == own or name.endswith(f".{own}") for own in names)}
    if elsewhere := sorted(adapted - meant):
        return f"peft puts it on {elsewhere[0]} as well, all experts in one tensor"
    return None


def _names(modules: Sequence[str], others: Iterable[str] = ()) -> list[str]:
    """Returns the shortest names by which peft finds ``modules`` and none of ``others``.

    That is a name's last part, or, where that is a number in a list, the list's name with it.

    >>> _names(["model.layers.0.mlp.up_proj", "model.layers.1.mlp.up_proj", "model.projections.0"])
    ['projections.0', 'up_proj']
    >>> _names(["bert.layer.0.output.dense"], ["cls.transform.dense", "bert.layer.0.output"])
    ['output.dense']
    """
    ends = {name[at:] for name in others for at in (0, *(i + 1 for i, sign in enumerate(name) if sign == "."))}
    short = set()
    for module in modules:
        parts = module.split(".")
        first = len(parts) - 1
        while first and (parts[first].isdigit() or ".".join(parts[first:]) in ends):
            first -= 1
        short.add(".".join(parts[first:]))
    return sorted(short)
