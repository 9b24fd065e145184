"""One training run, from a task's rows to a checkpoint folder with `finetune.json`."""

import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from transformers import TrainerCallback, set_seed
from transformers.integrations.deepspeed import unset_hf_deepspeed_config

from finetune import machine
from finetune.batches import Group
from finetune.checkpoints import SaveMarker, full_disk_told, last_whole_checkpoint, prepare_scratch
from finetune.guards import examine
from finetune.heads import without_adapter
from finetune.ledger import ledger_of
from finetune.models import load_model
from finetune.prepare import Prepared, prepare
from finetune.progress import LossProgress
from finetune.proof import prove, write_expected
from finetune.record import (
    base_record,
    data_record,
    move_into_place,
    tokenizer_record,
    write_checkpoint,
    write_record,
)
from finetune.row_log import RowLog, cut_to, read_row_log
from finetune.run import Run
from finetune.tensors import Before, Reached, before_training, tensor_changes
from finetune.termination import Termination
from finetune.trainer import FinetuneTrainer, make_trainer
from harness_tasks.files import sha256_json
from harness_tasks.guards.verdicts import GuardError, Verdict, raise_failed
from harness_tasks.rendering import render_hash, render_parts

TERMINATED = 143
"""The exit code after SIGTERM, as the shell counts it: 128 + 15."""


def train(run: Run) -> Path:
    """Returns the checkpoint folder after training, or at once where this very run is already there.

    After an interruption, the next call with the same values resumes from the last complete checkpoint in the scratch
    folder. Under torchrun or `accelerate launch` every process calls it; the first one writes.

    Raises:
        UserError: before any weight is loaded, for input that cannot be used (see `prepare`); afterwards for a loss
            that is no number or a full disk.
        GuardError: a guard failed, before any weight is loaded, or a check of the finished checkpoint, which then
            stays in the scratch folder.
        SystemExit: with 143, after SIGTERM; the run is saved.
    """
    prepared = prepare(run)
    run = prepared.run
    guards = examine(prepared)
    raise_failed(guards)
    identity = _identity(prepared)
    processes = PartialState(cpu=run.device == "cpu")
    with processes.main_process_first():
        # The first process also clears away what is not whole, so that the others find what it found.
        done = prepare_scratch(run.output, run.scratch_folder, identity["key"])
        resume_from = None if done else last_whole_checkpoint(run.scratch_folder)
    if done:
        if processes.is_main_process:
            shutil.rmtree(run.scratch_folder, ignore_errors=True)  # left by a kill after the move into place
            print(f"{run.output} is already this run's checkpoint", file=sys.stderr)
        return run.output
    if processes.is_main_process:
        _tell(prepared, guards)

    set_seed(run.seed)
    model = load_model(run, prepared.config, labels=prepared.labels, pad_id=prepared.pad_id)
    attention = str(model.config._attn_implementation)
    before = before_training(model)  # also on resuming: the trainer puts the saved weights in later
    log = RowLog(run.scratch_folder, processes.process_index)
    progress, marker = LossProgress(), SaveMarker(started=time.monotonic())
    termination, reached = Termination(), Reached()
    callbacks: list[TrainerCallback] = [log, marker, termination, reached]
    if processes.is_main_process:
        cut_to(run.scratch_folder, int(resume_from.name.rpartition("-")[2]) if resume_from else 0)
        callbacks.append(progress)
    processes.wait_for_everyone()
    marker.resumed_from(resume_from)
    trainer = make_trainer(prepared, model, trained=log.trained, callbacks=callbacks, folder=run.scratch_folder)
    with full_disk_told(run.scratch_folder):
        trainer.train(resume_from_checkpoint=str(resume_from) if resume_from else None)
    if termination.received and trainer.state.global_step < trainer.state.max_steps:
        processes.wait_for_everyone()  # none ends while another still needs it
        if processes.is_main_process:
            step = trainer.state.global_step
            print(f"SIGTERM: saved at step {step}; the same command resumes from there", file=sys.stderr)
        raise SystemExit(TERMINATED)
    if trainer.state.best_model_checkpoint:
        trainer._load_best_model()
    model = _whole(trainer, prepared, attention)
    if processes.is_main_process:
        record = _record(prepared, guards, identity, trainer, model, progress, marker)
        in_parts = trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled  # whose gradients are not whole
        with full_disk_told(run.scratch_folder):
            _finish(prepared, record, model, before, None if in_parts else reached)
    processes.wait_for_everyone()  # none ends while another still needs it
    return run.output


