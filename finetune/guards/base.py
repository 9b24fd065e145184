"""Guards of the base model: what it was before, and whether the disk holds what is made of it."""

import shutil
from pathlib import Path
from typing import Any

from finetune.guards.evidence import Evidence
from harness_tasks.errors import UserError
from harness_tasks.guards.verdicts import Verdict
from harness_tasks.models.files import front_matter
from harness_tasks.models.overlapping_tasks import are_related


def merged_base(evidence: Evidence) -> Verdict:
    """Fails where the base model is itself a merge: an adapter made here would fit only that merge."""
    run, id_ = evidence.prepared.run, "merged-base"
    if merged := evidence.base_json("merged_from.json"):
        adapter = merged.get("adapter", {}).get("checkpoint", "an adapter")
        return Verdict(
            id_,
            "fail",
            f"the base {run.model} is itself a merge, with {adapter} added into it",
            "a score would be taken for what this training did, and an adapter made here fits only this merge",
            "train on the base model that it was merged from, or allow it with --allow merged-base",
        )
    return Verdict(
        id_, "pass", "the base holds no merged adapter; `aftertune merge` records what it adds, and adds it once"
    )


def base_fine_tuned(evidence: Evidence) -> Verdict:
    """Fails where the base model's record or card says that it was fine-tuned on a task that is scored."""
    run, id_ = evidence.prepared.run, "base-fine-tuned"
    record = evidence.base_json("finetune.json") or evidence.base_json("merged_from.json").get("adapter", {})
    trained_on = record.get("task")
    known = {run.task, *run.scored_tasks}
    if trained_on and any(trained_on == task or are_related(trained_on, task, run.include_path) for task in known):
        return Verdict(
            id_,
            "fail",
            f"the base {run.model} has been fine-tuned on {trained_on}",
            "its score before training is no zero-shot score, and the gain would be measured too small",
            "start from the model that it was made from, or allow it with --allow base-fine-tuned",
        )
    data = _data_names(evidence.prepared.task)
    if listed := sorted(data.intersection(_card_datasets(evidence.base_file("README.md")))):
        return Verdict(
            id_,
            "fail",
            f"the model card of {run.model} lists {', '.join(listed)} among its training data",
            "its score before training is no zero-shot score, and the gain would be measured too small",
            "start from a model that was not trained on it, or allow it with --allow base-fine-tuned",
        )
    if trained_on:
        return Verdict(id_, "pass", f"the base has been fine-tuned on {trained_on}, which is none of these tasks")
    return Verdict(id_, "pass", f"nothing in the base says that it was fine-tuned on {run.task}")


def disk(evidence: Evidence) -> Verdict:
    """Fails where the disk has less space than the trainer's checkpoints and the finished one take."""
    from finetune.estimate import disk_bytes, gigabytes

    prepared = evidence.prepared
    run = prepared.run
    try:
        finished, kept = disk_bytes(evidence.ledger, run.method)
    except UserError as error:  # the guard trainable-count stops the run and says why
        return Verdict("disk", "warn", "what the checkpoints take cannot be estimated", error.found, error.mend)
    needs: dict[Path, int] = {}
    for folder, size in ((run.output, finished), (run.scratch_folder, kept + finished)):
        place = _existing(folder)
        # One file system, one budget; the finished checkpoint is written in the scratch folder and moved.
        same = next((known for known in needs if known.stat().st_dev == place.stat().st_dev), place)
        needs[same] = max(needs.get(same, 0), size)
    for place, size in needs.items():
        free = shutil.disk_usage(place).free
        if free < size:
            return Verdict(
                "disk",
                "fail",
                f"the checkpoints take up to {gigabytes(size)}, and {gigabytes(free)} are free",
                "training would stop in the middle of a save",
                "free some space, name a folder on a larger disk with --output and --scratch, or allow it with "
                "--allow disk",
            )
    most = max(needs.values())
    return Verdict("disk", "pass", f"the checkpoints take up to {gigabytes(most)}, which is free")


def _existing(folder: Path) -> Path:
    """Returns the folder, or the nearest one above it that exists."""
    place = folder.absolute()
    return next(parent for parent in (place, *place.parents) if parent.is_dir())


def _data_names(task: Any) -> set[str]:
    """Returns the names under which a model card may list the task's data set: in full, and without its owner."""
    data = (task.config.metadata or {}).get("data") or {}
    names = {str(name).lower() for name in (data.get("name"), task.config.dataset_path) if name}
    return names | {name.rpartition("/")[2] for name in names}


def _card_datasets(card: Path | None) -> set[str]:
    """Returns what a model card lists under `datasets`, in lower case."""
    if card is None:
        return set()
    listed = front_matter(card).get("datasets")
    return {str(name).lower() for name in (listed if isinstance(listed, list) else [listed] if listed else [])}
