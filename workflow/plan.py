"""What a study would do, reckoned without a network and without weights: steps, parameters, rows, memory, time.

The time is arithmetic over a speed, and no promise: floating-point operations (two a parameter and token
forwards, four backwards, two for frozen weights) over the speed of a matrix product, measured here unless given.
"""

import json
import os
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness_tasks.errors import UserError
from harness_tasks.loading import declared_metadata
from studies import Checkpoint, Study, load_study
from studies.study import BUILT_IN
from workflow import commands

EFFICIENCY = 0.6
"""Share of a matrix product's speed that whole steps reach: measured 0.55 to 0.7 on two processor cores in float32."""
START_S = 15.0
"""Seconds until a step's process has its model and its data."""
OVERLAP_S = 5.0
"""Seconds to grade a task's scored items against the training rows."""
UNPACK_S = 40.0
"""Seconds to unpack the embedded base model."""
BYTES = {"float32": 4, "bfloat16": 2}
PROCESS_BYTES = 600_000_000
"""What Python with torch and transformers takes before any weight."""
TRAINED_BYTES = 16
"""A trained parameter in float32 with its gradient and AdamW's two moments."""


@dataclass(frozen=True)
class Step:
    """One step: what it does, on how many rows, and what it takes."""

    step: str
    done: bool
    rows: int | None
    tokens: int | None
    trainable: int | None
    memory_bytes: int | None
    seconds: float | None


def plan(study_file: str, *, teraflops: float | None = None, as_json: bool = False) -> str:
    """Returns the plan as text, or as JSON with the same values."""
    study = load_study(study_file)
    config = _config(study)
    ledgers = _ledgers(study, config)
    dtype, speed = _speed(study, teraflops)
    steps = _steps(study, config, ledgers, dtype, speed)
    waiting = [step for step in steps if not step.done]
    summary = {
        "study": study.name,
        "model": study.model.name or study.model.id,
        "parameters": ledgers["base"].total,
        "dtype": dtype,
        "teraflops": round(speed / 1e12, 4),
        "steps": [asdict(step) for step in steps],
        "seconds": sum(step.seconds or 0 for step in waiting),
        "disk_bytes": _disk_bytes(study, ledgers),
    }
    return json.dumps(summary, indent=2) if as_json else _text(study, ledgers, summary, steps)


def _ledgers(study: Study, config: Any) -> dict[str, Any]:
    """Returns the parameter ledger of the base model and of each checkpoint, from the configuration alone."""
    from finetune.ledger import count
    from finetune.recipe import LORA_LINEAR_LAYERS

    ledgers = {"base": count(config)}
    for checkpoint in study.checkpoints():
        recipe = study.plan(checkpoint.task).recipe
        if checkpoint.method == "full":
            ledgers[checkpoint.name] = ledgers["base"]
            continue
        targets = None if recipe.lora_targets == LORA_LINEAR_LAYERS else recipe.lora_targets.split(",")
        layers = config.num_hidden_layers
        last = range(max(0, layers - recipe.lora_last_layers), layers) if recipe.lora_last_layers else None
        ledgers[checkpoint.name] = count(
            config, lora_r=recipe.lora_r, lora_targets=targets, lora_layers=list(last) if last else None
        )
    return ledgers


