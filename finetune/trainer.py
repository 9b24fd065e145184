"""transformers' Trainer with our batches, an order that can be resumed, and loss where something is supervised.

The loss of a step is the sum over its items, over all parts and processes, divided by how many they are: neither
gradient accumulation nor the number of processes changes it.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from peft.helpers import disable_input_dtype_casting
from torch import nn
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback, ProgressCallback
from typing_extensions import override

from finetune import passes
from finetune.batches import IGNORED, Group, StepSampler, group_rows, groups_a_step
from finetune.heads import without_adapter
from finetune.prepare import Prepared
from harness_tasks.errors import UserError
from harness_tasks.models.batch_effects import alone_over

EAGER_TOKENS = 512
"""Longest row for which a processor computes attention step by step: there torch's fused attention takes longer on the
way back (in bfloat16 a whole step took 1.2 to 1.4 times as long), but needs no memory that grows with the square."""


class FinetuneTrainer(Trainer):
    """Trains on groups of rows with a formulation's loss.

    ``trained`` is told the numbers of the rows of each forward pass. ``dev_groups`` are what `evaluate` looks at; every
    process looks at all of them.
    """

    def __init__(
        self,
        *,
        formulation: Any,
        groups: Sequence[Group],
        dev_groups: Sequence[Group],
        sampler: StepSampler,
        pad_id: int,
        alone_over: int | None,
        trained: Callable[[list[int]], None],
        **arguments: Any,
    ) -> None:
        super().__init__(train_dataset=range(len(groups)), eval_dataset=range(len(dev_groups)), **arguments)
        self.groups, self.sampler = groups, sampler
        self._formulation, self._dev_groups, self._pad_id, self._trained = formulation, dev_groups, pad_id, trained
        self._alone_over = alone_over
        self.loss_is_scaled_for_ga = True  # compute_loss divides by the items of the whole step
        self.remove_callback(PrinterCallback)
        self.remove_callback(ProgressCallback)

    @override
    def train(self, *arguments: Any, **options: Any) -> Any:
        # peft casts the input of its float32 matrices to float32 and the product back; under autocast that is for
        # nothing, and took a tenth of a step.
        with disable_input_dtype_casting(cast(nn.Module, self.model), active=bool(self.args.bf16)):
            return super().train(*arguments, **options)

    @override
    def get_train_dataloader(self) -> DataLoader[Any]:
        # Not handed to accelerate: it would fill the last step up with rows from the first, trained on twice.
        dataset: Any = range(len(self.groups))
        pin = self.args.dataloader_pin_memory
        return DataLoader(dataset, batch_sampler=self.sampler, collate_fn=self._collate, pin_memory=pin)

    def _collate(self, numbers: list[int]) -> dict[str, Any]:
        groups = [self.groups[number] for number in numbers]
        batch = self._formulation.collate(groups or [self.groups[0]], pad_id=self._pad_id)
        if not groups:  # an empty share: the process takes part in the step, and adds nothing to it
            batch["labels"] = torch.full_like(batch["labels"], IGNORED)
        batch["rows"] = [row.number for group in groups for row in group.rows]
        return dict(batch)

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> torch.Tensor:
        items = torch.tensor(sum(self._formulation.items(batch) for batch in batch_samples), device=device)
        if self.args.world_size > 1:
            items = self.accelerator.gather(items).sum()
        return items

    @override
    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        self._trained(inputs.pop("rows"))
        logits = passes.logits(self._formulation, model, inputs, alone_over=self._alone_over)
        loss = self._formulation.loss(logits, inputs) / num_items_in_batch
        if not torch.isfinite(loss):
            raise UserError(
                f"the loss is {loss.item()} at step {self.state.global_step + 1}",
                "weights that are not finite would be saved as a checkpoint",
                "lower the learning rate, or train in float32",
            )
        loss = loss * self.args.world_size  # gradients are averaged over processes; this makes the average a sum
        return (loss, logits) if return_outputs else loss

    def evaluate(self, *arguments: Any, **options: Any) -> dict[str, float]:
        """Returns and logs the loss and the accuracy on the development split.

        ``eval_loss`` is the mean over its items, in nats; ``eval_accuracy``, 0 to 1, the share that are right.
        """
        loss, accuracy = self._dev_metrics()
        metrics = {"eval_loss": loss, "eval_accuracy": accuracy}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _dev_metrics(self) -> tuple[float, float]:
        model: Any = self.model
        was_training = model.training
        model.eval()
        total, right, items = 0.0, 0, 0
        size = self.sampler.step_groups
        order = sorted(range(len(self._dev_groups)), key=lambda i: self._dev_groups[i].length)
        with torch.no_grad():
            for start in range(0, len(order), size):
                groups = [self._dev_groups[i] for i in order[start : start + size]]
                batch = self._prepare_inputs(self._formulation.collate(groups, pad_id=self._pad_id))
                logits = passes.logits(self._formulation, self.model_wrapped, batch, alone_over=self._alone_over)
                total += float(self._formulation.loss(logits, batch))
                right += self._formulation.correct(logits, batch)
                items += self._formulation.items(batch)
        model.train(was_training)
        return total / items, right / items


class Selection(TrainerCallback):
    """Saves after each evaluation, so that the best weights are on disk, and stops when none is better for a while.

    It keeps no state of its own: the trainer's log tells the evaluations, also those before a kill. The last step is
    evaluated too.
    """

    def __init__(self, patience: int | None) -> None:
        self.patience = patience

    @override
    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        if state.global_step >= state.max_steps:
            control.should_evaluate = True

    @override
    def on_evaluate(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        control.should_save = True
        losses = [entry["eval_loss"] for entry in state.log_history if "eval_loss" in entry]
        since_best = len(losses) - 1 - losses.index(min(losses))
        if self.patience and since_best >= self.patience:
            control.should_training_stop = True


def make_trainer(
    prepared: Prepared,
    model: Any,
    *,
    trained: Callable[[list[int]], None],
    callbacks: Sequence[TrainerCallback] = (),
    folder: Path,
    max_steps: int = -1,
) -> FinetuneTrainer:
    """Returns the trainer of a run, with its groups, its sampler and the recipe's arguments.

    On a processor, and where rows are short, ``model`` computes attention step by step from then on (`EAGER_TOKENS`).

    ``folder``: where its checkpoints go. ``max_steps``: stop there and save nothing; -1 trains to the recipe's end.
    """
    run, formulation = prepared.run, prepared.formulation
    recipe = run.recipe
    alone = alone_over(model)
    share = formulation.SHARES_PREFIXES and alone is None
    groups = group_rows(prepared.rows, most=recipe.batch_size, share_prefixes=share)
    if any(len(group.rows) > 1 for group in groups) and not passes.takes_groups(model, prepared.rows):
        share, groups = False, group_rows(prepared.rows, most=recipe.batch_size, share_prefixes=False)
    dev_groups = group_rows(prepared.dev_rows, most=recipe.batch_size, share_prefixes=share)
    step_groups = groups_a_step(groups, recipe.batch_size)
    if run.device == "cpu" and all(len(group.rows) == 1 and group.length <= EAGER_TOKENS for group in groups):
        without_adapter(model).set_attn_implementation("eager")
    selects = bool(dev_groups) and max_steps < 0
    arguments = _arguments(
        prepared,
        folder=folder,
        max_steps=max_steps,
        selects=selects,
        step_groups=step_groups,
        steps_an_epoch=-(-len(groups) // step_groups),
    )
    arguments._n_gpu = min(arguments.n_gpu, 1)  # else the Trainer cuts a batch over all GPUs, its masks apart
    sampler = StepSampler(
        [group.length for group in groups],
        step_groups=step_groups,
        seed=run.seed,
        parts=recipe.gradient_accumulation_steps,
        process=arguments.process_index,
        processes=arguments.world_size,
    )
    return FinetuneTrainer(
        formulation=formulation,
        groups=groups,
        dev_groups=dev_groups,
        sampler=sampler,
        pad_id=prepared.pad_id,
        alone_over=alone,
        trained=trained,
        model=model,
        args=arguments,
        callbacks=[*callbacks, *([Selection(recipe.patience)] if selects else [])],
    )


def _arguments(
    prepared: Prepared, *, folder: Path, max_steps: int, selects: bool, step_groups: int, steps_an_epoch: int
) -> TrainingArguments:
    """Returns the recipe as transformers' arguments.

    ``selects``: the best of several evaluations on the development split is kept. ``step_groups``: groups that a step
    takes, over all processes.
    """
    run, recipe = prepared.run, prepared.run.recipe
    steps = max(1, math.ceil(steps_an_epoch * recipe.epochs))
    parts = recipe.gradient_accumulation_steps
    return TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=max(1, step_groups // parts),
        gradient_accumulation_steps=parts,
        num_train_epochs=recipe.epochs,
        max_steps=max_steps,
        learning_rate=recipe.learning_rate or 0.0,
        lr_scheduler_type=recipe.schedule if recipe.schedule != "constant" else "constant_with_warmup",
        warmup_steps=recipe.warmup_ratio if steps > 1 else 0,  # its first step has the rate 0
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_grad_norm,
        logging_steps=max(1, steps // 100),
        eval_strategy="steps" if selects else "no",
        eval_steps=recipe.eval_steps or steps_an_epoch,
        metric_for_best_model="loss" if selects else None,
        greater_is_better=False if selects else None,
        save_strategy="no" if max_steps >= 0 else "steps",
        save_steps=recipe.save_steps,
        save_total_limit=3 if selects else 2,  # the best one is kept beside the last two
        seed=run.seed,
        data_seed=run.seed,
        bf16=run.dtype == "bfloat16" and run.method != "head",  # autocast: what is trained stays float32
        use_cpu=run.device == "cpu",
        ddp_find_unused_parameters=False,
        remove_unused_columns=False,
        dataloader_pin_memory=str(run.device).startswith("cuda"),
        report_to=list(run.report_to) or "none",
        run_name=run.output.name,
        disable_tqdm=True,
    )
