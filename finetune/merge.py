"""An adapter's weights added into its base model's."""

import json
import shutil
from pathlib import Path
from typing import Any

from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file, usual_modes, write_json

MERGED_FROM = "merged_from.json"
"""Beside a merged model: the adapter's own record, the base's fingerprint, the SHA-256 of the adapter's weights."""


def merge(adapter: Path, *, output: Path, base: str | None = None) -> Path:
    """Returns ``output`` after writing the base model's weights with the adapter's added, and the tokenizer.

    Weights are added in float32, whatever dtype the base is kept in, and saved in the base's own dtype.

    Raises:
        UserError: ``adapter`` holds no adapter, ``output`` is not empty, the base cannot be found, is another than the
            adapter was trained on, or already holds this adapter.
    """
    if output.exists() and any(output.iterdir()):
        raise UserError(
            f"the output folder {output} is not empty", "the merged model would be mixed with it", "name a new folder"
        )
    model, provenance = _merged(adapter, base)
    from transformers import AutoTokenizer, GenerationConfig

    from finetune.models import base_dtype, to_dtype

    to_dtype(model, base_dtype(adapter, base=base))
    if (adapter / "generation_config.json").is_file():
        model.generation_config = GenerationConfig.from_pretrained(adapter)
        model.config.eos_token_id = model.generation_config.eos_token_id
        model.config.pad_token_id = model.generation_config.pad_token_id
    partial = output.with_name(f".{output.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    model.save_pretrained(partial)
    AutoTokenizer.from_pretrained(adapter).save_pretrained(partial)
    write_json(partial / MERGED_FROM, provenance)
    usual_modes(partial)
    if output.exists():
        output.rmdir()
    output.parent.mkdir(parents=True, exist_ok=True)
    partial.rename(output)
    return output


def merged_model(adapter: Path, *, base: str | None = None) -> Any:
    """Returns the base model with the adapter's weights added, in float32; raises as `merge` does."""
    return _merged(adapter, base)[0]


def _merged(adapter: Path, base: str | None) -> tuple[Any, dict[str, Any]]:
    settings = adapter / "adapter_config.json"
    if not settings.is_file():
        raise UserError(
            f"the folder {adapter} holds no adapter_config.json",
            "only an adapter can be merged",
            "name a checkpoint made with --method lora, dora or qlora",
        )
    import torch
    from peft import PeftModel

    from finetune.models import load_base

    named = json.loads(settings.read_text())
    revision = None if base else named.get("revision")
    provenance = _provenance(adapter, base or named["base_model_name_or_path"], revision)
    # QLoRA's adapter was trained on what the packed weights stand for, which is not the base as it was.
    model = load_base(adapter, dtype=torch.float32, base=base, unpacked=True)
    return PeftModel.from_pretrained(model, str(adapter)).merge_and_unload(), provenance


def _provenance(adapter: Path, base: str, revision: str | None) -> dict[str, Any]:
    """Returns what `merged_from.json` holds; raises `UserError` for a base that the adapter does not belong on."""
    from finetune.models import base_config
    from finetune.record import base_record

    weights = adapter / "adapter_model.safetensors"
    if not weights.is_file():
        raise UserError(
            f"the folder {adapter} holds no adapter_model.safetensors",
            "weights are read from safetensors alone: other formats can run code when they are loaded",
            "save the adapter with a current peft",
        )
    digest = sha256_file(weights)
    before = _json(Path(base) / MERGED_FROM) or {}
    if before.get("adapter_sha256") == digest:
        raise UserError(
            f"the base {base} already holds this adapter's weights ({MERGED_FROM})",
            "merged twice, what training changed would count double",
            "name the base model that the adapter was trained on, or use the merged one as it is",
        )
    record = _json(adapter / "finetune.json")
    trained_on = ((record or {}).get("base") or {}).get("fingerprint")
    if not Path(base).is_dir():
        base_config(base, revision)  # its commit is known once it was loaded
    fingerprint = base_record(base, revision)["fingerprint"]
    if fingerprint and trained_on and len(fingerprint) == len(trained_on) and fingerprint != trained_on:
        raise UserError(
            f"the base {base} has other weights ({fingerprint[:12]}) than those that the adapter was trained on "
            f"({trained_on[:12]})",
            "the adapter's weights are differences from the latter, and mean nothing on others",
            "name the model that finetune.json calls the adapter's base",
        )
    return {"adapter": record or {}, "base_fingerprint": fingerprint or trained_on, "adapter_sha256": digest}


def _json(path: Path) -> Any:
    return json.loads(path.read_text()) if path.is_file() else None
