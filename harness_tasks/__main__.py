"""The verbs of `aftertune` that score, for `python -m` with this package's name; `run` is `aftertune score`."""

import typer

from harness_tasks.commands import run as run_verb
from harness_tasks.commands.baseline import baseline
from harness_tasks.commands.check import check
from harness_tasks.commands.merge_shards import merge_shards
from harness_tasks.commands.overlap import overlap
from harness_tasks.commands.prior import prior
from harness_tasks.commands.sample import sample
from harness_tasks.commands.task import task

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Score models on this project's tasks.")
app.command(context_settings=run_verb.SETTINGS, help=run_verb.HELP)(run_verb.run)
app.command()(sample)
app.command("merge-shards")(merge_shards)
app.command()(check)
app.command()(overlap)
app.command()(prior)
app.command()(baseline)
app.add_typer(task, name="task")

if __name__ == "__main__":
    app()
