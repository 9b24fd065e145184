"""The script `aftertune` run in the tests' own process: another Python takes seconds to load torch and lm_eval."""

import contextlib
import logging
from pathlib import Path

from typer.testing import CliRunner, Result

from aftertune import app


def aftertune(*words: str, folder: Path, **variables: str) -> Result:
    """Returns what the script came to in ``folder``, with these variables of the environment; what it raises is raised.

    Whoever logs finds the run's own stderr, and the tests' again behind it.
    """
    loggers = [logging.root, logging.getLogger("lm_eval")]
    kept = [(logger, logger.handlers, logger.level) for logger in loggers]
    for logger in loggers:
        logger.handlers = []
    try:
        with contextlib.chdir(folder):
            done = CliRunner().invoke(app, words, env=variables)
    finally:
        for logger, handlers, level in kept:
            logger.handlers = handlers
            logger.setLevel(level)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done
