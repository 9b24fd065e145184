"""The trainer's checkpoints: which are whole, to which run they belong, and how long the run has taken in all."""

import errno
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import distributed
from transformers import TrainerCallback
from typing_extensions import override

from finetune.kinds import FINETUNE, RUN, WHOLE
from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file, write_json
from harness_tasks.reading import read_json

MARKER = "whole.json"
"""Written into a checkpoint's folder once all its files are there, with their SHA-256; a kill in a save leaves none."""
RUN_FILE = "run.json"


def prepare_scratch(output: Path, scratch: Path, key: str) -> bool:
    """Returns whether ``output`` already holds the checkpoint of the run ``key``; else makes ``scratch`` ready for it.

    A scratch folder of another run (another recipe, other data) is emptied: its checkpoints would be wrong here.

    Raises:
        UserError: ``output`` or ``scratch`` is a folder with something in it that `finetune` did not write.
    """
    whole = all((output / name).is_file() for name in OWN_FILES)
    if whole and read_json(output / "finetune.json", FINETUNE).get("key") == key:
        return True
    if output.is_dir() and any(output.iterdir()) and not any((output / name).exists() for name in OWN_FILES):
        raise UserError(
            f"the output folder {output} holds files that no training run wrote",
            "the checkpoint replaces the folder's content",
            "name a folder that is new or empty with --output",
        )
    run_file = scratch / RUN_FILE
    if not run_file.is_file() or read_json(run_file, RUN)["key"] != key:
        if scratch.exists():
            _check_own(scratch)
            gone = scratch.with_name(f".{scratch.name}.gone")  # else a kill could leave a part that nobody knows
            shutil.rmtree(gone, ignore_errors=True)
            scratch.resolve().rename(gone)
            shutil.rmtree(gone)
        write_json(run_file, {"key": key})
    return False


def _check_own(scratch: Path) -> None:
    """Raises a UserError where a scratch folder that is to be emptied holds files, and none that says it is one."""
    if not scratch.is_dir():
        strange = [scratch]
    else:
        unfinished = f".{RUN_FILE}."  # a kill while the run file was written
        strange = [path for path in scratch.iterdir() if not path.name.startswith(unfinished)]
    if strange and not (scratch / RUN_FILE).is_file():
        raise UserError(
            f"the scratch folder {scratch} holds {strange[0].name}, which no training run wrote",
            "a run empties its scratch folder",
            "name a folder that is new or empty with --scratch",
        )


OWN_FILES = ("finetune.json", "train_rows.jsonl", "tensors.json")


def last_whole_checkpoint(scratch: Path) -> Path | None:
    """Returns the newest checkpoint folder that is whole, or None; says on stderr what newer ones lack.

    What is not whole is removed: the trainer would count it among the checkpoints it keeps, and delete a whole one in
    its place. Of several processes the first must therefore be through before the others call this.
    """
    folders = [path for path in scratch.glob("checkpoint-*") if path.name.rpartition("-")[2].isdigit()]
    newest, lacks = None, []
    for folder in sorted(folders, key=_step, reverse=True):
        lack = _lack(folder)
        if lack is None:
            newest = newest or folder
            continue
        if newest is None:
            lacks.append(f"{folder.name} is not used: {lack}")
        shutil.rmtree(folder, ignore_errors=True)
    if lacks:
        resumes = f"the run resumes from step {_step(newest)}" if newest else "the run starts from the beginning"
        print("\n".join(["warning: " + "; ".join(lacks), resumes]), file=sys.stderr, flush=True)
    return newest


@contextmanager
def full_disk_told(scratch: Path) -> Iterator[None]:
    """Turns a full disk, met inside the block, into a `UserError`, after removing the checkpoint that is cut short."""
    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:
        if not _is_full_disk(error):
            raise
        whole = last_whole_checkpoint(scratch)
        free = shutil.disk_usage(scratch).free / 1e6
        raise UserError(
            f"the disk that holds {scratch} is full ({free:.0f} MB free): a checkpoint could not be written",
            "only the training since the last complete checkpoint is lost",
            f"free space there; the same command resumes from step {_step(whole) if whole else 0}",
        ) from error


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def _lack(folder: Path) -> str | None:
    """Returns what is missing from a checkpoint, or None where it is whole."""
    marker = folder / MARKER
    if not marker.is_file():
        return "it was not saved to its end"
    try:
        saved = read_json(marker, WHOLE)["files"]
    except UserError as error:
        return error.found
    for name, digest in saved.items():
        path = folder / name
        if not path.is_file():
            return f"its {name} is missing"
        if sha256_file(path) != digest:
            return f"its {name} is not what was saved (it has another SHA-256)"
    return None


def _is_full_disk(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    text = str(error)
    if isinstance(error, SafetensorError):
        return any(f"os error {number}" in text for number in (errno.ENOSPC, errno.EDQUOT))
    # torch.save keeps no errno: these are the words of its archive writer and of the C++ stream below it.
    return any(words in text for words in ("PytorchStreamWriter", "inline_container.cc", "iostream error"))


class SaveMarker(TrainerCallback):
    """Marks a checkpoint as whole after it is saved, with the seconds that the run has taken up to it."""

    def __init__(self, *, started: float) -> None:
        self.started, self.before, self.resumed_at_steps = started, 0.0, list[int]()

    def resumed_from(self, checkpoint: Path | None) -> None:
        """Takes over the seconds and the earlier resumptions of the run that resumes from ``checkpoint``."""
        if checkpoint is not None:
            earlier = read_json(checkpoint / MARKER, WHOLE)
            self.before = earlier["seconds"]
            self.resumed_at_steps = [*earlier["resumed_at_steps"], earlier["step"]]

    def seconds(self) -> float:
        """Returns the wall-clock seconds of the run in all its parts, what was lost at a kill left out."""
        return self.before + time.monotonic() - self.started

    @override
    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        if control.should_save or control.should_evaluate:
            # The trainer's mean loss since its last entry is in no checkpoint: a resumed run's next entry would be
            # the mean of fewer steps than the unbroken run's.
            control.should_log = True

    @override
    def on_save(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        if distributed.is_initialized():
            distributed.barrier()  # each process saves files of its own, the states of its random numbers at least
        if not state.is_world_process_zero:
            return
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        marker = {
            "step": state.global_step,
            "seconds": self.seconds(),
            "resumed_at_steps": self.resumed_at_steps,
            "files": {
                path.relative_to(folder).as_posix(): sha256_file(path)
                for path in sorted(folder.rglob("*"))
                if path.is_file()
            },
        }
        write_json(folder / MARKER, marker)