def _config(study: Study) -> Any:
    from transformers import AutoConfig, LlamaConfig

    if study.model.id == "embedded" and not Path(study.model.path, "config.json").is_file():
        return LlamaConfig(**json.loads(Path(__file__).with_name("embedded_config.json").read_text()))
    if study.model.id in BUILT_IN and not Path(study.model.path).is_dir():
        subprocess.run(commands.base_model(study), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    place = study.model.path if Path(study.model.path).is_dir() else study.model.config or study.model.path
    try:
        return AutoConfig.from_pretrained(place, revision=None if study.model.is_local else study.model.revision)
    except (OSError, ValueError) as error:
        raise UserError(
            f"the configuration of {study.model.id} cannot be had ({str(error).splitlines()[0]})",
            "parameters and memory are counted from it",
            "name a config.json under `model: config:` in the study, or connect to the Hub",
        ) from None


def _steps(study: Study, config: Any, ledgers: dict[str, Any], dtype: str, speed: float) -> list[Step]:
    base = ledgers["base"].total
    steps = []
    if study.model.id in BUILT_IN:
        path = Path(study.model.path, "config.json")
        seconds = UNPACK_S if study.model.id == "embedded" else START_S
        steps.append(Step(f"base model into {study.model.path}", path.is_file(), None, None, None, 8 * base, seconds))
    for task in study.tasks:
        steps.append(_score_step(study, None, task, base, config, dtype, speed))
        steps.append(_prior_step(study, None, task, base, dtype))
    for checkpoint in study.checkpoints():
        steps.append(_train_step(study, checkpoint, base, ledgers[checkpoint.name].trainable, config, dtype, speed))
        steps.append(_score_step(study, checkpoint, checkpoint.task, base, config, dtype, speed))
        steps.append(_prior_step(study, checkpoint, checkpoint.task, base, dtype))
        steps.append(_overlap_step(study, checkpoint))
    report = (study.folder / "report.html").is_file()
    return [*steps, Step("parameter ledgers, facts and report", report, None, None, None, None, 3 * START_S)]


def _score_step(
    study: Study, checkpoint: Checkpoint | None, task: str, parameters: int, config: Any, dtype: str, speed: float
) -> Step:
    name = checkpoint.name if checkpoint else "base"
    size = _size(task)
    rows = _scored_rows(study, task)
    tokens = rows * (size["prompt_tokens"] + size["new_tokens"]) if size and rows else None
    seconds = START_S + 2 * parameters * tokens / speed if tokens else None
    batch_tokens = study.batch_size * (size or {}).get("prompt_tokens", 256)
    # lm_eval's `hf` keeps the whole vocabulary's logits of a batch, and their log-softmax in float32 beside them.
    memory = PROCESS_BYTES + parameters * BYTES[dtype] + batch_tokens * config.vocab_size * (BYTES[dtype] + 4)
    done = (commands.scores_folder(study, task, checkpoint) / "results.json").is_file()
    return Step(f"score {name} on {task}", done, rows, tokens, None, memory, seconds)


def _prior_step(study: Study, checkpoint: Checkpoint | None, task: str, parameters: int, dtype: str) -> Step:
    name = checkpoint.name if checkpoint else "base"
    done = (commands.scores_folder(study, task, checkpoint) / "prior.json").is_file()
    memory = PROCESS_BYTES + parameters * BYTES[dtype]
    return Step(f"prior of {name} on {task}", done, None, None, None, memory, START_S)


def _overlap_step(study: Study, checkpoint: Checkpoint) -> Step:
    done = commands.overlap_file(study, checkpoint).is_file()
    rows = _scored_rows(study, checkpoint.task)
    return Step(f"overlap with the rows of {checkpoint.name}", done, rows, None, None, None, OVERLAP_S)


def _scored_rows(study: Study, task: str) -> int | None:
    size = _size(task)
    return min(size["scored"], study.plan(task).limit or size["scored"]) if size else None


def _train_step(
    study: Study, checkpoint: Checkpoint, parameters: int, trainable: int, config: Any, dtype: str, speed: float
) -> Step:
    plan_ = study.plan(checkpoint.task)
    size = _size(checkpoint.task)
    rows = min(size["train"], plan_.train_rows or size["train"]) if size else None
    tokens = int(rows * size["row_tokens"] * plan_.recipe.epochs) if size and rows else None
    operations = {"full": 6, "lora": 4}[checkpoint.method]
    if checkpoint.method == "lora" and plan_.recipe.lora_last_layers:
        operations = 3
    seconds = START_S + operations * parameters * tokens / speed if tokens else None
    kept = BYTES["float32"] if checkpoint.method == "full" else BYTES[dtype]
    step_tokens = plan_.recipe.batch_size * (size or {}).get("row_tokens", 256)
    # Kept for the way back: the inputs of a layer's matrix products and of what stands between them.
    layer_values = 16 * config.hidden_size + 8 * config.intermediate_size
    activations = step_tokens * config.num_hidden_layers * layer_values * BYTES[dtype]
    memory = PROCESS_BYTES + parameters * kept + trainable * TRAINED_BYTES + activations
    done = (commands.checkpoint_folder(study, checkpoint) / "finetune.json").is_file()
    return Step(f"fine-tune {checkpoint.name}", done, rows, tokens, trainable, memory, seconds)


def _size(task: str) -> dict[str, int] | None:
    """Returns the rows and mean tokens that the task's YAML declares under `metadata: size:`, or None."""
    size: dict[str, int] | None = (declared_metadata(task) or {}).get("size")
    return size


def _speed(study: Study, teraflops: float | None) -> tuple[str, float]:
    """Returns the dtype and the operations a second to reckon with."""
    import torch

    from finetune.machine import resolve_device, resolve_dtype

    device = resolve_device(study.device)
    dtype = resolve_dtype(study.dtype, device)
    if teraflops is not None:
        return dtype, teraflops * 1e12
    size = 2048 if device.startswith("cuda") else 768
    matrix = torch.ones(size, size, dtype=getattr(torch, dtype), device=device)
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        (matrix @ matrix).sum().item()
        best = min(best, time.perf_counter() - started)
    return dtype, EFFICIENCY * 2 * size**3 / best


def _disk_bytes(study: Study, ledgers: dict[str, Any]) -> int:
    """Returns what checkpoints, and the trainer's while it runs, take on disk at most."""
    total = ledgers["base"].total * BYTES["float32"] if study.model.id in BUILT_IN else 0
    trained = [ledgers[checkpoint.name].trainable for checkpoint in study.checkpoints()]
    # A trainer's checkpoint holds the trained weights and AdamW's two moments; two are kept.
    return int(total + sum(trained) * BYTES["float32"] + 2 * max(trained) * 3 * BYTES["float32"])


def _text(study: Study, ledgers: dict[str, Any], summary: dict[str, Any], steps: list[Step]) -> str:
    lines = [
        f"{study.title}",
        f"model: {summary['model']}, {summary['parameters']:,} parameters; dtype {summary['dtype']}; "
        f"{os.cpu_count()} processors; {summary['teraflops']} TFLOP/s reckoned with",
        "",
        f"{'step':<52} {'state':<6} {'rows':>8} {'tokens':>12} {'trained':>14} {'memory':>9} {'time':>9}",
    ]
    for step in steps:
        lines.append(
            f"{step.step:<52} {'done' if step.done else 'to do':<6} {_number(step.rows):>8} {_number(step.tokens):>12} "
            f"{_number(step.trainable):>14} {_gigabytes(step.memory_bytes):>9} {_time(step.seconds):>9}"
        )
    waiting = [step for step in steps if not step.done]
    lines += [
        "",
        f"{len(steps)} steps, {len(waiting)} to do: about {_time(summary['seconds'])} one after the other; "
        f"{_gigabytes(summary['disk_bytes'])} of disk",
    ]
    if any(step.tokens is None and step.step.startswith(("score", "fine-tune")) for step in steps):
        lines.append("a dash stands where a task's YAML does not say how large it is (`metadata: size:`)")
    return "\n".join(lines)


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _gigabytes(value: int | None) -> str:
    return "–" if value is None else f"{value / 1e9:.1f} GB"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    return (
        f"{seconds:.0f} s"
        if seconds < 90
        else f"{seconds / 60:.0f} min"
        if seconds < 5400
        else f"{seconds / 3600:.1f} h"
    )
