"""The experiments of a study: checkpoints and scores that explain the others', and are none of its results."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Control = Literal["shuffled-targets"]


class Experiments(BaseModel):
    """What a study measures beside its checkpoints, to tell why they score as they do."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    control: Control | None = None
    """`shuffled-targets`: for each task, head and method a checkpoint of the first seed is trained by the same recipe
    on the same rows, each with another row's target (of its cluster, where answers are written). What it gains over
    the base model is format and label prior; what the checkpoint gains over it is skill. Unset: none."""
