"""Whether a checkpoint belongs to a base, by headers and JSON alone: refused, before a weight is read, where not."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from finetune.elsewhere.adapter_changes import adapter_of
from finetune.elsewhere.names import HEAD, matched, plain_name
from finetune.elsewhere.recorded import foreign_text
from finetune.elsewhere.sides import ADAPTER_WEIGHTS, Side
from finetune.elsewhere.weight_changes import embeddings_of
from harness_tasks import TASKS_PATH
from harness_tasks.errors import UserError
from harness_tasks.guards.adapter_base import adapter_base
from harness_tasks.guards.verdicts import Verdict
from harness_tasks.loading import declared
from harness_tasks.messages import nearest_name
from harness_tasks.models.files import CARD, front_matter
from harness_tasks.models.labels import CLASSIFIERS, Relation, check_labels
from harness_tasks.secrets import cleaned

ALLOWABLE = ("other-base", "labels")
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
        return _named_base(base, tuned)
    found = adapter_base({"pretrained": base.place, "revision": base.commit, "peft": str(tuned.folder)})
    said = found.found.replace(str(tuned.folder), tuned.place)
    if found.verdict != "fail":
        return Verdict("other-base", found.verdict, said, found.why, found.mend)
    mend = "name the base that the adapter was trained on with --base, or allow it with --allow other-base"
    if "other-base" not in allowed:
        raise UserError(said, found.why, mend)
    return Verdict("other-base", "warn", said, found.why, mend)


def _named_base(base: Side, tuned: Side) -> Verdict:
    """Returns whether a whole model's card names the base that it is compared with."""
    card = tuned.files.text("README.md", CARD)
    named = front_matter(tuned.folder / "README.md").get("base_model") if card is not None else None
    names = [name for name in (named if isinstance(named, list) else [named]) if isinstance(name, str)]
    shown = foreign_text(", ".join(names[:5]))
    if not names:
        return Verdict("other-base", "pass", "no file says which model it was made from")
    if base.place in names:
        return Verdict("other-base", "pass", f"its model card names the base {shown}")
    if base.commit is None:
        return Verdict("other-base", "pass", f"its model card names the base {shown}; the given one is a folder")
    return Verdict(
        "other-base",
        "warn",
        f"its model card names the base {shown}, and it is compared with {base.place}",
        "what differs would be two trainings' work, where the given base was made from the named one",
        "name the base of its card with --base, if that is what you mean",
    )


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


def labels(tuned: Side, tasks: Sequence[str], include_path: Path | None, allowed: Sequence[str]) -> Verdict:
    """Returns whether a classifier's labels are the choices of the tasks that it is to be scored on.

    Raises:
        UserError: it has another number of labels, the choices in another order, or labels of another task; the last
            only where ``allowed`` does not hold `labels`.
    """
    id_ = "labels"
    if tuned.head != "sequence-classification":
        return Verdict(id_, "pass", "it is no classifier")
    named, count = labels_of(tuned), label_count(tuned)
    if not tasks:
        return Verdict(id_, "pass", "no task was named to compare its labels with")
    found = dict[str, Relation]()
    for task in tasks:
        choices = choices_of(task, include_path)
        if not choices:
            raise UserError(
                f"{tuned.place} is a classifier, and {task} has no choices",
                "a classifier has an output for each choice, and there are none to choose from",
                "score it on the task that it was trained on",
            )
        own = named or [f"LABEL_{number}" for number in range(len(choices) if count is None else count)]
        found[task] = check_labels(own, choices, task)
        if found[task] == "other" and id_ not in allowed:
            raise UserError(
                f"the labels of {tuned.place} are {_shown(own)}, and the choices of {task} {_shown(choices)}",
                "each choice is scored by the label in its place, and these labels are another task's",
                "score it on the task that it was trained on, or allow it with --allow labels where they mean the same",
            )
    told = [task for task, how in found.items() if how != "same"]
    if not told:
        return Verdict(id_, "pass", f"its labels are the choices of {', '.join(tasks)}, in their order")
    how = (
        "its labels are numbers" if named is None or "unnamed" in found.values() else f"its labels are {_shown(named)}"
    )
    return Verdict(
        id_,
        "warn",
        f"{how}: they stand, in this order, for the choices of {', '.join(told)}",
        "nothing tells whether the order is the same",
        "name them by `id2label` in its config.json, in the order of the head's rows",
    )


def labels_of(tuned: Side) -> list[str] | None:
    """Returns a classifier's labels in their order, as its configuration names them; None where it does not."""
    named = tuned.config.get("id2label") if tuned.head == "sequence-classification" else None
    if not isinstance(named, dict) or sorted(named) != sorted(map(str, range(len(named)))):
        return None
    return [foreign_text(str(named[str(number)])) for number in range(len(named))]


def label_count(tuned: Side) -> int | None:
    """Returns how many labels the head in a classifier's weights has; None where it holds none of a known name."""
    heads = [tensor.shape for name, tensor in tuned.tensors.items() if f".{name}".endswith(CLASSIFIERS)]
    return heads[-1][0] if heads and heads[-1] else None


def choices_of(task: str, include_path: Path | None) -> tuple[str, ...]:
    """Returns the choices of a task in their order, by its YAML alone where that lists them; () of other tasks."""
    listed = declared(task, "doc_to_choice", include_path or TASKS_PATH)
    if isinstance(listed, list):
        return tuple(str(choice).strip() for choice in listed)
    if declared(task, "output_type", include_path or TASKS_PATH) not in (None, "multiple_choice"):
        return ()
    from finetune.classifier import choices_among
    from harness_tasks.loading import load_task

    loaded = load_task(task, include_path=include_path or TASKS_PATH)
    return choices_among(loaded, loaded.eval_docs) if loaded.OUTPUT_TYPE == "multiple_choice" else ()


def _shown(names: Sequence[str]) -> str:
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _trained_on(tuned: Side) -> str:
    named = tuned.settings.get("base_model_name_or_path")
    if named:
        return f"its adapter_config.json names {cleaned(str(named))}; on another model it is noise, or cannot be loaded"
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
    base_type, tuned_type = (side.config.get("model_type") for side in (base, tuned))
    if base_type and tuned_type and base_type != tuned_type:  # families share names of tensors
        return f"it is a model of the type {tuned_type}, and the base of the type {base_type}"
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
