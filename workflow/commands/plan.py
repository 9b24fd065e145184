"""`aftertune plan STUDY`: what a study would do, before it does it."""

import sys
from typing import Annotated, Any

import typer

from finetune.assumed import BANDWIDTH, UTILISATION
from harness_tasks.errors import UserError, exit_on_user_error


def plan(
    study_file: Annotated[str, typer.Argument(metavar="STUDY", help="The study's YAML file.")],
    teraflops: Annotated[
        float | None,
        typer.Option(min=0.001, help="The device's peak speed, in TFLOP/s.", show_default="measured here"),
    ] = None,
    efficiency: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            max=1.0,
            help="Model FLOPs utilisation: the share of --teraflops that steps reach (0 to 1).",
            show_default=f"{UTILISATION:g}",
        ),
    ] = None,
    bandwidth: Annotated[float, typer.Option(min=0.001, help="Download speed, in megabytes per second.")] = BANDWIDTH,
    declared: Annotated[
        bool, typer.Option("--declared", help="Estimate from what tasks declare; read no rows and ask no guards.")
    ] = False,
    at_a_time: Annotated[
        int | None, typer.Option(min=1, help="Of a grid: concurrent steps, such as GPUs.", show_default="1, 8 and 64")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print what a study would do: steps, parameters, rows, memory, time, downloads, and the GPU memory needed.

    It reads the rows of each training run, as `aftertune plan-training` does, and exits with code 1 if a guard would
    stop one. Of a grid it prints a line for each model, the critical path, and the time with several concurrent
    steps.
    """
    with exit_on_user_error():
        from studies import load_grid
        from workflow.grid_plan import plan_grid
        from workflow.plan import plan as make_plan

        if efficiency and not teraflops:
            raise UserError(
                f"--efficiency {efficiency:g} without --teraflops",
                "it is the share of a stated peak; what is measured here has a share of its own",
                "give the device's peak with --teraflops, or leave --efficiency out",
            )
        grid = load_grid(study_file)
        if not declared:
            from workflow.examined import examine

            for one in examine(grid):
                if one.found is None:
                    print(f"the rows of {one.checkpoint.name} cannot be read: {one.reason}", file=sys.stderr)
        assumed: dict[str, Any] = {"teraflops": teraflops, "efficiency": efficiency, "bandwidth": bandwidth}
        if grid.is_one_study:
            print(make_plan(*grid.studies.values(), **assumed, as_json=json_))
        else:
            print(plan_grid(grid, **assumed, at_a_time=at_a_time, as_json=json_))
