"""`aftertune run STUDY`: every step of a study that is not done yet."""

from typing import Annotated

import typer

from harness_tasks.errors import exit_on_user_error


def run(
    study_file: Annotated[str, typer.Argument(metavar="STUDY", help="The study's YAML file.")],
    cores: Annotated[int | None, typer.Option(min=1, help="Processor cores to use.", show_default="all")] = None,
    dry_run: Annotated[bool, typer.Option(help="Only list the steps that would run.")] = False,
    profile: Annotated[
        str, typer.Option(help="Where steps run: local, slurm, or a folder with a Snakemake profile.")
    ] = "local",
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show all output of Snakemake and the steps.")
    ] = False,
) -> None:
    """Run every step of a study that is not done yet, up to the report; of a grid, up to the leaderboard."""
    # Here, because what runs a study takes longer to load than `--help` may.
    from workflow.run import run_steps

    with exit_on_user_error():
        run_steps(study_file, cores=cores, dry_run=dry_run, profile=profile, verbose=verbose)
