"""The verbs of `aftertune` that count, write and check, for `python -m` with this package's name."""

import typer

from report.commands.audit import audit
from report.commands.build import build
from report.commands.compare import compare
from report.commands.params import params
from report.commands.push import push
from report.commands.template import template
from report.commands.verify import verify

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Counts parameters, writes a study's page, compares results, checks pages and claims against the numbers.",
)
app.command()(params)
app.command()(build)
app.command()(compare)
app.command()(verify)
app.command()(audit)
app.command()(push)
app.add_typer(template, name="template")

if __name__ == "__main__":
    app()
