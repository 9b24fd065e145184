"""Whether a checkpoint is scored on a task that shares items with the one it was trained on; no data is loaded."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from harness_tasks import TASKS_PATH
from harness_tasks.loading import declared_metadata
from harness_tasks.models.heads import read_json_file


def are_related(task: str, other: str, include_path: str | Path = TASKS_PATH) -> bool:
    """Returns whether either task's YAML declares that it `overlaps_with` the other, by name or by pattern.

    >>> are_related("sst2_llama", "reviews_demo"), are_related("sst2_llama", "passages_demo")
    (True, False)
    """
    for declaring, named in ((task, other), (other, task)):
        metadata = declared_metadata(declaring, include_path) or {}
        if any(fnmatch(named, str(pattern)) for pattern in metadata.get("overlaps_with") or []):
            return True
    return False


def trained_on(model_args: Mapping[str, Any]) -> str | None:
    """Returns the task on which the checkpoint in a folder was trained; None where no file of ours there says so."""
    place = str(model_args.get("peft") or model_args.get("pretrained") or "")
    if not Path(place).is_dir():
        return None
    record = read_json_file(place, "finetune.json")
    if record is None:  # a merged model has its adapter's
        record = (read_json_file(place, "merged_from.json") or {}).get("adapter", {})
    return record.get("task")


def warning_of_related(
    model_args: Mapping[str, Any], tasks: Iterable[str], include_path: str | Path = TASKS_PATH
) -> str | None:
    """Returns what to say before ``tasks`` are scored that share items with the checkpoint's own task; else None."""
    own = trained_on(model_args)
    shared = [task for task in tasks if own and task != own and are_related(own, task, include_path)]
    if not shared:
        return None
    return (
        f"Warning: {model_args.get('peft') or model_args['pretrained']} was trained on {own}, whose items overlap with "
        f"those of {', '.join(shared)}. What it was trained on may be scored here, so the scores may be too high. "
        "Score it on a task without such an overlap, or say so beside the number."
    )
