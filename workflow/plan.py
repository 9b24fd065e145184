"""What a study would do, estimated without weights: steps, parameters, rows, memory, time, downloads.

Rows and tokens are those that `aftertune plan-training` finds (`workflow/examined.py`); where the rows cannot be had,
those that the task's YAML declares. What follows from them is `finetune.estimate`'s arithmetic in both cases.

The time is no promise: floating-point operations over a speed, which is that of a matrix product here, or a device's
stated peak, times the share of it that whole steps reach.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from finetune import estimate
from finetune.assumed import BANDWIDTH, UTILISATION
from finetune.elsewhere.merged_logits import MOST_POSITIONS, MOST_ROWS
from finetune.estimate import gigabytes
from finetune.fits import Fit, fits, shown_fits
from finetune.heads import Head
from finetune.machine import resolve_device, resolve_dtype
from finetune.recipe import Method, Recipe
from finetune.sizes import Sizes, sizes_of
from harness_tasks.errors import UserError
from harness_tasks.hub.download import fetch_model
from harness_tasks.loading import declared_metadata
from harness_tasks.machine import largest_forward
from harness_tasks.messages import reason_of
from harness_tasks.models.files import refusals
from studies import AnyCheckpoint, Checkpoint, Elsewhere, FewShot, Scored, Study
from studies.study import BUILT_IN
from workflow import step_commands
from workflow.examined import known, training_runs
from workflow.pins import revision_of

START_S = 6.0
"""Seconds until a step's process has its model and its data."""
OVERLAP_S = 1.0
"""Seconds to grade a task's scored items against the training rows."""
BASELINE_S = 6.0
"""Seconds to load a task and fit a bag of words: 5 s for 8,000 short rows, 7 s for 67,000. The nearest sentence takes
as long."""
READ_BYTES_A_SECOND = 2e8
"""Weights that are read, hashed and compared in a second, on one core."""
UNPACK_S = 30.0
"""Seconds to unpack the embedded base model."""
REPORT_S = 8.0
"""Seconds to count the parameters of a study's models and to make its page."""
SCORING_SPEED = {"hf-shared": 2.0}
"""How many times the speed of training's steps scoring reaches, by backend; others: 1. Measured on two cores, on the
demo's classification: 30 s where the parameters times the tokens at training's speed make 61. Passages, which several
questions share, take less than that."""
TEXT_BYTES_A_TOKEN = 4.7
"""What a data set's rows take in the Hub's cache, a token of their prompts. Measured on SQuAD's development set."""
KEYS_AND_VALUES_BYTES = 2_000_000_000
"""What `hf-shared` keeps of sequences at most."""


@dataclass(frozen=True)
class PlannedStep:
    """One step: what it does, on how many rows, and what it takes."""

    step: str
    done: bool
    rows: int | None
    tokens: int | None
    trainable: int | None
    memory_bytes: int | None
    seconds: float | None
    download_bytes: int | None = None


@dataclass(frozen=True)
class Planned:
    """A study's plan: its steps, the base model's parameters, the disk it takes, and the dtype and speed assumed.

    ``fits``: for each training run, which GPU's memory would do. ``unseen``: the runs whose rows were not looked at.
    """

    steps: list[PlannedStep]
    parameters: int
    disk_bytes: int
    dtype: str
    speed: float
    fits: dict[str, tuple[Fit, ...]]
    unseen: list[str]


def planned(
    study: Study, *, dtype: str | None = None, speed: float | None = None, bandwidth: float = BANDWIDTH
) -> Planned:
    """Returns the plan of a study in a dtype, at so many operations a second; each is probed here where it is None.

    ``bandwidth``: megabytes a second of downloads.
    """
    config = _config(study)
    ledgers, sizes = _ledgers(study, config), _sizes(_Shape(config))
    device = resolve_device(study.device)
    dtype = dtype or resolve_dtype(study.dtype, device)
    speed = speed or estimate.operations_a_second(dtype, device)
    downloads = _downloads(study, ledgers["base"].total, sizes, bandwidth)
    steps = [*downloads, *_steps(study, sizes, ledgers, dtype, speed)]
    disk = _disk_bytes(study, ledgers) + sum(step.download_bytes or 0 for step in downloads)
    runs = training_runs(study)
    unseen = [run.name for run in runs if known(study, run) is None]
    return Planned(steps, ledgers["base"].total, disk, dtype, speed, _fits(study, runs, config, sizes), unseen)


