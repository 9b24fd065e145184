"""The verbs that make checkpoints, for `python -m` with this package's name; `plan` is `aftertune plan-training`."""

import typer

from finetune.commands.embedded import embedded
from finetune.commands.export import export
from finetune.commands.merge import merge
from finetune.commands.plan import plan
from finetune.commands.read_checkpoint import read_checkpoint
from finetune.commands.train import train

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Makes checkpoints, and says how they were made.")
app.command()(train)
app.command()(plan)
app.command()(merge)
app.command()(export)
app.command()(embedded)
app.command()(read_checkpoint)

if __name__ == "__main__":
    app()
