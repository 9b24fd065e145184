"""An adapter's weights added into its base model's."""

import json
import shutil
from pathlib import Path

from harness_tasks.errors import UserError
from harness_tasks.files import write_json


def merge(adapter: Path, *, output: Path, base: str | None = None) -> Path:
    """Returns ``output`` after writing the base model's weights with the adapter's added, and the tokenizer.

    Weights are added in float32, whatever dtype the base is kept in, and saved in the base's own dtype.

    Raises:
        UserError: ``adapter`` holds no adapter, ``output`` is not empty, or the base cannot be found.
    """
    settings = adapter / "adapter_config.json"
    if not settings.is_file():
        raise UserError(
            f"the folder {adapter} holds no adapter_config.json",
            "only a LoRA adapter can be merged",
            "name a checkpoint made with --method lora",
        )
    if output.exists() and any(output.iterdir()):
        raise UserError(
            f"the output folder {output} is not empty", "the merged model would be mixed with it", "name a new folder"
        )
    import torch
    from peft import PeftModel
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    path = base or json.loads(settings.read_text())["base_model_name_or_path"]
    try:
        dtype = AutoConfig.from_pretrained(path).dtype or torch.float32
        model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise UserError(
            f"the adapter's base model {path} cannot be loaded ({str(error).splitlines()[0]})",
            "the adapter's weights are differences from it",
            "run the command where that path is found, or name the base with --base",
        ) from None
    merged = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload().to(dtype)
    partial = output.with_name(f".{output.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    merged.save_pretrained(partial)
    AutoTokenizer.from_pretrained(adapter).save_pretrained(partial)
    record = adapter / "finetune.json"
    if record.is_file():
        write_json(partial / "merged_from.json", json.loads(record.read_text()))
    if output.exists():
        output.rmdir()
    output.parent.mkdir(parents=True, exist_ok=True)
    partial.rename(output)
    return output
