"""Adapters that peft itself made, of every kind: merged to what they are on their base, or refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from finetune.merge import merge
from harness_tasks.errors import UserError

IDS = torch.tensor([[1, 80, 90, 100, 257, 258]])
LORA: dict[str, Any] = {"r": 4, "target_modules": ["q_proj", "down_proj"], "task_type": "CAUSAL_LM"}
KINDS: dict[str, Any] = {
    "lora on the tied head": LoraConfig(**{**LORA, "target_modules": ["q_proj", "lm_head"]}),
    "lora on the tied embeddings": LoraConfig(**{**LORA, "target_modules": ["q_proj", "embed_tokens"]}),
    "embeddings saved": LoraConfig(**LORA, modules_to_save=["embed_tokens"]),
    "head saved": LoraConfig(**LORA, modules_to_save=["lm_head"]),
    "both saved": LoraConfig(**LORA, modules_to_save=["embed_tokens", "lm_head"]),
    "both saved, kept tied": LoraConfig(**LORA, modules_to_save=["embed_tokens", "lm_head"], ensure_weight_tying=True),
    "some tokens": LoraConfig(**LORA, trainable_token_indices=[5, 80, 258]),
    "rsLoRA": LoraConfig(**LORA, use_rslora=True),
    "DoRA": LoraConfig(**LORA, use_dora=True),
    "PiSSA": LoraConfig(**LORA, init_lora_weights="pissa"),
    "OLoRA": LoraConfig(**LORA, init_lora_weights="olora"),
    "ranks and scales by pattern": LoraConfig(**LORA, rank_pattern={"down_proj": 2}, alpha_pattern={"q_proj": 32}),
    "biases": LoraConfig(**LORA, bias="all"),
    "some layers by a regular expression": LoraConfig(**{**LORA, "target_modules": r".*layers\.1\..*(q|v)_proj"}),
    "LoHa": peft.LoHaConfig(r=4, target_modules=["q_proj"], task_type="CAUSAL_LM"),
    "LoKr": peft.LoKrConfig(r=4, target_modules=["q_proj"], task_type="CAUSAL_LM"),
    "IA3": peft.IA3Config(target_modules=["k_proj", "down_proj"], feedforward_modules=["down_proj"],
                          task_type="CAUSAL_LM"),
    "VeRA": peft.VeraConfig(r=4, target_modules=["q_proj"], task_type="CAUSAL_LM"),
    "OFT": peft.OFTConfig(r=4, oft_block_size=0, target_modules=["q_proj"], task_type="CAUSAL_LM"),
}  # fmt: skip


def moved(model: Any) -> Any:
    """Returns a peft model whose trained parameters have moved at random."""
    torch.manual_seed(3)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.add_(torch.randn_like(weight) * 0.2)
    return model


def saved(base: Path, folder: Path, config: Any, *, tokens: int = 0) -> Path:
    """Returns ``folder`` with an adapter on the model in ``base``, as peft saves it; ``tokens`` were added before."""
    model = AutoModelForCausalLM.from_pretrained(base)
    tokenizer = AutoTokenizer.from_pretrained(base)
    if tokens:
        tokenizer.add_tokens([f"<added {n}>" for n in range(tokens)], special_tokens=True)
        model.resize_token_embeddings(len(tokenizer))
        tokenizer.save_pretrained(folder)
    moved(get_peft_model(model, config)).save_pretrained(folder)
    return folder


def logits(model: Any, ids: torch.Tensor = IDS) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model.eval()(input_ids=ids).logits
    return found


def on_base(base: Path, adapter: Path, rows: int | None = None) -> Any:
    """Returns what plain calls of peft make of the adapter."""
    model = AutoModelForCausalLM.from_pretrained(base)
    if rows:
        model.resize_token_embeddings(rows)
    return PeftModel.from_pretrained(model, str(adapter))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_a_merged_model_is_the_adapter_on_its_base(kind: str, tiny_model: Path, tmp_path: Path) -> None:
    adapter = saved(tiny_model, tmp_path / "adapter", KINDS[kind])
    merge(adapter, output=tmp_path / "merged")
    expected, base = logits(on_base(tiny_model, adapter)), logits(AutoModelForCausalLM.from_pretrained(tiny_model))
    assert float((expected - base).abs().max()) > 1e-3  # the adapter does something
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    torch.testing.assert_close(logits(merged), expected, atol=1e-5, rtol=1e-4)
    parted = kind in ("lora on the tied head", "lora on the tied embeddings", "embeddings saved", "head saved",
                      "both saved")  # fmt: skip
    assert merged.config.tie_word_embeddings != parted
    assert AutoTokenizer.from_pretrained(tmp_path / "merged").eos_token_id == 2  # the base's, where it has none
    assert not list(tmp_path.glob(".*"))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["both saved", "embeddings saved along", "on the embeddings"])
def test_added_tokens_have_their_embeddings(kind: str, tiny_model: Path, tmp_path: Path) -> None:
    configs = {
        "both saved": KINDS["both saved"],
        "embeddings saved along": LoraConfig(**LORA),  # peft writes them, since there are more than the base has
        "on the embeddings": LoraConfig(**{**LORA, "target_modules": ["embed_tokens"]}),
    }
    adapter = saved(tiny_model, tmp_path / "adapter", configs[kind], tokens=3)
    merge(adapter, output=tmp_path / "merged")
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    ids = torch.tensor([[1, 80, 259, 260, 261, 90]])
    torch.testing.assert_close(logits(merged, ids), logits(on_base(tiny_model, adapter, 262), ids), atol=1e-4, rtol=0)
    assert len(AutoTokenizer.from_pretrained(tmp_path / "merged")) == merged.config.vocab_size == 262


def _without_embeddings(adapter: Path) -> None:
    file = adapter / "adapter_model.safetensors"
    save_file({name: weight for name, weight in load_file(file).items() if "lora" in name}, file)


def _with_half(adapter: Path) -> None:
    file = adapter / "adapter_model.safetensors"
    kept = {name: weight for name, weight in load_file(file).items() if "layers.1" not in name}
    save_file(kept, file)


def _of_another_width(adapter: Path) -> None:
    file = adapter / "adapter_model.safetensors"
    save_file({name: torch.cat([weight, weight], -1) for name, weight in load_file(file).items()}, file)


def _of_no_kind(adapter: Path) -> None:
    settings = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps(settings | {"peft_type": "MAGIC"}))


def _without_base(adapter: Path) -> None:
    settings = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps(settings | {"base_model_name_or_path": None}))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("damage", "tokens", "found"),
    [
        (_without_embeddings, 2, "the adapter's tokenizer has 261 tokens, and base and adapter have 259 embeddings"),
        (_with_half, 0, "does not fit its base \\(.*missing adapter keys"),
        (_of_another_width, 0, "does not fit its base \\(size mismatch"),
        (_of_no_kind, 0, "describes no adapter that peft knows"),
        (_without_base, 0, "names no base model"),
    ],
)
def test_what_is_not_whole_is_refused(
    damage: Callable[[Path], None], tokens: int, found: str, tiny_model: Path, tmp_path: Path
) -> None:
    adapter = saved(tiny_model, tmp_path / "adapter", LoraConfig(**LORA), tokens=tokens)
    damage(adapter)
    with pytest.raises(UserError, match=found):
        merge(adapter, output=tmp_path / "merged")
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]


def test_a_learned_prompt_is_nothing_to_merge(tiny_model: Path, tmp_path: Path) -> None:
    config = peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4)
    adapter = saved(tiny_model, tmp_path / "adapter", config)
    with pytest.raises(UserError) as caught:
        merge(adapter, output=tmp_path / "merged")
    assert caught.value.found == f"{adapter} is an adapter of the kind PROMPT_TUNING"
    assert caught.value.mend == f"score it on its base: --model_args pretrained=BASE,peft={adapter}"


def test_a_folder_of_several_adapters_names_them(tiny_model: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        saved(tiny_model, tmp_path / "all" / name, LoraConfig(**LORA))
    with pytest.raises(UserError, match=r"holds no adapter_config\.json, its folders one, two do"):
        merge(tmp_path / "all", output=tmp_path / "merged")


def test_a_quantised_base_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    adapter = saved(tiny_model, tmp_path / "adapter", LoraConfig(**LORA))
    packed = shutil.copytree(tiny_model, tmp_path / "packed")
    settings = json.loads((packed / "config.json").read_text())
    quantised = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    (packed / "config.json").write_text(json.dumps(settings | {"quantization_config": quantised}))
    with pytest.raises(UserError, match=r"the base .*packed is quantised \(bitsandbytes\)"):
        merge(adapter, output=tmp_path / "merged", base=str(packed))


def test_a_merged_model_that_differs_is_not_written(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = saved(tiny_model, tmp_path / "adapter", LoraConfig(**LORA))
    monkeypatch.setattr("peft.tuners.lora.LoraModel.merge_and_unload", lambda self: self.unload())
    with pytest.raises(UserError, match="the merged model's logits differ from those of the adapter"):
        merge(adapter, output=tmp_path / "merged")
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]
