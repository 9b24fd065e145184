"""A whole run on the tiny model: what it writes, that it repeats, that it resumes, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from short_runs import TASK, TASKS, run_of
from typer.testing import CliRunner

from finetune.__main__ import app
from finetune.recipe import Recipe
from finetune.train import train
from finetune.trainer import FinetuneTrainer
from harness_tasks import TASKS_PATH
from tests.in_this_process import aftertune


def test_the_record_holds_the_run(checkpoint: Path, tiny_model: Path) -> None:
    record = json.loads((checkpoint / "finetune.json").read_text())
    rows = [json.loads(line) for line in (checkpoint / "train_rows.jsonl").read_text().splitlines()]
    assert len(rows) == record["data"]["rows"] == 28
    assert record["data"]["rows_available"] == 336
    assert all(row["cluster"] and len(row["doc_hash"]) == 64 for row in rows)
    assert record["checkpoint"] == "short_passages-lora-seed1"
    assert record["command"] == "the command"
    assert record["recipe"]["lora_alpha"] == 8
    assert record["recipe"]["learning_rate"] == 5e-4
    assert record["base"]["name"] == tiny_model.name
    assert record["loss_curve"][-1]["step"] == record["steps"]
    assert record["resumed_at_steps"] == []
    # rank 4 on seven matrices of two layers: 4 × (in + out)
    assert record["parameters"]["trainable"] == 2 * 4 * (64 + 48 + 48 + 64 + 96 + 96 + 96)
    assert record["parameters"]["total"] == 26880 + record["parameters"]["trainable"]
    for word in ("torch", "transformers", "peft", "lm_eval"):
        assert record["versions"][word]
    assert not list(checkpoint.parent.glob(".*"))  # no scratch is left


def test_tokens_are_counted_from_the_batches(checkpoint: Path, tiny_model: Path) -> None:
    from transformers import AutoTokenizer

    record = json.loads((checkpoint / "finetune.json").read_text())
    docs = {row["doc_hash"] for row in map(json.loads, (checkpoint / "train_rows.jsonl").read_text().splitlines())}
    from harness_tasks.loading import doc_hash, load_task

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    answers = [
        (doc["answers"]["text"] or ["unanswerable"])[0]
        for doc in load_task(TASK, include_path=TASKS).training_docs()
        if doc_hash(doc) in docs
    ]
    per_epoch = sum(len(tokenizer.encode(f" {answer}\n", add_special_tokens=False)) for answer in answers)
    assert record["tokens"]["supervised"] == 2 * per_epoch


def test_the_checkpoint_loads_with_plain_peft(checkpoint: Path, tiny_model: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    assert len(AutoTokenizer.from_pretrained(checkpoint)) == len(AutoTokenizer.from_pretrained(tiny_model))
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    ids = torch.tensor([[1, 40, 50, 60]])
    before = base(ids).logits
    after = PeftModel.from_pretrained(base, str(checkpoint))(ids).logits
    assert (before - after).abs().max() > 1e-4


def test_the_same_run_again_does_nothing_and_another_replaces_it(
    checkpoint: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = (checkpoint / "adapter_model.safetensors").stat().st_mtime_ns
    assert train(run_of(tiny_model, checkpoint)) == checkpoint
    assert (checkpoint / "adapter_model.safetensors").stat().st_mtime_ns == written
    assert "already this run's checkpoint" in capsys.readouterr().err


def test_a_run_repeats_bit_by_bit_and_another_seed_differs(checkpoint: Path, tiny_model: Path, tmp_path: Path) -> None:
    first = load_file(checkpoint / "adapter_model.safetensors")
    again = load_file(train(run_of(tiny_model, tmp_path / "again")) / "adapter_model.safetensors")
    other = load_file(train(run_of(tiny_model, tmp_path / "other", seed=2)) / "adapter_model.safetensors")
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("stop_at", [1, 5])
def test_an_interrupted_run_goes_on_and_ends_with_the_same_weights(
    checkpoint: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_at: int
) -> None:
    run = run_of(tiny_model, tmp_path / "short_passages-lora-seed1")
    whole, losses = FinetuneTrainer.compute_loss, []

    def stopping(self: Any, *arguments: Any, **options: Any) -> Any:
        if self.state.global_step == stop_at and not losses:
            losses.append(stop_at)
            raise KeyboardInterrupt
        return whole(self, *arguments, **options)

    monkeypatch.setattr(FinetuneTrainer, "compute_loss", stopping)
    with pytest.raises(KeyboardInterrupt):
        train(run)
    assert not run.output.exists()
    # a checkpoint that a kill left half-written is passed over
    (run.scratch_folder / "checkpoint-99").mkdir()
    train(run)
    record = json.loads((run.output / "finetune.json").read_text())
    assert record["resumed_at_steps"] == ([] if stop_at == 1 else [4])
    expected = json.loads((checkpoint / "finetune.json").read_text())
    assert [entry["loss"] for entry in record["loss_curve"]] == [entry["loss"] for entry in expected["loss_curve"]]
    left, right = (load_file(folder / "adapter_model.safetensors") for folder in (run.output, checkpoint))
    assert all(torch.equal(left[name], right[name]) for name in right)


def test_the_prompt_is_the_evaluators_to_the_hash(tiny_model: Path, tmp_path: Path) -> None:
    from harness_tasks.rendering import render_from_results, render_hash

    options = {"num_fewshot": 1, "apply_chat_template": True, "train_rows": 7}
    run = run_of(tiny_model, tmp_path / "chat", task="reviews_demo", include_path=TASKS_PATH, **options)
    output = train(run)
    words = ["score", "--model_args", f"pretrained={tiny_model},peft={output}"]
    words += ["--tasks", "reviews_demo", "--limit", "2", "--num_fewshot", "1", "--apply_chat_template"]
    words += ["--output_path", str(tmp_path / "scores"), "--device", "cpu"]
    assert aftertune(*words, folder=tmp_path).exit_code == 0
    (results,) = (tmp_path / "scores").rglob("results_*.json")
    scored = render_hash(render_from_results(json.loads(results.read_text()), "reviews_demo"))
    assert json.loads((output / "finetune.json").read_text())["render"]["hash"] == scored


def test_full_fine_tuning_changes_the_weights_and_adds_none(tiny_model: Path, tmp_path: Path) -> None:
    output = train(run_of(tiny_model, tmp_path / "full", method="full", recipe=Recipe(epochs=1, batch_size=7)))
    record = json.loads((output / "finetune.json").read_text())
    assert record["parameters"]["total"] == record["parameters"]["trainable"] == 26880
    assert record["parameters"]["added"] == 0
    before, after = load_file(tiny_model / "model.safetensors"), load_file(output / "model.safetensors")
    assert before.keys() == after.keys()
    assert not any(torch.equal(before[name], after[name]) for name in before if "proj" in name)


def test_lora_in_the_last_layers_only(tiny_model: Path, tmp_path: Path) -> None:
    recipe = Recipe(epochs=1, batch_size=7, lora_r=4, lora_last_layers=1)
    output = train(run_of(tiny_model, tmp_path / "last", recipe=recipe))
    names = load_file(output / "adapter_model.safetensors")
    assert names
    assert all("layers.1." in name for name in names)


def test_a_bfloat16_base_keeps_its_adapters_in_float32(tiny_model: Path, tmp_path: Path) -> None:
    recipe = Recipe(epochs=1, batch_size=4, lora_r=4)
    output = train(run_of(tiny_model, tmp_path / "bf16", dtype="bfloat16", train_rows=4, recipe=recipe))
    assert {tensor.dtype for tensor in load_file(output / "adapter_model.safetensors").values()} == {torch.float32}
    assert json.loads((output / "finetune.json").read_text())["dtype"] == "bfloat16"


def test_a_merged_model_gives_the_adapters_logits(checkpoint: Path, tiny_model: Path, tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    result = CliRunner().invoke(app, ["merge", str(checkpoint), "--output", str(tmp_path / "merged")])
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(tmp_path / "merged")
    ids = torch.tensor([[1, 40, 50, 60]])
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    adapted = PeftModel.from_pretrained(base, str(checkpoint))(ids).logits
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")(ids).logits
    torch.testing.assert_close(adapted, merged, rtol=1e-4, atol=1e-5)
    assert (tmp_path / "merged" / "merged_from.json").is_file()


def test_merge_wants_an_adapter(tiny_model: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["merge", str(tiny_model), "--output", str(tmp_path / "merged")])
    assert result.exit_code == 2
    assert "holds no adapter_config.json" in result.stderr


COMMAND = ["train", "--task", "passages_demo", "--train-rows", "7", "--dtype", "float32", "--device", "cpu"]


@pytest.mark.parametrize(
    ("options", "found", "mend"),
    [
        (["--model", "MODEL", "--task", "reviews_dmeo"], "no task 'reviews_dmeo'", "reviews_demo"),
        (
            ["--model", "no/such-model"],
            "there is no folder no/such-model here, and the model",
            "name a folder on this machine",
        ),
        (["--model", "EMPTY"], "is not a model that transformers can load", "config.json"),
        ([], "no --model", "give --model"),
        (["--model", "MODEL", "--head", "question"], "--head is 'question'", "question-answering"),
        (["--model", "MODEL", "--head", "sequence-classification"], "passages_demo is a task of the kind", "--head"),
        (["--model", "MODEL", "--method", "head"], "whose head is tied to its embeddings", "--method lora"),
        (["--model", "MODEL", "--patience", "2"], "--patience 2 without a development split", "--dev-share 0.1"),
        (["--model", "MODEL", "--select-on", "tset"], "has no split 'tset'", "dev, test"),
        (["--model", "MODEL", "--seeds", "1,two"], "--seeds is '1,two'", "--seeds 1,2,3"),
        (["--model", "MODEL", "--report-to", "wand"], "--report-to wand", "tensorboard, wandb, trackio"),
        (["--model", "MODEL", "--report-to", "wandb"], "the package wandb is not installed", "pip install wandb"),
        (["--recipe", "no.yaml"], "the recipe no.yaml is missing", "studies/recipes/"),
        (["--model", "MODEL", "--epochs", "0"], "--epochs is 0", "--help"),
        (["--model", "MODEL", "--method", "lore"], "--method is 'lore'", "lora, dora, qlora, full, head"),
        (["--model", "MODEL", "--metadata", "{"], "--metadata is not JSON", "quote it"),
        (["--model", "MODEL", "--min-words", "999"], "no training row of passages_demo is left of 336", "min_words"),
        (["--model", "MODEL", "--output", "FULL"], "holds files that no training run wrote", "new or empty"),
    ],
)
def test_wrong_input_is_told_in_three_parts_and_writes_nothing(
    tiny_model: Path, tmp_path: Path, options: list[str], found: str, mend: str
) -> None:
    empty, full = tmp_path / "empty", tmp_path / "full"
    empty.mkdir()
    full.mkdir()
    (full / "thesis.txt").write_text("mine")
    places = {"MODEL": str(tiny_model), "EMPTY": str(empty), "FULL": str(full)}
    output = [] if "--output" in options else ["--output", str(tmp_path / "out")]
    result = CliRunner().invoke(app, [*COMMAND, *output, *(places.get(option, option) for option in options)])
    assert result.exit_code == 2, result.output
    assert found in result.stderr
    parts = result.stderr[result.stderr.index("Found: ") :]
    assert "\nWhy it matters: " in parts
    assert mend in parts[parts.index("\nTo mend it: ") :]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "full"]
    assert [path.name for path in full.iterdir()] == ["thesis.txt"]


def test_a_task_without_a_training_split_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    (tasks / "rows.jsonl").write_text('{"sentence": "fine", "label": 1}\n')
    (tasks / "only_scored.yaml").write_text(
        "task: only_scored\ndataset_path: json\ntest_split: train\n"
        f"dataset_kwargs: {{data_files: {tasks / 'rows.jsonl'}}}\n"
        "output_type: multiple_choice\ndoc_to_text: '{{sentence}}'\ndoc_to_target: label\n"
        "doc_to_choice: ['no', 'yes']\nmetric_list: [{metric: acc}]\n"
    )
    options = ["--model", str(tiny_model), "--task", "only_scored", "--include-path", str(tasks)]
    result = CliRunner().invoke(app, [*COMMAND, *options, "--output", str(tmp_path / "out")])
    assert result.exit_code == 2, result.output
    assert "the task only_scored has no training split" in result.stderr
    assert not (tmp_path / "out").exists()
