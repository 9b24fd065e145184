"""Whether a checkpoint belongs to a base, by headers and JSON alone: refused, before a weight is read, where not."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from finetune.elsewhere.adapter_changes import adapter_of
from finetune.elsewhere.names import HEAD, matched, plain_name
from finetune.elsewhere.sides import ADAPTER_WEIGHTS, Side
from finetune.elsewhere.weight_changes import embeddings_of
from harness_tasks.errors import UserError
from harness_tasks.guards.adapter_base import adapter_base
from harness_tasks.guards.verdicts import Verdict
from harness_tasks.messages import nearest_name

ALLOWABLE = ("other-base",)
"""The checks that a user may mean to go against."""


def check_allowed(allowed: Sequence[str]) -> None:
    """Raises UserError where one of ``allowed`` is no check of a pair that can be allowed."""
    for name in allowed:
        if name not in ALLOWABLE:
            raise UserError(
                f"--allow {name}: there is no such check that can be allowed",
                "a mistyped name would have no effect",
                f"write {nearest_name(name, ALLOWABLE, cutoff=0.0) or ALLOWABLE[0]}, if that is what you mean; what "
                "else is refused cannot be compared",
            )


def refuse_unreadable(side: Side, what: str) -> None:
    """Raises UserError where a side's folder has no weights that are read, and says what it has in their place."""
    names = side.files.names("*")
    weights = [name for name in names if name.endswith(".safetensors")]
    adapter = side.kind == "adapter"
    if ADAPTER_WEIGHTS in weights if adapter else weights:
        return
    pickled = side.files.names("adapter_model.bin", "pytorch_model*.bin")
    if pickled:
        new = f"{Path(side.place).name}-safetensors"
        convert = (
            "from peft import AutoPeftModelForCausalLM as M"
            if adapter
            else "from transformers import AutoModelForCausalLM as M"
        )
        raise UserError(
            f"{what} {side.place} holds its weights in {pickled[0]} only",
            "that is a pickled file, and loading one can run code: weights are read from safetensors alone",
            "where you trust it, write the folder anew and name that: "
            f'python -c \'{convert}; M.from_pretrained("{side.place}").save_pretrained("{new}")\'',
        )
    if below := [name for name in side.files.checkpoints() if side.folder.joinpath(name).is_dir()]:
        raise UserError(
            f"{what} {side.place} holds no weights, and its folders {', '.join(sorted(below)[:5])} may",
            "each is a checkpoint of its own",
            f"name one of them: {os.path.join(side.place, below[0])}",
        )
    if not adapter and not side.config:
        raise UserError(
            f"{what} {side.place} holds neither config.json nor adapter_config.json",
            "it is no model's or adapter's folder",
            "name the folder that save_pretrained wrote, or a Hub id",
        )
    raise UserError(
        f"{what} {side.place} holds no *.safetensors file" + (f" named {ADAPTER_WEIGHTS}" if adapter else ""),
        "without weights there is nothing to compare",
        "name the folder that save_pretrained wrote",
    )


def refuse_itself(base: Side, tuned: Side) -> None:
    """Raises UserError where the checkpoint is the base itself: one folder, or one commit of one repository."""
    same = base.folder.resolve() == tuned.folder.resolve()
    if same or (base.commit is not None and (base.place, base.commit) == (tuned.place, tuned.commit)):
        at = f" at the commit {base.commit[:12]}…" if base.commit else ""
        raise UserError(
            f"the checkpoint {tuned.place} is the base {base.place} itself{at}",
            "every difference would be 0, whatever was trained",
            "name the folder or the id of what training left",
        )


