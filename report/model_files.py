"""What stands in the files that describe a model: configurations, adapters, safetensors headers; no weights, no torch.

A model is named by a folder, a config.json, or a Hub id. Code that comes with a model is never run.
"""

import json
import struct
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from finetune.ledger import shown_name
from harness_tasks.errors import UserError
from harness_tasks.hub.download import fetch

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
    values = _read_json(path, f"the configuration of {shown}")
    kind, architectures = values.get("model_type"), values.get("architectures")
    if architectures is not None and not (
        isinstance(architectures, list) and all(isinstance(name, str) for name in architectures)
    ):
        raise UserError(
            f"the configuration of {shown} has the architectures {str(architectures)[:80]}",
            "it is a list of the names of classes, by which the model's head is known",
            "take it out, or give the config.json that save_pretrained wrote",
        )
    if not isinstance(kind, str):
        raise UserError(
            f"the configuration of {shown} has no model_type",
            "it is what says which architecture the numbers in it are for",
            "give the config.json of a transformers model",
        )
    import transformers
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    if kind not in CONFIG_MAPPING:
        own = "auto_map" in values
        close = get_close_matches(kind, list(CONFIG_MAPPING.keys()), n=1)
        raise UserError(
            f"the configuration of {shown} has the model_type {kind}",
            f"transformers {transformers.__version__} does not know it"
            + (", and the model's own code (trust_remote_code) is not run here" if own else ""),
            f"if {close[0]} is meant, correct it" if close and not own else "choose a model that transformers knows",
        )
    try:
        return CONFIG_MAPPING[kind].from_dict(_with_floats(values))
    except Exception as error:  # transformers raises many kinds for values that contradict each other
        reason = str(error).strip().splitlines()[-1].strip() or type(error).__name__
        raise UserError(
            f"the configuration of {shown} makes no {kind} model",
            f"transformers refuses it: {reason}",
            "compare it with the published config.json of that model",
        ) from None


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
    path = Path(model).expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        if (path / "config.json").is_file():
            return path / "config.json"
        raise UserError(
            f"{shown_name(model)} is a folder without config.json and without adapter_config.json",
            "its parameters follow from one of the two",
            "name the folder that save_pretrained wrote, or a Hub id",
        )
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
    folder = Path(model).expanduser()
    settings_file = folder / "adapter_config.json"
    if not settings_file.is_file():
        return None
    settings = _read_json(settings_file, f"the adapter's configuration of {shown_name(model)}")
    weights = folder / "adapter_model.safetensors"
    if not weights.is_file():
        raise UserError(
            f"{shown_name(model)} has adapter_config.json but no adapter_model.safetensors",
            "the count is checked against the tensors in that file",
            "copy or train the checkpoint again; to count without weights give the base model with --lora-r",
        )
    return AdapterFolder(folder, settings, safetensors_shapes(weights))


def safetensors_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Returns each tensor's shape from the header of a safetensors file; raises `UserError` where it is not whole."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > path.stat().st_size - 8:
                raise ValueError("the header is longer than the file")
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        end = max((tensor["data_offsets"][1] for tensor in header.values()), default=0)
        if path.stat().st_size != 8 + length + end:
            raise ValueError("the file is shorter or longer than its tensors")
        return {name: tuple(tensor["shape"]) for name, tensor in header.items()}
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path.name} of {shown_name(str(path.parent))} is no whole safetensors file ({error})",
            "its tensors are what the count is checked against",
            "copy or train the checkpoint again: the file was probably cut off while it was written",
        ) from None


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


def _read_json(path: Path, what: str) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        reason = type(error).__name__
        if isinstance(error, json.JSONDecodeError):
            reason = f"{error.msg}, line {error.lineno}"
        raise UserError(
            f"{what} is no JSON ({reason})",
            "the model's sizes are read from it",
            "give the config.json that save_pretrained wrote, whole",
        ) from None
    if not isinstance(values, dict):
        raise UserError(
            f"{what} is JSON, but no object",
            "the model's sizes are read from its keys",
            "give the config.json that save_pretrained wrote",
        )
    return values
