"""The experiments of a study: checkpoints and scores that explain the others', and are none of its results."""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from studies.names import Distinct, TaskName

Control = Literal["shuffled-targets"]
Baseline = Literal["bag-of-words", "nearest-passage-sentence"]


_Shots = Annotated[int, Field(ge=1, le=10_000)]
_Margin = Annotated[float, Field(gt=0, lt=1, strict=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class RetentionTask(_Strict):
    """How a task is scored that is no task of the study."""

    limit: Annotated[int, Field(ge=1, le=10**9)] | None = None
    """Most items to score, drawn by whole cluster with `sampling_seed`; unset: all."""


class Retention(_Strict):
    """What the checkpoints are scored on that they were not trained on, and how much of it they may lose."""

    tasks: dict[TaskName, RetentionTask | None] = {"passages_text": None}
    """Tasks beside the study's own; unset: `passages_text`, the likelihood of 24 passages. `text_file` is that of the
    paragraphs of a file that `metadata: {text_file: FILE}` names."""
    margin: _Margin = 0.02
    """A score is kept where the loss is shown to be less than this share of the metric's scale."""
    text_margin: _Margin = 0.01
    """The same of a metric without an upper end, such as bits per byte: a share of the base model's score."""


class FewShot(_Strict):
    """The base model with few-shot examples before each item: what a longer prompt reaches without any training."""

    shots: int

    @property
    def name(self) -> str:
        """The name of the folder of its scores."""
        return f"base-{self.shots}-shot"


def is_few_shot(folder: str) -> bool:
    """Returns whether a folder of scores is called as one of `FewShot`'s is.

    >>> is_few_shot(FewShot(shots=8).name), is_few_shot("base")
    (True, False)
    """
    return re.fullmatch(r"base-\d+-shot", folder) is not None


class Experiments(_Strict):
    """What a study measures beside its checkpoints, to tell why they score as they do."""

    control: Control | None = None
    """`shuffled-targets`: for each task, head and method a checkpoint of the first seed is trained by the same recipe
    on the same rows, each with another row's target (of its cluster, where answers are written). What it gains over
    the base model is format and label prior; what the checkpoint gains over it is skill. Unset: none."""
    baselines: Annotated[list[Baseline], Distinct] = []
    """Simpler means that the page sets each checkpoint beside that the study trains. `bag-of-words`: a classifier of
    words and word pairs (TF-IDF and logistic regression) learns from exactly its training rows; for tasks whose YAML
    lists the same choices for each item. `nearest-passage-sentence`: of questions on a passage, the shortest name or
    numeral in the sentence with most of the question's words. A task that neither fits gets none."""
    few_shot: Annotated[list[_Shots], Distinct] = []
    """Numbers of few-shot examples: the base model is scored with each of them before every item of the study's tasks,
    and the page sets each checkpoint beside it. lm_eval draws them by its seed, for each item anew, from the task's
    training rows (its `fewshot_split`, where it names one). Empty: none."""
    retention: Retention | None = None
    """Each language model that the study fine-tunes is scored on the study's other tasks, and on those named here, and
    the page tells which scores it keeps. `{}` takes the defaults; unset: none."""
