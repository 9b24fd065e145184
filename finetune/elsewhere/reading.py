"""`aftertune read-checkpoint`: the two files of a checkpoint that another program trained."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune.checks import loss_shape
from finetune.elsewhere import pair
from finetune.elsewhere.adapter_changes import adapter_changes
from finetune.elsewhere.names import plain_name
from finetune.elsewhere.programs import read_programs
from finetune.elsewhere.recorded import Recorded
from finetune.elsewhere.settings import refuse_other_vocabulary, settings_verdicts
from finetune.elsewhere.sides import Side, side_of
from finetune.elsewhere.weight_changes import whole_changes
from finetune.kinds import FINETUNE
from finetune.ledger import component_named
from finetune.recipe import LORA_LINEAR_LAYERS
from finetune.record import base_record, weights_fingerprint
from harness_tasks.errors import UserError
from harness_tasks.files import json_text, sha256_file, write_text
from harness_tasks.guards.verdicts import Verdict
from harness_tasks.kinds import TENSORS, TRAINED_ROWS
from harness_tasks.reading import checked, iterate_rows
from harness_tasks.secrets import cleaned, without_secrets


@dataclass(frozen=True)
class Asked:
    """What is read: the checkpoint, its base, and what the user says of its training."""

    checkpoint: str
    base: str
    revision: str | None = None
    base_revision: str | None = None
    name: str | None = None
    tasks: tuple[str, ...] = ()
    include_path: Path | None = None
    trained_on: str | None = None
    training_rows: Path | None = None
    allow: tuple[str, ...] = ()


def read_checkpoint(asked: Asked, output: Path) -> Path:
    """Returns ``output`` after writing `finetune.json` and `tensors.json` into it, whole or not at all.

    Nothing is run of what is read, and no pickled file is opened; the weights are read a piece at a time.

    Raises:
        UserError: the two are no pair; or a file that is needed is missing, damaged, or of a kind that is not read.
    """
    try:
        return _read(asked, output)
    except UserError as error:  # which may show what stands in somebody else's file
        error.found, error.why, error.mend = map(without_secrets, (error.found, error.why, error.mend))
        error.args = (without_secrets(str(error)),)
        raise


def _read(asked: Asked, output: Path) -> Path:
    pair.check_allowed(asked.allow)
    base = side_of(asked.base, asked.base_revision, weights=True, records=False)
    tuned = side_of(asked.checkpoint, asked.revision, weights=True, records=True)
    if output.resolve() in (base.folder.resolve(), tuned.folder.resolve()):
        raise UserError(
            f"the output folder {output} is the model's own",
            "what is written would be taken for its own record of training",
            "name another folder",
        )
    guards = check_pair(base, tuned, asked)
    recorded = Recorded({"recipe.lora_targets": {_all_linear(base): LORA_LINEAR_LAYERS}})
    curves = read_programs(tuned.files, recorded)
    guards += [
        *settings_verdicts(base, tuned, recorded.value("method")),
        *_records_verdicts(tuned, recorded, curves.get("loss_curve") or []),
    ]
    record = {
        "checkpoint": name_of(asked),
        **_record(base, tuned, asked, recorded),
        **curves,
        "guards": [verdict.as_json() for verdict in guards],
    }
    tensors = {"checkpoint": name_of(asked), **changes(base, tuned)}
    checked(record, output / "finetune.json", FINETUNE)
    checked(tensors, output / "tensors.json", TENSORS)
    texts = {"tensors.json": json_text(tensors), "finetune.json": json_text(record)}
    try:
        for name, text in texts.items():
            write_text(output / name, text)
    except BaseException:
        for name in texts:
            (output / name).unlink(missing_ok=True)
        raise
    return output


def name_of(asked: Asked) -> str:
    """Returns the checkpoint's name: the one given, else the last part of its path or id."""
    return asked.name or Path(asked.checkpoint).expanduser().resolve().name or "checkpoint"


def check_pair(base: Side, tuned: Side, asked: Asked) -> list[Verdict]:
    """Returns the verdicts on the pair, before a weight is read; raises `UserError` where it is none."""
    pair.refuse_unreadable(base, "the base")
    if base.kind == "adapter":
        raise UserError(
            f"the base {base.place} is an adapter",
            "a checkpoint is compared with the whole model that it was trained from",
            f"merge it first (aftertune merge {base.place} --output FOLDER), or name its own base",
        )
    pair.refuse_unreadable(tuned, "the checkpoint")
    pair.refuse_itself(base, tuned)
    pair.refuse_other_shapes(base, tuned)
    refuse_other_vocabulary(base, tuned)
    return [
        pair.other_base(base, tuned, asked.allow),
        pair.labels(tuned, asked.tasks, asked.include_path, asked.allow),
    ]


