"""The trainers that are compared: ours, TRL's `SFTTrainer`, and transformers' `Trainer` on rows padded to one length.

All of them get the same rows as token ids, the same base model in the same dtype, LoRA on the same layers, the same
optimizer values, and write no checkpoint. Axes: B rows, T tokens, D hidden, V vocabulary.
"""

import importlib.metadata
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import nn
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments, default_data_collator, set_seed
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from finetune.batches import IGNORED
from finetune.models import load_model
from finetune.prepare import Prepared
from finetune.rows import Row
from finetune.trainer import make_trainer
from harness_tasks.errors import UserError

Kind = Literal["aftertune", "trl", "script", "longest"]
"""``script`` and ``longest`` pad every row: to the default of transformers' example script, to the longest row."""
KINDS: tuple[Kind, ...] = get_args(Kind)
TRL_VERSION = "1.16.0"
RUN_GLUE_TOKENS, RUN_QA_TOKENS = 128, 384
"""Defaults of `--max_seq_length` in transformers' run_glue.py and run_qa.py, whose `--pad_to_max_length` is on."""


def check_trl() -> None:
    """Raises a UserError where the TRL that the comparison is about is not installed."""
    found = importlib.metadata.version("trl") if importlib.util.find_spec("trl") else "none"
    if found != TRL_VERSION:
        raise UserError(
            f"TRL {TRL_VERSION} is not installed (found: {found})",
            "its SFTTrainer is what ours is compared with",
            "pip install --group bench",
        )


def make(kind: Kind, prepared: Prepared, *, folder: Path, rows_per_step: int) -> Trainer:
    """Returns a trainer with its own way of making batches; ours takes its own number of rows a step."""
    if kind == "aftertune":
        return aftertune(prepared, folder=folder)
    if kind == "trl":
        return trl(prepared, folder=folder, rows_per_step=rows_per_step)
    return padded(prepared, folder=folder, rows_per_step=rows_per_step, width=padded_width(kind, prepared) or 0)


def padded_width(kind: Kind, prepared: Prepared) -> int | None:
    """Returns how many tokens a contender pads every row to, or None where it doesn't; no row is ever cut."""
    longest = max(row.length for row in prepared.rows)
    if kind == "longest":
        return longest
    if kind == "script":
        default = RUN_GLUE_TOKENS if prepared.task.OUTPUT_TYPE == "multiple_choice" else RUN_QA_TOKENS
        return max(default, longest)
    return None


def aftertune(prepared: Prepared, *, folder: Path, trained: Callable[[list[int]], None] = lambda rows: None) -> Trainer:
    """Returns our trainer, made by the function that `aftertune train` makes it with."""
    run = prepared.run
    set_seed(run.seed)
    model = load_model(run, prepared.config, labels=prepared.labels, pad_id=prepared.pad_id)
    trainer = make_trainer(prepared, model, trained=trained, folder=folder)
    trainer.args.save_strategy = "no"
    return trainer


def trl(prepared: Prepared, *, folder: Path, rows_per_step: int, batches: list[list[int]] | None = None) -> Trainer:
    """Returns TRL's trainer with its defaults, but without gradient checkpointing.

    ``batches``: the numbers of the rows of each step, in place of its own random batches.
    """
    from datasets import Dataset, disable_progress_bars
    from trl import SFTConfig, SFTTrainer

    disable_progress_bars()
    values = _values(prepared, folder=folder, rows_per_step=rows_per_step)
    arguments = SFTConfig(**values, gradient_checkpointing=False)
    # Token ids in place of text: the rows are ours to the last token, and TRL uses the labels as they are.
    rows = Dataset.from_list([{"input_ids": _ids(row), "labels": _labels(row)} for row in prepared.rows])

    class SameBatches(SFTTrainer):
        def get_train_dataloader(self) -> DataLoader[Any]:
            if batches is None:
                return super().get_train_dataloader()
            return DataLoader(self.train_dataset, batch_sampler=batches, collate_fn=self.data_collator)

    trainer = SameBatches(
        model=_base(prepared),
        args=arguments,
        train_dataset=rows,
        processing_class=prepared.tokenizer,
        peft_config=_lora(prepared),
    )
    return _silent(trainer)


def padded(prepared: Prepared, *, folder: Path, rows_per_step: int, width: int) -> Trainer:
    """Returns transformers' trainer on rows padded to ``width`` tokens, in random order as its example scripts have it.

    It computes the vocabulary's logits at the supervised positions alone: run_glue's classifier has no vocabulary, and
    what is to be compared is the padding.
    """
    from peft import get_peft_model

    set_seed(prepared.run.seed)
    trainer = _PaddedTrainer(
        model=get_peft_model(_base(prepared), _lora(prepared)),
        args=TrainingArguments(**_values(prepared, folder=folder, rows_per_step=rows_per_step)),
        train_dataset=[_padded_row(row, width, prepared.pad_id) for row in prepared.rows],
        data_collator=default_data_collator,
    )
    return _silent(trainer)


class _PaddedTrainer(Trainer):
    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        causal: Any = model.get_base_model()  # type: ignore[operator]
        hidden = causal.model(inputs["input_ids"], attention_mask=inputs["attention_mask"], use_cache=False)[0]
        labels = inputs["labels"][:, 1:]
        learnt = labels != IGNORED
        logits = causal.lm_head(hidden[:, :-1][learnt]).float()  # (items, V)
        return nn.functional.cross_entropy(logits, labels[learnt], reduction="sum") / num_items_in_batch


def _values(prepared: Prepared, *, folder: Path, rows_per_step: int) -> dict[str, Any]:
    """Returns the values of `TrainingArguments` that all contenders share; they are our recipe's."""
    run, recipe = prepared.run, prepared.run.recipe
    return {
        "output_dir": str(folder),
        "per_device_train_batch_size": rows_per_step,
        "num_train_epochs": recipe.epochs,
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": recipe.schedule,
        "warmup_steps": recipe.warmup_ratio,
        "weight_decay": recipe.weight_decay,
        "max_grad_norm": recipe.max_grad_norm,
        "seed": run.seed,
        "bf16": run.dtype == "bfloat16",
        "use_cpu": run.device == "cpu",
        "dataloader_pin_memory": str(run.device).startswith("cuda"),
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
    }


def _base(prepared: Prepared) -> Any:
    run = prepared.run
    dtype = torch.bfloat16 if run.dtype == "bfloat16" else torch.float32
    return AutoModelForCausalLM.from_pretrained(run.model, revision=run.revision, dtype=dtype)


def _lora(prepared: Prepared) -> Any:
    from peft import LoraConfig

    recipe = prepared.run.recipe
    return LoraConfig(
        r=recipe.lora_r,
        lora_alpha=recipe.lora_alpha or 2 * recipe.lora_r,
        lora_dropout=recipe.lora_dropout,
        target_modules=recipe.lora_targets,  # peft knows `all-linear` by this very name
        task_type="CAUSAL_LM",
    )


def _silent(trainer: Trainer) -> Trainer:
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    return trainer


def _ids(row: Row) -> list[int]:
    return [*row.prompt_ids, *row.target_ids]


def _labels(row: Row) -> list[int]:
    return [IGNORED] * len(row.prompt_ids) + list(row.target_ids)


def _padded_row(row: Row, width: int, pad_id: int) -> dict[str, list[int]]:
    rest = width - row.length
    return {
        "input_ids": _ids(row) + [pad_id] * rest,
        "attention_mask": [1] * row.length + [0] * rest,
        "labels": _labels(row) + [IGNORED] * rest,
    }
