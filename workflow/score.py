"""One scoring step: runs lm_eval in the scratch folder and moves its files into place when they are whole.

python -m workflow.score STUDY TASK CHECKPOINT        (CHECKPOINT: `base`, or a checkpoint's name)
"""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import typer

from finetune.machine import resolve_device, resolve_dtype
from harness_tasks.errors import UserError, exit_on_user_error
from harness_tasks.files import write_json
from harness_tasks.lengths import write_lengths
from studies import load_study
from workflow import commands


def score(study_file: str, task: str, name: str) -> None:
    """Scores one checkpoint on one task: `results.json`, `samples.jsonl`, `lengths.jsonl` and `command.json`."""
    with exit_on_user_error():
        study = load_study(study_file)
        checkpoint = next((one for one in study.checkpoints() if one.name == name), None)
        output = commands.scores_folder(study, task, checkpoint)
        scratch = commands.scratch_folder(study, task, checkpoint)
        made = scratch / "output"
        shutil.rmtree(made, ignore_errors=True)
        dtype = resolve_dtype(study.dtype, resolve_device(study.device))
        words = commands.score(study, task, checkpoint, dtype=dtype, output=made)
        code = subprocess.run([sys.executable, *words[1:]]).returncode
        if code:
            raise typer.Exit(code)
        results, samples = _only(made, "results_*.json"), _only(made, f"samples_{task}_*.jsonl")
        write_lengths(samples, results, output=output / "lengths.jsonl")
        write_json(output / "command.json", {"command": shlex.join(words)})
        samples.replace(output / "samples.jsonl")
        results.replace(output / "results.json")
        shutil.rmtree(scratch)


def _only(folder: Path, pattern: str) -> Path:
    """Returns the one file that matches; lm_eval only warns when it cannot write its results."""
    found = list(folder.rglob(pattern))
    if len(found) != 1:
        raise UserError(
            f"lm_eval left {len(found)} files {pattern} under {folder}",
            "the step's score would be missing or another's",
            "read lm_eval's messages above; a full disk is a usual cause",
        )
    return found[0]


if __name__ == "__main__":
    typer.run(score)
