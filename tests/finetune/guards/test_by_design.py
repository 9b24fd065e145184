"""What the guards call `by-design`, proven: each claim against a plain computation of the same thing."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from toys import prepared_of, verdict_of, with_tokenizer
from transformers import AutoModelForCausalLM, TrainerCallback, set_seed

from finetune.batches import Group, StepSampler, group_rows
from finetune.guards import GUARDS
from finetune.models import load_model
from finetune.prepare import Prepared
from finetune.trainer import make_trainer

README = Path(__file__).resolve().parents[3] / "finetune" / "README.md"
HEADS = {"causal": "toy_answer", "sequence-classification": "toy_choice", "question-answering": "toy_answer"}


def model_of(prepared: Prepared) -> Any:
    set_seed(1)
    return load_model(prepared.run, prepared.config, labels=prepared.labels, pad_id=prepared.pad_id)


def logits_of(prepared: Prepared, model: Any, groups: Sequence[Group]) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = prepared.formulation.logits(
            model.eval(), prepared.formulation.collate(groups, pad_id=prepared.pad_id)
        )
    return found


def first_gradients(prepared: Prepared, folder: Path) -> dict[str, torch.Tensor]:
    """Returns the gradients of the first step as the trainer has them before it clips and applies them."""
    found: dict[str, torch.Tensor] = {}

    class Look(TrainerCallback):
        def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, model: Any = None, **rest: Any) -> None:
            found.update({name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None})

    model = model_of(prepared)
    make_trainer(prepared, model, trained=lambda rows: None, callbacks=[Look()], folder=folder, max_steps=1).train()
    return found


def test_accumulation_changes_no_gradient(tiny_model: Path, tmp_path: Path) -> None:
    """Answers of one to fourteen tokens in a step: a mean of the parts' means would weigh them wrongly."""
    shared: dict[str, Any] = {"task": "toy_answer", "method": "full", "batch_size": 12, "max_grad_norm": 1e9}
    whole = first_gradients(prepared_of(tiny_model, **shared), tmp_path / "whole")
    prepared = prepared_of(tiny_model, gradient_accumulation_steps=4, **shared)
    parts = first_gradients(prepared, tmp_path / "parts")

    # the plain way: transformers' own loss of each row, times its tokens, over the tokens of all rows
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    supervised = sum(len(row.target_ids) for row in prepared.rows)
    assert len({len(row.target_ids) for row in prepared.rows}) > 1
    for row in prepared.rows:
        ids = torch.tensor([row.prompt_ids + row.target_ids])
        labels = ids.clone()
        labels[0, : len(row.prompt_ids)] = -100
        (model(input_ids=ids, labels=labels).loss * len(row.target_ids) / supervised).backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(whole[name], parameter.grad, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(parts[name], parameter.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("head", HEADS)
def test_a_row_has_the_same_logits_alone_and_in_company(tiny_model: Path, head: str) -> None:
    prepared = prepared_of(tiny_model, task=HEADS[head], head=head)
    model = model_of(prepared)
    rows = [
        *sorted(prepared.rows, key=lambda row: row.length)[:3],
        *sorted(prepared.rows, key=lambda row: -row.length)[:3],
    ]
    together = logits_of(prepared, model, [Group((row,), 0) for row in rows])
    alone = [logits_of(prepared, model, [Group((row,), 0)]) for row in rows]
    if head == "question-answering":  # a shorter row's padding is never an end
        longest = together.shape[1]
        alone = [torch.nn.functional.pad(one, (0, 0, 0, longest - one.shape[1]), value=float("-inf")) for one in alone]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-5)


def test_rows_with_a_common_prefix_have_the_logits_they_have_alone(tiny_model: Path) -> None:
    prepared = prepared_of(tiny_model, task="toy_answer")
    (first,) = prepared.rows[:1]
    prefix = first.prompt_ids
    rows = [replace(first, prompt_ids=(*prefix, 40 + i), target_ids=tuple(range(50, 52 + i))) for i in range(3)]
    (group,) = group_rows(rows, most=8)
    assert len(group.rows) == 3
    model = model_of(prepared)
    alone = torch.cat([logits_of(prepared, model, [Group((row,), 0)]) for row in group.rows])
    torch.testing.assert_close(logits_of(prepared, model, [group]), alone, rtol=1e-4, atol=1e-5)


def test_the_end_is_learnt_also_where_it_is_the_padding(tiny_model: Path, tmp_path: Path) -> None:
    tokenizer = with_tokenizer(tiny_model, tmp_path / "t", lambda tokenizer: setattr(tokenizer, "pad_token", "<eos>"))
    prepared = prepared_of(tiny_model, task="toy_answer", apply_chat_template=True, tokenizer=str(tokenizer))
    assert prepared.pad_id == prepared.tokenizer.eos_token_id == 2
    assert verdict_of("pad-is-eos", prepared).verdict == "by-design"
    rows = sorted(prepared.rows, key=lambda row: row.length)
    short, long = rows[0], rows[-1]
    assert short.target_ids[-1] == 2
    batch = prepared.formulation.collate([Group((short,), 0), Group((long,), 0)], pad_id=2)
    learnt = [labels[labels != -100].tolist() for labels in batch["labels"]]
    assert learnt == [list(short.target_ids), list(long.target_ids)]
    assert batch["attention_mask"].sum(1).tolist() == [short.length, long.length]


def test_the_order_after_an_interruption_is_the_order_without_one() -> None:
    lengths = [7 + i % 13 for i in range(50)]
    unbroken = StepSampler(lengths, step_groups=8, seed=3)
    orders = []
    for epoch in range(3):
        unbroken.set_epoch(epoch)
        orders.append(list(unbroken))
    resumed = StepSampler(lengths, step_groups=8, seed=3)  # a new process, that goes on in the third epoch
    resumed.set_epoch(2)
    assert list(resumed) == orders[2] != orders[1]


@pytest.mark.parametrize(("method", "trained"), [("full", 26880), ("lora", 4096), ("dora", 4608)])
def test_what_is_trained_is_float32_under_bfloat16(tiny_model: Path, method: str, trained: int) -> None:
    model = model_of(prepared_of(tiny_model, method=method, dtype="bfloat16"))
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    assert sum(parameter.numel() for parameter in parameters) == trained
    assert {parameter.dtype for parameter in parameters} == {torch.float32}
    frozen = {parameter.dtype for parameter in model.parameters() if not parameter.requires_grad}
    assert frozen == (set() if method == "full" else {torch.bfloat16})


def test_another_tokenizer_in_the_same_place_gives_other_rows(tiny_model: Path, tmp_path: Path) -> None:
    folder = with_tokenizer(tiny_model, tmp_path / "tokenizer", lambda tokenizer: None)
    before = prepared_of(tiny_model, tokenizer=str(folder)).rows
    with_tokenizer(tiny_model, folder, lambda tokenizer: tokenizer.add_tokens(["film"]) and None)
    after = prepared_of(tiny_model, tokenizer=str(folder)).rows
    assert [row.doc_hash for row in before] == [row.doc_hash for row in after]
    assert all(len(new.prompt_ids) == len(old.prompt_ids) - 3 for new, old in zip(after, before, strict=True))


def test_no_answer_is_where_the_question_and_the_passage_have_been_read(tiny_model: Path) -> None:
    """At the first token every input has the same logit, at the last one each its own."""
    prepared = prepared_of(tiny_model, task="toy_answer", head="question-answering")
    model = model_of(prepared)
    texts = [prepared.tokenizer.decode(row.prompt_ids) for row in prepared.rows]
    assert all(re.fullmatch(r"<bos>Question: .*\nPassage: .*<eos>", text) for text in texts)
    assert {row.span[1] - row.length + 1 for row in prepared.rows[2::3]} == {0}  # type: ignore[index]
    first, last = [], []
    for row in prepared.rows[:4]:
        logits = logits_of(prepared, model, [Group((row,), 0)])[0]
        first.append(logits[0])
        last.append(logits[-1])
    assert all(torch.equal(first[0], other) for other in first[1:])
    assert all((last[0] - other).abs().max() > 1e-6 for other in last[1:])


@pytest.mark.parametrize("head", ["causal", "sequence-classification"])
def test_the_prompt_is_the_one_that_lm_eval_scores(tiny_model: Path, head: str) -> None:
    from lm_eval.models.huggingface import HFLM

    evaluator = HFLM(pretrained=str(tiny_model), device="cpu", dtype="float32")
    prepared = prepared_of(tiny_model, head=head)
    for row, doc in zip(prepared.rows, prepared.task.training_docs(), strict=True):
        context = prepared.task.fewshot_context(doc, num_fewshot=0)
        requests = prepared.task.construct_requests(doc=doc, ctx=context, metadata=("toy_choice", 0, 1))
        prompt, answer = evaluator._encode_pair(*requests[doc["label"]].args)
        assert row.prompt_ids == tuple(prompt)
        assert row.target_ids == (tuple(answer) if head == "causal" else ())


def test_every_guard_has_its_section() -> None:
    headings = re.findall(r"^### ([a-z0-9-]+)$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert [heading for heading in headings if heading in GUARDS] == list(GUARDS)
