"""A checkpoint in a folder is scored, merged and asked only as training left it."""

import hashlib
import shutil
from pathlib import Path

import pytest
from safetensors import safe_open
from typer.testing import CliRunner

from finetune.merge import merge
from harness_tasks.__main__ import app
from harness_tasks.errors import UserError
from harness_tasks.files import write_json
from harness_tasks.models.heads import fetch_weights
from harness_tasks.scoring.arguments import check_arguments

LOST = r"the weights in .* are not those that training left: .* has another hash than tensors\.json says"


@pytest.fixture
def checkpoint(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model with the record of its tensors that training leaves, hashed from what the safetensors
    library reads.
    """
    home = Path(shutil.copytree(tiny_model, tmp_path / "checkpoint"))
    with safe_open(str(home / "model.safetensors"), "pt") as file:
        hashes = {
            name: hashlib.sha256(file.get_tensor(name).contiguous().numpy().tobytes()).hexdigest()
            for name in file.keys()  # noqa: SIM118
        }
    rows = [
        {"name": name, "layer": None, "kind": "other", "trained": True, "sha256_before": None, "sha256_after": digest}
        for name, digest in hashes.items()
    ]
    write_json(home / "tensors.json", {"tensors": [{**row, "relative_change": 0.1} for row in rows]})
    return home


def flip(file: Path) -> None:
    """Flips a bit of the last weight: the file has the same size, form and time."""
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


def words(home: Path) -> list[str]:
    return ["--model", "hf", "--model_args", f"pretrained={home}", "--tasks", "reviews_demo"]


def test_a_flipped_bit_is_refused_before_a_model_is_loaded(checkpoint: Path) -> None:
    assert check_arguments(words(checkpoint)).names
    flip(checkpoint / "model.safetensors")
    with pytest.raises(UserError, match=LOST) as caught:
        check_arguments(words(checkpoint))
    assert caught.value.why == "what is measured or said of the checkpoint would be of another model"
    assert caught.value.mend == "train the checkpoint again, or put its own weights back"
    asked = ["prior", "reviews_demo", "--model_args", f"pretrained={checkpoint}", "--output", "prior.json"]
    result = CliRunner().invoke(app, asked)
    assert (result.exit_code, "are not those that training left" in result.stderr) == (2, True), result.output


@pytest.mark.parametrize("name", ["pretrained", "peft", "lora_local_path"])
@pytest.mark.parametrize("model", ["hf", "hf-shared", "hf-seqcls", "vllm"])
def test_whatever_class_loads_it(checkpoint: Path, tiny_model: Path, name: str, model: str) -> None:
    model_args = {"pretrained": str(tiny_model), name: str(checkpoint)}
    fetch_weights(model, model_args)
    flip(checkpoint / "model.safetensors")
    with pytest.raises(UserError, match=LOST):
        fetch_weights(model, model_args)


def test_a_folder_without_a_record_is_not_judged(checkpoint: Path) -> None:
    (checkpoint / "tensors.json").unlink()
    flip(checkpoint / "model.safetensors")
    assert check_arguments(words(checkpoint)).names


def test_an_adapter_of_other_weights_is_not_merged(checkpoint: Path, tmp_path: Path) -> None:
    (checkpoint / "model.safetensors").rename(checkpoint / "adapter_model.safetensors")
    write_json(checkpoint / "adapter_config.json", {"peft_type": "LORA", "base_model_name_or_path": "build/base"})
    flip(checkpoint / "adapter_model.safetensors")
    with pytest.raises(UserError, match=LOST):
        merge(checkpoint, output=tmp_path / "merged")
