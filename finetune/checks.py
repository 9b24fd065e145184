"""What a finished checkpoint's files and figures must fulfil: each check returns a `Verdict`.

Checks that fail prove that something is broken. Those of plausibility (`below-majority`, `loss-shape`, `never-stops`)
only warn, but for a loss that is no number or nothing at all: a hard task may look like that too.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from finetune.recipe import ADAPTER_METHODS, module_names
from finetune.row_log import irregularities
from harness_tasks.guards.verdicts import Verdict

RELOAD_TOLERANCE = 1e-4
"""Of the largest logit: the same computation, in the same precision, with other addresses in memory."""
MERGED_TOLERANCE = 1e-3
"""Of the largest logit: in float32, where (W + BA)x is rounded otherwise than Wx + B(Ax)."""
FEWEST_LOSSES = 6
"""Entries of a loss curve below which it has no shape."""
_NO_GRADIENT = ("qa_outputs.bias", "k_proj.bias")
"""A softmax over positions is the same whatever is added to all of them: these have no gradient but rounding."""


def changed_tensors(
    tensors: Sequence[Mapping[str, Any]], record: Mapping[str, Any], adaptable: Collection[str] | None = None
) -> Verdict:
    """Returns whether exactly the tensors that the method trains have changed, by their hashes.

    One that had no gradient need not have changed.

    ``tensors``: the rows of `tensors.json`. ``record``: `finetune.json`, for its method, head and recipe.
    ``adaptable``: the matrices that `all-linear` stands for; None: all of the body but the embeddings.
    """
    adapted = {row["name"] for row in tensors if row.get("adapter")}
    plain = [row for row in tensors if not row.get("adapter")]
    wrong = []
    for name in sorted(adapted ^ _to_adapt(plain, record, adaptable)):
        wrong.append(f"{name} has {'an' if name in adapted else 'no'} adapter")
    for row in plain:
        if row["trained"] != _is_trained(row, record):
            wrong.append(f"{row['name']} was {'trained' if row['trained'] else 'frozen'}")
    for row in tensors:
        changed = row["sha256_before"] != row["sha256_after"]
        if changed != row["trained"] and not (row["trained"] and _needs_no_change(row)):
            adapter = "the adapter of " if row.get("adapter") else ""
            wrong.append(f"{adapter}{row['name']} {'has changed' if changed else 'has not changed'}")
    trained = [row for row in tensors if row["trained"]]
    idle = sum(row.get("gradient") is False for row in trained)
    if trained and not wrong and all(row["sha256_before"] == row["sha256_after"] for row in trained):
        wrong.append("none has changed")
    if not wrong:
        found = f"{len(trained)} of {len(tensors)} tensors were to change, and only they have changed"
        unused = f"; {idle} of them had no gradient, since no token reached them or the layer does not use them"
        return Verdict("changed-tensors", "pass", found + (unused if idle else ""))
    return Verdict(
        "changed-tensors",
        "fail",
        f"{_some(wrong)}, which is not what the method {record['method']} trains",
        "the checkpoint is not the result of the training that its record describes",
        "look at tensors.json; where nothing has changed, train longer: the first step of a warm-up has the rate 0",
    )


def trainable_count(
    tensors: Sequence[Mapping[str, Any]], record: Mapping[str, Any], saved: Mapping[str, int]
) -> Verdict:
    """Returns whether as many parameters were trained as the closed form says, and as many are in the saved files.

    ``saved``: the number of parameters of each tensor in the checkpoint's safetensors files; of a whole model, of each
    that is read from them, since what is one tensor in memory may be several in a file.
    """
    trained = record["parameters"]["trainable"]
    own = {row["name"] for row in tensors if row["trained"] and not row.get("adapter")}
    in_files = 0
    for name, size in saved.items():
        plain = name.removeprefix("base_model.model.")  # where peft puts the base model
        in_files += size if "lora_" in name or plain in own else 0
    form = _closed_form(record)
    if trained == in_files and form in (trained, None):
        by = "" if form is None else ", by the closed form too"
        return Verdict("trainable-count", "pass", f"{trained:,} parameters were trained and are saved{by}")
    by = "unknown" if form is None else f"{form:,}"
    return Verdict(
        "trainable-count",
        "fail",
        f"{trained:,} parameters were trained, {in_files:,} are saved, and the closed form is {by}",
        "what is not saved is random or missing when the checkpoint is loaded",
        "report it, with finetune.json: no option leads here",
    )


def rows_once(log: list[dict[str, Any]], record: Mapping[str, Any]) -> Verdict:
    """Returns whether every row was trained on once an epoch, by the log of these weights, `row_log.jsonl`."""
    rows, epochs = record["data"]["rows"], record["epochs"]
    if wrong := irregularities(log, row_count=rows, epochs=epochs):
        return Verdict(
            "rows-once",
            "fail",
            f"{_some(wrong)} in row_log.jsonl",
            "rows that are repeated or left out change what is learnt, unseen",
            "remove the scratch folder and train again",
        )
    return Verdict("rows-once", "pass", f"each of the {rows} rows once an epoch, {epochs:g} epochs in {len(log)} steps")


def loss_shape(losses: Sequence[float]) -> Verdict:
    """Returns whether the loss, in nats, is finite, is not 0, and falls by more than two standard errors."""
    id_ = "loss-shape"
    if wrong := [loss for loss in losses if not math.isfinite(loss)]:
        return Verdict(
            id_,
            "fail",
            f"{len(wrong)} of {len(losses)} entries of the loss curve are no number",
            "weights that are no numbers come of it",
            "lower the learning rate, or train in float32",
        )
    if losses and not any(losses):
        return Verdict(
            id_,
            "fail",
            "the loss is 0 from the first step on",
            "nothing was supervised",
            "look at the rows in `aftertune plan-training`",
        )
    if len(losses) < FEWEST_LOSSES:
        return Verdict(id_, "pass", f"{len(losses)} entries in the loss curve: too few to have a shape")
    first, last = losses[: max(1, len(losses) // 10)], losses[len(losses) // 2 :]
    # Two standard errors of the difference, with the scatter of the second half, where the loss has settled.
    noise = 2 * stdev(last) * math.sqrt(1 / len(first) + 1 / len(last))
    start, end = fmean(first), fmean(last)
    seen = f"the loss is {start:.3f} at the start and {end:.3f} over the second half"
    if start - end > noise:
        return Verdict(id_, "pass", seen)
    what = "rises" if end - start > noise else "is flat"
    return Verdict(
        id_,
        "warn",
        f"{seen}: it {what}",
        "nothing was learnt, or it was known before",
        "lower the learning rate" if what == "rises" else "raise the learning rate or the epochs, and compare scores",
    )


def below_majority(right: int, labels: Sequence[Any]) -> Verdict:
    """Returns whether as many of the rows with these gold ``labels`` are correct as the majority class has."""
    commonest = max(map(list(labels).count, set(labels)))
    found = f"{right} of {len(labels)} rows right; the commonest label alone gets {commonest}"
    if right >= commonest:
        return Verdict("below-majority", "pass", found)
    return Verdict(
        "below-majority",
        "warn",
        found,
        "a run can look healthy and be broken: a classifier that reads a wrong position scores like this",
        "raise the learning rate or the epochs, and look at a row in `aftertune plan-training`",
    )


def never_stops(stopped: int, answers: int, limit_tokens: int) -> Verdict:
    """Returns whether at least one of some generated ``answers`` ended within ``limit_tokens``."""
    found = f"{stopped} of {answers} answers ended within {limit_tokens} tokens"
    if stopped:
        return Verdict("never-stops", "pass", found)
    return Verdict(
        "never-stops",
        "warn",
        found,
        "the model has not learnt to end its answers, and scoring runs to the limit of every one",
        "train longer, and look in `aftertune plan-training` whether the end of the answer is learnt",
    )


def of_control(verdict: Verdict) -> Verdict:
    """Returns the verdict on a control: that it learnt nothing from its rows is no fault, their targets are others'."""
    if verdict.verdict != "warn" or verdict.id not in ("below-majority", "loss-shape"):
        return verdict
    return Verdict(verdict.id, "pass", f"{verdict.found}; the targets are exchanged, so little can be learnt")


