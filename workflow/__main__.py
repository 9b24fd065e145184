"""What the Makefile calls: `python -m workflow run|plan STUDY`."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from harness_tasks.errors import UserError, exit_on_user_error
from studies import Grid, load_grid
from workflow import failures
from workflow.engine import Profile, find_profile, options
from workflow.partial import make_pages, partial_pages

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Runs a study's steps in their order.")

SNAKEFILE = Path(__file__).with_name("Snakefile")


@app.command()
def run(
    study_file: Annotated[str, typer.Argument(metavar="STUDY", help="The study's YAML file.")],
    cores: Annotated[int | None, typer.Option(min=1, help="Processor cores to use.", show_default="all")] = None,
    dry_run: Annotated[bool, typer.Option(help="Only list the steps that would be done.")] = False,
    profile: Annotated[
        str, typer.Option(help="Where the steps run: local, slurm, or a folder with a Snakemake profile.")
    ] = "local",
) -> None:
    """Does every step of a study that is not done yet, up to the report; of a grid, up to the leaderboard."""
    with exit_on_user_error():
        where = find_profile(profile)
        grid = load_grid(study_file)
        _check(grid, dry_run=dry_run)
        grid.folder.mkdir(parents=True, exist_ok=True)
        # A lock of the kernel's: it is gone with the process, however that ends, so no stale lock can be left.
        with open(grid.folder / ".lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(
                    f"another process is working on {grid.folder}",
                    "two at once would write the same files",
                    "wait for it, or stop it",
                ) from None
            words = snakemake(study_file, grid, where, cores=cores, dry_run=dry_run)
            failed = failures.place(grid)
            if not dry_run:
                for path in (failed, *map(failures.place, grid.studies.values())):
                    path.unlink(missing_ok=True)
            code = subprocess.run(words, env=_environment(), pass_fds=[lock.fileno()]).returncode
            if code:
                if not dry_run and failed.is_file():
                    print(failures.told(failed), file=sys.stderr)
                    for page in make_pages(grid, _environment()):
                        print(f"{page} says what is missing", file=sys.stderr)
                raise typer.Exit(1)
        if not dry_run:
            print(grid.folder / ("report.html" if grid.is_one_study else "compare.html"))


@app.command()
def plan(
    study_file: Annotated[str, typer.Argument(metavar="STUDY", help="The study's YAML file.")],
    teraflops: Annotated[
        float | None, typer.Option(min=0.001, help="Speed to reckon with, in TFLOP/s.", show_default="probed here")
    ] = None,
    at_a_time: Annotated[
        int | None, typer.Option(min=1, help="Of a grid: steps at a time, such as GPUs.", show_default="1, 8 and 64")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Prints what a study would do, without a network: steps, parameters, rows, memory, time.

    Of a grid it prints a line a model, the critical path, and the time with some number of steps at a time.
    """
    with exit_on_user_error():
        from workflow.grid_plan import plan_grid
        from workflow.plan import plan as make_plan

        grid = load_grid(study_file)
        if grid.is_one_study:
            print(make_plan(*grid.studies.values(), teraflops=teraflops, as_json=json_))
        else:
            print(plan_grid(grid, teraflops=teraflops, at_a_time=at_a_time, as_json=json_))


def snakemake(
    study_file: str, grid: Grid, profile: Profile, *, cores: int | None = None, dry_run: bool = False
) -> list[str]:
    """Returns the Snakemake command of a study, or of a grid of them."""
    where, values = options(profile, grid, cores=cores, dry_run=dry_run)
    words = [sys.executable, "-m", "snakemake", "--snakefile", str(SNAKEFILE), *where]
    words += ["--config", f"study={study_file}", *values]
    words += ["--rerun-triggers", "mtime", "params", "input"]
    words += ["--rerun-incomplete", "--nolock", "--scheduler", "greedy", "--quiet"]
    words += ["host" if dry_run else "progress"]
    if pages := partial_pages(grid):
        words += ["--forcerun", *map(str, pages)]
    return words + (["--dry-run"] if dry_run else [])


def _check(grid: Grid, *, dry_run: bool) -> None:
    """Raises a UserError for what would fail late: a model that is nowhere, data that cannot be had."""
    from workflow.checks import check_models, check_study

    for study in grid.studies.values():
        check_study(study)
    if not dry_run:
        check_models(grid)


def _environment() -> dict[str, str]:
    """Returns the environment of the steps: this Python first on the path, our packages importable."""
    root = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH")) if part)
    binaries = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, "PYTHONPATH": path, "PATH": binaries, "TOKENIZERS_PARALLELISM": "false"}


if __name__ == "__main__":
    app()
