"""Groups, batches and their order."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from finetune import causal, classifier, span
from finetune.batches import IGNORED, Group, StepSampler, epoch_order, group_rows
from finetune.causal import collate
from finetune.rows import Row


def row(prompt: Sequence[int], target: Sequence[int]) -> Row:
    return Row("hash", None, "text", tuple(prompt), tuple(target))


def test_collate_pads_and_keeps_only_positions_that_predict_a_target() -> None:
    groups = group_rows([row([5, 6, 7], [8]), row([9, 10], [11, 12])], most=1)
    batch = collate(groups, pad_id=0)
    # sorted by prompt: [5 6 7 | 8] predicts 8 at position 2; [9 10 | 11 12] predicts 11 at 1 and 12 at 2
    assert batch["input_ids"].tolist() == [[5, 6, 7, 8], [9, 10, 11, 12]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1], [1, 1, 1, 1]]
    assert batch["logits_to_keep"].tolist() == [1, 2]
    assert batch["labels"].tolist() == [[IGNORED, 8], [11, 12]]


def test_a_shorter_row_is_padded_on_the_right_and_masked() -> None:
    batch = collate([Group((row([5], [6]),), 0), Group((row([7, 8], [9]),), 0)], pad_id=0)
    assert batch["input_ids"].tolist() == [[5, 6, 0], [7, 8, 9]]
    assert batch["attention_mask"].tolist() == [[1, 1, 0], [1, 1, 1]]
    assert batch["labels"].tolist() == [[6, IGNORED], [IGNORED, 9]]


def test_rows_with_a_common_prefix_become_one_sequence() -> None:
    prefix = list(range(10, 50))
    groups = group_rows([row([*prefix, 1, 2], [3]), row([*prefix, 4], [5, 6]), row([90, 91], [92])], most=8)
    assert [(len(group.rows), group.prefix, group.length) for group in groups] == [(2, 40, 46), (1, 0, 3)]
    batch = collate(groups[:1], pad_id=0)
    assert batch["input_ids"].tolist() == [[*prefix, 1, 2, 3, 4, 5, 6]]
    assert batch["position_ids"].tolist() == [[*range(40), 40, 41, 42, 40, 41, 42]]
    assert batch["logits_to_keep"].tolist() == [41, 43, 44]
    assert batch["labels"].tolist() == [[3, 5, 6]]
    mask = batch["attention_mask"][0, 0]
    assert mask[43].nonzero().squeeze(1).tolist() == [*range(40), 43]  # the second row sees nothing of the first


def test_groups_hold_at_most_so_many_rows_and_lose_none() -> None:
    prefix = list(range(40))
    rows = [row([*prefix, i], [i]) for i in range(50, 61)]
    groups = group_rows(rows, most=4)
    assert [len(group.rows) for group in groups] == [4, 4, 3]
    assert sorted(r.target_ids for group in groups for r in group.rows) == sorted(r.target_ids for r in rows)


def test_equal_prompts_keep_a_token_of_their_own() -> None:
    prompt = list(range(40))
    (group,) = group_rows([row(prompt, [7]), row(prompt, [8])], most=8)
    assert group.prefix == 39
    assert collate([group], pad_id=0)["labels"].tolist() == [[7, 8]]


def test_a_group_has_the_loss_and_the_gradients_of_its_rows_alone(tiny_model: Path) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    draw = random.Random(0)
    prefixes = [[draw.randrange(3, 250) for _ in range(50)] for _ in range(2)]
    rows = [
        row(
            prefixes[i % 2] + [draw.randrange(3, 250) for _ in range(5 + i)],
            [draw.randrange(3, 250) for _ in range(1 + i % 3)],
        )
        for i in range(7)
    ]

    def loss_and_gradients(groups: list[Group]) -> tuple[float, list[torch.Tensor]]:
        model.zero_grad()
        batch = collate(groups, pad_id=0)
        labels = batch.pop("labels")
        logits = model(**batch, use_cache=False).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum")
        loss.backward()
        return loss.item(), [parameter.grad.clone() for parameter in model.parameters()]

    together, shared = loss_and_gradients(group_rows(rows, most=8))
    # the plain way: each row as a sequence of its own, the model's own loss on it
    alone, plain = 0.0, [torch.zeros_like(parameter) for parameter in model.parameters()]
    for one in rows:
        model.zero_grad()
        ids = torch.tensor([one.prompt_ids + one.target_ids])
        labels = ids.clone()
        labels[0, : len(one.prompt_ids)] = IGNORED
        loss = model(input_ids=ids, labels=labels).loss * len(one.target_ids)
        loss.backward()
        alone += loss.item()
        plain = [total + parameter.grad for total, parameter in zip(plain, model.parameters(), strict=True)]
    assert together == pytest.approx(alone, rel=1e-5)
    for left, right in zip(shared, plain, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-5)


def test_an_epoch_is_a_permutation_with_batches_of_like_length() -> None:
    draw = random.Random(0)
    lengths = [draw.randrange(5, 60) for _ in range(103)]
    order = epoch_order(lengths, step_groups=4, seed=1, epoch=0)
    assert sorted(order) == list(range(103))
    spread = [
        max(lengths[i] for i in order[k : k + 4]) - min(lengths[i] for i in order[k : k + 4]) for k in range(0, 100, 4)
    ]
    assert max(spread) <= 6  # 103 lengths over 55 values, sorted by fours


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    lengths = list(range(40))
    sampler = StepSampler(lengths, step_groups=4, seed=1)
    first = list(sampler)
    assert [i for step in first for i in step] == epoch_order(lengths, step_groups=4, seed=1, epoch=0)
    assert list(sampler) == first
    sampler.set_epoch(1)
    second = list(sampler)
    assert second != first
    assert [i for step in second for i in step] == epoch_order(lengths, step_groups=4, seed=1, epoch=1)
    assert epoch_order(lengths, step_groups=4, seed=2, epoch=1) != epoch_order(lengths, step_groups=4, seed=1, epoch=1)


def test_processes_and_parts_share_out_the_same_steps() -> None:
    lengths = [7, 3, 9, 4, 8, 2, 6, 5, 1]
    whole = list(StepSampler(lengths, step_groups=4, seed=1))
    shares = [list(StepSampler(lengths, step_groups=4, seed=1, parts=2, process=p, processes=2)) for p in (0, 1)]
    assert [len(step) for step in whole] == [4, 4, 1]
    assert [len(share) for share in shares] == [6, 6]  # three steps of two parts in each process
    for number, step in enumerate(whole):
        parts = [share[2 * number + part] for share in shares for part in (0, 1)]
        assert sorted(i for part in parts for i in part) == sorted(step)
    # the last step has one group: three of its four shares are empty
    assert sorted(len(share[i]) for share in shares for i in (4, 5)) == [0, 0, 0, 1]


def test_a_classifiers_batch_is_padded_on_the_right() -> None:
    rows = [Row("a", None, "", (5, 6, 7), label=1), Row("b", None, "", (8,), label=0)]
    batch = classifier.collate(group_rows(rows, most=1, share_prefixes=False), pad_id=9)
    assert batch["input_ids"].tolist() == [[5, 6, 7], [8, 9, 9]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch["labels"].tolist() == [1, 0]


def test_a_classifiers_loss_is_the_sum_over_its_labelled_rows() -> None:
    logits = torch.tensor([[0.0, 0.0], [2.0, 0.0]])
    batch = {"labels": torch.tensor([1, 0, IGNORED])}
    expected = torch.tensor(2.0).log() + torch.tensor(1 + torch.tensor(-2.0).exp()).log()
    torch.testing.assert_close(classifier.loss(logits, batch), expected)
    assert classifier.items(batch) == 2
    assert classifier.correct(logits, batch) == 1  # of the tie the first label, 0, which is wrong


def test_a_spans_loss_is_the_mean_of_its_two_ends() -> None:
    # three positions; the first end is uniform over them, the last is sure of the right one
    logits = torch.tensor([[[0.0, -100.0], [0.0, 0.0], [0.0, -100.0]]])
    batch = {"labels": torch.tensor([[0, 1], [IGNORED, IGNORED]])}
    torch.testing.assert_close(span.loss(logits, batch), torch.tensor(3.0).log() / 2)
    assert span.items(batch) == 1
    assert span.correct(logits, batch) == 1  # of the three equal starts the first is taken, which is right


def test_a_padded_position_is_no_end_of_a_span() -> None:
    from types import SimpleNamespace

    ends = torch.tensor([[0.0, 1.0, 9.0]])
    batch = span.collate(group_rows([Row("a", None, "", (5, 6), span=(1, 1))], most=1, share_prefixes=False), pad_id=0)
    batch = {**batch, "input_ids": torch.tensor([[5, 6, 0]]), "attention_mask": torch.tensor([[1, 1, 0]])}
    found = span.logits(lambda **_: SimpleNamespace(start_logits=ends, end_logits=ends), batch)
    assert found[0, :, 0].tolist() == [0.0, 1.0, float("-inf")]


def test_a_causal_loss_counts_target_tokens() -> None:
    groups = group_rows([row([5, 6, 7], [8]), row([9, 10], [11, 12])], most=1)
    batch = collate(groups, pad_id=0)
    logits = torch.zeros(3, 20)
    torch.testing.assert_close(causal.loss(logits, batch), 3 * torch.tensor(20.0).log())
    assert causal.items(batch) == 3