def _tell(prepared: Prepared, guards: list[Verdict]) -> None:
    """Prints what a user should know of a run before its first step."""
    if prepared.run.shuffle_targets:
        print(f"a control: each of {len(prepared.rows):,} rows learns the target of another row", file=sys.stderr)
    for verdict in guards:
        if verdict.verdict == "warn":
            print(f"warning: guard {verdict.id}: {verdict.found}", file=sys.stderr)


@dataclass(frozen=True)
class Probe:
    """What a few steps took: medians of seconds and of tokens a step, and the peak memory of the process in bytes."""

    seconds_per_step: float
    tokens_per_step: float
    peak_memory_bytes: int


def probe(prepared: Prepared, steps: int = 3) -> Probe:
    """Returns what ``steps`` steps of the run take, after one that warms up; nothing is kept."""

    class Clock(TrainerCallback):
        def __init__(self) -> None:
            self.times = [time.monotonic()]

        def on_step_end(self, *arguments: Any, **rest: Any) -> None:
            self.times.append(time.monotonic())

    run, clock = prepared.run, Clock()
    set_seed(run.seed)
    model = load_model(run, prepared.config, labels=prepared.labels, pad_id=prepared.pad_id)
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(
            prepared, model, trained=lambda rows: None, callbacks=[clock], folder=Path(folder), max_steps=steps + 1
        )
        trainer.train()
    tokens = [sum(group.length for group in step) for step in _groups_of_steps(trainer, steps + 1)][1:]
    seconds = sorted(later - earlier for earlier, later in zip(clock.times[1:], clock.times[2:], strict=False))
    return Probe(seconds[len(seconds) // 2], sum(tokens) / len(tokens), machine.peak_memory_bytes(str(run.device)))


def _identity(prepared: Prepared) -> dict[str, Any]:
    """Returns what makes the run this run: base model, data, render hash, and a ``key`` over all that shapes it."""
    run = prepared.run
    parts = render_parts(
        _plain_config(prepared.task),
        num_fewshot=run.num_fewshot,
        chat_template_sha=_chat_template_sha(prepared),
        fewshot_as_multiturn=run.apply_chat_template,
        system_instruction_sha=None,
    )
    data = data_record(prepared)
    base = base_record(run.model, run.revision)
    key = {
        "base": base["fingerprint"],
        "data": data["train_rows_sha256"],
        "dev": data["dev_rows_sha256"],
        "method": run.method,
        "choices": {name: value for name, value in run.choices().items() if name != "save_steps"},
        "render": render_hash(parts),
        "dtype": run.dtype,
        "versions": machine.versions(),
    }
    return {"key": sha256_json(key), "base": base, "data": data, "render": {"hash": render_hash(parts), **parts}}


def _finish(prepared: Prepared, record: dict[str, Any], model: Any, before: Before, reached: Reached | None) -> None:
    """Writes the checkpoint's folder in the scratch folder, proves it, and moves it into place."""
    run, scratch = prepared.run, prepared.run.scratch_folder
    tensors = {"checkpoint": run.output.name, "method": run.method, "tensors": tensor_changes(model, before, reached)}
    finished = scratch / "finished"
    log = read_row_log(scratch)
    write_checkpoint(finished, model=model, prepared=prepared, record=record, tensors=tensors, row_log=log)
    if run.proof:
        write_expected(scratch, model=model, prepared=prepared)
        proof = prove(finished, scratch)
        write_record(finished, {**record, "proof": proof})
        failed = [Verdict(**verdict) for verdict in proof["verdicts"] if verdict["verdict"] == "fail"]
        if failed:
            raise GuardError(failed)
    move_into_place(finished, run.output)
    shutil.rmtree(scratch, ignore_errors=True)


def _record(
    prepared: Prepared,
    guards: list[Verdict],
    identity: dict[str, Any],
    trainer: FinetuneTrainer,
    model: Any,
    progress: LossProgress,
    marker: SaveMarker,
) -> dict[str, Any]:
    """Returns what `finetune.json` says of a trained model, before it is proven."""
    run, seconds = prepared.run, marker.seconds()
    steps = int(trainer.state.global_step)
    trained_groups = [group for step in _groups_of_steps(trainer, steps) for group in step]
    groups = len(trainer.groups)
    return {
        "checkpoint": run.output.name,
        "key": identity["key"],
        "method": run.method,
        "head": run.head,
        "labels": list(prepared.labels),
        "task": run.task,
        "base": identity["base"],
        "tokenizer": tokenizer_record(run.tokenizer),
        "recipe": run.choices(),
        "command": run.command,
        "commit": machine.commit(),
        "render": identity["render"],
        "data": identity["data"],
        "versions": machine.versions(),
        "seed": run.seed,
        "dtype": run.dtype,
        "device": run.device,
        "processes": trainer.args.world_size,
        "threads": torch.get_num_threads(),
        "steps": steps,
        "chosen_step": int(trainer.state.best_global_step or steps),
        "epochs": float(trainer.state.epoch or 0),
        "rows_per_step": len(prepared.rows) / max(1, -(-groups // trainer.sampler.step_groups)),
        "tokens": {
            "input": sum(group.length for group in trained_groups),
            "supervised": sum(row.items for group in trained_groups for row in group.rows),
        },
        "seconds": seconds,
        "peak_memory_bytes": machine.peak_memory_bytes(str(run.device)),
        "loss_curve": progress.loss_curve(trainer.state.log_history),
        "dev_curve": progress.dev_curve(trainer.state.log_history),
        "resumed_at_steps": marker.resumed_at_steps,
        "parameters": ledger_of(model).as_json(),
        "guards": [verdict.as_json() for verdict in guards],
    }


def _whole(trainer: FinetuneTrainer, prepared: Prepared, attention: str) -> Any:
    """Returns the trained model in one piece, also where FSDP or DeepSpeed spread it over processes."""
    if not (trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled):
        model: Any = trainer.model
        without_adapter(model).set_attn_implementation(attention)  # as others will load it, not as the trainer computed
        return model
    weights = trainer.accelerator.get_state_dict(trainer.model_wrapped)  # every process must take part
    if not trainer.is_world_process_zero():
        return None
    unset_hf_deepspeed_config()  # else ZeRO-3 would spread this copy too, and wait for processes that are through
    set_seed(prepared.run.seed)
    model = load_model(prepared.run, prepared.config, labels=prepared.labels, pad_id=prepared.pad_id)
    model.load_state_dict(weights)
    return model


def _groups_of_steps(trainer: FinetuneTrainer, steps: int) -> list[list[Group]]:
    """Returns the groups that each of the first ``steps`` steps trained on."""
    found: list[list[Group]] = []
    epoch = 0
    while len(found) < steps:
        found += [[trainer.groups[i] for i in step] for step in trainer.sampler.steps(epoch)]
        epoch += 1
    return found[:steps]


def _chat_template_sha(prepared: Prepared) -> str | None:
    from lm_eval.utils import hash_string

    return str(hash_string(prepared.tokenizer.chat_template)) if prepared.run.apply_chat_template else None


def _plain_config(task: Any) -> dict[str, Any]:
    """Returns the task's configuration as lm_eval writes it into a results file."""
    import json

    from lm_eval.utils import handle_non_serializable

    plain: dict[str, Any] = json.loads(json.dumps(task.dump_config(), default=handle_non_serializable))
    return plain