def _fits(study: Study, runs: list[Checkpoint], config: Any, sizes: Sizes) -> dict[str, tuple[Fit, ...]]:
    """Returns for each training run which GPU's memory would do; a GPU of today takes bfloat16."""
    found = {}
    for run in runs:
        if not run.is_control and (work := _work(study, run)) is not None:  # it takes what its checkpoint takes
            found[run.name] = fits(
                work,
                config,
                sizes,
                study.plan(run.task).recipe,
                method=run.method,
                head=run.head,
                labels=len((_metadata(study, run.task) or {}).get("labels") or ()),
                dtype="bfloat16" if study.dtype == "auto" else study.dtype,
            )
    return found


def plan(
    study: Study,
    *,
    teraflops: float | None = None,
    efficiency: float | None = None,
    bandwidth: float = BANDWIDTH,
    as_json: bool = False,
) -> str:
    """Returns the plan as text, or as JSON with the same values.

    ``teraflops``: the device's stated peak, 10^12 operations a second; ``efficiency``: the share of it that steps
    reach; ``bandwidth``: megabytes a second of downloads.
    """
    reached = teraflops and teraflops * 1e12 * (efficiency or UTILISATION)
    found = planned(study, speed=reached, bandwidth=bandwidth)
    share = (efficiency or UTILISATION) if teraflops else estimate.EFFICIENCY[found.dtype]
    waiting = [step for step in found.steps if not step.done]
    summary = {
        "study": study.name,
        "model": study.model.name or study.model.id,
        "parameters": found.parameters,
        "dtype": found.dtype,
        "teraflops": round(found.speed / share / 1e12, 4),
        "teraflops_from": "given" if teraflops else "a matrix product, measured here",
        "efficiency": share,
        "steps": [asdict(step) for step in found.steps],
        "seconds": sum(step.seconds or 0 for step in waiting),
        "disk_bytes": found.disk_bytes,
        "download_bytes": sum(step.download_bytes or 0 for step in waiting),
        "megabytes_a_second": bandwidth,
        "fits": {name: [asdict(fit) for fit in fitting] for name, fitting in found.fits.items()},
        "rows_not_looked_at": found.unseen,
    }
    return json.dumps(summary, indent=2) if as_json else _text(study, summary, found)


def _ledgers(study: Study, config: Any) -> dict[str, Any]:
    """Returns the parameter counts of the base model and of each checkpoint, from the configuration alone."""
    shape = _Shape(config)
    ledgers = {"base": _base_ledger(shape)}
    for checkpoint in study.training_steps():
        recipe = study.plan(checkpoint.task).recipe
        labels = (_metadata(study, checkpoint.task) or {}).get("labels") or ()
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
        words = [sys.executable, "-m", *step_commands.base_model(study)]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    place = study.model.path if Path(study.model.path).is_dir() else study.model.config or study.model.path
    fetch_model(place, revision_of(study), weights=False)

    def refusal(error: Exception) -> UserError:
        return UserError(
            f"the configuration of {study.model.id} cannot be loaded ({reason_of(error)})",
            "parameters and memory are counted from it",
            "name a config.json under `model: config:` in the study, or connect to the Hub",
        )

    with refusals(refusal):
        return AutoConfig.from_pretrained(place, revision=revision_of(study))


