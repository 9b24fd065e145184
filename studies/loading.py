"""A study from its file: read strictly, checked before anything else, refused in three parts."""

import json
import os
import re
import shlex
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from finetune.recipe import Recipe
from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file
from harness_tasks.messages import nearest_name
from harness_tasks.reading import Kind, read_yaml
from harness_tasks.validation import first_invalid, wrong_key
from studies.elsewhere import Elsewhere
from studies.experiments import Baseline, Experiments, Retention, RetentionTask
from studies.names import check_name, check_texts
from studies.study import Author, HubRepos, Model, Study, TaskGroup, TaskPlan, Where, can_answer, has_shots

RUN_VARIABLE = "AFTERTUNE_RUN"
"""The environment variable of a run's steps: a JSON object from the study's files to their SHA-256."""
STUDY_FILE = Kind(
    "the study file",
    "nothing of the study is known",
    "correct it there; docs/reference/study-keys.md names every key",
    limit_mib=4,
)


def study_files(folder: Path) -> list[Path]:
    """Returns the study files in ``folder``; a file of claims (``*-claims.yaml``) is none."""
    return sorted(file for file in folder.glob("*.yaml") if not file.stem.endswith("-claims"))


def load_study(path: str | Path) -> Study:
    """Returns the study of a YAML file.

    Raises:
        UserError: the file is missing or no YAML, a key is unknown (the nearest known one is named), a value is not of
            its kind, or nothing is left to fine-tune on a task.
    """
    path = Path(path)
    values = read_mapping(path)
    if grid := [key for key in ("models", "shots") if key in values]:
        raise UserError(
            f"{path} is a grid: it has the key `{grid[0]}`",
            "it stands for several studies, and one is needed here",
            f"name the file of one of them, build/{path.stem}/STUDY.yaml, which `make report` writes",
        )
    check_name(path.stem, f"the study {path} has a name:", is_in_grid=bool(values.get("grid")))
    study = study_of(path, values, name=f"{values['grid']}/{path.stem}" if values.get("grid") else path.stem)
    refuse_unanswered(path, study)
    return study


def refuse_unanswered(path: Path, study: Study) -> None:
    """Raises UserError where no checkpoint is scored on one of the tasks: nothing would stand beside the base model."""
    answered = tasks_with_checkpoints(study)
    if missing := [task for task in study.tasks if task not in answered]:
        raise no_checkpoint(path, missing[0], study)


def tasks_with_checkpoints(study: Study) -> set[str]:
    """Returns the tasks that some checkpoint of a study is scored on."""
    return {task for one in study.every_checkpoint() for task in study.scored_on(one)}


def _check_output(path: Path, study: Study) -> None:
    """Raises UserError where the steps could not tell the study's folder from a pattern, or by the study's name."""
    if study.output and re.search(r"[{}*?]", study.output):
        raise UserError(
            f"{path}: `output` is {study.output}",
            "its steps are patterns of files, in which { } * and ? stand for something else",
            "name a folder without them",
        )
    if study.output and Path(study.output).name != study.name:
        raise UserError(
            f"{path}: `output` is {study.output}, and the study's name is {study.name}",
            "its steps know the folder of a study by the study's name",
            f"let the folder end in {study.name}, or rename the file",
        )


_FITS: dict[Baseline, tuple[str, str, str]] = {
    "bag-of-words": (
        "whose YAML lists its choices",
        "a bag of words is a classifier: it can only learn labels that training rows and scored items share",
        "train on a task of fixed choices, such as reviews_demo",
    ),
    "nearest-passage-sentence": (
        "of questions on passages",
        "the nearest sentence is looked for in a passage, by the words of a question",
        "train on a task whose prompt shows a `context` and a `question`, such as passages_demo",
    ),
}
"""What a simpler means needs of a task, why, and what mends a study of none such."""


def _check_experiments(path: Path, study: Study) -> None:
    """Raises UserError where the study trains nothing that a control or a baseline could be set beside."""
    if study.experiments.control and not study.trains:
        raise UserError(
            f"{path}: `experiments:` names a control, and the study trains no checkpoint",
            "a control is trained on the rows of a checkpoint of the study, by its recipe",
            "name `methods:`, and a task with a training split; or leave `control` out",
        )
    fitting = {study.simpler_means(one) for one in study.trained_checkpoints()}
    if unfit := [name for name in study.experiments.baselines if name not in fitting]:
        trained = ", ".join(dict.fromkeys(one.task for one in study.trained_checkpoints())) or "nothing"
        lacks, why, mend = _FITS[unfit[0]]
        raise UserError(
            f"{path}: `experiments:` names the baseline {unfit[0]}, and no checkpoint is trained on a task {lacks} "
            f"(trained on: {trained})",
            why,
            f"{mend}; or leave `{unfit[0]}` out of `baselines`",
        )
    if study.num_fewshot in study.experiments.few_shot:
        raise UserError(
            f"{path}: `few_shot` names {study.num_fewshot}, which is the study's own `num_fewshot`",
            "the base model would be set beside itself",
            "name other numbers of examples",
        )
    if study.experiments.few_shot and (without := [t for t in study.tasks if not has_shots(t, study.tasks_folder(t))]):
        raise UserError(
            f"{path}: `experiments:` asks for few-shot examples, and the task {without[0]} has no split to draw them "
            "from but the scored one",
            "an item's prompt would hold answers of the test",
            "give the task a `training_split` or a `fewshot_split` in its YAML; or leave `few_shot` out",
        )
    if study.experiments.retention and not any(study.retained_on(one) for one in study.every_checkpoint()):
        raise UserError(
            f"{path}: `experiments:` asks for retention, and there is nothing to score for it",
            "a language model is scored on tasks that it was not trained on, and the study has none or no such model",
            "name a task under `retention: {tasks: ...}`, such as passages_text, or leave `retention` out",
        )


