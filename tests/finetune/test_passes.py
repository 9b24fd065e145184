"""Rows go through a model together only where each then has the logits that it has alone."""

from typing import Any

import pytest
import torch
from small_models import LONGROPE, SMALL
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
)

from finetune import causal, classifier, span
from finetune.batches import Group
from finetune.passes import logits, takes_groups
from finetune.rows import Row
from harness_tasks.models.batch_effects import alone_over

HEADS = {
    causal: AutoModelForCausalLM,
    classifier: AutoModelForSequenceClassification,
    span: AutoModelForQuestionAnswering,
}


def made(auto: Any, family: str, **values: Any) -> Any:
    torch.manual_seed(1)
    model = auto.from_config(AutoConfig.for_model(family, **{**SMALL, **values})).eval()
    for weight in model.parameters():
        if weight.dim() > 1:
            torch.nn.init.normal_(weight, 0, 0.5)
    return model


def rows_of(*lengths: int, label: int | None = None, marked: tuple[int, int] | None = None) -> list[Row]:
    target = () if label is not None or marked else (5, 6)
    return [
        Row("", None, "", tuple((n + 3 * length) % 80 + 3 for n in range(length)), target, label, marked)
        for length in lengths
    ]


@pytest.mark.parametrize(
    ("formulation", "family", "given"),
    [(causal, "phi3", {}), (classifier, "phi3", {"label": 1}), (span, "llama", {"marked": (2, 4)})],
)
def test_rows_that_a_longer_one_would_change_are_read_alone(formulation: Any, family: str, given: Any) -> None:
    model = made(HEADS[formulation], family, **LONGROPE)
    rows = rows_of(9, 15, 40, **given)
    batch = formulation.collate([Group((row,), 0) for row in rows], pad_id=0)
    singles = [formulation.collate([Group((row,), 0)], pad_id=0) for row in rows]
    limit = alone_over(model)
    assert limit == 20
    found, together = logits(formulation, model, batch, alone_over=limit), formulation.logits(model, batch)
    losses = [formulation.loss(formulation.logits(model, single), single) for single in singles]
    torch.testing.assert_close(formulation.loss(found, batch), sum(losses))
    assert abs(float(formulation.loss(together, batch) - sum(losses))) > 0.01  # as it was
    assert found.shape == together.shape
    short = formulation.collate([Group((row,), 0) for row in rows[:2]], pad_id=0)
    torch.testing.assert_close(
        logits(formulation, model, short, alone_over=limit), formulation.logits(model, short), rtol=0, atol=0
    )


@pytest.mark.parametrize(
    ("family", "values", "expected"),
    [
        ("llama", {}, True),
        ("qwen3_moe", {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 8}, True),
        ("mistral", {"sliding_window": 16}, False),  # a mask of our own would let it see past its window
        ("mistral", {"sliding_window": None}, True),
        ("gemma2", {"sliding_window": 16, "head_dim": 8}, False),
        ("falcon", {"alibi": True, "new_decoder_architecture": False}, False),  # ALiBi goes by the mask's shape
        ("gpt_neo", {"attention_types": [[["global", "local"], 1]], "window_size": 16, "num_heads": 2}, False),
        ("mamba", {"state_size": 4}, False),
    ],
)
def test_groups_are_read_where_they_change_nothing(family: str, values: Any, expected: bool) -> None:
    assert takes_groups(made(AutoModelForCausalLM, family, **values), rows_of(9)) == expected


def test_rows_longer_than_a_window_that_cannot_be_tried_are_not_grouped() -> None:
    model = made(AutoModelForCausalLM, "mistral", sliding_window=1100)
    assert takes_groups(model, rows_of(1098))  # two target tokens more
    assert not takes_groups(model, rows_of(1098, 1099))
