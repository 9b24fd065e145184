"""The parameter counts of what a path or a Hub id names: a model, or an adapter on its base model.

A folder that holds an adapter is counted on its base model, and the count is checked against the tensors in the
adapter's file.
"""

import math
import os
from pathlib import Path
from typing import Any

from finetune.heads import TASK_TYPES, Head, check_head
from finetune.ledger import Ledger, LedgerError, count, count_adapter, count_class, shown_name
from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file, sha256_json
from harness_tasks.messages import reason_of
from harness_tasks.models.files import refusals
from report.reading.model_classes import other_class
from report.reading.model_files import AdapterFolder, adapter_folder, configuration, configuration_file

HEADS = tuple(TASK_TYPES)


def counted_model(model: str, revision: str | None) -> dict[str, str]:
    """Returns which model was counted, by hash: so that a file of the counts is believed over its name."""
    record = Path(model) / "finetune.json"
    if record.is_file():
        return {"checkpoint": sha256_file(record)}
    if adapter_folder(model) is not None:
        return {}
    return {"configuration": sha256_json(configuration(model, revision).to_diff_dict())}


def ledger_for(
    model: str,
    *,
    head: str | None = None,
    labels: int | None = None,
    lora_r: int | None = None,
    lora_targets: list[str] | None = None,
    lora_layers: list[int] | None = None,
    base: str | None = None,
    revision: str | None = None,
) -> Ledger:
    """Returns the parameter counts of what ``model`` names; the arguments are those of `params`.

    Raises `UserError` for input that names no model, and `finetune.ledger.LedgerError` where counts disagree.
    """
    check_head(head, labels)
    adapter = adapter_folder(model)
    if adapter is None:
        if base is not None:
            raise UserError(
                f"--base {base} for {model}, which holds no adapter",
                "only an adapter has a base model",
                "leave --base out, or name a folder that holds adapter_config.json",
            )
        config = configuration(model, revision)
        if head is None and (named := other_class(config)) is not None:
            if lora_r is not None:
                raise UserError(
                    f"--lora-r {lora_r} on a {named.__name__}",
                    f"LoRA is counted on the three heads that can be trained here: {', '.join(HEADS)}",
                    "leave --lora-r out, or name one with --head, if the model has it",
                )
            return count_class(config, named, name=shown_name(model))
        chosen: Head = head or _named_head(config)  # type: ignore[assignment]
        return count(
            config,
            head=chosen,
            labels=labels or config.num_labels,
            lora_r=lora_r,
            lora_targets=lora_targets,
            lora_layers=lora_layers,
            name=shown_name(model),
        )
    if head is not None or lora_r is not None or lora_targets is not None or lora_layers is not None:
        raise UserError(
            f"--head or a --lora option for {model}, which holds an adapter",
            "the adapter's own configuration says what head and what LoRA it has",
            "leave these options out, or give the base model in the adapter's place",
        )
    config = configuration(_base_of(adapter, base), revision or (None if base else adapter.settings.get("revision")))
    return _checked_adapter(model, adapter, config, labels)


def _named_head(config: Any) -> str:
    """Returns the head of the class that the configuration names, causal where it names none."""
    names = " ".join(config.architectures or [])
    if "ForSequenceClassification" in names:
        return "sequence-classification"
    return "question-answering" if "ForQuestionAnswering" in names else "causal"


def _base_of(adapter: AdapterFolder, base: str | None) -> str:
    """Returns the base model: as the user or else the adapter names it, looked for here and beside the adapter."""
    named = base or adapter.settings.get("base_model_name_or_path")
    if not named:
        raise UserError(
            f"the adapter {shown_name(str(adapter.folder))} names no base model",
            "an adapter has no parameters of its own but beside a model's",
            "name the model with --base",
        )
    beside = adapter.folder / named
    if base is None and not os.path.exists(named) and os.path.exists(beside):
        return os.path.relpath(beside)
    try:
        configuration_file(named)
    except UserError as error:
        if base is not None:
            raise
        raise UserError(
            f"the adapter's base model {shown_name(named)} is not here: {error.found}",
            error.why,
            "run from the folder that its path is relative to, or name the model with --base",
        ) from None
    return named


_HEADS = ("score.weight", "classifier.weight")


def _checked_adapter(model: str, adapter: AdapterFolder, config: Any, labels: int | None) -> Ledger:
    """Returns the parameter counts of an adapter on its base, after comparing it with the tensors that were saved."""
    from peft import PeftConfig

    def unknown(error: Exception) -> UserError:
        return UserError(
            f"the adapter's configuration of {shown_name(model)} is none that peft knows ({reason_of(error)})",
            "it says what the adapter consists of",
            "upgrade peft, or train the checkpoint again",
        )

    with refusals(unknown):
        settings = PeftConfig.from_peft_type(**adapter.settings)
    low_rank = {name: shape for name, shape in adapter.shapes.items() if _is_low_rank(name)}
    others = {name: shape for name, shape in adapter.shapes.items() if not _is_low_rank(name)}
    # a classification head was saved with as many rows as it has labels
    rows = [shape[0] for name, shape in others.items() if shape and name.endswith(_HEADS)]
    if labels is not None and rows and rows[0] != labels:
        raise UserError(
            f"--labels {labels}, but the head that {shown_name(model)} saved has {rows[0]}",
            "the two must describe the same head",
            "leave --labels out",
        )
    ledger = count_adapter(config, settings, labels=rows[0] if rows else labels or 2, name=shown_name(model))
    if str(getattr(settings.peft_type, "value", settings.peft_type)) != "LORA":
        return ledger  # of other kinds peft saves what it can compute again, or not
    saved = _elements(low_rank)
    if saved != ledger["adapter"].counted:
        raise LedgerError(
            f"{saved} LoRA parameters in adapter_model.safetensors, {ledger['adapter'].counted} by its configuration",
            "the file and the configuration are not of the same adapter, or the base model is another",
            "copy or train the checkpoint again, or name the base model with --base",
        )
    head = _elements(others)
    if ledger.head != "causal" and head != ledger["head"].counted:
        raise LedgerError(
            f"{head} parameters of a head in adapter_model.safetensors, {ledger['head'].counted} by its configuration",
            "the file and the configuration are not of the same checkpoint",
            "copy or train the checkpoint again",
        )
    return ledger


def _is_low_rank(name: str) -> bool:
    return any(part.startswith("lora_") for part in name.split("."))


def _elements(shapes: dict[str, tuple[int, ...]]) -> int:
    return sum(math.prod(shape) for shape in shapes.values())
