"""The command of each step of a study, as a list of words: the one that runs is the one that the page shows."""

import json
from pathlib import Path

from studies import Checkpoint, Study
from workflow import digests

PYTHON = ["python", "-m"]


def base_model(study: Study) -> list[str]:
    """Writes a built-in base model's folder."""
    if study.model.id == "embedded":
        return [*PYTHON, "finetune", "embedded", "--output", study.model.path]
    return [*PYTHON, "studies.tiny_model", study.model.path]


def check(study: Study, task: str, output: Path) -> list[str]:
    """Loads a task's data and renders a row of each split that the study needs."""
    words = [*PYTHON, "harness_tasks", "check", task, "--training", "--output", str(output)]
    return words + (["--num-fewshot", str(study.num_fewshot)] if study.num_fewshot else []) + _metadata(study)


def sample(study: Study, task: str, output: Path) -> list[str]:
    """Draws the scored items of a task by whole cluster."""
    words = [*PYTHON, "harness_tasks", "sample", task, "--limit", str(study.plan(task).limit)]
    return [*words, "--seed", str(study.sampling_seed), "--output", str(output), *_metadata(study)]


def score(study: Study, task: str, checkpoint: Checkpoint | None, *, dtype: str, output: Path) -> list[str]:
    """Scores the base model (``checkpoint`` None) or a checkpoint on a task: lm_eval's own options throughout."""
    arguments = {"pretrained": study.model.path}
    if study.model.revision and not study.model.is_local:
        arguments["revision"] = study.model.revision
    if checkpoint is not None:
        folder = str(checkpoint_folder(study, checkpoint))
        if checkpoint.method == "lora":
            arguments["peft"] = folder
        else:
            arguments["pretrained"] = folder
    arguments["dtype"] = dtype
    words = [*PYTHON, "harness_tasks", "run", "--model", "hf"]
    words += ["--model_args", ",".join(f"{key}={value}" for key, value in arguments.items()), "--tasks", task]
    words += ["--batch_size", str(study.batch_size), "--log_samples", "--output_path", str(output)]
    if study.num_fewshot:
        words += ["--num_fewshot", str(study.num_fewshot)]
    if study.apply_chat_template:
        words.append("--apply_chat_template")
    if study.device:
        words += ["--device", study.device]
    if study.plan(task).limit:
        words += ["--samples", str(samples_file(study, task))]
    return words + _metadata(study)


def train(study: Study, checkpoint: Checkpoint) -> list[str]:
    """Fine-tunes the base model; every value of the recipe is spelt out."""
    plan = study.plan(checkpoint.task)
    options: dict[str, object] = {
        "model": study.model.path,
        "revision": None if study.model.is_local else study.model.revision,
        "task": checkpoint.task,
        "method": checkpoint.method,
        "seed": checkpoint.seed,
        "sampling_seed": study.sampling_seed,
        "train_rows": plan.train_rows,
        "min_words": plan.min_words,
        "exclude_overlap": plan.exclude_overlap,
        "num_fewshot": study.num_fewshot or None,
        "dtype": study.dtype,
        "device": study.device,
        **plan.recipe.resolved(checkpoint.method).model_dump(),
    }
    words = [*PYTHON, "finetune", "train"]
    for name, value in options.items():
        if value is not None:
            words += [f"--{name.replace('_', '-')}", str(value)]
    if study.apply_chat_template:
        words.append("--apply-chat-template")
    words += ["--output", str(checkpoint_folder(study, checkpoint))]
    words += ["--scratch", str(study.folder / "scratch" / "train" / checkpoint.name)]
    return words + _metadata(study)


def parameters(study: Study, checkpoint: Checkpoint | None, output: Path) -> list[str]:
    """Counts the parameters of the base model or of a checkpoint."""
    model = study.model.path if checkpoint is None else str(checkpoint_folder(study, checkpoint))
    return [*PYTHON, "report", "params", model, "--json", "--output", str(output)]


def checkpoint_folder(study: Study, checkpoint: Checkpoint) -> Path:
    """Returns where a checkpoint lies."""
    return study.folder / "checkpoints" / checkpoint.name


def samples_file(study: Study, task: str) -> Path:
    """Returns the file with the indices of the items to score, where there is a limit."""
    return study.folder / "samples" / f"{task}.json"


def score_key(study: Study, task: str, checkpoint: Checkpoint | None) -> str:
    """Returns all that a score depends on beside its input files."""
    command = score(study, task, checkpoint, dtype=study.dtype, output=Path())
    return json.dumps([command, digests.task_digest(task), digests.data_digest(study)])


def train_key(study: Study, checkpoint: Checkpoint) -> str:
    """Returns all that a checkpoint depends on beside its input files."""
    overlap = study.plan(checkpoint.task).exclude_overlap
    tasks = [digests.task_digest(task) for task in (checkpoint.task, overlap) if task]
    command = train(study, checkpoint)
    at = command.index("--save-steps")  # how often it saves changes nothing of the result
    return json.dumps([command[:at] + command[at + 2 :], tasks, digests.data_digest(study)])


def check_key(study: Study, task: str) -> str:
    """Returns all that the check of a task depends on."""
    return json.dumps([check(study, task, Path()), digests.task_digest(task), digests.data_digest(study)])


def sample_key(study: Study, task: str) -> str:
    """Returns all that the draw of the scored items depends on."""
    return json.dumps([sample(study, task, Path()), digests.task_digest(task), digests.data_digest(study)])


def page_key(study: Study) -> str:
    """Returns all that the page depends on beside its input files: what the study says, the code, the templates."""
    said = study.model_dump(include={"title", "model", "hub", "authors", "methods", "seeds"}, mode="json")
    return json.dumps([said, digests.page_digest()])


def _metadata(study: Study) -> list[str]:
    return ["--metadata", json.dumps(study.metadata, sort_keys=True)] if study.metadata else []
