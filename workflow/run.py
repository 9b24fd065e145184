"""A study's steps, or a grid's, done by Snakemake in their order."""

import fcntl
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import get_terminal_size
from tempfile import TemporaryDirectory, TemporaryFile
from textwrap import fill
from urllib.parse import quote

import typer

from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file, sha256_text
from harness_tasks.outputs import refuse_links_out
from studies import Grid, load_grid
from studies.loading import RUN_VARIABLE
from workflow import failures
from workflow.engine import Profile, find_profile, options
from workflow.partial import changed_pages, make_pages, partial_pages
from workflow.pins import pin_models
from workflow.process import run_until_told
from workflow.terminal.show import Watch
from workflow.terminal.words import warnings_in

SNAKEFILE = Path(__file__).with_name("Snakefile")
PLUGINS = Path(__file__).with_name("plugins")
"""On the path of Snakemake, which finds our logger there."""
STOPPED = "stopped; the same command resumes from what is complete"


def run_steps(study_file: str, *, cores: int | None, dry_run: bool, profile: str, verbose: bool = False) -> None:
    """Does every step that is not done yet, and prints where the page lies; ``dry_run`` only lists the steps.

    What runs is shown on stderr (`workflow.terminal`), and what Snakemake and the steps print is kept in
    `logs/run.log`; with ``verbose`` that is shown instead.

    Raises:
        UserError: the study, its models or its data are wrong, or another process is working on it.
        typer.Exit: with 1 where a step failed, with the signal's code where the run was stopped.
    """
    where = find_profile(profile)
    grid = load_grid(study_file)
    _check(grid, dry_run=dry_run)
    if dry_run:
        with TemporaryDirectory() as elsewhere:
            words = snakemake(study_file, grid, where, cores=cores, dry_run=True, notes=Path(elsewhere))
            code = run_until_told(words, _environment(study_file, grid))
        raise typer.Exit(code)
    with _locked(grid) as lock:
        for study in grid.studies.values():
            refuse_links_out(study.folder)
        grid.write()
        pin_models(grid)
        _examine(study_file, grid, lock, verbose=verbose)
        events = None if verbose else grid.folder / "logs" / "events.jsonl"
        words = snakemake(study_file, grid, where, cores=cores, events=events)
        failed = failures.place(grid)
        for path in (failed, *map(failures.place, grid.studies.values())):
            path.unlink(missing_ok=True)
        environment = _environment(study_file, grid)
        code = (
            run_watched(words, environment, grid, lock, events) if events else run_until_told(words, environment, lock)
        )
        if code > 128:
            print(STOPPED, file=sys.stderr)
        elif code:
            _tell_failure(grid, environment, verbose=verbose)
        if code:
            raise typer.Exit(code if code > 128 else 1)
    _tell_result(study_file, grid)
    print(grid.folder / ("report.html" if grid.is_one_study else "compare.html"))


def run_watched(words: list[str], environment: dict[str, str], grid: Grid, lock: int, events: Path) -> int:
    """Returns the exit code of Snakemake, after a view of its steps was shown, and then their warnings.

    ``events``: the file to which Snakemake adds what happens.
    """
    for path in (events, run_log(grid)):
        path.parent.mkdir(parents=True, exist_ok=True)
    events.unlink(missing_ok=True)
    watch = Watch(grid, events)
    try:
        with open(run_log(grid), "wb") as output:
            code = run_until_told(words, environment, lock, output=output, watch=watch.tick)
    finally:
        watch.close()
    for warning in watch.warned():
        print(warning, file=sys.stderr)
    return code


def run_log(grid: Grid) -> Path:
    """Returns the file with all that the last run printed: Snakemake's words and the steps'."""
    return grid.folder / "logs" / "run.log"


def _tell_failure(grid: Grid, environment: dict[str, str], *, verbose: bool) -> None:
    """Prints which steps failed and what to do, and makes the pages that can be made without them."""
    failed = failures.place(grid)
    if failed.is_file():
        print(failures.told(failed), file=sys.stderr)
        for page in make_pages(grid, environment):
            print(f"{page} says what is missing", file=sys.stderr)
    elif not verbose:
        print(failures.told_of_engine(run_log(grid)), file=sys.stderr)


def _tell_result(study_file: str, grid: Grid) -> None:
    """Prints the sentences that the page of a study opens with."""
    if grid.is_one_study:
        from report.page.headlines import headlines
        from report.page.template import own_templates

        for sentence in headlines(grid.folder, own_templates(Path(study_file).parent)):
            is_wrapped = sys.stderr.isatty()
            print(fill(sentence, get_terminal_size().columns) if is_wrapped else sentence, file=sys.stderr)


