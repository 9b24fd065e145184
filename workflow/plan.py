"""What a study would do, reckoned without a network and without weights: steps, parameters, rows, memory, time.

The time is arithmetic over a speed, and no promise: floating-point operations (`finetune.estimate` counts those of
training) over the speed of a matrix product, measured here unless given.
"""

import json
import math
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from finetune import estimate
from finetune.heads import Head
from finetune.machine import resolve_device, resolve_dtype
from finetune.recipe import Method, Recipe
from finetune.sizes import Sizes, sizes_of
from harness_tasks.errors import UserError
from harness_tasks.loading import declared_metadata
from harness_tasks.machine import largest_forward
from studies import Checkpoint, Study
from studies.study import BUILT_IN
from workflow import commands
from workflow.pins import revision_of

START_S = 6.0
"""Seconds until a step's process has its model and its data."""
OVERLAP_S = 1.0
"""Seconds to grade a task's scored items against the training rows."""
UNPACK_S = 30.0
"""Seconds to unpack the embedded base model."""
REPORT_S = 8.0
"""Seconds to count the parameters of a study's models and to make its page."""
SCORING_SPEED = {"hf-shared": 2.0}
"""How many times the speed of training's steps scoring reaches, by backend; others: 1. Measured on two cores, on the
demo's classification: 30 s where the parameters times the tokens at training's speed make 61. Passages, which several
questions share, take less than that."""
KEYS_AND_VALUES_BYTES = 2_000_000_000
"""What `hf-shared` keeps of sequences at most."""


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


@dataclass(frozen=True)
class Planned:
    """A study's plan: its steps, the base model's parameters, the disk it takes, and what was reckoned with."""

    steps: list[Step]
    parameters: int
    disk_bytes: int
    dtype: str
    speed: float


def planned(study: Study, *, dtype: str | None = None, speed: float | None = None) -> Planned:
    """Returns the plan of a study in a dtype, at so many operations a second; each is probed here where it is None."""
    config = _config(study)
    ledgers, sizes = _ledgers(study, config), _sizes(_Shape(config))
    device = resolve_device(study.device)
    dtype = dtype or resolve_dtype(study.dtype, device)
    speed = speed or estimate.operations_a_second(dtype, device)
    steps = _steps(study, sizes, ledgers, dtype, speed)
    return Planned(steps, ledgers["base"].total, _disk_bytes(study, ledgers), dtype, speed)


def plan(study: Study, *, teraflops: float | None = None, as_json: bool = False) -> str:
    """Returns the plan as text, or as JSON with the same values."""
    found = planned(study, speed=teraflops and teraflops * 1e12)
    waiting = [step for step in found.steps if not step.done]
    summary = {
        "study": study.name,
        "model": study.model.name or study.model.id,
        "parameters": found.parameters,
        "dtype": found.dtype,
        "teraflops": round(found.speed / 1e12, 4),
        "steps": [asdict(step) for step in found.steps],
        "seconds": sum(step.seconds or 0 for step in waiting),
        "disk_bytes": found.disk_bytes,
    }
    return json.dumps(summary, indent=2) if as_json else _text(study, summary, found.steps)


def _ledgers(study: Study, config: Any) -> dict[str, Any]:
    """Returns the parameter ledger of the base model and of each checkpoint, from the configuration alone."""
    shape = _Shape(config)
    ledgers = {"base": _base_ledger(shape)}
    for checkpoint in study.checkpoints():
        recipe = study.plan(checkpoint.task).recipe
        labels = (_metadata(checkpoint.task) or {}).get("labels") or ()
        ledgers[checkpoint.name] = _ledger(shape, recipe, checkpoint.method, checkpoint.head, len(labels))
    return ledgers


class _Shape:
    """A configuration, equal to another with the same contents: models of a grid often share one."""

    def __init__(self, config: Any) -> None:
        self.config = config
        self._text = json.dumps({**config.to_dict(), "_name_or_path": ""}, sort_keys=True, default=str)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Shape) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