def _needs_no_change(row: Mapping[str, Any]) -> bool:
    """Whether a tensor had no gradient, in this run or in any."""
    return row.get("gradient") is False or str(row["name"]).endswith(_NO_GRADIENT)


def _is_trained(row: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """Whether a tensor of the model itself, not an adapter, should have been trained."""
    if record["method"] == "full":
        return True
    return bool(row["kind"] == "head" and (record["method"] == "head" or record["head"] != "causal"))


def _to_adapt(
    tensors: Sequence[Mapping[str, Any]], record: Mapping[str, Any], adaptable: Collection[str] | None
) -> set[str]:
    """Returns the names of the matrices that should have an adapter."""
    if record["method"] not in ADAPTER_METHODS:
        return set()
    recipe = record["recipe"]
    layers = 1 + max((row["layer"] for row in tensors if row["layer"] is not None), default=-1)
    first = layers - (recipe["lora_last_layers"] or layers)
    names = module_names(recipe["lora_targets"])
    found = set()
    for row in tensors:
        module, _, kind = row["name"].rpartition(".")
        if kind != "weight" or len(row["shape"]) != 2 or (row["layer"] is None and recipe["lora_last_layers"]):
            continue
        if row["layer"] is not None and row["layer"] < first:
            continue
        if names is None:
            meant = row["kind"] not in ("embeddings", "head") if adaptable is None else row["name"] in adaptable
        else:
            meant = any(module == name or module.endswith(f".{name}") for name in names)
        if meant:
            found.add(row["name"])
    return found


def _closed_form(record: Mapping[str, Any]) -> int | None:
    from finetune.ledger import Component, Ledger

    parameters = record["parameters"]
    components = tuple(Component(**line) for line in parameters["components"])
    return Ledger(**{**parameters, "components": components}).closed_form_trainable(record["method"])


def _some(wrong: Sequence[str]) -> str:
    return "; ".join(wrong[:3]) + (f"; and {len(wrong) - 3} more" if len(wrong) > 3 else "")