def other_base(base: Side, tuned: Side, allowed: Sequence[str]) -> Verdict:
    """Returns whether an adapter was trained on this base, by hash, commit or name, as scoring asks it.

    Raises:
        UserError: it was trained on another one, and ``allowed`` does not hold `other-base`.
    """
    if tuned.kind != "adapter":
        return Verdict("other-base", "pass", "a whole model holds its own weights: whatever it was made from is in it")
    found = adapter_base({"pretrained": base.place, "revision": base.commit, "peft": str(tuned.folder)})
    said = found.found.replace(str(tuned.folder), tuned.place)
    if found.verdict != "fail":
        return Verdict("other-base", found.verdict, said, found.why, found.mend)
    mend = "name the base that the adapter was trained on with --base, or allow it with --allow other-base"
    if "other-base" not in allowed:
        raise UserError(said, found.why, mend)
    return Verdict("other-base", "warn", said, found.why, mend)


def refuse_other_shapes(base: Side, tuned: Side) -> None:
    """Raises UserError where a tensor of the checkpoint has no place in the base, or another shape than it has there.

    Only the rows of embeddings and heads may differ: tokens may have been added, and a classifier's head is new.
    """
    if "quantization_config" in base.config or "quantization_config" in tuned.config:
        return  # packed tensors have shapes of their own
    problem = _misfit_of_adapter(base, tuned) if tuned.kind == "adapter" else _misfit_of_model(base, tuned)
    if problem:
        raise UserError(
            f"{tuned.place} does not fit the base {base.place}: {problem}",
            _trained_on(tuned),
            "name the base that it was made from with --base",
        )


def _trained_on(tuned: Side) -> str:
    named = tuned.settings.get("base_model_name_or_path")
    if named:
        return f"its adapter_config.json names {named}; on another model it is noise, or cannot be loaded"
    return "it was made from another model, so that no difference is what training did"


def _misfit_of_adapter(base: Side, tuned: Side) -> str | None:
    adapter = adapter_of(tuned.tensors)
    weights = [f"{home}.weight" for home in adapter.lora]
    known = _known([*weights, *adapter.saved], base)
    lacking = [name for name in weights if name not in known]
    if lacking:
        return f"the base has no {lacking[0]}, which the adapter changes"
    flipped = bool(tuned.settings.get("fan_in_fan_out"))
    for home, parts in adapter.lora.items():
        shape = base.tensors[known[f"{home}.weight"]].shape
        if len(shape) != 2:
            continue
        outputs, inputs = (shape[1], shape[0]) if flipped else shape
        expected = {"lora_A": (1, inputs), "lora_B": (0, outputs), "lora_embedding_B": (0, shape[1])}
        for part, (axis, size) in expected.items():
            if part in parts and len(parts[part].shape) == 2 and parts[part].shape[axis] != size:
                if plain_name(home) == "lm_head" and part == "lora_B":
                    continue  # of a vocabulary that grew
                return f"{part} of {home} is for {parts[part].shape[axis]:,} features, and the base has {size:,} there"
    return _misfit(
        {
            name: (tuned_tensor.shape, base.tensors[known[name]].shape)
            for name, tuned_tensor in adapter.saved.items()
            if name in known
        }
    )


def _misfit_of_model(base: Side, tuned: Side) -> str | None:
    known = _known(tuned.tensors, base)
    if not known:
        return f"none of its {len(tuned.tensors)} tensors has a name that the base's have"
    return _misfit({name: (tuned.tensors[name].shape, base.tensors[own].shape) for name, own in known.items()})


def _known(names: Any, base: Side) -> dict[str, str]:
    """Returns what the base calls each of ``names``; a tied head is its embeddings."""
    known = matched(names, base.tensors)
    embedded = embeddings_of(base.tensors)
    if base.tied and embedded:
        known |= {name: embedded for name in names if plain_name(name) == HEAD and name not in known}
    return known


def _misfit(shapes: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]) -> str | None:
    from finetune.ledger import component_named

    for name, (own, expected) in shapes.items():
        grows = component_named(plain_name(name)) in ("embeddings", "head") and own[1:] == expected[1:]
        if own != expected and not grows:
            return f"{name} has the shape {list(own)}, and the base's {list(expected)}"
    return None
