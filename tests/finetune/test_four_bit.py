"""QLoRA: refused where bitsandbytes cannot run, with the reason; trained and merged where it can."""

import dataclasses
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from finetune.four_bit import check_four_bit
from finetune.ledger import ledger_of
from finetune.merge import merge, merged_model
from finetune.models import check_method, load_checkpoint, load_config, load_model, load_tokenizer, save_model
from finetune.recipe import Recipe
from finetune.run import Run
from finetune.tensors import before_training, tensor_changes
from harness_tasks.errors import UserError

INSTALLED = importlib.util.find_spec("bitsandbytes") is not None
IDS = torch.tensor([[5, 80, 90, 100, 110], [6, 70, 60, 50, 40]])


def run_of(model: Path, head: Any = "causal") -> Run:
    recipe = Recipe(lora_r=2).resolved("qlora")
    return Run(
        model=str(model), task="any", output=Path("none"), method="qlora", head=head, recipe=recipe, dtype="float32",
        device="cpu",
    )  # fmt: skip


@pytest.mark.skipif(INSTALLED, reason="bitsandbytes is installed")
def test_bitsandbytes_is_not_installed(tiny_model: Path) -> None:
    with pytest.raises(UserError) as caught:
        check_method(run_of(tiny_model), load_config(str(tiny_model), None))
    assert caught.value.found == "--method qlora, and bitsandbytes is not installed"
    assert "weights in 4 bits" in caught.value.why
    assert caught.value.mend.startswith("run `pip install bitsandbytes`, or take --method lora")


def fake(monkeypatch: pytest.MonkeyPatch, quantize: Any, product: Any = None) -> None:
    """Puts a stand-in for bitsandbytes where it is imported from."""
    module: Any = ModuleType("bitsandbytes")
    module.functional = SimpleNamespace(quantize_4bit=quantize)
    module.matmul_4bit = lambda left, packed, state: product
    module.__spec__ = importlib.util.spec_from_loader("bitsandbytes", None)
    monkeypatch.setitem(sys.modules, "bitsandbytes", module)


def test_bitsandbytes_has_no_kernels_for_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    def quantize(*given: Any, **named: Any) -> Any:
        raise NotImplementedError("no operator for CPU\nand a trace")

    fake(monkeypatch, quantize)
    with pytest.raises(UserError) as caught:
        check_four_bit("cpu")
    assert caught.value.found.endswith("cannot compute in 4 bits on cpu (NotImplementedError: no operator for CPU)")
    assert "--upgrade`, choose another --device, or take --method lora" in caught.value.mend


def test_bitsandbytes_gives_no_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = torch.zeros(1, 1)
    fake(monkeypatch, lambda *given, **named: (packed, None), torch.tensor([float("nan")]))
    with pytest.raises(UserError, match="gives numbers on cpu that are not finite"):
        check_four_bit("cpu")
    fake(monkeypatch, lambda *given, **named: (packed, None), torch.ones(1))
    check_four_bit("cpu")


@pytest.fixture(scope="module")
def wide(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with 64 features: as many as bitsandbytes scales together."""
    from transformers import AutoConfig, AutoModelForCausalLM

    pytest.importorskip("bitsandbytes")
    folder = tmp_path_factory.mktemp("wide")
    torch.manual_seed(0)
    config = AutoConfig.from_pretrained(tiny_model, hidden_size=64, intermediate_size=128, head_dim=16)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    load_tokenizer(str(tiny_model), None).save_pretrained(folder)
    return folder


def logits(model: Any) -> torch.Tensor:
    found = model(input_ids=IDS, use_cache=False)
    return torch.stack([found.start_logits, found.end_logits]) if "start_logits" in found else found.logits


def test_an_evaluation_does_not_change_the_packed_base(wide: Path) -> None:
    model = load_model(run_of(wide), load_config(str(wide), None), labels=(), pad_id=0).train()
    before = logits(model)
    model.eval()
    with torch.no_grad():
        assert torch.equal(logits(model), before)
    assert torch.equal(logits(model.train()), before)


@pytest.mark.parametrize("head", ["causal", "sequence-classification", "question-answering"])
def test_qlora_is_trained_saved_and_merged(wide: Path, tmp_path: Path, head: Any) -> None:
    run, labels = run_of(wide, head), ("a", "b", "c") if head == "sequence-classification" else ()
    check_method(run, load_config(str(wide), None))
    model = load_model(run, load_config(str(wide), None), labels=labels, pad_id=0).train()
    assert ledger_of(model).trainable == ledger_of(model).closed_form_trainable("qlora")
    before = before_training(model)
    optimizer = torch.optim.AdamW([value for value in model.parameters() if value.requires_grad], lr=1e-2)
    losses = []
    for _ in range(3):
        loss = (logits(model) - 1).square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[2] < losses[1] < losses[0]
    for row in tensor_changes(model, before):
        assert row["trained"] == (row["sha256_before"] != row["sha256_after"])
        if row["name"].endswith("q_proj.weight"):
            assert row["shape"] == [64, 64]  # not that of the packed bytes
            assert row["kind"] == "attention"
        assert row["relative_change"] is None or row["relative_change"] > 0
    save_model(model, load_tokenizer(str(wide), None), tmp_path / "adapter", pad_id=0, stop_ids=())
    (tmp_path / "adapter" / "finetune.json").write_text(json.dumps({"method": "qlora", "dtype": "float32"}))
    with torch.no_grad():
        trained = logits(model.eval())
        assert torch.equal(logits(load_checkpoint(tmp_path / "adapter")), trained)
        # merged into what the packed weights stand for, not into the base as it was
        merge(tmp_path / "adapter", output=tmp_path / "merged")
        torch.testing.assert_close(logits(load_checkpoint(tmp_path / "merged")), trained)


def test_in_another_dtype_the_base_has_the_values_that_training_multiplied_by(wide: Path, tmp_path: Path) -> None:
    """Packed from float32, a base that was trained packed from bfloat16 is another one."""
    run = dataclasses.replace(run_of(wide), dtype="bfloat16")
    model = load_model(run, load_config(str(wide), None), labels=(), pad_id=0).eval()
    for name, value in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(value, std=0.1)
    save_model(model, load_tokenizer(str(wide), None), tmp_path / "adapter", pad_id=0, stop_ids=())
    (tmp_path / "adapter" / "finetune.json").write_text(json.dumps({"method": "qlora", "dtype": "bfloat16"}))
    with torch.no_grad():
        packed = logits(load_checkpoint(tmp_path / "adapter"))
        unpacked = logits(load_checkpoint(tmp_path / "adapter", dtype=torch.float32))
        assert torch.equal(packed, logits(model))
        torch.testing.assert_close(packed.float(), unpacked, atol=0.05, rtol=0)  # bfloat16's own rounding
        torch.testing.assert_close(logits(merged_model(tmp_path / "adapter")), unpacked, atol=1e-5, rtol=0)
