"""The command of each step of a study, as a list of words: the one that runs is the one that the page shows.

It runs as `python -m` of its words, whose first is a module's name too: a step's path may lack the script `aftertune`.
"""

import json
import shlex
from pathlib import Path

from finetune.heads import Head
from finetune.recipe import ADAPTER_METHODS, IDENTICAL, NOTHING
from harness_tasks import TASKS_PATH
from harness_tasks.loading import declared
from studies import AnyCheckpoint, Checkpoint, Elsewhere, FewShot, Grid, Scored, Study
from workflow import digests, elsewhere
from workflow.pins import revision_of

MODELS: dict[Head, str] = {
    "sequence-classification": "hf-seqcls",
    "question-answering": "hf-span",
}
"""The class of lm_eval that scores a checkpoint with that head; a language model's is the study's backend."""
SHARD_CODE = tuple(f"shards.{name}" for name in ("division", "scoring", "files", "same_settings", "merging"))
"""The modules of `harness_tasks` that cut a score and join it."""


def shell_line(words: list[str]) -> str:
    """Returns the line for a shell that runs a command."""
    return shlex.join(["python", "-m", *words])


def base_model(study: Study) -> list[str]:
    """Returns the command that writes a built-in base model's folder."""
    if study.model.id == "embedded":
        return ["aftertune", "embedded", "--output", study.model.path]
    return ["studies.tiny_model", study.model.path]


def check(study: Study, task: str, output: Path) -> list[str]:
    """Returns the command that loads a task's data and renders a row of each split; its record goes to ``output``."""
    words = ["aftertune", "check", task]
    words += ["--training"] if any(one.task == task for one in study.trained_checkpoints()) else []
    words += ["--output", str(output)]
    most = max([shots_of(study, task), *(one.shots for one in study.few_shot() if task in study.tasks)])
    words += ["--num-fewshot", str(most)] if most else []
    return [*words, *_include(study, task), *_metadata(study)]


def shots_of(study: Study, task: str, scored: Scored | None = None) -> int:
    """Returns the few-shot examples before each item of a task: none before a text whose likelihood is measured."""
    if isinstance(scored, FewShot):
        return scored.shots
    is_text = declared(task, "output_type", study.tasks_folder(task)) == "loglikelihood_rolling"
    return 0 if is_text else study.num_fewshot


def sample(study: Study, task: str, output: Path) -> list[str]:
    """Returns the command that draws the scored items of a task by whole cluster, into the JSON file ``output``."""
    words = ["aftertune", "sample", task, "--limit", str(study.plan(task).limit)]
    return [
        *words,
        "--seed",
        str(study.sampling_seed),
        "--output",
        str(output),
        *_include(study, task),
        *_metadata(study),
    ]


def score(
    study: Study, task: str, checkpoint: Scored | None, *, dtype: str, output: Path, shard: str | None = None
) -> list[str]:
    """Returns the command that scores the base model (``checkpoint`` None) or a checkpoint on a task.

    Its options are those of `lm_eval run`. ``output``: the folder for lm_eval's files. ``shard``: the part of the
    task's items that is scored, such as 1/3; None: all.
    """
    words = ["aftertune", "score", "--tasks", task]
    words += _asking(study, checkpoint, dtype, task, answers=scratch_folder(study, task, checkpoint, shard) / "answers")
    words += ["--log_samples", "--output_path", str(output)]
    words += ["--shard", shard] if shard else []
    if isinstance(checkpoint, Elsewhere) and "other-base" in checkpoint.allow:
        words += ["--allow", "adapter-base"]  # what scoring calls the same check
    if study.plan(task).limit:
        words += ["--samples", str(samples_file(study, task))]
    return [*words, *_include(study, task, "--include_path"), *_metadata(study)]


