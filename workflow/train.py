"""One training step: becomes `aftertune train` with every value of the study's recipe spelt out.

python -m workflow.train STUDY CHECKPOINT
"""

import os
import sys

import typer

from harness_tasks.errors import exit_on_user_error
from studies import load_study
from workflow import step_commands


def train(study_file: str, name: str) -> None:
    """Fine-tunes one checkpoint of the study."""
    with exit_on_user_error():
        study = load_study(study_file)
        checkpoint = next(one for one in study.training_steps() if one.name == name)
        words = step_commands.train(study, checkpoint)
    os.execv(sys.executable, [sys.executable, "-m", *words])


if __name__ == "__main__":
    typer.run(train)
