"""Building lm_eval's task objects by name, with errors that a user can act on. Imports lm_eval only when called."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml
from typing_extensions import TypedDict

from harness_tasks import TASKS_PATH, shipped_tasks
from harness_tasks.errors import UserError
from harness_tasks.hub.download import explained as hub_explained
from harness_tasks.hub.faults import hub_fault, repository_of, with_retries
from harness_tasks.messages import first_line, nearest_names, reason_of
from harness_tasks.reading import Kind, checked, read_text

if TYPE_CHECKING:
    from lm_eval.api.task import ConfigurableTask
    from lm_eval.tasks import TaskManager


def load_task(
    name: str,
    *,
    include_path: str | Path = TASKS_PATH,
    metadata: Mapping[str, Any] | None = None,
    include_defaults: bool | None = None,
) -> "ConfigurableTask":
    """Returns the task ``name``, its data loaded.

    ``metadata`` is what lm_eval's ``--metadata`` takes. ``include_defaults`` says whether lm_eval's own tasks are
    looked through too; None: our own tasks are looked through where ``include_path`` does not have the name, and
    lm_eval's where neither has. Raises
    UserError where there is no such task, it is a group of several, or its definition or data cannot be loaded.
    """
    manager = task_manager(include_path, metadata, shipped=[name] if include_defaults else [])
    if include_defaults is None and name not in manager.all_tasks and find_yaml(name):
        manager = task_manager(TASKS_PATH, metadata)
    elif include_defaults is None and name not in manager.all_tasks:
        manager = task_manager(include_path, metadata, shipped=[name])
    if name not in manager.all_tasks:
        raise unknown_task(name, manager.all_subtasks, shipped=include_defaults is not False)

    def explained(_: str, fault: Exception) -> UserError:
        asked = repository_of(fault) or f"of the task {name}"
        return hub_explained(asked, "dataset", None, fault, otherwise="name a task whose rows are on this machine")

    try:
        tasks = with_retries(f"the task {name}", lambda: _loaded(manager, name), explained, fault_of=_hub_fault)
    except UserError:
        raise
    except Exception as error:  # whatever a task of someone else's raises, it is that task that cannot be loaded
        is_hidden = type(error).__name__ == "DatasetNotFoundError"
        raise UserError(
            f"the task {name!r} cannot be loaded: {first_line(error)}",
            "without its definition and its rows nothing can be rendered or scored",
            "check `dataset_path` in the task's YAML; for a private or gated data set ask for access on its page, and "
            "run `hf auth login` with the account that has it"
            if is_hidden
            else "correct the task's YAML, or make its data reachable (network; `--metadata` where the task reads it)",
        ) from error
    if name not in tasks:
        raise UserError(
            f"{name!r} is a group of {len(tasks)} tasks",
            "one task at a time is trained on and sampled",
            f"name one of them: {', '.join(sorted(tasks)[:8])}",
        )
    return tasks[name]


def _hub_fault(error: BaseException) -> Exception | None:
    """Returns the Hub's or the network's fault behind what loading a task raised; None where it is something else."""
    # datasets lets go of what the Hub answered, and keeps the sentence.
    if isinstance(error, ConnectionError) and "on the Hub" in str(error) and "OfflineMode" not in str(error):
        return error
    return hub_fault(error)


def _loaded(manager: "TaskManager", name: str) -> dict[str, Any]:
    return _with_data(manager.load(name)["tasks"])


def _with_data(tasks: dict[str, Any]) -> dict[str, Any]:
    for task in tasks.values():
        _ = task.dataset  # which lm_eval 0.5 loads when it is first asked for
    return tasks


def matching(manager: "TaskManager", pattern: str) -> list[str]:
    """Returns the names that ``manager`` knows and ``pattern`` stands for; of lm_eval 0.5's `task@format` the task's.

    0.5 gives a pattern that matches nothing back as it is.
    """
    known = set(manager.all_tasks)
    found = (name if name in known else name.partition("@")[0] for name in manager.match_tasks([pattern]))
    return sorted(known.intersection(found))


class Members(NamedTuple):
    """The tasks that a name stands for, and whether lm_eval's score of them together is the mean over their items.

    It is the mean of the tasks' scores where the group says `weight_by_size: false` of the first metric it aggregates.
    """

    tasks: list[str]
    weight_by_size: bool = True


def members(name: str, manager: "TaskManager") -> Members:
    """Returns the tasks that a name stands for: those of a group or a tag, else the one of that name; none of no other.

    A group's tasks are loaded with their data: lm_eval lists them in no other way.
    """
    if name in manager.all_subtasks:
        return Members([name])
    if name not in {*manager.all_groups, *manager.all_tags}:
        return Members([])
    loaded = manager.load(name)
    aggregated = getattr(loaded["groups"].get(name), "aggregate_metric_list", None)
    return Members(list(_with_data(loaded["tasks"])), aggregated[0].weight_by_size if aggregated else True)


def set_shots(task: "ConfigurableTask", asked: int) -> int:
    """Returns how many few-shot examples stand before an item where ``asked`` are asked for, and sets the task to it.

    As lm_eval's evaluator does it: a task whose YAML says 0 stays at 0. lm_eval 0.5 says which rows the examples are
    drawn from only once it is set.
    """
    if task.config.num_fewshot != 0:
        task.set_config("num_fewshot", asked)
    return int(task.config.num_fewshot or 0)


def check_task(
    name: str,
    *,
    include_path: str | Path = TASKS_PATH,
    metadata: Mapping[str, Any] | None = None,
    include_defaults: bool | None = None,
    num_fewshot: int = 0,
    training: bool = False,
) -> "ConfigurableTask":
    """Returns the task ``name`` after rendering its first scored row, its shots and, if asked, its first training row.

    It is what our commands call before a model is loaded. Raises UserError as `load_task` does, and where a split
    that is needed is missing or empty.
    """
    task = load_task(name, include_path=include_path, metadata=metadata, include_defaults=include_defaults)
    _render_first(task, name, task.eval_docs, "scored")
    if num_fewshot and (num_fewshot := set_shots(task, num_fewshot)):
        pool = list(task.fewshot_docs() or [])
        _render_first(task, name, pool, "few-shot")
        if len(pool) < num_fewshot:
            raise UserError(
                f"the task {name!r} has {len(pool)} rows to draw {num_fewshot} shots from",
                "shots are drawn without repetition",
                f"ask for at most {len(pool)} shots",
            )
    if training:
        if not task.has_training_docs():
            raise UserError(
                f"the task {name!r} has no training split",
                "its training rows are what a model would be fine-tuned on",
                "name another task, or give this one a `training_split` in its YAML",
            )
        _render_first(task, name, task.training_docs(), "training")
    return task


def find_yaml(name: str, include_path: str | Path = TASKS_PATH) -> Path | None:
    """Returns the YAML file under ``include_path`` that defines the task ``name``, or None; lm_eval is not asked."""
    line = re.compile(rf"^task:\s*{re.escape(name)}\s*$", re.MULTILINE)
    files = sorted(Path(include_path).rglob("*.yaml"))
    return next((path for path in files if line.search(read_text(path, TASK))), None)


def declared_metadata(name: str, include_path: str | Path = TASKS_PATH) -> dict[str, Any] | None:
    """Returns what the YAML file of the task ``name`` says under `metadata:`, or None where there is no such file.

    Nothing is loaded: neither the task's data nor its hooks.
    """
    path = find_yaml(name, include_path)
    return None if path is None else _read_yaml(path).get("metadata") or {}


def declared(name: str, key: str, include_path: str | Path = TASKS_PATH) -> Any:
    """Returns what the YAML file of the task ``name``, or one that it includes, says under ``key``; None: nothing."""
    path = find_yaml(name, include_path)
    return None if path is None else _declared_in(path, key)


def _declared_in(path: Path, key: str) -> Any:
    found = _read_yaml(path)
    if key in found:
        return found[key]
    includes = found.get("include") or []
    inherited = (
        _declared_in(path.parent / name, key) for name in ([includes] if isinstance(includes, str) else includes)
    )
    return next((value for value in inherited if value is not None), None)


def tags_of(name: str, include_path: str | Path = TASKS_PATH) -> set[str]:
    """Returns the tags that the YAML file of the task ``name``, or one that it includes, gives it."""
    found = declared(name, "tag", include_path) or []
    return {found} if isinstance(found, str) else set(found)


@cache
def _read_yaml(path: Path) -> dict[str, Any]:
    text = read_text(path, TASK)
    try:
        found = yaml.safe_load(
            shipped_tasks.without_functions(text)
        )  # as lm_eval reads it, which takes keys that are no text
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, AttributeError, RecursionError) as error:
        raise UserError(f"{TASK.name} {path} cannot be read ({reason_of(error)})", TASK.why, TASK.mend) from None
    return dict(checked(found, path, TASK)) if isinstance(found, dict) else {}


class _Task(TypedDict, total=False):
    metadata: dict[str, Any] | None
    tag: str | list[str] | None
    include: str | list[str] | None


TASK = Kind(
    "the task's YAML file",
    "it says what is asked, of which rows, and what a report must know",
    "correct it there, or name another folder with --include_path",
    limit_mib=16,
    schema=_Task,
)


def doc_hash(doc: Mapping[str, Any]) -> str:
    """Returns the hash that lm_eval writes into its sample files for ``doc``."""
    from lm_eval.utils import handle_non_serializable, hash_string

    return str(hash_string(json.dumps(doc, indent=2, default=handle_non_serializable, ensure_ascii=False)))


def task_manager(
    include_path: str | Path, metadata: Mapping[str, Any] | None = None, *, shipped: Collection[str] | None = ()
) -> "TaskManager":
    """Returns lm_eval's index of the tasks under ``include_path``, and of its own that ``shipped`` asks for."""
    from lm_eval.tasks import TaskManager

    return TaskManager(metadata=dict(metadata or {}), **places(include_path, shipped))