def prior(study: Study, task: str, checkpoint: Scored | None, *, dtype: str, output: Path) -> list[str]:
    """Returns the command that measures the label bias of the base model or a checkpoint on content-free prompts."""
    words = ["aftertune", "prior", task, *_asking(study, checkpoint, dtype, task)]
    return [*words, "--output", str(output), *_include(study, task), *_metadata(study)]


def overlap(study: Study, checkpoint: AnyCheckpoint, task: str) -> list[str]:
    """Returns the command that grades the overlap of a task's scored items with a checkpoint's training rows."""
    words = ["aftertune", "overlap", task, "--output", str(overlap_file(study, checkpoint, task))]
    words += ["--samples", str(scores_folder(study, task, None) / "samples.jsonl")]
    named = checkpoint.training_rows if isinstance(checkpoint, Elsewhere) else None
    words += ["--training-rows", named or str(checkpoint_folder(study, checkpoint) / "train_rows.jsonl")]
    return [*words, *_include(study, task), *_metadata(study)]


def baseline(study: Study, checkpoint: Checkpoint) -> list[str]:
    """Returns the command that answers a task's scored items by the simpler means that a checkpoint is set beside."""
    task = checkpoint.task
    words = ["aftertune", "baseline", task, "--samples", str(scores_folder(study, task, None) / "samples.jsonl")]
    if study.simpler_means(checkpoint) == "bag-of-words":
        words += ["--training-rows", str(checkpoint_folder(study, checkpoint) / "train_rows.jsonl")]
    words += ["--output", str(baseline_file(study, checkpoint))]
    return [*words, *_include(study, task), *_metadata(study)]


def has_overlap(checkpoint: AnyCheckpoint) -> bool:
    """Returns whether the rows are known that a checkpoint was trained on: all of ours, and those that were named."""
    return not isinstance(checkpoint, Elsewhere) or checkpoint.training_rows is not None


def read_checkpoint(study: Study, checkpoint: Elsewhere) -> list[str]:
    """Returns the command that reads what a checkpoint from elsewhere says of itself, and what its weights changed."""
    options: dict[str, str | None] = {
        "base": study.model.path,
        "base_revision": revision_of(study),
        "revision": checkpoint.revision,
        "name": checkpoint.name,
        "tasks": ",".join(study.scored_on(checkpoint)),
        "trained_on": checkpoint.trained_on,
        "training_rows": checkpoint.training_rows,
        "include_path": study.include_path,
    }
    words = ["aftertune", "read-checkpoint", checkpoint.path]
    for name, value in options.items():
        if value is not None:
            words += [f"--{name.replace('_', '-')}", value]
    for check in checkpoint.allow:
        words += ["--allow", check]
    return [*words, "--output", str(checkpoint_folder(study, checkpoint))]


