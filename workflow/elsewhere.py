"""Checkpoints that were trained elsewhere: where their weights lie, as the record of `read-checkpoint` says."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune.heads import TASK_TYPES, Head
from finetune.kinds import FINETUNE
from harness_tasks.errors import UserError
from harness_tasks.reading import read_json


@dataclass(frozen=True)
class Weights:
    """What is loaded to score a checkpoint: ``place`` is a folder, or a Hub id at the commit ``revision``."""

    place: str
    revision: str | None
    head: Head
    is_adapter: bool
    rank: int | None
    """Of an adapter, where it is recorded."""


def weights(record_file: Path) -> Weights:
    """Returns which weights a checkpoint's record stands for.

    An adapter of the Hub is the copy in its cache: lm_eval has one `revision`, which is the base model's.

    Raises:
        UserError: the record is damaged, or is not of a checkpoint that was trained elsewhere.
    """
    record: dict[str, Any] = read_json(record_file, FINETUNE)
    own = record.get("elsewhere")
    if not own or own.get("head") not in TASK_TYPES:
        raise UserError(
            f"{record_file} does not say where the checkpoint's weights lie",
            "they would be scored from there",
            f"delete {record_file.parent} and run the study again",
        )
    is_adapter = own["kind"] == "adapter"
    place, revision = own["path"], own.get("revision")
    if is_adapter and revision:
        place, revision = _cached(place, revision), None
    rank = (record.get("recipe") or {}).get("lora_r")
    return Weights(place, revision, own["head"], is_adapter, rank if isinstance(rank, int) else None)


def _cached(place: str, revision: str) -> str:
    from harness_tasks.hub.download import fetch_model

    fetched = fetch_model(place, revision)
    return str(fetched.folder) if fetched else place
