"""One step for the content-free prior: `aftertune prior` in this process, in the dtype that is scored in.

python -m workflow.prior STUDY TASK CHECKPOINT        (CHECKPOINT: `base`, or a checkpoint's name)
"""

import typer

from finetune.machine import resolve_device, resolve_dtype
from harness_tasks.__main__ import app
from harness_tasks.errors import exit_on_user_error
from studies import load_study
from workflow import step_commands


def prior(study_file: str, task: str, name: str) -> None:
    """Writes `prior.json` of one checkpoint and one task under `scores/`."""
    with exit_on_user_error():
        study = load_study(study_file)
        checkpoint = next((one for one in study.every_checkpoint() if one.name == name), None)
        dtype = resolve_dtype(study.dtype, resolve_device(study.device))
        output = step_commands.scores_folder(study, task, checkpoint) / "prior.json"
        words = step_commands.prior(study, task, checkpoint, dtype=dtype, output=output)
        raise typer.Exit(app(words[1:], standalone_mode=False) or 0)


if __name__ == "__main__":
    typer.run(prior)
