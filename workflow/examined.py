"""Whether a study's training runs would start: `aftertune plan-training`'s own look at the very rows, before any step.

What was found is kept, a file a run, until the study, a task or the data changes: rendering SQuAD takes minutes.

python -m workflow.examined STUDY
"""

import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from harness_tasks.errors import UserError, exit_on_user_error
from harness_tasks.files import write_json
from harness_tasks.outputs import refuse_links_out
from harness_tasks.reading import Kind, read_json
from studies import Checkpoint, Grid, Model, Study, load_grid
from studies.study import BUILT_IN
from workflow import step_commands
from workflow.terminal.estimates import write_estimates

_FILE = Kind(
    name="what was found of the training rows",
    why="the plan is computed from it",
    mend="delete it; `make plan` writes it again",
    schema=dict[str, Any],
)


@dataclass(frozen=True)
class Examined:
    """What was found of one training run, which stands for its other seeds.

    ``found``: what `finetune.plan.PlanFindings.as_json` gives; None where the rows could not be had, for ``reason``.
    """

    study: Study
    checkpoint: Checkpoint
    found: dict[str, Any] | None
    reason: str = ""


def training_runs(study: Study) -> list[Checkpoint]:
    """Returns the checkpoints that stand for all: guards look at rows and model, which no seed changes."""
    first: dict[Any, Checkpoint] = {}
    for one in study.training_steps():
        first.setdefault(_kind(one), one)
    return list(first.values())


def _kind(checkpoint: Checkpoint) -> tuple[Any, ...]:
    return checkpoint.task, checkpoint.head, checkpoint.method, checkpoint.is_control


def known(study: Study, checkpoint: Checkpoint) -> dict[str, Any] | None:
    """Returns what was found of the run that stands for ``checkpoint``; None where nothing is known, or no longer."""
    one = next(one for one in training_runs(study) if _kind(one) == _kind(checkpoint))
    file = step_commands.plan_file(study, one)
    if not file.is_file():
        return None
    content: dict[str, Any] = read_json(file, _FILE)
    base = Path(study.model.path, "config.json")
    is_older = base.is_file() and base.stat().st_mtime > file.stat().st_mtime
    return content["found"] if content.get("key") == _key(study, one) and not is_older else None


def examine(grid: Grid) -> list[Examined]:
    """Returns what is found of each training run of a grid's studies, looking only at those of which nothing is known.

    Raises:
        GuardError: guards would stop some of the runs; all of these are named.
        UserError: a run's values cannot be used.
    """
    all_found, failed = list[Examined](), list[Any]()
    for study in grid.studies.values():
        for checkpoint in training_runs(study):
            if (found := known(study, checkpoint)) is not None:
                all_found.append(Examined(study, checkpoint, found))
                continue
            print(f"reading the training rows of {study.name}: {checkpoint.name}", file=sys.stderr)
            one, verdicts = _examined(study, checkpoint)
            all_found.append(one)
            failed += [replace(verdict, found=f"{checkpoint.name}: {verdict.found}") for verdict in verdicts]
    if failed:
        from finetune.guards import GuardError

        raise GuardError(failed)
    return all_found


def is_known(grid: Grid) -> bool:
    """Returns whether nothing is left to look at."""
    return all(known(study, one) is not None for study in grid.studies.values() for one in training_runs(study))


def _examined(study: Study, checkpoint: Checkpoint) -> tuple[Examined, list[Any]]:
    """Returns what is found, which is then kept, and the verdicts of the guards that failed, which are not."""
    from finetune.models import load_tokenizer
    from finetune.options import run_of_command
    from finetune.plan import findings
    from finetune.prepare import prepare
    from harness_tasks.loading import load_task

    write_base(study.model)
    run = run_of_command(step_commands.train(study, checkpoint))
    # Neither rows nor guards depend on the device, which may be another machine's, or on how the base is packed.
    run = replace(run, device="cpu", dtype="float32" if run.dtype == "auto" else run.dtype)
    run = replace(run, method="lora" if run.method == "qlora" else run.method)
    try:
        load_tokenizer(run.tokenizer or run.model, None if run.tokenizer else run.revision)
    except UserError as error:
        if study.model.is_local:
            raise
        return Examined(study, checkpoint, None, error.found), []
    try:
        load_task(run.task, include_path=run.include_path, metadata=run.metadata)
    except UserError as error:
        if "data_dir" in study.metadata:
            raise
        return Examined(study, checkpoint, None, error.found), []
    started = time.perf_counter()
    prepared = prepare(run)
    found = findings(prepared, seconds=time.perf_counter() - started)
    failed = [verdict for verdict in found.guards if verdict.verdict == "fail"]
    content = found.as_json()
    if not failed:
        refuse_links_out(study.folder)
        write_json(step_commands.plan_file(study, checkpoint), {"key": _key(study, checkpoint), "found": content})
    return Examined(study, checkpoint, content), failed


def write_base(model: Model) -> None:
    """Writes a built-in base model's folder where it is not there yet: its tokenizer is in it."""
    if model.id in BUILT_IN and not Path(model.path, "config.json").is_file():
        print(f"unpacking the base model into {model.path}", file=sys.stderr)
        if model.id == "embedded":
            from finetune.embedded import write_embedded

            write_embedded(Path(model.path))
        else:
            from studies.tiny_model import write_tiny_model

            write_tiny_model(Path(model.path))


def _key(study: Study, checkpoint: Checkpoint) -> str:
    return step_commands.train_key(study, checkpoint)


def main(
    study_file: Annotated[str, typer.Argument(metavar="STUDY", help="The study's YAML file, or a grid's.")],
) -> None:
    """Looks at the rows of every training run, and ends with exit code 1 where a guard would stop one.

    From the rows it then estimates how long each step will take.
    """
    with exit_on_user_error():
        grid = load_grid(study_file)
        for one in examine(grid):
            if one.found is None:
                told = f"warning: the guards of {one.checkpoint.name} are asked when it is trained: {one.reason}"
                print(told, file=sys.stderr)
        write_estimates(grid)


if __name__ == "__main__":
    typer.run(main)