def _steps(study: Study, sizes: Sizes, ledgers: dict[str, Any], dtype: str, speed: float) -> list[PlannedStep]:
    base = ledgers["base"].total
    steps = []
    if study.model.id in BUILT_IN:
        path = Path(study.model.path, "config.json")
        seconds = UNPACK_S if study.model.id == "embedded" else START_S
        steps.append(
            PlannedStep(f"base model into {study.model.path}", path.is_file(), None, None, None, 8 * base, seconds)
        )
    for task in study.tasks:
        steps.append(_score_step(study, None, task, base, sizes, dtype, speed))
        steps.append(_prior_step(study, None, task, base, dtype))
    steps += [_score_step(study, None, task, base, sizes, dtype, speed) for task in study.further_tasks()]
    steps += [
        _score_step(study, one, task, base, sizes, dtype, speed) for one in study.few_shot() for task in study.tasks
    ]
    for checkpoint in study.every_checkpoint():
        if isinstance(checkpoint, Elsewhere):
            steps.append(_read_step(study, checkpoint, base, sizes))
        else:
            steps.append(_train_step(study, checkpoint, ledgers[checkpoint.name], sizes, dtype, speed))
        if step_commands.is_merged(checkpoint):
            steps.append(_merge_step(study, checkpoint, base))
        for task in study.scored_on(checkpoint):
            steps.append(_score_step(study, checkpoint, task, base, sizes, dtype, speed))
            steps.append(_prior_step(study, checkpoint, task, base, dtype))
        steps += [
            _score_step(study, checkpoint, task, base, sizes, dtype, speed) for task in study.retained_on(checkpoint)
        ]
        if step_commands.has_overlap(checkpoint):
            steps += [_overlap_step(study, checkpoint, task) for task in study.scored_on(checkpoint)]
    steps += [_baseline_step(study, checkpoint) for checkpoint in study.beside_simpler_means()]
    for control in study.controls():
        steps += _control_steps(study, control, ledgers, sizes, dtype, speed)
    if step_commands.may_hold_merges(study):
        steps.append(_merges_step(study, base, sizes))
    report = (study.folder / "report.html").is_file()
    return [*steps, PlannedStep("parameter counts, facts and report", report, None, None, None, None, REPORT_S)]


def _control_steps(
    study: Study, control: Checkpoint, ledgers: dict[str, Any], sizes: Sizes, dtype: str, speed: float
) -> list[PlannedStep]:
    """Returns the steps of a control: it is trained and scored as the checkpoint that it is set beside."""
    base = ledgers["base"].total
    merge = [_merge_step(study, control, base)] if step_commands.is_merged(control) else []
    return [
        _train_step(study, control, ledgers[control.name], sizes, dtype, speed),
        *merge,
        _score_step(study, control, control.task, base, sizes, dtype, speed),
    ]


def _downloads(study: Study, parameters: int, sizes: Sizes, bandwidth: float) -> list[PlannedStep]:
    """Returns what is fetched from the Hub: the base model's weights, and each task's rows where no folder is given."""
    found = []
    if not study.model.is_local:
        size = parameters * estimate.BYTES.get(sizes.stored or "", estimate.BYTES["float32"])
        found.append((f"download {study.model.id}", _is_cached(study.model.path, revision_of(study)), size))
    for task in study.every_task() if "data_dir" not in study.metadata else ():
        size_ = _size(study, task)
        if size_ and size_.get("downloaded"):
            size = round((size_["train"] + size_["scored"]) * size_["prompt_tokens"] * TEXT_BYTES_A_TOKEN)
            found.append((f"download the rows of {task}", False, size))
    return [
        PlannedStep(name, done, None, None, None, None, size / bandwidth / 1e6, download_bytes=0 if done else size)
        for name, done, size in found
    ]


def _is_cached(model: str, revision: str | None) -> bool:
    from huggingface_hub import try_to_load_from_cache

    files = ("model.safetensors", "model.safetensors.index.json")
    return any(isinstance(try_to_load_from_cache(model, file, revision=revision), str) for file in files)


def _score_step(
    study: Study, checkpoint: Scored | None, task: str, parameters: int, sizes: Sizes, dtype: str, speed: float
) -> PlannedStep:
    name = checkpoint.name if checkpoint else "base"
    size = _size(study, task)
    if size and isinstance(checkpoint, FewShot):
        size = {**size, "prompt_tokens": size["prompt_tokens"] * (1 + checkpoint.shots)}
    rows = scored_rows(study, task)
    tokens = rows * (size["prompt_tokens"] + size["new_tokens"]) if size and rows else None
    speed *= SCORING_SPEED.get(study.backend, 1.0)
    seconds = None
    if tokens and rows and size:
        rendering = estimate.preparation_seconds(rows, size["prompt_tokens"])
        seconds = START_S + rendering + 2 * parameters * tokens / speed
    memory = estimate.PROCESS_BYTES + parameters * estimate.BYTES[dtype] + _batch_bytes(study, size, sizes, dtype)
    done = (step_commands.scores_folder(study, task, checkpoint) / "results.json").is_file()
    return PlannedStep(f"score {name} on {task}", done, rows, tokens, None, memory, seconds)


