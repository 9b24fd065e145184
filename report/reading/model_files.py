"""What stands in the files that describe a model: configurations, adapters, safetensors headers; no weights, no torch.

A model is named by a folder, a config.json, or a Hub id. Code that comes with a model is never run.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune.ledger import shown_name
from harness_tasks.errors import UserError
from harness_tasks.hub.download import fetch
from harness_tasks.messages import nearest_name
from harness_tasks.models.files import ADAPTER, CONFIGURATION, here, refusals
from harness_tasks.models.weights import tensors_of
from harness_tasks.reading import read_json

OFFLINE_WAYS = (
    "give a folder or a config.json on this machine, for example tests/data/llama-3.2-1b/config.json; or, where there "
    "is a network, `hf download MODEL config.json` and give the file it names"
)


@dataclass(frozen=True)
class AdapterFolder:
    """A folder that peft saved: its configuration, and the shapes of its tensors by name."""

    folder: Path
    settings: dict[str, Any]
    shapes: dict[str, tuple[int, ...]]


def configuration(model: str, revision: str | None = None) -> Any:
    """Returns the transformers configuration that ``model`` names; never runs code that came with a model."""
    path = configuration_file(model, revision)
    shown = shown_name(model)
    values = read_json(path, CONFIGURATION, shown=shown)
    kind = values.get("model_type")
    if kind is None:
        raise UserError(
            f"the configuration of {shown} has no model_type",
            "it names the architecture of the numbers in it",
            "give the config.json of a transformers model",
        )
    import transformers
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    if kind not in CONFIG_MAPPING:
        own = "auto_map" in values
        close = nearest_name(kind, CONFIG_MAPPING.keys())
        raise UserError(
            f"the configuration of {shown} has the model_type {kind}",
            f"transformers {transformers.__version__} does not know it"
            + (", and the model's own code (trust_remote_code) is not run here" if own else ""),
            f"if {close} is meant, correct it" if close and not own else "choose a model that transformers knows",
        )

    def refusal(error: Exception) -> UserError:
        return UserError(
            f"the configuration of {shown} makes no {kind} model",
            f"transformers refuses it: {(str(error).strip().splitlines() or [type(error).__name__])[-1].strip()}",
            "compare it with the published config.json of that model",
        )

    with refusals(refusal):
        return CONFIG_MAPPING[kind].from_dict(_with_floats(values))


def _with_floats(value: Any) -> Any:
    """Returns a configuration's values with the floats for which JSON has no number and transformers an object.

    >>> _with_floats({"time_step_limit": [0.0, {"__float__": "Infinity"}]})
    {'time_step_limit': [0.0, inf]}
    """
    if isinstance(value, dict):
        named = value.get("__float__")
        if set(value) == {"__float__"} and named in ("Infinity", "-Infinity", "NaN"):
            return float(named)
        return {key: _with_floats(own) for key, own in value.items()}
    return [_with_floats(own) for own in value] if isinstance(value, list) else value


def configuration_file(model: str, revision: str | None = None) -> Path:
    """Returns where the configuration of ``model`` is on this machine, after fetching it from the Hub if need be."""
    path = here(model)
    if path and path.is_dir():
        if os.path.lexists(path / "config.json"):
            return path / "config.json"
        raise UserError(
            f"{shown_name(model)} is a folder without config.json and without adapter_config.json",
            "its parameters follow from one of the two",
            "name the folder that save_pretrained wrote, or a Hub id",
        )
    if path:
        return path
    parts = model.split("/")
    if len(parts) > 2 or not all(parts) or parts[0] in (".", "..", "~") or model.endswith(".json"):
        raise UserError(
            f"there is no file or folder {shown_name(model)}",
            "without a configuration there is nothing to count",
            "name a folder, a config.json, or a Hub id such as meta-llama/Llama-3.2-1B",
        )
    return _hub_file(model, revision)


def adapter_folder(model: str) -> AdapterFolder | None:
    """Returns what peft saved in the folder ``model``, None where that is no folder with an adapter."""
    folder = here(model)
    if folder is None or not os.path.lexists(folder / "adapter_config.json"):
        return None
    settings = read_json(folder / "adapter_config.json", ADAPTER, shown=shown_name(model))
    weights = folder / "adapter_model.safetensors"
    if not os.path.lexists(weights):
        raise UserError(
            f"{shown_name(model)} has adapter_config.json but no adapter_model.safetensors",
            "the count is checked against the tensors in that file",
            "copy or train the checkpoint again; to count without weights give the base model with --lora-r",
        )
    return AdapterFolder(
        folder,
        settings,
        {
            name: tensor.shape
            for name, tensor in tensors_of(weights, shown=f"{weights.name} of {shown_name(model)}").items()
        },
    )


def _hub_file(model: str, revision: str | None) -> Path:
    """Returns the local copy of a Hub model's config.json: downloaded, or from the cache where there is no network."""
    found = fetch(model, "model", revision, ("config.json",), otherwise=OFFLINE_WAYS).files()
    if not found:
        raise UserError(
            f"{model} has no config.json on the Hub",
            "without a configuration there is nothing to count; an adapter is counted from a folder",
            f"for an adapter, `hf download {model} --local-dir FOLDER` and give the folder",
        )
    return found[0]
