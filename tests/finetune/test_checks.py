"""What a finished checkpoint's files and figures must fulfil, on figures made by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from finetune.checks import (
    below_majority,
    changed_tensors,
    loss_shape,
    never_stops,
    of_control,
    rows_once,
    trainable_count,
)


def _tensor(name: str, kind: str, *, trained: bool, changed: bool | None = None, **more: Any) -> dict[str, Any]:
    layer = int(name.split(".")[2]) if ".layers." in name else None
    after = "new" if (trained if changed is None else changed) else "old"
    shape = [4, 4] if name.endswith("weight") and "norm" not in name else [4]
    row = {"name": name, "kind": kind, "layer": layer, "shape": shape, "trained": trained}
    return {**row, "sha256_before": "old", "sha256_after": after, **more}


def _lora(head: str = "causal", **recipe: Any) -> dict[str, Any]:
    recipe = {"lora_targets": "all-linear", "lora_last_layers": None, **recipe}
    return {"method": "lora", "head": head, "recipe": recipe}


BASE = [
    _tensor("model.embed_tokens.weight", "embeddings", trained=False),
    _tensor("model.layers.0.self_attn.q_proj.weight", "attention", trained=False),
    _tensor("model.layers.0.input_layernorm.weight", "norms", trained=False),
    _tensor("model.layers.1.self_attn.q_proj.weight", "attention", trained=False),
    _tensor("model.layers.1.mlp.up_proj.weight", "MLP", trained=False),
]


def _adapters(*names: str, **more: Any) -> list[dict[str, Any]]:
    return [_tensor(name, "attention", trained=True, adapter=True, **more) for name in names]


FIRST, SECOND, UP = (BASE[i]["name"] for i in (1, 3, 4))


@pytest.mark.parametrize(
    ("tensors", "record"),
    [
        ([*BASE, *_adapters(FIRST, SECOND, UP)], _lora()),
        ([*BASE, *_adapters(SECOND, UP)], _lora(lora_last_layers=1)),
        ([*BASE, *_adapters(FIRST, SECOND)], _lora(lora_targets="q_proj, k_proj")),
        (
            [*BASE, _tensor("score.weight", "head", trained=True), *_adapters(FIRST, SECOND, UP)],
            _lora("sequence-classification"),
        ),
        ([{**row, "trained": True, "sha256_after": "new"} for row in BASE], {"method": "full", "head": "causal"}),
        (
            # what is added to the logit of every position has no gradient
            [*BASE, _tensor("qa_outputs.weight", "head", trained=True),
             _tensor("qa_outputs.bias", "head", trained=True, changed=False)],
            {"method": "head", "head": "question-answering"},
        ),
    ],
)  # fmt: skip
def test_what_a_method_trains_has_changed(tensors: list[dict[str, Any]], record: dict[str, Any]) -> None:
    verdict = changed_tensors(tensors, record)
    assert verdict.verdict == "pass", verdict.found
    trained = sum(row["trained"] for row in tensors)
    assert verdict.found.startswith(f"{trained} of {len(tensors)} tensors were to change")


@pytest.mark.parametrize(
    ("tensors", "found"),
    [
        ([*BASE, *_adapters(FIRST, SECOND)], f"{UP} has no adapter"),
        ([*BASE, *_adapters(FIRST, SECOND, UP, BASE[0]["name"])], "model.embed_tokens.weight has an adapter"),
        ([*BASE, *_adapters(FIRST, SECOND, UP, changed=False)], f"the adapter of {FIRST} has not changed"),
        (
            [{**BASE[0], "sha256_after": "new"}, *BASE[1:], *_adapters(FIRST, SECOND, UP)],
            "model.embed_tokens.weight has changed",
        ),
        (
            [*BASE, _tensor("lm_head.weight", "head", trained=True), *_adapters(FIRST, SECOND, UP)],
            "lm_head.weight was trained",
        ),
    ],
)  # fmt: skip
def test_anything_else_is_found(tensors: list[dict[str, Any]], found: str) -> None:
    verdict = changed_tensors(tensors, _lora())
    assert verdict.verdict == "fail"
    assert found in verdict.found
    assert verdict.found.endswith("which is not what the method lora trains")


def test_what_had_no_gradient_need_not_have_changed() -> None:
    """As experts that no token was sent to, or a matrix that a layer reads in another way than its forward does."""
    idle = [{**row, "gradient": False} for row in _adapters(UP, changed=False)]
    moved = [{**row, "gradient": True} for row in _adapters(FIRST, SECOND)]
    verdict = changed_tensors([*BASE, *moved, *idle], _lora())
    assert verdict.verdict == "pass"
    assert verdict.found.endswith(
        "; 1 of them had no gradient, since no token reached them or the layer does not use them"
    )
    still = [{**row, "gradient": True} for row in _adapters(UP, changed=False)]
    assert f"the adapter of {UP} has not changed" in changed_tensors([*BASE, *moved, *still], _lora()).found
    nothing = [{**row, "gradient": False} for row in _adapters(FIRST, SECOND, UP, changed=False)]
    assert "none has changed" in changed_tensors([*BASE, *nothing], _lora()).found


def test_all_linear_is_what_can_be_adapted() -> None:
    tensors = [*BASE, *_adapters(FIRST, SECOND)]
    assert changed_tensors(tensors, _lora(), {FIRST, SECOND}).verdict == "pass"  # the third is a router, say
    assert f"{SECOND} has an adapter" in changed_tensors(tensors, _lora(), {FIRST}).found


def test_a_head_that_stayed_frozen_is_found() -> None:
    tensors = [*BASE, _tensor("score.weight", "head", trained=False), *_adapters(FIRST, SECOND, UP)]
    assert "score.weight was frozen" in changed_tensors(tensors, _lora("sequence-classification")).found


def test_what_was_trained_is_counted_three_times(checkpoint: Path) -> None:
    record = json.loads((checkpoint / "finetune.json").read_text())
    tensors = json.loads((checkpoint / "tensors.json").read_text())["tensors"]
    saved = {"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight": 4000, "lora_B": 96, "lm_head.weight": 7}
    assert trainable_count(tensors, record, saved).verdict == "pass"  # rank 4 on seven matrices of two layers: 4,096
    lost = trainable_count(tensors, record, {"lora_B": 96})
    assert lost.verdict == "fail"
    assert lost.found == "4,096 parameters were trained, 96 are saved, and the closed form is 4,096"
    record["parameters"]["trainable"] = 64  # a head alone, where an adapter was meant
    assert trainable_count(tensors, record, {"lora_A": 64}).found.endswith("64 are saved, and the closed form is 4,096")


def test_rows_are_counted_in_the_log() -> None:
    record = {"data": {"rows": 2}, "epochs": 1.0}
    assert rows_once([{"step": 1, "epoch": 1, "rows": [1, 0]}], record).verdict == "pass"
    twice = rows_once([{"step": 1, "epoch": 1, "rows": [1, 0, 1]}], record)
    assert twice.verdict == "fail"
    assert twice.found == "epoch 1: row 1 comes 2 times in row_log.jsonl"


@pytest.mark.parametrize(
    ("losses", "verdict", "found"),
    [
        ([3.0, 2.0, 1.0, 1.1, 0.9, 1.0], "pass", "the loss is 3.000 at the start and 1.000 over the second half"),
        ([1.0, 1.1, 0.9, 1.0, 1.1, 0.9], "warn", "it is flat"),
        ([1.0, 1.0, 2.0, 3.0, 3.1, 2.9], "warn", "it rises"),
        ([1.0, float("nan"), 1.0], "fail", "1 of 3 entries of the loss curve are no number"),
        ([1.0, float("inf")], "fail", "no number"),
        ([0.0, 0.0], "fail", "the loss is 0 from the first step on"),
        ([2.0, 1.0], "pass", "2 entries in the loss curve: too few to have a shape"),
    ],
)
def test_the_shape_of_the_loss(losses: list[float], verdict: str, found: str) -> None:
    seen = loss_shape(losses)
    assert seen.verdict == verdict
    assert found in seen.found


def test_a_classifier_below_the_commonest_label() -> None:
    labels = [0, 0, 0, 1, 1]
    assert below_majority(3, labels).verdict == "pass"
    below = below_majority(2, labels)
    assert below.verdict == "warn"
    assert below.found == "2 of 5 rows right; the commonest label alone gets 3"


def test_answers_that_never_end() -> None:
    assert never_stops(1, 4, 32).verdict == "pass"
    assert never_stops(0, 4, 32).verdict == "warn"
    assert never_stops(0, 4, 32).found == "0 of 4 answers ended within 32 tokens"


def test_a_control_may_learn_nothing_and_must_have_a_loss_that_is_a_number() -> None:
    flat, below = loss_shape([2.0] * 20), below_majority(3, [1] * 6 + [0] * 4)
    assert [verdict.verdict for verdict in (flat, below)] == ["warn", "warn"]
    for verdict in (flat, below):
        assert of_control(verdict).verdict == "pass"
        assert of_control(verdict).found == f"{verdict.found}; the targets are exchanged, so little can be learnt"
    broken, unstopped = loss_shape([float("nan")] * 20), never_stops(0, 4, 32)
    assert (of_control(broken), of_control(unstopped)) == (broken, unstopped)
