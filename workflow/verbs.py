"""The verbs of the script `aftertune`: every room's, side by side."""

from collections.abc import Callable

import typer

from finetune.commands.embedded import embedded
from finetune.commands.export import export
from finetune.commands.merge import merge
from finetune.commands.plan import plan as plan_training
from finetune.commands.read_checkpoint import read_checkpoint
from finetune.commands.train import train
from harness_tasks import TASKS_PATH
from harness_tasks.commands import run as score
from harness_tasks.commands.baseline import baseline
from harness_tasks.commands.check import check
from harness_tasks.commands.merge_shards import merge_shards
from harness_tasks.commands.overlap import overlap
from harness_tasks.commands.prior import prior
from harness_tasks.commands.sample import sample
from harness_tasks.commands.task import task
from report.commands.audit import audit
from report.commands.build import build
from report.commands.compare import compare
from report.commands.params import params
from report.commands.push import push
from report.commands.template import template
from report.commands.verify import verify
from workflow.commands.diff import diff
from workflow.commands.plan import plan
from workflow.commands.run import run

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Measures what fine-tuning changed in a language model, and writes it up.",
)


def tasks_path() -> None:
    """Print the folder of the harness tasks, for `lm_eval --include_path`."""
    print(TASKS_PATH)


PANELS: dict[str, dict[str, Callable[..., None]]] = {
    "A study, whole": {"diff": diff, "run": run, "plan": plan},
    "Pages and results": {"build": build, "verify": verify, "compare": compare, "audit": audit, "push": push},
    "Models and checkpoints": {
        "train": train, "plan-training": plan_training, "params": params, "merge": merge, "export": export,
        "embedded": embedded,
        "read-checkpoint": read_checkpoint,
    },
    "Tasks and scores": {
        "check": check, "sample": sample, "overlap": overlap, "prior": prior, "baseline": baseline,
        "merge-shards": merge_shards,
        "tasks-path": tasks_path,
    },
}  # fmt: skip
"""The verbs by the panel of the help that they stand in."""

for panel, verbs in PANELS.items():
    for name, verb in verbs.items():
        app.command(name, rich_help_panel=panel)(verb)
app.command("score", context_settings=score.SETTINGS, help=score.HELP, rich_help_panel="Tasks and scores")(score.run)
app.add_typer(task, name="task", rich_help_panel="Tasks and scores")
app.add_typer(template, name="template", rich_help_panel="Pages and results")