def _batch_bytes(study: Study, size: dict[str, int] | None, sizes: Sizes, dtype: str) -> int:
    """Returns what `hf-shared` keeps of a batch: keys and values, one layer's values in a forward, its last logits."""
    largest = largest_forward(resolve_device(study.device))
    element = estimate.BYTES[dtype]
    tokens = study.batch_size * ((size or {}).get("prompt_tokens", 256) + (size or {}).get("new_tokens", 16))
    kept = min(KEYS_AND_VALUES_BYTES, tokens * 2 * sizes.layers * sizes.keys * element)
    forward = min(tokens, largest) * (8 * sizes.hidden + 3 * sizes.inner) * element
    return int(kept + forward + study.batch_size * sizes.vocabulary * (element + 4))


def _prior_step(study: Study, checkpoint: AnyCheckpoint | None, task: str, parameters: int, dtype: str) -> PlannedStep:
    name = checkpoint.name if checkpoint else "base"
    done = (step_commands.scores_folder(study, task, checkpoint) / "prior.json").is_file()
    memory = estimate.PROCESS_BYTES + parameters * estimate.BYTES[dtype]
    return PlannedStep(f"prior of {name} on {task}", done, None, None, None, memory, START_S)


def _merge_step(study: Study, checkpoint: AnyCheckpoint, parameters: int) -> PlannedStep:
    done = (step_commands.merged_folder(study, checkpoint) / "merged_from.json").is_file()
    return PlannedStep(f"merge {checkpoint.name}", done, None, None, None, 8 * parameters, START_S)


def _overlap_step(study: Study, checkpoint: AnyCheckpoint, task: str) -> PlannedStep:
    done = step_commands.overlap_file(study, checkpoint, task).is_file()
    name = f"overlap of {task} with the rows of {checkpoint.name}"
    return PlannedStep(name, done, scored_rows(study, task), None, None, None, OVERLAP_S)


def _baseline_step(study: Study, checkpoint: Checkpoint) -> PlannedStep:
    done = step_commands.baseline_file(study, checkpoint).is_file()
    name = f"{study.simpler_means(checkpoint)} on {checkpoint.task} beside {checkpoint.name}"
    return PlannedStep(name, done, scored_rows(study, checkpoint.task), None, None, None, BASELINE_S)


def _read_step(study: Study, checkpoint: Elsewhere, parameters: int, sizes: Sizes) -> PlannedStep:
    """Returns the reading of a checkpoint from elsewhere: the base's weights and at most as many of its own."""
    done = (step_commands.checkpoint_folder(study, checkpoint) / "finetune.json").is_file()
    size = 2 * parameters * estimate.BYTES.get(sizes.stored or "", estimate.BYTES["float32"])
    seconds = START_S + size / READ_BYTES_A_SECOND
    return PlannedStep(f"read {checkpoint.name}", done, None, None, None, estimate.PROCESS_BYTES, seconds)


def _merges_step(study: Study, parameters: int, sizes: Sizes) -> PlannedStep:
    """Returns the search for merges: of one pair the weights of base and model, and a few texts by each."""
    logits = 3 * MOST_ROWS * MOST_POSITIONS * sizes.vocabulary  # of both models, and what differs
    memory = estimate.PROCESS_BYTES + (parameters + logits) * estimate.BYTES["float32"]
    seconds = START_S + 2 * parameters * estimate.BYTES.get(sizes.stored or "", 4) / READ_BYTES_A_SECOND
    done = step_commands.merges_file(study).is_file()
    return PlannedStep("compare merges with their adapters", done, MOST_ROWS, None, None, memory, seconds)


def scored_rows(study: Study, task: str) -> int | None:
    """Returns how many items of a task a study scores; None where the task does not declare its size."""
    size = _size(study, task)
    return min(size["scored"], study.plan(task).limit or size["scored"]) if size else None


def _train_step(
    study: Study, checkpoint: Checkpoint, ledger: Any, sizes: Sizes, dtype: str, speed: float
) -> PlannedStep:
    """Returns what `finetune.estimate` says of the run."""
    work, recipe = _work(study, checkpoint), study.plan(checkpoint.task).recipe
    name = f"fine-tune {checkpoint.name}"
    done = (step_commands.checkpoint_folder(study, checkpoint) / "finetune.json").is_file()
    if work is None:
        return PlannedStep(name, done, None, None, ledger.trainable, None, None)
    seen, size = known(study, checkpoint), _size(study, checkpoint.task)
    if seen is not None:
        rows, preparation = seen["rows"]["train"], seen["preparation_seconds"]
    else:
        rows = min(size["train"], study.plan(checkpoint.task).train_rows or size["train"]) if size else 0
        preparation = estimate.preparation_seconds(size["train"], size["prompt_tokens"]) if size else 0.0
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
    seconds = START_S + preparation + (found.seconds or 0)
    return PlannedStep(name, done, rows, work.tokens, ledger.trainable, found.memory_bytes, seconds)


