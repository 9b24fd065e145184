"""`python -m report VERB`: what it came to."""

import typer

from report.build import build
from report.params import params

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Counts a model's parameters, and writes a study's page.",
)
app.command()(params)
app.command()(build)

if __name__ == "__main__":
    app()
