"""The study that `aftertune diff` writes: a base model, checkpoints that were trained elsewhere, and tasks."""

import re
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any

import typer
import yaml

from finetune.estimate import operations_a_second, shown_time
from finetune.machine import resolve_device, resolve_dtype
from harness_tasks import TASKS_PATH
from harness_tasks.errors import UserError
from harness_tasks.files import write_text
from harness_tasks.loading import Members, find_yaml, members, task_manager, unknown_task
from harness_tasks.reading import read_text, read_yaml
from report.page.loaded import Report, load_report
from studies import Elsewhere, Model, Study, load_study
from studies.loading import STUDY_FILE, refuse_unanswered, study_of
from studies.names import check_name, folder_name
from studies.study import BUILT_IN, can_answer, folder_of
from workflow.examined import write_base

QUICK_S = 300.0
"""Seconds that a quick comparison is to take."""
FEWEST_ITEMS, ITEMS_OF_UNKNOWN = 20, 100
"""Items that a quick comparison scores at least, and of a task that does not declare its size."""
_HEADER = "# Written by `aftertune diff`. Edit it, and run it again: aftertune run {file}\n"


@dataclass(frozen=True)
class Asked:
    """What the command asked for."""

    base: str
    base_revision: str | None
    tuned: Sequence[str]
    tasks: Sequence[str]
    limit: int | None = None
    quick: bool = False
    allow: Sequence[str] = ()
    training_rows: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    """Further keys of the study, such as `dtype`."""


def name_of(asked: Asked) -> str:
    """Returns the name of the study of a comparison, which is its folder's under `build/`.

    >>> name_of(Asked("meta-llama/Llama-3.2-1B", None, ["runs/my-adapter"], ["sst2_llama"]))
    'Llama-3.2-1B-and-my-adapter'
    """
    tuned = [Elsewhere(path=path).name for path in asked.tuned]
    others = f"-{len(tuned) - 1}-more" if len(tuned) > 1 else ""
    return folder_name(f"{Path(asked.base).name[:40]}-and-{tuned[0][:40]}{others}")


def write_study(asked: Asked, output: Path | None, *, told: Callable[[str], None] = lambda line: None) -> Path:
    """Returns the study file of a comparison, written into its folder; the same one again is left as it is.

    ``told`` is called with a line on what a quick comparison can find.

    Raises:
        UserError: no task is named, or one that there is not; a limit is chosen in two ways; a study of other values is
            in ``output``; a checkpoint does not belong to the base, or can answer none of the tasks; a value is not
            allowed in a study.
    """
    if not asked.tasks:
        raise UserError("--tasks names no task", "there is nothing to score", "name one, for example sst2_llama")
    if asked.quick and asked.limit:
        raise UserError(
            f"--quick and --limit {asked.limit}", "each chooses how many items are scored", "leave one of them out"
        )
    asked = _with_members(asked, told)
    output = output or Path("build") / name_of(asked)
    name = output.name
    check_name(name, "the comparison has a name:")
    file = output / f"{name}.yaml"
    values = _values(asked, _checked_entries(asked))
    if output != Path("build") / name:
        values["output"] = str(output)
    study = study_of(file, values, name=name)  # refused before a file is written
    refuse_unanswered(file, study)
    if asked.quick and file.exists() and _without_limits(read_yaml(file, STUDY_FILE)) == _without_limits(values):
        return file  # the speed of another moment would choose another limit
    if asked.quick:
        limit, seconds = quick_limit(study)
        values["tasks"] = {task: _plan(limit) for task in asked.tasks}
        told(_what_it_finds(study, limit, seconds))
    text = _HEADER.format(file=shlex.quote(str(file))) + yaml.safe_dump(
        values, sort_keys=False, allow_unicode=True, width=110
    )
    if file.exists():
        if read_text(file, STUDY_FILE) != text:
            raise UserError(
                f"{file} holds another comparison, or was edited",
                "this one would take its place",
                f"run that as it is (aftertune run {shlex.quote(str(file))}), name another --output, or delete it",
            )
        return file
    write_text(file, text)
    return file


