"""The arithmetic of memory, operations and disk, by hand on a small model, and on published sizes."""

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import LlamaConfig

from finetune.estimate import Work, declared_work, disk_bytes, training
from finetune.fits import Fit, fits
from finetune.ledger import count
from finetune.recipe import Recipe
from finetune.sizes import sizes_of

LLAMA_1B = Path(__file__).parent.parent / "data" / "llama-3.2-1b" / "config.json"
SMALL = LlamaConfig(
    vocab_size=50, hidden_size=12, intermediate_size=20, num_hidden_layers=4, num_attention_heads=3,
    num_key_value_heads=3, tie_word_embeddings=True, dtype="float32",
)  # fmt: skip
BODY = 4 * (4 * 12 * 12 + 3 * 12 * 20)  # attention and MLP, without norms
HEAD = 50 * 12
WORK = Work(tokens=1000, supervised=30, steps=10, row_tokens=25.0, pass_tokens=100, pass_logits=3)


def operations(method: Any, **choices: Any) -> int:
    adapters = {"lora_r": 2} if method in ("lora", "dora", "qlora") else {}
    last = choices.get("last_layers")
    layers = {"lora_layers": range(4 - last, 4)} if last else {}
    ledger = count(SMALL, method=method, head=choices.pop("head", "causal"), **adapters, **layers)
    options: dict[str, Any] = {"dtype": "float32", "device": "cpu", "lora_r": 2, **choices}
    return training(WORK, ledger, sizes_of(SMALL), method=method, **options).operations


def test_operations_by_hand() -> None:
    scores = 2 * 4 * 12 * 25  # each of four layers: 12 numbers of a token against those of 25, twice
    layers, logits = 2 * (BODY + scores) * 1000, 2 * HEAD * 30
    adapter = 4 * 2 * (4 * 24 + 3 * 32)
    assert operations("full") == 3 * (layers + logits)
    assert operations("lora") == 2 * layers + 2 * logits + 6 * adapter * 1000
    assert operations("lora", last_layers=1) == 1.25 * layers + 2 * logits + 6 * adapter // 4 * 1000
    magnitudes = 4 * (4 * 12 + 2 * 20 + 12)
    norms = 10 * 2 * 2 * BODY
    assert operations("dora") == 2 * layers + 2 * logits + 6 * (adapter + magnitudes) * 1000 + norms
    head = 2 * 12  # two labels
    assert operations("head", head="sequence-classification") == layers + 3 * 2 * head * 30


def test_the_published_rule_of_six_operations_a_parameter_and_token() -> None:
    """6 x parameters x tokens for full fine-tuning, where attention over short rows and the head add little."""
    config = LlamaConfig.from_dict(json.loads(LLAMA_1B.read_text()))
    work = Work(tokens=10**6, supervised=0, steps=1, row_tokens=30, pass_tokens=1, pass_logits=0)
    found = training(work, count(config), sizes_of(config), method="full", dtype="bfloat16", device="cuda")
    assert found.operations == pytest.approx(6 * 973_146_112 * 10**6, rel=0.01)
    assert found.seconds is None


def test_memory_of_full_fine_tuning_is_sixteen_bytes_a_parameter() -> None:
    config = LlamaConfig.from_dict(json.loads(LLAMA_1B.read_text()))
    work = Work(tokens=1, supervised=1, steps=1, row_tokens=1, pass_tokens=1, pass_logits=0)
    found = training(work, count(config), sizes_of(config), method="full", dtype="float32", device="cuda")
    assert found.memory_bytes == pytest.approx(19.8e9, rel=0.005)  # the published 16 B a parameter
    on_cpu = training(work, count(config), sizes_of(config), method="full", dtype="float32", device="cpu")
    assert on_cpu.memory_bytes - found.memory_bytes == 4 * 1_235_814_400 + 600_000_000


