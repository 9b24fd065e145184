"""The installed script `aftertune`: the command lines of the rooms as sub-commands."""

import typer

from finetune.__main__ import app as finetune_app
from harness_tasks import TASKS_PATH
from harness_tasks.__main__ import app as tasks_app
from report.__main__ import app as report_app

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Measures what fine-tuning changed in a language model, and writes it up.",
)
app.add_typer(finetune_app, name="finetune")
app.add_typer(report_app, name="report")
app.add_typer(tasks_app, name="tasks")


@app.command("tasks-path")
def tasks_path() -> None:
    """Prints the folder of the harness tasks, for `lm_eval --include_path`."""
    print(TASKS_PATH)