def report_of(asked: Asked, output: str | PathLike[str] | None) -> Report:
    """Returns the report of a comparison, after its study was written and run; raises as `aftertune.diff` does."""
    from workflow.run import run_steps

    file = write_study(asked, None if output is None else Path(output), told=lambda line: print(line, file=sys.stderr))
    try:
        run_steps(str(file), cores=None, dry_run=False, profile="local")
    except typer.Exit as end:
        raise RuntimeError(f"the study {file} did not run to its end (exit code {end.exit_code})") from None
    return load_report(load_study(file).folder)


def _with_members(asked: Asked, told: Callable[[str], None]) -> Asked:
    """Returns what was asked with the tasks of each group in its place, of which ``told`` is called with a line.

    Raises UserError for a name that neither the user's folder nor ours has, nor lm_eval.
    """
    own = asked.settings.get("include_path")
    found = {name: Members([name]) for name in asked.tasks}
    others = [name for name in asked.tasks if not find_yaml(name, TASKS_PATH) and not (own and find_yaml(name, own))]
    if others:
        manager = task_manager(own or TASKS_PATH, shipped=others)
        for name in others:
            found[name] = members(name, manager)
            tasks = found[name].tasks
            if not tasks:
                ours = [path.stem for path in TASKS_PATH.glob("*/*.yaml")]
                raise unknown_task(name, [*ours, *manager.all_subtasks], shipped=True)
            if tasks != [name]:
                told(f"{name} is a group of {len(tasks)} tasks, each of which is scored: {', '.join(tasks)}")
    groups: dict[str, Any] = {
        name: one.tasks if one.weight_by_size else one._asdict() for name, one in found.items() if one.tasks != [name]
    }
    settings = asked.settings | ({"groups": groups} if groups else {})
    return replace(
        asked, tasks=list(dict.fromkeys(task for one in found.values() for task in one.tasks)), settings=settings
    )


def _checked_entries(asked: Asked) -> list[dict[str, Any]]:
    """Returns each checkpoint's entry in the study, once it is known to belong to the base and to the tasks it answers.

    Of weights only headers are read, and hashes made; a built-in base model is written where it is not there yet.
    """
    from finetune.elsewhere import reading
    from finetune.elsewhere.sides import side_of

    model = Model(id=asked.base)
    write_base(model)
    base = side_of(model.path, asked.base_revision, weights=True, records=False)
    if base.head != "causal":
        raise UserError(
            f"the base {asked.base} is a model with the head {base.head}",
            "a base model answers in words: its head of classes or spans would be another task's, or random",
            "name the language model that the checkpoints were trained from",
        )
    own, allow, entries = asked.settings.get("include_path"), tuple(asked.allow), []
    for path in asked.tuned:
        tuned = side_of(path, None, weights=True, records=True)
        answered = tuple(task for task in asked.tasks if can_answer(task, tuned.head, folder_of(task, own)))
        place = Path(own) if own else None
        reading.check_pair(
            base, tuned, reading.Asked(path, model.path, tasks=answered, include_path=place, allow=allow)
        )
        if not answered:
            raise UserError(
                f"{path} is a model with the head {tuned.head}, and can answer none of {', '.join(asked.tasks)}",
                "a classifier needs a task with choices, a span reader a task whose answer is in a passage",
                "name another task with --tasks",
            )
        entries.append(
            {
                "path": path,
                **({"tasks": list(answered)} if len(answered) < len(asked.tasks) else {}),
                **({"training_rows": asked.training_rows} if asked.training_rows else {}),
                **({"allow": list(allow)} if allow else {}),
            }
        )
    return entries


def with_limit(study: Study, limit: int) -> Study:
    """Returns a study that scores at most ``limit`` items of each task."""
    tasks = {task: study.plan(task).model_copy(update={"limit": limit}) for task in study.tasks}
    return study.model_copy(update={"tasks": tasks})


