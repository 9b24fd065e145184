"""The trainer's checkpoints: which are whole, to which run they belong, and how long the run has taken in all."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from harness_tasks.errors import UserError
from harness_tasks.files import write_json

MARKER = "whole.json"
"""Written into a checkpoint's folder once all its files are there; a kill in the middle of a save leaves none."""
RUN_FILE = "run.json"


def prepare_scratch(output: Path, scratch: Path, key: str) -> bool:
    """Returns whether ``output`` already holds the checkpoint of the run ``key``; else makes ``scratch`` ready for it.

    A scratch folder of another run (another recipe, other data) is emptied: its checkpoints would be wrong here.

    Raises:
        UserError: ``output`` is a folder with something in it that `finetune` did not write.
    """
    whole = all((output / name).is_file() for name in OWN_FILES)
    if whole and json.loads((output / "finetune.json").read_text()).get("key") == key:
        return True
    if output.is_dir() and any(output.iterdir()) and not any((output / name).exists() for name in OWN_FILES):
        raise UserError(
            f"the output folder {output} holds files that no training run wrote",
            "the checkpoint replaces the folder's content",
            "name a folder that is new or empty with --output",
        )
    run_file = scratch / RUN_FILE
    if not run_file.is_file() or json.loads(run_file.read_text()).get("key") != key:
        shutil.rmtree(scratch, ignore_errors=True)
        write_json(run_file, {"key": key})
    return False


OWN_FILES = ("finetune.json", "train_rows.jsonl", "tensors.json")


def last_whole_checkpoint(scratch: Path) -> Path | None:
    """Returns the newest checkpoint folder that was saved to its end, or None."""
    whole = [path.parent for path in scratch.glob(f"checkpoint-*/{MARKER}")]
    return max(whole, key=lambda path: int(path.name.rsplit("-", 1)[-1]), default=None)


class SaveMarker(TrainerCallback):
    """Marks a checkpoint as whole after it is saved, with the seconds that the run has taken up to it."""

    def __init__(self, *, started: float) -> None:
        self.started, self.before, self.resumed_at_steps = started, 0.0, list[int]()

    def resumed_from(self, checkpoint: Path | None) -> None:
        """Takes over the seconds and the earlier resumptions of the run that goes on from ``checkpoint``."""
        if checkpoint is not None:
            earlier = json.loads((checkpoint / MARKER).read_text())
            self.before = earlier["seconds"]
            self.resumed_at_steps = [*earlier["resumed_at_steps"], earlier["step"]]

    def seconds(self) -> float:
        """Returns the wall-clock seconds of the run in all its parts, what was lost at a kill left out."""
        return self.before + time.monotonic() - self.started

    def on_save(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        marker = {"step": state.global_step, "seconds": self.seconds(), "resumed_at_steps": self.resumed_at_steps}
        write_json(folder / MARKER, marker)
