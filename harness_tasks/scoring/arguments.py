"""What the arguments of a run ask for, checked before a model is loaded."""

import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lm_eval.config.evaluate_config import EvaluatorConfig
from lm_eval.tasks import TaskManager

from harness_tasks import TASKS_PATH
from harness_tasks.errors import UserError
from harness_tasks.guards import enforce
from harness_tasks.guards.adapter_base import adapter_base
from harness_tasks.guards.shots import shots
from harness_tasks.loading import check_task, load_task, matching, tags_of, task_manager, unknown_task
from harness_tasks.models.heads import check_model, fetch_weights, warning_of_rounded_logarithms
from harness_tasks.models.overlapping_tasks import warning_of_related
from harness_tasks.sampling import sample_indices
from harness_tasks.scoring.adapters import runs
from harness_tasks.scoring.command_line import parse


@dataclass(frozen=True)
class Checked:
    """A run whose model, tasks and rows can be had."""

    config: EvaluatorConfig
    """The arguments as lm_eval reads them; ``samples`` are sorted rows by task."""
    model_args: list[dict[str, Any]]
    """Those of each model: one, or one for each of a list of adapters."""
    tasks: dict[str, Any]
    """Ours that are scored, by name, their data loaded; with few-shot examples lm_eval's own too."""
    names: list[str] | None
    """What is scored, by names of tasks, groups and tags; None where a pattern or a file stands among them."""
    shipped: list[str]
    """Those of the names that are not ours but lm_eval's own."""
    passed_over: Sequence[str]
    """The guards that failed and were allowed."""


@dataclass
class _Tasks:
    """The tasks that a run names: those of ours that are scored, all that were loaded, and whether there are others."""

    ours: list[str]
    loaded: dict[str, Any]
    has_others: bool
    names: list[str] | None
    shipped: list[str]


def check_arguments(arguments: Sequence[str], allowed: Sequence[str] = ()) -> Checked:
    """Returns what lm_eval's ``arguments`` ask for, once it is known that it can be had.

    Raises UserError where they name an unknown task, one of ours whose data cannot be loaded, or a checkpoint with
    another head than the model class scores; GuardError where a guard fails that is not ``allowed``. Warns
    on stderr of tasks that share items with the checkpoint's own.

    Arguments that lm_eval's parser does not know end the process with its message and exit code 2.
    """
    config = parse(arguments)
    each = runs(config.model, config.model_args)
    if config.use_cache and len(each) > 1:
        raise UserError(
            f"--use_cache with {len(each)} models",
            "lm_eval's cache of answers does not know the adapter: one would be given another's",
            'leave --use_cache out, and add "answers": DIR to --model_args, where hf-shared keeps those of each model',
        )
    if config.output_path:
        _check_output(Path(config.output_path))
    for model_args in each:
        check_model(config.model, model_args, num_fewshot=config.num_fewshot or 0)
    include_path = config.include_path or TASKS_PATH
    tasks = _check_tasks(config, include_path)
    # No logarithm is taken where all that is asked for is text.
    only_texts = not tasks.has_others and all(tasks.loaded[name].OUTPUT_TYPE == "generate_until" for name in tasks.ours)
    for model_args in each:
        rounded = None if only_texts else warning_of_rounded_logarithms(config.model, model_args)
        for warning in (rounded, warning_of_related(model_args, tasks.ours, include_path)):
            if warning:
                print(warning, file=sys.stderr)
    if config.samples is not None:
        rows = {name: len(tasks.loaded[name].eval_docs) for name in tasks.ours}
        config.samples = sample_indices(config.samples, rows, others=tasks.has_others)
        if whole := [name for name in tasks.ours if name not in config.samples]:
            print(f"Warning: --samples names no rows of {', '.join(whole)}: every row is scored.", file=sys.stderr)
    verdicts = [
        shots(loaded, name, config.num_fewshot, seed=config.seed[3], rows=_scored_rows(config, name, loaded))
        for name, loaded in tasks.loaded.items()
    ]
    passed_over = enforce([*verdicts, *(adapter_base(model_args) for model_args in each)], allowed)
    for model_args in each:
        fetch_weights(config.model, model_args)
    return Checked(config, each, tasks.loaded, tasks.names, tasks.shipped, passed_over)


def _check_output(output: Path) -> None:
    """Raises UserError where lm_eval, which only notes in its log that it could not, would save no results."""
    folder = output.parent if output.suffix == ".json" else output
    nearest = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise UserError(
            f"the output path {output}: {nearest} is not a folder that can be written to",
            "lm_eval would score every item, and save nothing",
            "name another --output_path",
        )


def _check_tasks(config: EvaluatorConfig, include_path: str | Path) -> _Tasks:
    """Returns the tasks that ``config`` names, ours loaded and their first rows rendered; raises as `check_task`."""
    asked = config.tasks if isinstance(config.tasks, list) else [config.tasks]
    asked = [name for item in asked for name in str(item).split(",")]
    names = [name for name in asked if not name.endswith(".yaml") and not Path(name).is_dir()]
    manager = task_manager(include_path)
    others = [name for name in names if name not in manager.all_tasks]
    # A pattern may stand for tasks of lm_eval's too.
    plain = bool(asked) and len(names) == len(asked) and not any(map(_is_pattern, others))
    found = _Tasks([], {}, len(names) < len(asked), list(dict.fromkeys(names)) if plain else None, others)
    for name in names:
        known = _known(manager, name, include_path)
        found.has_others |= not known or name in others
        if not matching(manager, name):
            everything = task_manager(include_path, shipped=None if _is_pattern(name) else [name])
            if not matching(everything, name):
                raise unknown_task(name, everything.all_subtasks, shipped=True)
            if config.num_fewshot and name in everything.all_subtasks:
                found.loaded[name] = load_task(name, include_path=include_path, metadata=config.metadata)
        for task in known:
            found.loaded[task] = check_task(
                task,
                include_path=include_path,
                metadata=config.metadata,
                include_defaults=False,
                num_fewshot=config.num_fewshot or 0,
            )
        found.ours += [task for task in known if task not in found.ours]
    return found


def _is_pattern(name: str) -> bool:
    """Returns whether lm_eval takes more than the task of that name for it: its wildcards, and 0.5's `task@format`."""
    return bool(set("*?[@") & set(name))


def _known(manager: TaskManager, pattern: str, include_path: str | Path) -> list[str]:
    """Returns the tasks of ours that ``pattern`` stands for, by name; those of a tag too.

    A group, and a name that lm_eval ships, are lm_eval's to check.
    """
    matches = matching(manager, pattern)
    tags = {match for match in matches if match in manager.all_tags}
    members = {task for task in manager.all_subtasks if tags & tags_of(task, include_path)}
    return sorted((set(matches) & set(manager.all_subtasks)) | members)


def _scored_rows(config: EvaluatorConfig, name: str, task: Any) -> list[int]:
    """Returns the indices of the rows of a task that lm_eval scores, in the order in which it draws their shots."""
    available = len(task.eval_docs)
    if config.samples is not None and name in config.samples:
        return list(config.samples[name])
    limit = config.limit
    if limit is None:
        return list(range(available))
    return list(range(min(available, math.ceil(available * limit) if limit < 1 else int(limit))))