def snakemake(
    study_file: str,
    grid: Grid,
    profile: Profile,
    *,
    cores: int | None = None,
    dry_run: bool = False,
    notes: Path | None = None,
    events: Path | None = None,
) -> list[str]:
    """Returns the Snakemake command of a study, or of a grid of them.

    ``notes``: the folder for what Snakemake is to read beside them; unset: the grid's. ``events``: the file to which it
    adds what happens, by our logger.
    """
    where, values = options(profile, grid, cores=cores, dry_run=dry_run, notes=notes)
    words = [sys.executable, "-m", "snakemake", "--snakefile", str(SNAKEFILE), *where]
    # In the signs of an address: Snakemake reads a value as YAML, in which a name can be a number or a mapping.
    words += ["--config", f"study={quote(os.path.join('.', study_file))}"]
    words += [f"{key}={quote(value)}" for key, value in values.items()]
    words += ["--rerun-triggers", "mtime", "params", "input"]
    words += ["--rerun-incomplete", "--nolock", "--scheduler", "greedy", "--quiet"]
    words += ["host" if dry_run or events else "progress"]  # quiet about progress, no logger hears of a step's end
    words += ["--logger", "aftertune", "--logger-aftertune-file", str(events)] if events else []
    if pages := [*partial_pages(grid), *changed_pages(grid)]:
        words += ["--forcerun", *map(str, pages)]
    return words + (["--dry-run"] if dry_run else [])


@contextmanager
def _locked(grid: Grid) -> Iterator[int]:
    """Holds the grid's folder for this run alone; raises a UserError where another one does.

    The lock is the kernel's: it is gone with the processes, however those end, so no stale lock can be left.
    """
    grid.folder.mkdir(parents=True, exist_ok=True)
    with open(grid.folder / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"another process is working on {grid.folder}",
                "two at once would write the same files",
                "wait for it, or stop it",
            ) from None
        yield lock.fileno()


def _examine(study_file: str, grid: Grid, lock: int, *, verbose: bool) -> None:
    """Ends the run, as `make plan` would, where a guard would stop a training run later; what is known is not asked.

    What the process prints is shown where it fails, and with ``verbose``; else only its warnings are.
    """
    from workflow.examined import is_known

    if is_known(grid):
        return
    # In a process of its own: what it loads is not needed any more, and Snakemake's jobs need the memory.
    words = [sys.executable, "-m", "workflow.examined", study_file]
    if not verbose:
        print(f"reading the training rows of {grid.name}", file=sys.stderr, flush=True)
    with TemporaryFile() as printed:
        code = run_until_told(words, _environment(study_file, grid), lock, output=None if verbose else printed)
        printed.seek(0)
        content = printed.read()
    if code > 128:
        print(STOPPED, file=sys.stderr)
    elif code:
        print(content.decode(errors="replace"), end="", file=sys.stderr)
    if code:
        raise typer.Exit(code)
    for warning in warnings_in(content):
        print(f"warning: {warning}", file=sys.stderr)


def _check(grid: Grid, *, dry_run: bool) -> None:
    """Raises a UserError for what would fail late: a model that is nowhere, data that cannot be had."""
    from workflow.checks import check_models, check_study

    for study in grid.studies.values():
        check_study(study)
    if not dry_run:
        check_models(grid)


def _environment(study_file: str, grid: Grid) -> dict[str, str]:
    """Returns the environment of the steps: this Python first on the path, our packages importable.

    It names the study's files with their hashes: a step that finds another one there is of another study.
    """
    root = Path(__file__).resolve().parent.parent
    binaries = Path(sys.executable).parent
    for folder in (root, binaries):
        if os.pathsep in str(folder):
            raise UserError(
                f"the folder {folder} has {os.pathsep!r} in its name",
                "it separates folders on the path, on which the steps find Python and this project",
                "put the project, with its .venv, into a folder without one",
            )
    path = os.pathsep.join(part for part in (str(root), str(PLUGINS), os.environ.get("PYTHONPATH")) if part)
    digests = {os.path.normpath(study_file): sha256_file(study_file)}
    digests |= {str(grid.folder / name): sha256_text(text) for name, text in grid.texts.items()}
    return {
        **os.environ,
        "PYTHONPATH": path,
        "PATH": os.pathsep.join([str(binaries), os.environ.get("PATH", "")]),
        "TOKENIZERS_PARALLELISM": "false",
        RUN_VARIABLE: json.dumps(digests),
    }