def test_memory_of_an_adapter_by_hand() -> None:
    ledger = count(SMALL, lora_r=2)
    frozen, trained = 50 * 12 + BODY + 4 * 2 * 12 + 12, 4 * 2 * (4 * 24 + 3 * 32)
    layer = (16 * 12 + 8 * 20) * 4 + (6 * 12 + 20) * 4
    expected = 4 * frozen + 16 * trained + 100 * 4 * layer + 3 * 50 * 12
    found = training(WORK, ledger, sizes_of(SMALL), method="lora", dtype="float32", device="cuda", speed=1000.0)
    assert found.memory_bytes == expected
    assert found.seconds == found.operations / 1000
    half = training(WORK, count(SMALL, lora_r=2, lora_layers=[2, 3]), sizes_of(SMALL), method="lora", dtype="float32",
                    device="cuda", last_layers=2)  # fmt: skip
    assert half.memory_bytes == 4 * frozen + 16 * trained // 2 + 100 * 2 * layer + 3 * 50 * 12


def test_where_little_is_trained_loading_takes_the_most() -> None:
    """The weights are read in the file's dtype and kept in the run's: for a moment both are there."""
    ledger = count(SMALL, head="sequence-classification", method="head")
    work = Work(tokens=1, supervised=1, steps=1, row_tokens=1, pass_tokens=0, pass_logits=0)
    found = training(work, ledger, sizes_of(SMALL), method="head", dtype="bfloat16", device="cuda")
    assert found.memory_bytes == (4 + 2) * ledger.total


def test_disk_by_hand() -> None:
    ledger = count(SMALL, lora_r=2)
    assert disk_bytes(ledger, "lora") == (4 * ledger.trainable, 4 * 12 * ledger.trainable)
    full = count(SMALL)
    assert disk_bytes(full, "full") == (4 * full.total, 4 * 12 * full.total)


def test_work_by_what_a_task_declares_by_hand() -> None:
    size = {"train": 100, "prompt_tokens": 50, "new_tokens": 4, "row_tokens": 20, "sequence_rows": 5}
    recipe = Recipe(batch_size=20, epochs=2, gradient_accumulation_steps=2)
    found = declared_work({**size, "longest_tokens": 300}, recipe, head="causal", train_rows=60)
    # a step has 20 rows in 4 sequences, a part 2 of them, each of 300 tokens at most, with 2 x 5 answers of 4 tokens
    assert (found.tokens, found.supervised, found.steps, found.row_tokens) == (60 * 20 * 2, 60 * 4 * 2, 6, 100)
    assert found.passes == {2: (600, 2 * 40), 4: (300, 20)}
    assert (found.pass_tokens, found.pass_logits) == (600, 80)
    assert found.in_parts(4).pass_tokens == 300
    classifier = declared_work({**size, "longest_tokens": 300}, recipe, head="sequence-classification")
    # a row by itself, its whole prompt and one label; 20 rows a step
    assert (classifier.tokens, classifier.supervised, classifier.passes[2]) == (100 * 50 * 2, 200, (10 * 296, 0))


def test_what_fits_is_the_run_itself_then_smaller_parts_then_other_methods() -> None:
    config = LlamaConfig.from_dict(json.loads(LLAMA_1B.read_text()))
    sizes = sizes_of(config)
    passes = {1: (6400, 2000), 2: (3200, 500), 4: (1600, 100)}
    work = Work(tokens=1, supervised=1, steps=1, row_tokens=200, pass_tokens=6400, pass_logits=2000, passes=passes)

    def memory(method: Any, parts: int) -> float:
        ledger = count(config, method=method, **({"lora_r": 16} if method != "full" else {}))
        options: dict[str, Any] = {"method": method, "dtype": "bfloat16", "device": "cuda"}
        return training(work.in_parts(parts), ledger, sizes, **options).memory_bytes

    found = fits(work, config, sizes, Recipe(), method="full", head="causal", labels=0, dtype="bfloat16")
    # 22.2 GB of weights, gradients and moments, and their copies in bfloat16, before any token: LoRA where 24 GB are
    assert [(fit.gigabytes, fit.method) for fit in found] == [(16, "lora"), (24, "lora"), (40, "full"), (80, "full")]
    for fit in found:
        assert fit.method is not None
        assert fit.gradient_accumulation_steps is not None
        parts = fit.gradient_accumulation_steps
        assert fit.memory_bytes == memory(fit.method, parts) <= 0.9e9 * fit.gigabytes
        assert parts == 1 or memory(fit.method, parts // 2) > 0.9e9 * fit.gigabytes  # the fewest parts that do
    assert fits(
        work, config, sizes, Recipe(), method="full", head="causal", labels=0, dtype="bfloat16", gigabytes=[1]
    ) == (Fit(1, None, None, None),)
