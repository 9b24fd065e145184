"""`aftertune score` is `lm_eval run` with our tasks, guards and shards."""

import typer

from harness_tasks.errors import exit_on_user_error

SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
"""Every argument, `--help` too, is handed on."""
HELP = (
    "Run lm_eval with these arguments; it finds our tasks without --include_path and checks their data first. "
    "--shard K/N scores part K of N of a task's items; --allow GUARD makes a failure of that guard a warning."
)


def run(context: typer.Context) -> None:
    """Hands all arguments to ``lm_eval run``, once every task of ours that they name can load its data.

    Beside lm_eval's model classes there are `hf-shared`, which answers as `hf` does in less time, `hf-recorded`, and
    `hf-seqcls` and `hf-span`, for heads. ``--shard K/N`` scores one part of the items, for `merge-shards` to join;
    ``--allow GUARD`` makes a failure of that guard a warning.
    Where a class of ours generates, a file says beside lm_eval's samples why each generation ended.
    """
    with exit_on_user_error():
        if {"-h", "--help"} & set(context.args):
            from harness_tasks.scoring.command_line import print_help

            print_help()
        from harness_tasks.scoring.run import run as score

        score(context.args)