def places(include_path: str | Path, shipped: Collection[str] | None = ()) -> dict[str, Any]:
    """Returns where lm_eval's index looks for tasks, as arguments of `TaskManager`.

    It does so under ``include_path``, and among its own for the names in ``shipped``; None: for all of its own, which
    takes some ten seconds.
    """
    if not Path(include_path).is_dir():
        raise UserError(
            f"the include path {str(include_path)!r} is not a folder",
            "tasks are looked for in it, and lm_eval says nothing when there is none",
            f"give one existing folder, such as {TASKS_PATH.name}/ (the default)",
        )
    folders = None if shipped is None else shipped_tasks.folders(shipped)
    return {"include_path": [*map(str, folders or ()), str(include_path)], "include_defaults": folders is None}


def unknown_task(name: str, known: Sequence[str], *, shipped: bool = False) -> UserError:
    """Returns the error for a task that is not among ``known``, nor lm_eval's own; it suggests the nearest names.

    Those of lm_eval's own are suggested where ``shipped`` says so.
    """
    known = [*known, *(sorted(shipped_tasks.names()) if shipped else ())]
    nearest = nearest_names(name, known, most=3) or [other for other in known if name in other][:3]
    return UserError(
        f"there is no task {name!r}",
        "nothing can be rendered, trained on or scored without one",
        f"name one of: {', '.join(nearest)}" if nearest else "`lm_eval ls tasks` lists the tasks that there are",
    )