@cache
def _base_ledger(shape: _Shape) -> Any:
    from finetune.ledger import count

    return count(shape.config)


@cache
def _sizes(shape: _Shape) -> Sizes:
    return sizes_of(shape.config)


@cache
def _ledger(shape: _Shape, recipe: Recipe, method: Method, head: Head, labels: int) -> Any:
    return estimate.parameters(shape.config, recipe, method=method, head=head, labels=labels)


def _config(study: Study) -> Any:
    from transformers import AutoConfig, LlamaConfig

    if study.model.id == "embedded" and not Path(study.model.path, "config.json").is_file():
        return LlamaConfig(**json.loads(Path(__file__).with_name("embedded_config.json").read_text()))
    if study.model.id in BUILT_IN and not Path(study.model.path).is_dir():
        words = [sys.executable, *commands.base_model(study)[1:]]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    place = study.model.path if Path(study.model.path).is_dir() else study.model.config or study.model.path
    try:
        return AutoConfig.from_pretrained(place, revision=revision_of(study))
    except (OSError, ValueError) as error:
        raise UserError(
            f"the configuration of {study.model.id} cannot be had ({str(error).splitlines()[0]})",
            "parameters and memory are counted from it",
            "name a config.json under `model: config:` in the study, or connect to the Hub",
        ) from None


def _steps(study: Study, sizes: Sizes, ledgers: dict[str, Any], dtype: str, speed: float) -> list[Step]:
    base = ledgers["base"].total
    steps = []
    if study.model.id in BUILT_IN:
        path = Path(study.model.path, "config.json")
        seconds = UNPACK_S if study.model.id == "embedded" else START_S
        steps.append(Step(f"base model into {study.model.path}", path.is_file(), None, None, None, 8 * base, seconds))
    for task in study.tasks:
        steps.append(_score_step(study, None, task, base, sizes, dtype, speed))
        steps.append(_prior_step(study, None, task, base, dtype))
    for checkpoint in study.checkpoints():
        steps.append(_train_step(study, checkpoint, ledgers[checkpoint.name], sizes, dtype, speed))
        if commands.is_merged(checkpoint):
            done = (commands.merged_folder(study, checkpoint) / "merged_from.json").is_file()
            steps.append(Step(f"merge {checkpoint.name}", done, None, None, None, 8 * base, START_S))
        steps.append(_score_step(study, checkpoint, checkpoint.task, base, sizes, dtype, speed))
        steps.append(_prior_step(study, checkpoint, checkpoint.task, base, dtype))
        steps.append(_overlap_step(study, checkpoint))
    report = (study.folder / "report.html").is_file()
    return [*steps, Step("parameter ledgers, facts and report", report, None, None, None, None, REPORT_S)]


def _score_step(
    study: Study, checkpoint: Checkpoint | None, task: str, parameters: int, sizes: Sizes, dtype: str, speed: float
) -> Step:
    name = checkpoint.name if checkpoint else "base"
    size = _size(task)
    rows = _scored_rows(study, task)
    tokens = rows * (size["prompt_tokens"] + size["new_tokens"]) if size and rows else None
    speed *= SCORING_SPEED.get(study.backend, 1.0)
    seconds = START_S + 2 * parameters * tokens / speed if tokens else None
    memory = estimate.PROCESS_BYTES + parameters * estimate.BYTES[dtype] + _batch_bytes(study, size, sizes, dtype)
    done = (commands.scores_folder(study, task, checkpoint) / "results.json").is_file()
    return Step(f"score {name} on {task}", done, rows, tokens, None, memory, seconds)


def _batch_bytes(study: Study, size: dict[str, int] | None, sizes: Sizes, dtype: str) -> int:
    """Returns what `hf-shared` keeps of a batch: keys and values, one layer's values in a forward, its last logits."""
    largest = largest_forward(resolve_device(study.device))
    element = estimate.BYTES[dtype]
    tokens = study.batch_size * ((size or {}).get("prompt_tokens", 256) + (size or {}).get("new_tokens", 16))
    kept = min(KEYS_AND_VALUES_BYTES, tokens * 2 * sizes.layers * sizes.keys * element)
    forward = min(tokens, largest) * (8 * sizes.hidden + 3 * sizes.inner) * element
    return int(kept + forward + study.batch_size * sizes.vocabulary * (element + 4))


