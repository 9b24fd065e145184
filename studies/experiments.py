"""The experiments of a study: checkpoints and scores that explain the others', and are none of its results."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict

from studies.names import Distinct

Control = Literal["shuffled-targets"]
Baseline = Literal["bag-of-words"]


class Experiments(BaseModel):
    """What a study measures beside its checkpoints, to tell why they score as they do."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    control: Control | None = None
    """`shuffled-targets`: for each task, head and method a checkpoint of the first seed is trained by the same recipe
    on the same rows, each with another row's target (of its cluster, where answers are written). What it gains over
    the base model is format and label prior; what the checkpoint gains over it is skill. Unset: none."""
    baselines: Annotated[list[Baseline], Distinct] = []
    """`bag-of-words`: a classifier of words and word pairs (TF-IDF and logistic regression) learns from exactly the
    training rows of each checkpoint that the study trains, and the page sets the checkpoint beside it; for tasks whose
    YAML lists the same choices for each item. The study's other tasks get none."""
