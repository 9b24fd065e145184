"""The pages of a run in which steps failed: made of what is there, saying what is not and why."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from harness_tasks.outputs import is_as_written, written
from report.compare.output import COMPARE_MANIFEST
from report.facts.paths import REPORT_MANIFEST
from studies import Grid, Study
from workflow import step_commands
from workflow.failures import place, rules_failed

_LONG_AGO = 1
"""The time, in seconds since 1970, that a page of a run with failures bears: older than all that it is made of."""


def make_pages(grid: Grid, environment: Mapping[str, str]) -> list[Path]:
    """Returns the pages that could be made: of each study that lacks something, and of the grid.

    A page whose own step failed is not tried again. The next run makes all of these anew.
    """
    made = []
    for file, study in grid.studies.items():
        if place(study).is_file() and _is_scored(study) and "report" not in rules_failed(place(study)):
            made += _made(step_commands.report(file), study.folder, "report", environment)
    is_board = not grid.is_one_study and "compare" not in rules_failed(place(grid))
    if is_board and any(map(_is_scored, grid.studies.values())):
        made += _made(step_commands.compare(grid), grid.folder, "compare", environment)
    return made


def _is_scored(study: Study) -> bool:
    return any(study.folder.glob("scores/*/*/results.json"))


def _made(words: list[str], folder: Path, name: str, environment: Mapping[str, str]) -> list[Path]:
    if subprocess.run([sys.executable, "-m", *words], env=environment, stdout=subprocess.DEVNULL).returncode:
        return []
    page = folder / f"{name}.html"
    os.utime(page, (_LONG_AGO, _LONG_AGO))
    return [page]


def partial_pages(grid: Grid) -> list[Path]:
    """Returns the pages there that `make_pages` made, which Snakemake must make anew: it knows nothing of them."""
    pages = [study.folder / "report.html" for study in grid.studies.values()] + [grid.folder / "compare.html"]
    return [page for page in pages if page.is_file() and page.stat().st_mtime == _LONG_AGO]


def changed_pages(grid: Grid) -> list[Path]:
    """Returns the pages with a file not as it was written; Snakemake, which sees times only, must make them anew."""
    folders = [(study.folder, REPORT_MANIFEST, "report.html") for study in grid.studies.values()]
    folders.append((grid.folder, COMPARE_MANIFEST, "compare.html"))
    return [
        folder / page
        for folder, manifest, page in folders
        if any(not is_as_written(folder / name, digest) for name, digest in written(folder, manifest).items())
    ]