def parse_tasks(tasks: str | Sequence[str] | None) -> list[str]:
    """Returns the names of a list, or of a text with commas, each once.

    >>> parse_tasks("a, b,a"), parse_tasks(["a"]), parse_tasks(None)
    (['a', 'b'], ['a'], [])
    """
    names = tasks.split(",") if isinstance(tasks, str) else tasks or ()
    return list(dict.fromkeys(name.strip() for name in names if name.strip()))


def parse_metadata(text: str | None) -> dict[str, Any]:
    """Returns the JSON object in ``text``, empty where that is None; raises UserError where it is none.

    >>> parse_metadata('{"data_dir": "data"}')
    {'data_dir': 'data'}
    """
    try:
        value = json.loads(text) if text else {}
    except json.JSONDecodeError as error:
        value = error
    if not isinstance(value, dict):
        raise UserError(
            f"the metadata {text!r} is not a JSON object",
            "it is handed to the task, which may read its rows from the folder named there",
            'write it as --metadata \'{"data_dir": "DIR"}\'',
        )
    return value


def parse_model_args(text: str) -> dict[str, Any]:
    """Returns what lm_eval's ``--model_args`` says, by key; raises UserError where it cannot be read.

    It is ``key=value,key=value``, or a JSON object, whose values may hold commas.

    >>> parse_model_args("pretrained=build/base,dtype=float32")
    {'pretrained': 'build/base', 'dtype': 'float32'}
    >>> parse_model_args('{"pretrained": "models/a,b=c"}')
    {'pretrained': 'models/a,b=c'}
    """
    from lm_eval.utils import simple_parse_args_string

    try:
        value = json.loads(text) if text.lstrip().startswith("{") else simple_parse_args_string(text)
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"the model arguments {text!r} cannot be read ({first_line(error)})",
            "they say which model is asked",
            'write --model_args pretrained=DIR,peft=DIR or --model_args \'{"pretrained": "DIR"}\'',
        ) from None
    return dict(value)


def _render_first(task: "ConfigurableTask", name: str, docs: Any, kind: str) -> None:
    if docs is None or len(docs) == 0:
        raise UserError(
            f"the task {name!r} has no {kind} rows",
            "there is nothing to render",
            "correct the task's data or its split names",
        )
    try:
        task.doc_to_text(docs[0])
        task.doc_to_target(docs[0])
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"the first {kind} row of the task {name!r} cannot be rendered: {first_line(error)}",
            "every other row would fail in the same way, after the model was loaded",
            "correct `doc_to_text` or `doc_to_target` in the task's YAML",
        ) from error
