"""One training run, from a task's rows to a checkpoint folder with `finetune.json`."""

import inspect
import shutil
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments, set_seed
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from finetune import machine
from finetune.batches import Group, LengthSampler, collate, epoch_order, group_rows
from finetune.checkpoints import SaveMarker, last_whole_checkpoint, prepare_scratch
from finetune.ledger import ledger_of
from finetune.progress import LossProgress
from finetune.recipe import LORA_LINEAR_LAYERS, Method, Recipe
from finetune.record import base_record, data_record, write_checkpoint
from finetune.rows import Renderer, Row, check_lengths, training_rows
from finetune.tensors import before_training, tensor_changes
from harness_tasks import TASKS_PATH
from harness_tasks.errors import UserError
from harness_tasks.files import sha256_json
from harness_tasks.loading import load_task
from harness_tasks.overlap import input_text
from harness_tasks.rendering import render_hash, render_parts
from harness_tasks.text import fold


@dataclass(frozen=True)
class Run:
    """Everything that `train` needs to know; the options of `python -m finetune train` have these names."""

    model: str
    task: str
    output: Path
    method: Method = "lora"
    recipe: Recipe = field(default_factory=Recipe)
    revision: str | None = None
    include_path: Path = TASKS_PATH
    metadata: dict[str, Any] = field(default_factory=dict)
    num_fewshot: int = 0
    apply_chat_template: bool = False
    train_rows: int | None = None
    min_words: int | None = None
    exclude_overlap: str | None = None
    seed: int = 1
    sampling_seed: int = 1
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    device: str | None = None
    scratch: Path | None = None
    command: str = ""

    @property
    def scratch_folder(self) -> Path:
        """Where the trainer's checkpoints lie until the run is whole."""
        return self.scratch or self.output.with_name(f".{self.output.name}.scratch")

    def choices(self) -> dict[str, Any]:
        """Returns every value that shapes the result, flat: what `finetune.json` calls the recipe."""
        own = ("train_rows", "min_words", "exclude_overlap", "num_fewshot", "apply_chat_template", "seed")
        return self.recipe.model_dump() | {name: getattr(self, name) for name in (*own, "sampling_seed")}


