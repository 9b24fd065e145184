"""The trainer: every head and method, the choice of a checkpoint, and which rows it has trained on."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from short_runs import run_of

from finetune import trainer
from finetune.recipe import Recipe
from finetune.row_log import irregularities, read_row_log
from finetune.train import train
from harness_tasks import TASKS_PATH

ONE_EPOCH = Recipe(epochs=1, batch_size=7, lora_r=4)
REVIEWS: dict[str, Any] = {"task": "reviews_demo", "include_path": TASKS_PATH}


def record_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "finetune.json").read_text())
    return found


@pytest.mark.parametrize("method", ["lora", "dora", "full", "head"])
@pytest.mark.parametrize("head", ["sequence-classification", "question-answering"])
def test_a_head_is_trained_with_every_method(tiny_model: Path, tmp_path: Path, head: str, method: str) -> None:
    choices = REVIEWS if head == "sequence-classification" else {**REVIEWS, "task": "passages_demo"}
    output = train(run_of(tiny_model, tmp_path / "out", head=head, method=method, recipe=ONE_EPOCH, **choices))
    record = record_of(output)
    width = {"sequence-classification": 2 * 32, "question-answering": 2 * 32 + 2}[head]
    body = 26880
    # rank 4 on seven matrices of two layers, and for DoRA a magnitude for each of their outputs
    low_rank = 2 * 4 * (64 + 48 + 48 + 64 + 96 + 96 + 96)
    magnitudes = 2 * (32 + 16 + 16 + 32 + 64 + 64 + 32)
    trained = {"lora": low_rank, "dora": low_rank + magnitudes, "full": body, "head": 0}[method] + width
    assert record["parameters"]["trainable"] == trained
    assert record["parameters"]["total"] == body + width + (trained - width if method in ("lora", "dora") else 0)
    assert (record["method"], record["head"]) == (method, head)
    assert record["labels"] == (["negative", "positive"] if head == "sequence-classification" else [])
    assert record["tokens"]["supervised"] == 28  # an item a row
    assert irregularities(read_row_log(output), row_count=28, epochs=1) == []


def test_the_row_log_holds_every_row_once_an_epoch(checkpoint: Path) -> None:
    log = read_row_log(checkpoint)
    assert [line["step"] for line in log] == list(range(1, record_of(checkpoint)["steps"] + 1))
    assert irregularities(log, row_count=28, epochs=2) == []
    assert log[0]["rows"] != next(line for line in log if line["epoch"] == 2)["rows"]


def test_the_checkpoint_with_the_lowest_development_loss_is_kept(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the evaluations are what the test says, so that the best is neither the first nor the last
    losses, weights = iter([3.0, 1.0, 2.0, 2.5, 2.5, 2.5]), []

    def told(self: Any) -> tuple[float, float]:
        trained = {name: tensor for name, tensor in self.model.named_parameters() if tensor.requires_grad}
        weights.append({name.replace(".default.", "."): tensor.detach().clone() for name, tensor in trained.items()})
        return next(losses), 0.5

    monkeypatch.setattr(trainer.FinetuneTrainer, "_dev_metrics", told)
    recipe = Recipe(epochs=3, batch_size=7, lora_r=4, dev_share=0.25, eval_steps=1, patience=2)
    chosen = train(run_of(tiny_model, tmp_path / "chosen", recipe=recipe))
    record = record_of(chosen)
    assert [entry["loss"] for entry in record["dev_curve"]] == [3.0, 1.0, 2.0, 2.5]  # two without a better one
    assert (record["chosen_step"], record["steps"]) == (2, 4)
    assert record["data"]["dev_rows"] + record["data"]["rows"] == 28
    kept = load_file(chosen / "adapter_model.safetensors")
    assert kept.keys() == weights[1].keys()
    assert all(torch.equal(kept[name], weights[1][name]) for name in kept)


def test_training_goes_on_to_the_end_where_the_loss_keeps_falling(tiny_model: Path, tmp_path: Path) -> None:
    recipe = Recipe(epochs=2, batch_size=7, lora_r=4, dev_share=0.25, patience=1)
    record = record_of(train(run_of(tiny_model, tmp_path / "out", recipe=recipe)))
    losses = [entry["loss"] for entry in record["dev_curve"]]
    assert losses == sorted(losses, reverse=True)
    assert record["chosen_step"] == record["steps"]
    assert [entry["epoch"] for entry in record["dev_curve"]] == [1.0, 2.0]


def test_the_development_loss_is_that_of_the_rows_one_by_one(tiny_model: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    from finetune.models import load_checkpoint
    from finetune.prepare import prepare

    recipe = Recipe(epochs=1, batch_size=7, lora_r=4, dev_share=0.25)
    run = run_of(tiny_model, tmp_path / "out", recipe=recipe)
    record = record_of(train(run))
    model = load_checkpoint(run.output)
    assert len(AutoTokenizer.from_pretrained(run.output))
    total, tokens = 0.0, 0
    for row in prepare(run).dev_rows:
        ids = torch.tensor([row.prompt_ids + row.target_ids])
        labels = ids.clone()
        labels[0, : len(row.prompt_ids)] = -100
        total += model(input_ids=ids, labels=labels).loss.item() * len(row.target_ids)
        tokens += len(row.target_ids)
    assert record["dev_curve"][-1]["loss"] == pytest.approx(total / tokens, rel=1e-4)


def test_a_run_with_a_development_split_resumes_with_the_same_choice(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(epochs=2, batch_size=7, lora_r=4, dev_share=0.25, eval_steps=2, save_steps=3)
    whole = train(run_of(tiny_model, tmp_path / "whole", recipe=recipe))
    compute_loss, interrupted = trainer.FinetuneTrainer.compute_loss, []

    def stopping(self: Any, *arguments: Any, **options: Any) -> Any:
        if self.state.global_step == 5 and not interrupted:
            interrupted.append(5)
            raise KeyboardInterrupt
        return compute_loss(self, *arguments, **options)

    monkeypatch.setattr(trainer.FinetuneTrainer, "compute_loss", stopping)
    run = run_of(tiny_model, tmp_path / "again", recipe=recipe)
    with pytest.raises(KeyboardInterrupt):
        train(run)
    train(run)
    left, right = record_of(whole), record_of(run.output)
    assert right["resumed_at_steps"] == [4]
    assert (left["dev_curve"], left["chosen_step"]) == (right["dev_curve"], right["chosen_step"])
    first, second = (load_file(folder / "adapter_model.safetensors") for folder in (whole, run.output))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert read_row_log(whole) == read_row_log(run.output)


def test_seeds_make_a_run_each(tiny_model: Path, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from finetune.__main__ import app

    command = ["train", "--model", str(tiny_model), "--task", "reviews_demo", "--train-rows", "14", "--no-proof"]
    command += ["--dtype", "float32", "--device", "cpu", "--lora-r", "2", "--seeds", "3,4"]
    result = CliRunner().invoke(app, [*command, "--output", str(tmp_path / "run")])
    assert result.exit_code == 0, result.output
    assert result.stdout.split() == [str(tmp_path / "run-seed3"), str(tmp_path / "run-seed4")]
    assert [record_of(tmp_path / f"run-seed{seed}")["seed"] for seed in (3, 4)] == [3, 4]


def test_the_loss_curve_goes_to_a_tracker(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a tracker's own interface: transformers hands it to wandb where that is installed."""
    from transformers.integrations import INTEGRATION_TO_CALLBACK
    from transformers.trainer_callback import TrainerCallback

    logged: list[float] = []

    class Tracker(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **rest: Any) -> None:
            logged.extend([logs["loss"]] if "loss" in logs else [])
            assert args.run_name == "out"

    monkeypatch.setitem(INTEGRATION_TO_CALLBACK, "wandb", Tracker)
    output = train(run_of(tiny_model, tmp_path / "out", recipe=ONE_EPOCH, report_to=("wandb",)))
    assert logged == [entry["loss"] for entry in record_of(output)["loss_curve"]]


