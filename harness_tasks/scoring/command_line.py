"""lm_eval's own parser of the arguments of `lm_eval run`. Its help needs nothing that takes long to import."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lm_eval._cli.run import Run

from harness_tasks.errors import UserError

if TYPE_CHECKING:
    from lm_eval.config.evaluate_config import EvaluatorConfig


def parse(arguments: Sequence[str]) -> "EvaluatorConfig":
    """Returns what the arguments of `lm_eval run` ask for, as lm_eval reads them.

    Raises UserError where lm_eval refuses them. Arguments that its parser does not know end the process with its
    message and exit code 2.
    """
    from lm_eval.config.evaluate_config import EvaluatorConfig

    try:
        return EvaluatorConfig.from_cli(_parser().parse_args(["run", *arguments]))
    except (ValueError, TypeError, OSError) as error:
        raise UserError(
            str(error), "lm_eval refuses these arguments", "`aftertune score --help` lists the right ones"
        ) from error


def print_help() -> None:
    """Prints the options of `lm_eval run`, and ends the process with exit code 0."""
    _parser().parse_args(["run", "--help"])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lm-eval")
    Run.create(parser.add_subparsers(metavar="COMMAND"))
    return parser