def train(run: Run) -> Path:
    """Returns the checkpoint folder after training, or at once where this very run is already there.

    Interrupted, the next call with the same values goes on from the last whole checkpoint in the scratch folder.

    Raises:
        UserError: before any weight is loaded, for a task that is unknown or has no training split, data that cannot
            be had, a folder that is no model, rows too long; afterwards for a loss that is no number.
    """
    run = _resolved(run)
    tokenizer, config = _tokenizer(run), _config(run)
    rows, counts, task = _rows(run, tokenizer)
    check_lengths(rows, run.recipe.max_length)
    chat_template_sha = _chat_template_sha(run, tokenizer)
    parts = render_parts(
        _plain_config(task),
        num_fewshot=run.num_fewshot,
        chat_template_sha=chat_template_sha,
        fewshot_as_multiturn=run.apply_chat_template,
        system_instruction_sha=None,
    )
    data = data_record(task, rows, counts)
    base = base_record(run.model, run.revision, config)
    key = sha256_json(
        {
            "base": base["fingerprint"],
            "data": data["train_rows_sha256"],
            "method": run.method,
            "choices": {name: value for name, value in run.choices().items() if name != "save_steps"},
            "render": render_hash(parts),
            "dtype": run.dtype,
            "versions": machine.versions(),
        }
    )
    if prepare_scratch(run.output, run.scratch_folder, key):
        shutil.rmtree(run.scratch_folder, ignore_errors=True)  # left by a kill after the move into place
        print(f"{run.output} is already this run's checkpoint", file=sys.stderr)
        return run.output

    set_seed(run.seed)
    model = _model(run, config)
    before = before_training(model)  # also on resuming: the trainer puts the saved weights in later
    groups = group_rows(rows, most=run.recipe.batch_size, share_prefixes=_takes_masks(model))
    pad_id = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    trainer, progress, marker = _trainer(run, model, groups, pad_id)
    resume_from = last_whole_checkpoint(run.scratch_folder)
    marker.resumed_from(resume_from)
    trainer.train(resume_from_checkpoint=str(resume_from) if resume_from else None)

    steps = int(trainer.state.global_step)
    trained_groups = _groups_of_steps(groups, trainer, steps, run)
    record = {
        "checkpoint": run.output.name,
        "key": key,
        "method": run.method,
        "task": run.task,
        "base": base,
        "recipe": run.choices(),
        "command": run.command,
        "commit": machine.commit(),
        "render": {"hash": render_hash(parts), **parts},
        "data": data,
        "versions": machine.versions(),
        "seed": run.seed,
        "dtype": run.dtype,
        "device": run.device,
        "threads": torch.get_num_threads(),
        "steps": steps,
        "epochs": float(trainer.state.epoch or 0),
        "rows_per_step": len(rows) / max(1, -(-len(groups) // trainer.args.per_device_train_batch_size)),
        "tokens": {
            "input": sum(group.length for group in trained_groups),
            "supervised": sum(len(row.target_ids) for group in trained_groups for row in group.rows),
        },
        "seconds": marker.seconds(),
        "peak_memory_bytes": machine.peak_memory_bytes(str(run.device)),
        "loss_curve": progress.loss_curve(trainer.state.log_history),
        "resumed_at_steps": marker.resumed_at_steps,
        "parameters": ledger_of(model).as_json(),
    }
    tensors = {"checkpoint": run.output.name, "method": run.method, "tensors": tensor_changes(model, before)}
    write_checkpoint(
        run.output, run.scratch_folder, model=model, tokenizer=tokenizer, rows=rows, record=record, tensors=tensors
    )
    shutil.rmtree(run.scratch_folder, ignore_errors=True)
    return run.output


class CausalTrainer(Trainer):
    """The Trainer with batches of groups, an order that can be resumed, and loss where a target stands."""

    def __init__(self, *, groups: list[Group], sampling_seed: int, **arguments: Any) -> None:
        super().__init__(train_dataset=groups, **arguments)
        self._sampler = LengthSampler(
            [group.length for group in groups],
            batch_groups=self.args.per_device_train_batch_size,
            seed=sampling_seed,
        )
        forward = inspect.signature(_inner(self.model).forward).parameters
        self._keeps_logits = "logits_to_keep" in forward

    def _get_train_sampler(self, train_dataset: Any = None) -> LengthSampler:
        return self._sampler

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        labels, kept = inputs["labels"], inputs["logits_to_keep"]
        given = {key: value for key, value in inputs.items() if key not in ("labels", "logits_to_keep")}
        if self._keeps_logits:
            outputs = model(**given, logits_to_keep=kept, use_cache=False)
            logits = outputs.logits
        else:
            outputs = model(**given, use_cache=False)
            logits = outputs.logits[:, kept]
        loss = nn.functional.cross_entropy(logits.float().flatten(0, 1), labels.flatten())
        if not torch.isfinite(loss):
            raise UserError(
                f"the loss is {loss.item()} at step {self.state.global_step + 1}",
                "weights that are no numbers would be saved as a checkpoint",
                "lower the learning rate, or train in float32",
            )
        return (loss, outputs) if return_outputs else loss


def _resolved(run: Run) -> Run:
    device = machine.resolve_device(run.device)
    values = {**run.__dict__, "device": device, "dtype": machine.resolve_dtype(run.dtype, device)}
    return Run(**{**values, "recipe": run.recipe.resolved(run.method)})


def _config(run: Run) -> Any:
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(run.model, revision=run.revision, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise _no_model(run, error) from None


def _tokenizer(run: Run) -> Any:
    try:
        return AutoTokenizer.from_pretrained(run.model, revision=run.revision, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _no_model(run, error) from None


def _no_model(run: Run, error: Exception) -> UserError:
    first_line = (str(error).splitlines() or [type(error).__name__])[0]
    if Path(run.model).exists():
        return UserError(
            f"the folder {run.model} is no model that transformers can load ({first_line})",
            "training starts from a model's configuration, tokenizer and weights",
            "name a folder that holds config.json, tokenizer.json and *.safetensors, or a Hub id",
        )
    return UserError(
        f"the model {run.model} is no folder here, and the Hub did not give it ({first_line})",
        "training starts from a model's configuration, tokenizer and weights",
        "check the name and the network (and `hf auth login` for a gated model), or name a local folder",
    )


def _rows(run: Run, tokenizer: Any) -> tuple[list[Row], dict[str, int], Any]:
    task = load_task(run.task, include_path=run.include_path, metadata=run.metadata)
    if not task.has_training_docs():
        raise UserError(
            f"the task {run.task} has no training split",
            "there is nothing to train on",
            "choose a task whose YAML names a training_split"
            + (", or put its training file into the data folder" if run.metadata.get("data_dir") else ""),
        )
    if run.apply_chat_template and not tokenizer.chat_template:
        raise UserError(
            f"the tokenizer of {run.model} has no chat template",
            "--apply-chat-template renders the prompt with it",
            "leave the option out, or name a model that has one",
        )
    excluded = []
    if run.exclude_overlap:
        scored = load_task(run.exclude_overlap, include_path=run.include_path, metadata=run.metadata)
        excluded = [fold(input_text(doc, scored.config.metadata)) for doc in scored.eval_docs]
    task.set_fewshot_seed(1234)  # lm_eval's own default, so that shots are drawn as the evaluator draws them
    rows, counts = training_rows(
        task,
        Renderer(task, tokenizer, num_fewshot=run.num_fewshot, apply_chat_template=run.apply_chat_template),
        train_rows=run.train_rows,
        min_words=run.min_words,
        excluded=excluded,
        seed=run.sampling_seed,
    )
    if not rows:
        raise UserError(
            f"no training row of {run.task} is left of {counts['available']}",
            "there is nothing to train on",
            "lower min_words, or drop exclude_overlap",
        )
    return rows, counts, task


def _model(run: Run, config: Any) -> Any:
    # Full fine-tuning keeps float32 masters: a bfloat16 weight loses updates below about 1/256 of itself.
    dtype = torch.bfloat16 if run.dtype == "bfloat16" and run.method == "lora" else torch.float32
    model = AutoModelForCausalLM.from_pretrained(
        run.model, revision=run.revision, dtype=dtype, trust_remote_code=False, config=config
    )
    if run.method == "full":
        return model
    from peft import LoraConfig, get_peft_model

    recipe = run.recipe
    targets: list[str]
    layers = None
    if recipe.lora_last_layers:
        total = config.num_hidden_layers
        layers = list(range(max(0, total - recipe.lora_last_layers), total))
    if (
        recipe.lora_targets == LORA_LINEAR_LAYERS
    ):  # by their short names: peft would list each module, and refuses layer indices
        head = model.get_output_embeddings()
        linear = (name for name, part in model.named_modules() if isinstance(part, nn.Linear) and part is not head)
        targets = sorted({name.rsplit(".", 1)[-1] for name in linear})
    else:
        targets = [name.strip() for name in recipe.lora_targets.split(",")]
    lora = LoraConfig(
        r=recipe.lora_r,
        lora_alpha=recipe.lora_alpha or 2 * recipe.lora_r,
        lora_dropout=recipe.lora_dropout,
        target_modules=targets,
        layers_to_transform=layers,
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, lora)


def _trainer(run: Run, model: Any, groups: list[Group], pad_id: int) -> tuple[CausalTrainer, LossProgress, SaveMarker]:
    recipe = run.recipe
    rows = sum(len(group.rows) for group in groups)
    batch_groups = max(1, round(recipe.batch_size * len(groups) / rows))
    steps = max(1, int(-(-len(groups) // batch_groups) * recipe.epochs))
    progress, marker = LossProgress(), SaveMarker(started=time.monotonic())
    arguments = TrainingArguments(
        output_dir=str(run.scratch_folder),
        per_device_train_batch_size=batch_groups,
        num_train_epochs=recipe.epochs,
        learning_rate=recipe.learning_rate or 0.0,
        lr_scheduler_type=recipe.schedule if recipe.schedule != "constant" else "constant_with_warmup",
        warmup_steps=recipe.warmup_ratio,
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_grad_norm,
        logging_steps=max(1, steps // 100),
        save_steps=recipe.save_steps,
        save_total_limit=2,
        seed=run.seed,
        data_seed=run.seed,
        bf16=run.dtype == "bfloat16" and run.method == "full",
        use_cpu=run.device == "cpu",
        remove_unused_columns=False,
        dataloader_pin_memory=str(run.device).startswith("cuda"),
        report_to="none",
        disable_tqdm=True,
    )
    arguments._n_gpu = min(arguments.n_gpu, 1)  # else the Trainer cuts a batch over all GPUs, its masks apart
    trainer = CausalTrainer(
        groups=groups,
        sampling_seed=run.seed,
        model=model,
        args=arguments,
        data_collator=partial(collate, pad_id=pad_id),
        callbacks=[progress, marker],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    return trainer, progress, marker


def _groups_of_steps(groups: list[Group], trainer: CausalTrainer, steps: int, run: Run) -> list[Group]:
    """Returns the groups in the order in which ``steps`` steps trained on them, one entry each time."""
    size = trainer.args.per_device_train_batch_size
    lengths = [group.length for group in groups]
    trained: list[Group] = []
    per_epoch = -(-len(groups) // size)
    for epoch in range(-(-steps // per_epoch)):
        order = epoch_order(lengths, batch_groups=size, seed=run.seed, epoch=epoch)
        trained += [groups[i] for i in order[: (steps - epoch * per_epoch) * size]]
    return trained


def _takes_masks(model: Any) -> bool:
    """Whether attention takes a mask of which position sees which (sdpa does); else rows are not grouped."""
    return getattr(_inner(model).config, "_attn_implementation", None) == "sdpa"


def _inner(model: Any) -> Any:
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _chat_template_sha(run: Run, tokenizer: Any) -> str | None:
    from lm_eval.utils import hash_string

    return str(hash_string(tokenizer.chat_template)) if run.apply_chat_template else None


def _plain_config(task: Any) -> dict[str, Any]:
    """Returns the task's configuration as lm_eval writes it into a results file."""
    import json

    from lm_eval.utils import handle_non_serializable

    plain: dict[str, Any] = json.loads(json.dumps(task.dump_config(), default=handle_non_serializable))
    return plain