def _prior_step(study: Study, checkpoint: Checkpoint | None, task: str, parameters: int, dtype: str) -> Step:
    name = checkpoint.name if checkpoint else "base"
    done = (commands.scores_folder(study, task, checkpoint) / "prior.json").is_file()
    memory = estimate.PROCESS_BYTES + parameters * estimate.BYTES[dtype]
    return Step(f"prior of {name} on {task}", done, None, None, None, memory, START_S)


def _overlap_step(study: Study, checkpoint: Checkpoint) -> Step:
    done = commands.overlap_file(study, checkpoint).is_file()
    rows = _scored_rows(study, checkpoint.task)
    return Step(f"overlap with the rows of {checkpoint.name}", done, rows, None, None, None, OVERLAP_S)


def _scored_rows(study: Study, task: str) -> int | None:
    size = _size(task)
    return min(size["scored"], study.plan(task).limit or size["scored"]) if size else None


def _train_step(study: Study, checkpoint: Checkpoint, ledger: Any, sizes: Sizes, dtype: str, speed: float) -> Step:
    """Returns what `finetune.estimate` says of the run, from the rows and tokens that the task's YAML declares."""
    plan_ = study.plan(checkpoint.task)
    size = _size(checkpoint.task)
    name = f"fine-tune {checkpoint.name}"
    done = (commands.checkpoint_folder(study, checkpoint) / "finetune.json").is_file()
    if not size:
        return Step(name, done, None, None, ledger.trainable, None, None)
    recipe, rows = plan_.recipe, min(size["train"], plan_.train_rows or size["train"])
    tokens = int(rows * size["row_tokens"] * recipe.epochs)
    pass_rows = -(-recipe.batch_size // recipe.gradient_accumulation_steps)
    work = estimate.Work(
        tokens=tokens,
        supervised=int(rows * size["new_tokens"] * recipe.epochs),
        steps=math.ceil(rows / recipe.batch_size * recipe.epochs),
        row_tokens=size["row_tokens"],
        pass_tokens=pass_rows * size["row_tokens"],
        pass_logits=pass_rows * size["new_tokens"],
    )
    found = estimate.training(
        work,
        ledger,
        sizes,
        method=checkpoint.method,
        dtype=dtype,
        device=resolve_device(study.device),
        lora_r=recipe.lora_r,
        last_layers=recipe.lora_last_layers,
        speed=speed,
    )
    return Step(name, done, rows, tokens, ledger.trainable, found.memory_bytes, START_S + (found.seconds or 0))


def _size(task: str) -> dict[str, int] | None:
    """Returns the rows and mean tokens that the task's YAML declares under `metadata: size:`, or None."""
    size: dict[str, int] | None = (_metadata(task) or {}).get("size")
    return size


@cache
def _metadata(task: str) -> dict[str, Any] | None:
    return declared_metadata(task)


def _disk_bytes(study: Study, ledgers: dict[str, Any]) -> int:
    """Returns what the base model, the checkpoints, merged ones too, and the trainer's largest take on disk at most."""
    base = ledgers["base"].total * estimate.BYTES["float32"] if study.model.id in BUILT_IN else 0
    sizes = [estimate.disk_bytes(ledgers[one.name], one.method) for one in study.checkpoints()]
    merged = ledgers["base"].total * estimate.BYTES["float32"] * sum(map(commands.is_merged, study.checkpoints()))
    return int(base + merged + sum(kept for kept, _ in sizes) + max(passing for _, passing in sizes))


def _text(study: Study, summary: dict[str, Any], steps: list[Step]) -> str:
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
    return "–" if seconds is None else estimate.shown_time(seconds)
