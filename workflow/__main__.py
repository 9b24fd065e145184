"""`aftertune run|plan STUDY` and `aftertune diff`, for `python -m` with this package's name."""

import typer

from workflow.commands.diff import diff
from workflow.commands.plan import plan
from workflow.commands.run import run

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Runs a study's steps in their order.")
app.command()(diff)
app.command()(run)
app.command()(plan)

if __name__ == "__main__":
    app()