def _check_elsewhere(path: Path, study: Study) -> None:
    """Raises UserError where two checkpoints have one name or one place, or one is scored on a task of no study."""
    names: dict[str, str] = {"base": "the base model"} | {one.name: "one it trains" for one in study.training_steps()}
    names |= {one.name: "the base model with few-shot examples" for one in study.few_shot()}
    for one in study.checkpoints:
        where = f"{one.path}{f' at {one.revision}' if one.revision else ''}"
        if where in names.values():
            raise UserError(
                f"{path}: `checkpoints` names {where} twice", "one measurement would count as two", "delete one"
            )
        if one.name in names:
            raise UserError(
                f"{path}: the checkpoint {where} has the name {one.name}, as has {names[one.name]}",
                "their scores and pages would go to one folder",
                "give it another `name:`",
            )
        names[one.name] = where
        for task in one.tasks or []:
            if task not in study.tasks:
                near = nearest_name(task, study.tasks)
                raise UserError(
                    f"{path}: the checkpoint {one.name} is to be scored on {task}, which is not under `tasks:`",
                    "the base model would have no score beside it",
                    f"write {near}" if near else f"add `{task}:` under `tasks:`",
                )


def read_mapping(path: Path) -> dict[str, Any]:
    """Returns what a study file holds; raises `UserError` as `load_study` does."""
    if not os.path.exists(path):
        others = [str(file) for file in study_files(path.parent)] or ["none"]
        raise UserError(
            f"no study file at {path}",
            "a study file says which model, tasks and seeds to run",
            f"name one that exists (here: {', '.join(others)}), or copy studies/demo.yaml",
        )
    if path.suffix not in (".yaml", ".yml"):
        raise UserError(
            f"the study file {path} does not end in .yaml",
            "a copy of it is written beside the page, where other endings mean other files",
            f"rename it: mv {shlex.quote(str(path))} {shlex.quote(str(path.with_suffix('.yaml')))}",
        )
    values = read_yaml(path, STUDY_FILE)
    _refuse_edited(path)
    if not isinstance(values, dict):
        raise UserError(f"{path} holds no mapping", "a study is a mapping of keys", "start from studies/demo.yaml")
    check_texts(values, str(path))
    if "name" in values:
        raise UserError(
            f"{path} has the unknown key `name`",
            "a study is named by its file, so that its build folder can be found",
            "rename the file instead, and delete the key",
        )
    return values


def _refuse_edited(path: Path) -> None:
    """Raises a UserError where a step of a run finds another study file than the one that the run began with."""
    began = json.loads(os.environ.get(RUN_VARIABLE, "{}")).get(os.path.normpath(path))
    if began and sha256_file(path) != began:
        raise UserError(
            f"{path} was edited during its run",
            "this step would differ from those before it, and one page would describe two studies",
            "start the run again: results that the edit does not affect are kept",
        )


def study_of(path: Path, values: dict[str, Any], *, name: str) -> Study:
    """Returns the study of these values, which ``path`` holds; raises `UserError` as `load_study` does."""
    if isinstance(values.get("claims"), str):
        values = {**values, "claims": str(path.parent / values["claims"])}
    try:
        study = Study(**values, name=name)
    except ValidationError as error:
        raise _readable(path, error) from None
    if not study.tasks:
        raise UserError(f"{path} names no task", "there is nothing to score", "add one under `tasks:`")
    _check_elsewhere(path, study)
    _check_experiments(path, study)
    _check_output(path, study)
    for name, group in study.groups.items():
        if missing := [task for task in group.tasks if task not in study.tasks]:
            raise UserError(
                f"{path}: the group {name} has the task {missing[0]}, which is not under `tasks:`",
                "a group's score is made of the scores of its tasks",
                f"add {missing[0]} under `tasks:`, or take it out of the group",
            )
    return study


def no_checkpoint(path: Path, task: str, study: Study) -> UserError:
    """Returns the error for a ``task`` of which nothing is left to fine-tune."""
    heads = study.formulations or [study.plan(task).head]
    if not any(can_answer(task, head, study.tasks_folder(task)) for head in heads):
        return UserError(
            f"{path}: nothing can do the task {task} with the head {' or '.join(heads)}",
            "a classifier needs a task with choices, a span reader a task whose answer is in a passage",
            "name another head under `formulations:` (or the task's `head:`), or leave the task out",
        )
    return UserError(
        f"{path}: `exclude` and `only` leave no checkpoint of the task {task}",
        "there would be nothing to compare with the base model",
        "exclude less, or leave the task out under `tasks:`",
    )


def _readable(path: Path, error: ValidationError) -> UserError:
    """Returns the first problem that pydantic found, in three parts."""
    problem = first_invalid(error)
    return wrong_key(
        path,
        problem,
        place=problem.place,
        known=sorted(_fields_at(problem.location[:-1])),
        mistyped="a mistyped key would be ignored and the study would do something else than it says",
        needed_by="the study",
        manual="docs/reference/study-keys.md",
    )


def _fields_at(place: tuple[int | str, ...]) -> list[str]:
    models: dict[str, type[BaseModel]] = {"model": Model, "hub": HubRepos, "authors": Author, "tasks": TaskPlan}
    models |= {
        "exclude": Where,
        "only": Where,
        "checkpoints": Elsewhere,
        "groups": TaskGroup,
        "experiments": Experiments,
    }
    if "recipe" in place:
        return list(Recipe.model_fields)
    if place[:2] == ("experiments", "retention"):
        return list((RetentionTask if "tasks" in place else Retention).model_fields)
    model = models.get(str(place[0]), Study) if place else Study
    return [field for field in model.model_fields if not (model is Study and field == "name")]