def changes(base: Side, tuned: Side) -> dict[str, Any]:
    """Returns what changed in the weights, as `tensors.json` has it."""
    if tuned.kind == "adapter":
        return adapter_changes(base.tensors, tuned.tensors, tuned.settings, tied=base.tied)
    return whole_changes(base.tensors, tuned.tensors, tied=base.tied)


def _all_linear(base: Side) -> str:
    """Returns the names of a base's matrices but its embeddings and head, as a recipe lists modules."""
    matrices = [name for name, tensor in base.tensors.items() if len(tensor.shape) == 2]
    others = [name for name in matrices if component_named(plain_name(name)) not in ("embeddings", "head")]
    return ",".join(sorted({name.removesuffix(".weight").rpartition(".")[2] for name in others}))


def _records_verdicts(tuned: Side, recorded: Recorded, losses: list[dict[str, Any]]) -> list[Verdict]:
    """Returns verdicts on the records themselves: whether all could be read, agree, and show a loss that falls."""
    read = Verdict("files", "pass", f"{len(tuned.files.sha256)} of its files were read")
    if unreadable := tuned.files.unreadable:
        said = "; ".join(f"{name}: {cleaned(reason)}" for name, reason in sorted(unreadable.items()))
        why = "what it records is shown as not recorded"
        read = Verdict("files", "warn", f"could not be read: {said}", why, "copy the file again")
    agree = Verdict("recorded-values", "pass", "no two files record a value differently")
    if differing := recorded.disagreements():
        said = "; ".join(
            f"{each['value']} is " + ", ".join(f"{value} in {file}" for file, value in each["files"].items())
            for each in differing
        )
        why = "which of them the weights were trained with is not told"
        agree = Verdict("recorded-values", "warn", said, why, "take the files of another run away")
    if not losses:
        return [read, agree]
    values = [math.nan if point["loss"] is None else point["loss"] for point in losses]
    return [read, agree, loss_shape(values)]


def _record(base: Side, tuned: Side, asked: Asked, recorded: Recorded) -> dict[str, Any]:
    """Returns what the checkpoint's folder records, as `finetune.json` has it."""
    data = _data(asked, recorded)
    input_tokens = recorded.value("tokens.input")
    versions = {
        name.removeprefix("versions."): recorded.value(name)
        for name in recorded.recorded_in()
        if name[:9] == "versions."
    }
    record = {
        "elsewhere": {
            "path": tuned.place,
            "revision": tuned.commit,
            "fingerprint": tuned.commit or weights_fingerprint(tuned.folder),
            "kind": tuned.kind,
            "head": tuned.head,
            "files": dict(sorted(tuned.files.sha256.items())),
        },
        "base": base_record(base.place, asked.base_revision),
        "method": recorded.value("method"),
        "seed": recorded.value("seed"),
        "task": asked.trained_on,
        "labels": pair.labels_of(tuned),
        "recipe": recorded.recipe(),
        "recorded_in": recorded.recorded_in(),
        "disagreements": recorded.disagreements(),
        "not_read": tuned.files.not_read(),
    }
    optional = {
        "data": data,
        "versions": versions,
        "tokens": {"input": input_tokens, "supervised": None} if input_tokens is not None else None,
    }
    optional |= {key: recorded.value(key) for key in ("steps", "epochs", "seconds", "chosen_step")}
    return record | {key: value for key, value in optional.items() if value not in (None, {})}


def _data(asked: Asked, recorded: Recorded) -> dict[str, Any]:
    """Returns what is known of the training rows: the user's own file, or the name that a configuration has."""
    if asked.training_rows:
        rows = sum(1 for _ in iterate_rows(asked.training_rows, TRAINED_ROWS))
        digest = sha256_file(asked.training_rows)
        return {"source": "named by the user", "name": asked.training_rows.name, "fingerprint": digest, "rows": rows}
    name, rows = recorded.value("data.name"), recorded.value("rows")
    found: dict[str, Any] = {"source": "recorded", "name": name, "rows": rows}
    return {key: value for key, value in found.items() if value is not None} if name or rows else {}
