"""A folder whose weights are no safetensors is refused in the same words by whatever would read them."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from finetune.prepare import prepare
from finetune.run import Run
from harness_tasks.errors import UserError
from harness_tasks.hub.download import fetch_model
from harness_tasks.models.heads import fetch_weights
from harness_tasks.models.weights import safetensors_in


@pytest.fixture
def pickled(tiny_model: Path, tmp_path: Path) -> Path:
    """A model's folder as older versions of transformers left it."""
    folder = tmp_path / "pickled"
    AutoModelForCausalLM.from_pretrained(tiny_model).config.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(folder)
    torch.save(AutoModelForCausalLM.from_pretrained(tiny_model).state_dict(), folder / "pytorch_model.bin")
    return folder


def test_it_is_neither_scored_planned_nor_trained_on(pickled: Path, tmp_path: Path) -> None:
    told = []
    run = Run(model=str(pickled), task="passages_demo", output=tmp_path / "out", device="cpu", dtype="float32")
    for use in (
        lambda: fetch_weights("hf", {"pretrained": str(pickled)}),
        lambda: fetch_weights("hf-shared", {"pretrained": str(pickled)}),
        lambda: prepare(run),  # of `plan` and of `train`
        lambda: fetch_model(str(pickled), None),  # of whatever loads weights, as `merge` does
        lambda: safetensors_in(pickled),
    ):
        with pytest.raises(UserError) as caught:
            use()
        told.append(str(caught.value))
    assert set(told) == {
        f"Found: the folder {pickled} holds no *.safetensors file, but pytorch_model.bin\n"
        "Why it matters: weights are read from safetensors alone: other formats can run code when they are loaded\n"
        "To mend it: save the model with save_pretrained of a current transformers or peft, and name that folder"
    }


def test_nor_is_an_adapter(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "adapter_model.bin").write_bytes(b"")
    with pytest.raises(UserError, match=r"holds no \*\.safetensors file, but adapter_model\.bin"):
        fetch_weights("hf", {"pretrained": str(tiny_model), "peft": str(tmp_path)})
    fetch_weights("hf", {"pretrained": str(tiny_model)})