@pytest.mark.parametrize(("task", "implementation"), [("reviews_demo", "eager"), ("passages_demo", "sdpa")])
def test_short_rows_on_a_processor_have_their_attention_step_by_step(
    tiny_model: Path, tmp_path: Path, task: str, implementation: str
) -> None:
    """Questions on one passage share it, which only the fused attention takes a mask for here."""
    from finetune.models import load_model
    from finetune.prepare import prepare

    prepared = prepare(run_of(tiny_model, tmp_path / "out", task=task, include_path=TASKS_PATH))
    model = load_model(prepared.run, prepared.config, labels=(), pad_id=prepared.pad_id)
    made = trainer.make_trainer(prepared, model, trained=lambda rows: None, folder=tmp_path)
    assert model.config._attn_implementation == implementation
    assert any(len(group.rows) > 1 for group in made.groups) == (implementation == "sdpa")


def test_how_attention_is_computed_changes_nothing(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    eager = record_of(train(run_of(tiny_model, tmp_path / "eager", recipe=ONE_EPOCH, **REVIEWS)))
    monkeypatch.setattr(trainer, "EAGER_TOKENS", 0)
    fused = record_of(train(run_of(tiny_model, tmp_path / "fused", recipe=ONE_EPOCH, **REVIEWS)))
    left, right = ([entry["loss"] for entry in record["loss_curve"]] for record in (eager, fused))
    assert left == pytest.approx(right, abs=1e-5)
