"""Every architecture is counted, planned, trained, proven and merged, with LoRA and in full; and as a classifier."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from families import FAMILIES, config_of
from training import merged, run_of, trained
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

from finetune.plan import plan
from harness_tasks.models.seqcls import SequenceClassifierLM
from report.reading.ledgers import ledger_for

WORST = ("qwen3-moe",)
"""Experts in one tensor, of which few see a token, and which are saved one by one."""
NAMES = [family.name for family in FAMILIES]
# `llama-dynamic` has 64 positions, and the guard `truncation` stops longer rows.
TRAINED = [name for name in NAMES if name != "llama-dynamic"]
SLOW = [name if name in WORST else pytest.param(name, marks=pytest.mark.slow) for name in TRAINED]
CLASSIFIERS = [
    family.name
    for family in FAMILIES
    if family.name in TRAINED and type(config_of(family)) in AutoModelForSequenceClassification._model_mapping
]


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_those_of_the_model(model_of: Callable[[str], Path], name: str) -> None:
    folder = model_of(name)
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert ledger_for(str(folder)).total == sum(weight.numel() for weight in model.parameters())


@pytest.mark.parametrize("name", SLOW)
def test_it_is_planned_trained_proven_and_merged(
    model_of: Callable[[str], Path], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for method in ("lora", "full"):
        run = run_of(model_of(name), tmp_path / method, method)
        planned = plan(run)
        assert planned.parameters is not None
        assert (planned.memory_bytes or 0) > 4 * planned.parameters["total"]
        checkpoint = trained(run, monkeypatch)
        if method == "lora":
            merged(checkpoint)


@pytest.mark.slow
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_is_trained_and_scored_alone_and_in_a_batch(
    model_of: Callable[[str], Path], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = trained(run_of(model_of(name), tmp_path / "head", "lora", "sequence-classification"), monkeypatch)
    given: dict[str, Any] = {"pretrained": str(model_of(name)), "peft": str(checkpoint), "device": "cpu"}
    prompts = [[n % 80 + 3 for n in range(length)] for length in (5, 30, 90, 150)]
    alone = SequenceClassifierLM(batch_size=1, dtype="float32", **given)._log_probabilities(prompts)
    together = SequenceClassifierLM(batch_size=4, dtype="float32", **given)._log_probabilities(prompts)
    for one, other in zip(alone, together, strict=True):
        assert one == pytest.approx(other, abs=1e-4)
