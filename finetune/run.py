"""One training run: every choice that `aftertune train` and `aftertune plan-training` take."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from finetune import machine
from finetune.heads import Head
from finetune.recipe import IDENTICAL, Method, Recipe
from harness_tasks import TASKS_PATH

Dtype = Literal["auto", "float32", "bfloat16"]
DEV = "dev"
"""The development split: rows cut from the training rows, by whole clusters."""


@dataclass(frozen=True)
class Run:
    """Everything that a run needs to know; the options of `aftertune train` have these names."""

    model: str
    task: str
    output: Path
    method: Method = "lora"
    head: Head = "causal"
    recipe: Recipe = field(default_factory=Recipe)
    revision: str | None = None
    tokenizer: str | None = None
    """A folder or Hub id to take the tokenizer from; unset: the model's own."""
    include_path: Path = TASKS_PATH
    metadata: dict[str, Any] = field(default_factory=dict)
    num_fewshot: int = 0
    apply_chat_template: bool = False
    train_rows: int | None = None
    min_words: int | None = None
    exclude_overlap: str = IDENTICAL
    """What is left out of training: `identical` (rows that are scored rows too), `none` (nothing), or the name of a
    task (those, and rows contained in a scored row of it)."""
    select_on: str = DEV
    """The split on which the checkpoint is chosen: `dev` (the recipe's `dev_share`), or a split of the task."""
    scored_on: tuple[str, ...] = ()
    """Tasks that the checkpoint will be scored on; empty: the task itself."""
    shuffle_targets: bool = False
    """Whether each row learns the target of another, drawn with ``sampling_seed`` (see `finetune.shuffling`)."""
    allow: tuple[str, ...] = ()
    """Guards that may fail."""
    seed: int = 1
    sampling_seed: int = 1
    dtype: Dtype = "auto"
    device: str | None = None
    scratch: Path | None = None
    report_to: tuple[str, ...] = ()
    proof: bool = True
    """Whether the finished checkpoint is loaded and compared in a process of its own."""
    command: str = ""

    @property
    def scratch_folder(self) -> Path:
        """Where the trainer's checkpoints lie until the run is whole."""
        return self.scratch or self.output.with_name(f".{self.output.name}.scratch")

    @property
    def scored_tasks(self) -> tuple[str, ...]:
        """The tasks that the checkpoint will be scored on."""
        return self.scored_on or (self.task,)

    @property
    def selects(self) -> bool:
        """Whether the checkpoint is chosen by its loss on a split, rather than being the last one."""
        return bool(self.recipe.dev_share) or self.select_on != DEV

    def resolved(self) -> "Run":
        """Returns the run with its device, its dtype and the recipe's values for its method filled in."""
        device = machine.resolve_device(self.device)
        dtype = machine.resolve_dtype(self.dtype, device)
        return replace(self, device=device, dtype=dtype, recipe=self.recipe.resolved(self.method))

    def choices(self) -> dict[str, Any]:
        """Returns every value that shapes the result, flat: what `finetune.json` calls the recipe."""
        rows = ("tokenizer", "train_rows", "min_words", "exclude_overlap", "select_on", "num_fewshot")
        names = ("head", *rows, "apply_chat_template", "seed", "sampling_seed")
        control = {"shuffle_targets": True} if self.shuffle_targets else {}
        return self.recipe.model_dump() | {name: getattr(self, name) for name in names} | control