def train(study: Study, checkpoint: Checkpoint) -> list[str]:
    """Returns the command that fine-tunes the base model; every value of the recipe is spelt out."""
    plan = study.plan(checkpoint.task)
    options: dict[str, object] = {
        "model": study.model.path,
        "revision": revision_of(study),
        "task": checkpoint.task,
        "method": checkpoint.method,
        "head": checkpoint.head,
        "allow": ",".join(plan.allow) or None,
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
    words = ["aftertune", "train"]
    for name, value in options.items():
        if value is not None:
            words += [f"--{name.replace('_', '-')}", str(value)]
    if study.apply_chat_template:
        words.append("--apply-chat-template")
    if checkpoint.is_control:
        words.append("--shuffle-targets")
    words += ["--output", str(checkpoint_folder(study, checkpoint))]
    words += ["--scratch", str(study.folder / "scratch" / "train" / checkpoint.name)]
    return [*words, *_include(study, checkpoint.task), *_metadata(study)]


def parameters(file: Path | str, study: Study, checkpoint: AnyCheckpoint | None, output: Path) -> list[str]:
    """Returns the command that counts the parameters of the base model or of a checkpoint, into a JSON file.

    ``file`` is the study's.
    """
    if isinstance(checkpoint, Elsewhere):
        return ["workflow.count", str(file), checkpoint.name, str(output)]
    model = study.model.path if checkpoint is None else str(checkpoint_folder(study, checkpoint))
    revision = revision_of(study) if checkpoint is None else None
    at = ["--revision", revision] if revision else []
    return ["aftertune", "params", model, *at, "--json", "--output", str(output)]


def merge(study: Study, checkpoint: AnyCheckpoint) -> list[str]:
    """Returns the command that merges an adapter which cannot be scored on its base as it is; see `is_merged`."""
    folder = str(checkpoint_folder(study, checkpoint))
    return ["aftertune", "merge", folder, "--output", str(merged_folder(study, checkpoint))]


def is_merged(checkpoint: AnyCheckpoint) -> bool:
    """Returns whether a checkpoint is scored as a whole model: QLoRA's base had other values, packed in 4 bits."""
    return isinstance(checkpoint, Checkpoint) and checkpoint.method == "qlora"


def merges(file: Path | str, output: Path | str) -> list[str]:
    """Returns the command that looks which checkpoints from elsewhere are an adapter and its merge, into a file."""
    return ["workflow.merges", str(file), str(output)]


def may_hold_merges(study: Study) -> bool:
    """Returns whether a study names several checkpoints from elsewhere; which of them are adapters their files tell."""
    return len(study.checkpoints) > 1


def merges_file(study: Study) -> Path:
    """Returns the file with each merge beside its adapter."""
    return study.folder / "merges.json"


def merged_folder(study: Study, checkpoint: AnyCheckpoint) -> Path:
    """Returns where the model lies that `merge` makes."""
    return study.folder / "merged" / checkpoint.name


def checkpoint_folder(study: Study, checkpoint: AnyCheckpoint) -> Path:
    """Returns where a checkpoint lies."""
    return study.folder / "checkpoints" / checkpoint.name


def scores_folder(study: Study, task: str, checkpoint: Scored | None) -> Path:
    """Returns where the files of one scored (checkpoint, task) pair lie."""
    return study.folder / "scores" / (checkpoint.name if checkpoint else "base") / task


def plan_file(study: Study, checkpoint: AnyCheckpoint) -> Path:
    """Returns the file with what was found of a training run's rows before any step."""
    return study.folder / "plans" / f"{checkpoint.name}.json"


def join(study: Study, task: str, checkpoint: Scored | None, output: Path) -> list[str]:
    """Returns the command that joins the scored shards of a task's items to the files of one run of all items."""
    folders = [str(shard_folder(study, task, checkpoint, number)) for number in shard_numbers(study)]
    return [
        "aftertune", "merge-shards", *folders, "--output", str(output), *_include(study, task), *_metadata(study),
    ]  # fmt: skip


def shard_numbers(study: Study) -> range:
    """Returns the numbers of a study's shards, from 1 on."""
    return range(1, study.shards + 1)


def shard_folder(study: Study, task: str, checkpoint: Scored | None, number: int) -> Path:
    """Returns where lm_eval's files of one shard lie."""
    return study.folder / "shards" / (checkpoint.name if checkpoint else "base") / task / str(number)


def scratch_folder(study: Study, task: str, checkpoint: Scored | None, shard: str | None = None) -> Path:
    """Returns where a score is made: `answers`, from which an interrupted step resumes, and lm_eval's `output`."""
    folder = study.folder / "scratch" / "scores" / (checkpoint.name if checkpoint else "base") / task
    return folder / f"shard{shard.partition('/')[0]}" if shard else folder


def overlap_file(study: Study, checkpoint: AnyCheckpoint, task: str) -> Path:
    """Returns the file with the grades of overlap between a checkpoint's training rows and a task's scored items."""
    return study.folder / "overlap" / checkpoint.name / f"overlap_{task}.jsonl"


def baseline_file(study: Study, checkpoint: Checkpoint) -> Path:
    """Returns the file with the answers of the simpler means that a checkpoint is set beside."""
    return study.folder / "baselines" / checkpoint.name / f"{study.simpler_means(checkpoint)}_{checkpoint.task}.json"


def samples_file(study: Study, task: str) -> Path:
    """Returns the file with the indices of the items to score, where there is a limit."""
    return study.folder / "samples" / f"{task}.json"


def report(file: Path | str) -> list[str]:
    """Returns the command that makes a study's page; ``file`` is the study's."""
    return ["aftertune", "build", str(file)]


def compare(grid: Grid) -> list[str]:
    """Returns the command that compares a grid's studies: a leaderboard for each task and metric."""
    folders = [str(study.folder) for study in grid.studies.values()]
    return ["aftertune", "compare", *folders, "--output", str(grid.folder)]


def score_key(study: Study, task: str, checkpoint: Scored | None) -> str:
    """Returns all that a score depends on beside its input files, as JSON text; the other keys are of the same kind."""
    command = score(study, task, _known_beforehand(checkpoint), dtype=study.dtype, output=Path())
    cut = [study.shards, digests.code_digest(*SHARD_CODE)] if study.shards > 1 else []
    return json.dumps(
        [command, digests.scoring_digest(task, study.tasks_folder(task)), digests.data_digest(study), *cut]
    )


def _known_beforehand(checkpoint: Scored | None) -> Checkpoint | FewShot | None:
    """Returns a checkpoint whose command is known before any step; None of one from elsewhere.

    What is loaded of that stands in its record, which is an input of the step, so that a key need not hold it.
    """
    return None if isinstance(checkpoint, Elsewhere) else checkpoint


def prior_key(study: Study, task: str, checkpoint: AnyCheckpoint | None) -> str:
    """Returns all that a content-free prior depends on beside its input files."""
    command = prior(study, task, _known_beforehand(checkpoint), dtype=study.dtype, output=Path())
    return json.dumps(
        [
            command,
            digests.task_digest(task, study.tasks_folder(task)),
            digests.data_digest(study),
            digests.code_digest("prior"),
        ]
    )


def overlap_key(study: Study, checkpoint: AnyCheckpoint, task: str) -> str:
    """Returns all that the grades of overlap depend on beside their input files."""
    return json.dumps([overlap(study, checkpoint, task), digests.code_digest("overlap", "text")])


def baseline_key(study: Study, checkpoint: Checkpoint) -> str:
    """Returns all that the answers of a simpler means depend on beside their input files."""
    task = digests.scoring_digest(checkpoint.task, study.tasks_folder(checkpoint.task))
    code = digests.code_digest("bag_of_words", "choices", "nearest_sentence", "baselines")
    return json.dumps([baseline(study, checkpoint), task, digests.data_digest(study), code])


def train_key(study: Study, checkpoint: Checkpoint) -> str:
    """Returns all that a checkpoint depends on beside its input files."""
    overlap = study.plan(checkpoint.task).exclude_overlap
    named = {checkpoint.task, overlap} - {IDENTICAL, NOTHING}
    tasks = [digests.task_digest(task, study.tasks_folder(task)) for task in sorted(named)]
    command = train(study, checkpoint)
    at = command.index("--save-steps")  # how often it saves changes nothing of the result
    return json.dumps([command[:at] + command[at + 2 :], tasks, digests.data_digest(study)])


def read_checkpoint_key(study: Study, checkpoint: Elsewhere) -> str:
    """Returns all that the record of a checkpoint from elsewhere depends on beside the base model."""
    return json.dumps([read_checkpoint(study, checkpoint), digests.folder_digest(Path(checkpoint.path))])


def merges_key(study: Study) -> str:
    """Returns all that the record of merges depends on beside its input files."""
    return json.dumps([[read_checkpoint_key(study, one) for one in study.checkpoints], study.device])


def check_key(study: Study, task: str) -> str:
    """Returns all that the check of a task depends on."""
    return json.dumps(
        [check(study, task, Path()), digests.task_digest(task, study.tasks_folder(task)), digests.data_digest(study)]
    )


def sample_key(study: Study, task: str) -> str:
    """Returns all that the draw of the scored items depends on."""
    return json.dumps(
        [sample(study, task, Path()), digests.task_digest(task, study.tasks_folder(task)), digests.data_digest(study)]
    )


def describe_key(study: Study) -> str:
    """Returns all that the description of the base model depends on beside its folder."""
    return json.dumps([study.model.model_dump(mode="json"), revision_of(study)])


def page_key(study: Study) -> str:
    """Returns all that the page depends on beside its input files: what the study says, the code, the templates."""
    fields = {"title", "why", "model", "hub", "authors", "checkpoints", "methods", "seeds", "experiments"}
    fields |= {"equivalence_margin"}
    said = study.model_dump(include=fields, mode="json")
    return json.dumps([said, digests.page_digest()])


def compare_key() -> str:
    """Returns all that a leaderboard depends on beside its input files."""
    return digests.page_digest()


def _asking(
    study: Study, checkpoint: Scored | None, dtype: str, task: str, *, answers: Path | None = None
) -> list[str]:
    """Returns the options of lm_eval that say which model is asked, and how; ``answers``: where answers are kept."""
    # lm_eval's `hf` notes nothing of its generations, and in bfloat16 it rounds its logarithms.
    backend: str = "hf-recorded" if study.backend == "hf" else study.backend
    model = backend
    arguments: dict[str, str | int] = {"pretrained": study.model.path}
    if revision := revision_of(study):
        arguments["revision"] = revision
    if checkpoint is not None and not isinstance(checkpoint, FewShot):
        own = _weights(study, checkpoint)
        model = MODELS.get(own.head, backend)
        adapter = "lora_local_path" if model == "vllm" else "peft"
        arguments[adapter if own.is_adapter else "pretrained"] = own.place
        if isinstance(checkpoint, Elsewhere) and not own.is_adapter:
            arguments.pop("revision", None)  # the base model's
            arguments |= {"revision": own.revision} if own.revision else {}
        if own.is_adapter and model == "vllm" and own.rank:
            arguments["max_lora_rank"] = own.rank
    arguments["dtype"] = dtype
    if answers and model == "hf-shared":
        arguments["answers"] = str(answers)
    # As JSON: in `key=value,key=value` a comma within a value would begin another argument.
    words = ["--model", model, "--model_args", json.dumps(arguments, ensure_ascii=False)]
    words += ["--batch_size", "auto" if model == "vllm" else str(study.batch_size)]
    if shots := shots_of(study, task, checkpoint):
        words += ["--num_fewshot", str(shots)]
    if study.apply_chat_template:
        words.append("--apply_chat_template")
    return words + (["--device", study.device] if study.device else [])


def _weights(study: Study, checkpoint: AnyCheckpoint) -> elsewhere.Weights:
    """Returns what is loaded to score a checkpoint."""
    folder = checkpoint_folder(study, checkpoint)
    if isinstance(checkpoint, Elsewhere):
        return elsewhere.weights(folder / "finetune.json")
    merged = is_merged(checkpoint)
    place = str(merged_folder(study, checkpoint) if merged else folder)
    is_adapter = checkpoint.method in ADAPTER_METHODS and not merged
    return elsewhere.Weights(place, None, checkpoint.head, is_adapter, study.plan(checkpoint.task).recipe.lora_r)


def _include(study: Study, task: str, option: str = "--include-path") -> list[str]:
    """Returns the option that names the folder of the task, where that is the study's own; lm_eval spells it with _."""
    own = study.tasks_folder(task) != TASKS_PATH
    return [option, str(study.include_path)] if own else []


def _metadata(study: Study) -> list[str]:
    return ["--metadata", json.dumps(study.metadata, sort_keys=True)] if study.metadata else []
