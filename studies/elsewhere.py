"""A checkpoint that was trained elsewhere, as a study names it."""

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from studies.names import CheckpointName, Distinct, Place, TaskName, folder_name


class Elsewhere(BaseModel):
    """A checkpoint that was trained elsewhere: by another program, or by another study."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    path: Place
    """Its folder, or its Hub id: a whole model or a PEFT adapter, with its weights in safetensors."""
    name: CheckpointName = ""
    """What the page calls it, and its folder; unset: the last part of the path."""
    revision: Place | None = None
    """The Hub commit; unset: the newest."""
    trained_on: TaskName | None = None
    """The task on whose training rows it was trained, where that is known; unset: not told."""
    training_rows: Place | None = None
    """A JSON-lines file with the rows that it was trained on (`text`), such as `train_rows.jsonl`, for the overlap with
    the scored items; unset: the overlap cannot be told."""
    tasks: Annotated[list[TaskName], Field(min_length=1), Distinct] | None = None
    """The tasks that it is scored on; unset: all of the study."""
    allow: list[str] = []
    """Checks of whether it belongs to the base model whose failure is only a warning: `other-base`, `labels`."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, values: Any) -> Any:
        """Returns the values with a name, where none is given: what the path ends in."""
        if isinstance(values, dict) and isinstance(values.get("path"), str) and values.get("name") is None:
            return {**values, "name": _name_of(values["path"])}
        return values

    def display_name(self, scored_on: str | None = None) -> str:
        """The name that a page calls it by; how it was made is told by its own files alone."""
        return self.name


def _name_of(path: str) -> str:
    """Returns a name for a checkpoint by its place; what a trainer calls its last steps says nothing by itself.

    >>> _name_of("runs/my tuning/checkpoint-500"), _name_of("user/adapter-v2")
    ('my tuning-checkpoint-500', 'adapter-v2')
    """
    parts = [part for part in Path(path).parts if part not in ("/", ".", "..")] or ["checkpoint"]
    says_little = re.fullmatch(r"checkpoint-\d+|final|last|output|outputs|adapter|model|merged", parts[-1])
    return folder_name("-".join(parts[-2:] if says_little else parts[-1:]))
