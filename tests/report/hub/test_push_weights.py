"""Weights that are broken, or another checkpoint's, are not pushed; those that training leaves are."""

import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness_tasks.errors import UserError
from harness_tasks.files import write_json
from harness_tasks.models.weights import tensors_of
from harness_tasks.weights import check_weights
from tests.report.hub.conftest import Push
from tests.report.synthetic import folder_of

REVIEWS, PASSAGES = "reviews-lora-seed1", "passages-lora-seed1"
WEIGHTS = "adapter_model.safetensors"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def lengthened(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


def of_huge_header(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 2**62) + path.read_bytes()[8:])


def of_no_json(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:8] + b"[" + path.read_bytes()[9:])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def of_nested_header(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 100_000) + b"[" * 100_000)


@pytest.mark.parametrize("damage", [cut, lengthened, of_huge_header, of_no_json, empty, of_nested_header])
def test_a_broken_file_is_refused(push: Push, study: Path, damage: Callable[[Path], None]) -> None:
    damage(folder_of(study) / "checkpoints" / REVIEWS / WEIGHTS)
    result = push("--dry-run")
    assert result.exit_code == 2, result.output
    assert f"{WEIGHTS} is not a complete safetensors file" in result.stderr
    assert "Why it matters: nobody could load the model" in result.stderr


def test_another_checkpoints_weights_are_refused(push: Push, study: Path) -> None:
    home = folder_of(study) / "checkpoints"
    assert push("--dry-run").exit_code == 0
    shutil.copy(home / PASSAGES / WEIGHTS, home / REVIEWS / WEIGHTS)
    result = push("--dry-run")
    assert result.exit_code == 2
    assert "are not those that training left: layers.0.q has another hash than tensors.json says" in result.stderr


@pytest.mark.parametrize("method", ["lora", "dora", "full", "head"])
@pytest.mark.parametrize("head", ["causal", "sequence-classification", "question-answering"])
def test_what_training_leaves_passes_and_one_flipped_bit_does_not(
    method: Any, head: Any, tiny_model: Path, tmp_path: Path
) -> None:
    import torch

    from finetune.models import load_config, load_model, load_tokenizer, save_model
    from finetune.recipe import Recipe
    from finetune.run import Run
    from finetune.tensors import before_training, tensor_changes

    if (method, head) == ("head", "causal"):
        pytest.skip("a tied causal head is not trained alone")
    run = Run(model=str(tiny_model), task="any", output=tmp_path, method=method, head=head,
              recipe=Recipe(lora_r=2).resolved(method), dtype="bfloat16", device="cpu")  # fmt: skip
    labels = ("no", "yes") if head == "sequence-classification" else ()
    model = load_model(run, load_config(run.model, None), labels=labels, pad_id=0)
    before = before_training(model)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter += torch.randn_like(parameter) * 0.1
    rows = tensor_changes(model, before)
    save_model(model, load_tokenizer(run.model, None), tmp_path, pad_id=0, stop_ids=())
    write_json(tmp_path / "tensors.json", {"checkpoint": "it", "method": method, "tensors": rows})
    (weights,) = tmp_path.glob("*.safetensors")
    check_weights(tmp_path, [weights.name])
    place = next(iter(tensors_of(weights).values()))
    data = bytearray(weights.read_bytes())
    data[place.start] ^= 1
    weights.write_bytes(data)
    with pytest.raises(UserError, match=r"has another hash than tensors\.json says"):
        check_weights(tmp_path, [weights.name])