def quick_limit(study: Study, seconds: float = QUICK_S) -> tuple[int | None, float]:
    """Returns how many items of each task a study can score here in about ``seconds``, and the seconds it will take.

    None: all of them take no longer. By `workflow.plan`'s estimate: what a step takes beside its items, and what an
    item takes, are told apart by a plan of few and a plan of many. Of a task that does not declare its size nothing
    can be told.
    """
    from workflow.plan import scored_rows

    rows, speed = [scored_rows(study, task) for task in study.tasks], _speed(study)
    whole = _seconds(study, speed)
    if None not in rows and whole <= seconds:
        return None, whole
    few, many = FEWEST_ITEMS, min((count for count in rows if count), default=50 * FEWEST_ITEMS)
    times = [_seconds(with_limit(study, limit), speed) for limit in (few, many)]
    an_item = (times[1] - times[0]) / (many - few) if many > few else 0.0
    if an_item <= 0:
        return ITEMS_OF_UNKNOWN, times[0]
    limit = max(FEWEST_ITEMS, int(few + (seconds - times[0]) / an_item))
    return limit, _seconds(with_limit(study, limit), speed)


def detectable(items: int, discordant: float = 0.2) -> float:
    """Returns the smallest difference of two shares of right answers that a paired test finds in 4 of 5 cases.

    ``discordant``: the share of items on which just one of the two models is right. The two-sided level is 0.05, the
    power 0.8 (Connor 1987, without the term of second order).

    >>> round(detectable(100), 3)
    0.125
    """
    return float((1.96 + 0.842) * (discordant / items) ** 0.5)


def _what_it_finds(study: Study, limit: int | None, seconds: float) -> str:
    """Returns what a quick comparison takes, and the difference that it can find on the task with the fewest items."""
    from workflow.plan import scored_rows

    known = [count for task in study.tasks if (count := scored_rows(study, task))]
    fewest = min([*known, *([limit] if limit else [])], default=ITEMS_OF_UNKNOWN)
    told = f"at most {limit:,} items of each task" if limit else "all items of each task"
    return (
        f"{told}, about {shown_time(seconds)}: on {fewest:,} items a difference of {detectable(fewest):.3f} in a share "
        "of right answers can be found, if the two models differ on a fifth of them"
    )


def _speed(study: Study) -> float:
    """Returns the operations a second that steps reach here: probed once, so that plans differ by their items alone."""
    device = resolve_device(study.device)
    return operations_a_second(resolve_dtype(study.dtype, device), device)


def _seconds(study: Study, speed: float) -> float:
    from workflow.plan import planned

    return sum(step.seconds or 0.0 for step in planned(study, speed=speed).steps if not step.done)


def _values(asked: Asked, tuned: Sequence[dict[str, Any]]) -> dict[str, Any]:
    names = [Elsewhere.model_validate(entry).name for entry in tuned]
    model = {"id": asked.base} | ({"revision": asked.base_revision} if asked.base_revision else {})
    if asked.base not in BUILT_IN and Path(asked.base).is_dir():
        model["name"] = Path(asked.base).resolve().name
    return {
        "title": f"What changed from {re.sub(r'[^ -~]', '?', Path(asked.base).name)} to {', '.join(names)}",
        "model": model,
        "tasks": {task: _plan(asked.limit) for task in asked.tasks},
        "checkpoints": list(tuned),
        "authors": [{"name": "", "did": ""}],
        **asked.settings,
    }


def _without_limits(values: Any) -> Any:
    """Returns what a study file holds with its tasks' names alone."""
    tasks = values.get("tasks") if isinstance(values, dict) else None
    return {**values, "tasks": list(tasks)} if isinstance(tasks, dict) else values


def _plan(limit: int | None) -> dict[str, int] | None:
    return {"limit": limit} if limit else None
