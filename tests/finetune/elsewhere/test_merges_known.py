"""Which model is the merge of an adapter, and what it kept: against peft's own merge, and torch on whole tensors."""

import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

sys.path.insert(0, str(Path(__file__).resolve().parent))

from checkpoints import LORA, write_full, write_lora

from finetune.elsewhere.merged_logits import MOST_POSITIONS, merged_logits
from finetune.elsewhere.merges import merge_evidence
from finetune.elsewhere.reading import changes
from finetune.elsewhere.sides import side_of
from harness_tasks.errors import UserError

TEXTS = ["A film without a joke.\nLabel: negative", "Short", "A long one. " * 40]


def write_merge(
    base: Path, adapter: Path, folder: Path, *, times: float = 1.0, dtype: torch.dtype = torch.float32
) -> Path:
    """Returns ``folder`` with peft's merge of what the adapter adds, so many times, saved in a dtype."""
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), str(adapter))
    for module in model.modules():
        if isinstance(scaling := getattr(module, "scaling", None), dict):
            scaling["default"] *= times
    model.merge_and_unload().to(dtype).save_pretrained(folder)
    return folder


def evidence(base: Path, adapter: Path, whole: Path) -> dict[str, Any] | None:
    sides = [side_of(str(place), None, weights=True, records=False) for place in (base, adapter, whole)]
    return merge_evidence(*sides, changes(sides[0], sides[1]), changes(sides[0], sides[2]))


def difference(one: Path, other: Path) -> torch.Tensor:
    """Returns all that differs between two models, as one vector."""
    states = [AutoModelForCausalLM.from_pretrained(place).double().state_dict() for place in (one, other)]
    return torch.cat([(states[0][name] - states[1][name]).flatten() for name in states[0] if name != "lm_head.weight"])


@pytest.fixture(scope="module")
def adapter(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lora(tiny_model, tmp_path_factory.mktemp("adapters") / "adapter")


@pytest.mark.parametrize(
    "config",
    [
        LoraConfig(**LORA, use_rslora=True),
        LoraConfig(**{**LORA, "target_modules": ["q_proj", "embed_tokens"]}),
        LoraConfig(**LORA, use_dora=True),
    ],
    ids=["rsLoRA", "embeddings", "DoRA"],
)
def test_a_merge_by_peft_is_known_by_its_weights(config: Any, tiny_model: Path, tmp_path: Path) -> None:
    own = write_lora(tiny_model, tmp_path / "adapter", config)
    found = evidence(tiny_model, own, write_merge(tiny_model, own, tmp_path / "merged"))
    assert found is not None
    assert (found["recorded"], found["in_weights"], found["other_tensors"]) == (False, True, 0)
    assert (found["cosine"], found["multiple"]) == pytest.approx((1, 1), abs=1e-5)


@pytest.mark.parametrize(("times", "dtype"), [(2.0, torch.float32), (0.5, torch.float32), (1.0, torch.bfloat16)])
def test_how_often_the_adapter_stands_in_a_merge(
    times: float, dtype: torch.dtype, adapter: Path, tiny_model: Path, tmp_path: Path
) -> None:
    whole = write_merge(tiny_model, adapter, tmp_path / "merged", times=times, dtype=dtype)
    found = evidence(tiny_model, adapter, whole)
    assert found is not None
    assert found["in_weights"]
    assert found["multiple"] == pytest.approx(times, rel=1e-3)
    # the tensors that the adapter leaves alone are rounded too, and are no part of it
    if dtype == torch.float32:
        exact = difference(write_merge(tiny_model, adapter, tmp_path / "exact"), tiny_model)
        own = difference(whole, tiny_model)
        assert found["cosine"] == pytest.approx(float(own @ exact / own.norm() / exact.norm()), abs=1e-6)


def test_what_is_no_merge_is_not_taken_for_one(adapter: Path, tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "copy")
    torch.manual_seed(8)
    stranger = LoraConfig(**LORA, init_lora_weights=False)
    other = write_merge(tiny_model, write_lora(tiny_model, tmp_path / "other", stranger), tmp_path / "merged")
    assert evidence(tiny_model, adapter, tmp_path / "copy") is None
    assert evidence(tiny_model, adapter, write_full(tiny_model, tmp_path / "full")) is None
    assert evidence(tiny_model, adapter, other) is None
    # A file that says so is enough, and what the weights show stands beside it.
    digest = hashlib.sha256((adapter / "adapter_model.safetensors").read_bytes()).hexdigest()
    (other / "merged_from.json").write_text(json.dumps({"adapter": {}, "adapter_sha256": digest}))
    found = evidence(tiny_model, adapter, other)
    assert found is not None
    assert (found["recorded"], found["in_weights"]) == (True, False)
    assert abs(found["cosine"]) < 0.5
    (other / "merged_from.json").write_text(json.dumps({"adapter": {}, "adapter_sha256": "ab" * 32}))
    assert evidence(tiny_model, adapter, other) is None


def test_logits_are_those_of_the_two_models(adapter: Path, tiny_model: Path, tmp_path: Path) -> None:
    exact = write_merge(tiny_model, adapter, tmp_path / "exact")
    kept = merged_logits(adapter, exact, tiny_model, TEXTS, device="cpu")
    # bytes are tokens, behind <bos>: 39 + 1, 5 + 1 and 480 + 1 of them
    assert (kept["rows"], kept["positions"]) == (3, MOST_POSITIONS + 6 + MOST_POSITIONS)
    assert kept["same"] == kept["positions"]
    assert kept["largest"] < 1e-5
    assert kept["divergence"] < 1e-9
    doubled = write_merge(tiny_model, adapter, tmp_path / "doubled", times=2.0)
    lost = merged_logits(adapter, doubled, tiny_model, TEXTS[1:2], device="cpu")
    ids = torch.tensor([AutoTokenizer.from_pretrained(tiny_model)(TEXTS[1])["input_ids"]])
    with torch.no_grad():
        plain, one, two = (
            AutoModelForCausalLM.from_pretrained(place)(ids).logits[0] for place in (tiny_model, exact, doubled)
        )
    assert lost["mean"] == pytest.approx(float((one - two).abs().mean()), rel=1e-4)
    assert lost["effect"] == pytest.approx(float((one - plain).abs().mean()), rel=1e-4)
    kl = torch.nn.functional.kl_div(two.log_softmax(-1), one.log_softmax(-1), log_target=True, reduction="none")
    assert lost["divergence"] == pytest.approx(float(kl.sum(-1).max()), rel=1e-3)
    assert lost["same"] == int((one.argmax(-1) == two.argmax(-1)).sum())
    assert lost["mean"] / lost["effect"] > 0.5


def test_what_cannot_be_compared_says_why(adapter: Path, tiny_model: Path, tmp_path: Path) -> None:
    assert "no text" in merged_logits(adapter, tiny_model, tiny_model, [], device="cpu")["not_measured"]
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    model.resize_token_embeddings(300)
    model.save_pretrained(tmp_path / "wider")
    found = merged_logits(adapter, tmp_path / "wider", tiny_model, TEXTS[:1], device="cpu")
    assert found == {"not_measured": "the merged model has 300 logits a token, and the adapter on its base 259"}
    with pytest.raises(UserError, match="is not a model that transformers can load"):
        merged_logits(adapter, tmp_path, tiny_model, TEXTS[:1], device="cpu")