def _work(study: Study, checkpoint: Checkpoint) -> estimate.Work | None:
    """Returns a run's work: from its rows, else from what its task declares; None where it declares nothing."""
    if (seen := known(study, checkpoint)) is not None:
        passes = {int(parts): (tokens, logits) for parts, (tokens, logits) in seen["work"]["passes"].items()}
        return estimate.Work(**{**seen["work"], "passes": passes})
    size, plan_ = _size(study, checkpoint.task), study.plan(checkpoint.task)
    if size is None:
        return None
    return estimate.declared_work(size, plan_.recipe, head=checkpoint.head, train_rows=plan_.train_rows)


def _size(study: Study, task: str) -> dict[str, Any] | None:
    """Returns the rows and tokens that the task's YAML declares under `metadata: size:`, or None."""
    size: dict[str, Any] | None = (_metadata(study, task) or {}).get("size")
    return size


def _metadata(study: Study, task: str) -> dict[str, Any] | None:
    return _declared(task, study.tasks_folder(task))


@cache
def _declared(task: str, place: Path) -> dict[str, Any] | None:
    return declared_metadata(task, place)


def _disk_bytes(study: Study, ledgers: dict[str, Any]) -> int:
    """Returns what the base model, the checkpoints, merged ones too, and the trainer's largest take on disk at most."""
    base = ledgers["base"].total * estimate.BYTES["float32"] if study.model.id in BUILT_IN else 0
    trained = study.training_steps()
    sizes = [estimate.disk_bytes(ledgers[one.name], one.method) for one in trained]
    merged = ledgers["base"].total * estimate.BYTES["float32"] * sum(map(step_commands.is_merged, trained))
    return int(base + merged + sum(kept for kept, _ in sizes) + max((passing for _, passing in sizes), default=0))


def _text(study: Study, summary: dict[str, Any], found: Planned) -> str:
    steps, methods = found.steps, {run.name: (run.method, study.plan(run.task).recipe) for run in training_runs(study)}
    speed = f"{summary['teraflops']:g} TFLOP/s ({summary['teraflops_from']}) × {summary['efficiency']:g}"
    lines = [
        f"{study.title}",
        f"model: {summary['model']}, {summary['parameters']:,} parameters; dtype {summary['dtype']}; "
        f"{os.cpu_count()} processors; {speed} that steps reach (model FLOPs utilisation)",
        "",
        f"{'step':<52} {'state':<6} {'rows':>8} {'tokens':>12} {'trained':>14} {'memory':>9} {'time':>9}",
    ]
    for step in steps:
        lines.append(
            f"{step.step:<52} {'done' if step.done else 'to do':<6} {_number(step.rows):>8} {_number(step.tokens):>12} "
            f"{_number(step.trainable):>14} {gigabytes(step.memory_bytes, 1):>9} {_time(step.seconds):>9}"
        )
    waiting = [step for step in steps if not step.done]
    lines += [
        "",
        f"{len(steps)} steps, {len(waiting)} to do: about {_time(summary['seconds'])} one after the other; "
        f"{gigabytes(summary['disk_bytes'], 1)} of disk, {gigabytes(summary['download_bytes'], 1)} of it to download "
        f"(at {summary['megabytes_a_second']:g} MB/s)",
    ]
    for name, fitting in found.fits.items():
        method, recipe = methods[name]
        fit = shown_fits(fitting, method=method, parts=recipe.gradient_accumulation_steps)
        lines.append(f"{name} on a GPU of {fit}")
    if found.unseen:
        lines.append(
            f"not read: the rows of {', '.join(found.unseen)}. Memory and time are estimated from what the tasks "
            "declare; the guards are asked before the first step."
        )
    if any(step.tokens is None and step.step.startswith(("score", "fine-tune")) for step in steps):
        lines.append("a dash: the task's YAML does not state its size (`metadata: size:`)")
    return "\n".join(lines)


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _time(seconds: float | None) -> str:
    return "–" if seconds is None else estimate.shown_time(seconds)
