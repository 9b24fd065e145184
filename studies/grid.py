"""A grid: a study file that lists several models or numbers of shots. Each pair of them is a study of its own."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from harness_tasks.errors import UserError
from harness_tasks.messages import nearest_name
from harness_tasks.outputs import write_outputs
from harness_tasks.reading import Kind, read_text
from studies.loading import load_study, no_checkpoint, read_mapping, study_of, tasks_with_checkpoints
from studies.names import check_name
from studies.study import Study

KEYS = {"models": "model", "shots": "num_fewshot"}
"""The keys of a grid that a study has not, and what a study has in their place."""
GRID_MANIFEST = "grid_files.json"
"""Names the files that a grid wrote into its folder."""
_TEMPLATE = Kind("the template", "the pages of the grid's studies are made of it", "save it as UTF-8", limit_mib=4)


@dataclass(frozen=True)
class Grid:
    """Studies that stand beside each other: their files and what is in them."""

    name: str
    title: str
    studies: dict[Path, Study]
    texts: Mapping[str, str] = field(default_factory=dict)
    """What `write` writes, by its path within `folder`; nothing for a study by itself."""

    @property
    def folder(self) -> Path:
        """Where everything that the grid makes goes; a study of it has a folder therein."""
        return next(iter(self.studies.values())).folder if self.is_one_study else Path("build") / self.name

    @property
    def is_one_study(self) -> bool:
        """Whether it is no grid but a study by itself, whose page is all there is."""
        return [study.name for study in self.studies.values()] == [self.name]

    def write(self) -> None:
        """Writes the files of a grid's studies, and beside them the templates that their pages look for there.

        Raises:
            UserError: as `write_outputs` does.
        """
        if not self.is_one_study:
            write_outputs(self.folder, self.texts, manifest=GRID_MANIFEST, only_changed=True)


def load_grid(path: str | Path) -> Grid:
    """Returns the grid of a YAML file; a study by itself is a grid of one. Nothing is written.

    A grid's studies have files of their own, `build/<grid>/<study>.yaml`, once `Grid.write` was called.

    Raises:
        UserError: as `load_study` does; two studies have one name or one model; a name under `exclude` or `only` is
            not in the grid; nothing is left of a task, or of all.
    """
    path = Path(path)
    values = read_mapping(path)
    if not set(KEYS) & set(values):
        study = load_study(path)
        return Grid(study.name, study.title, {path: study})
    why = {
        "checkpoints": "a checkpoint belongs to one base model, and a grid has several",
        "output": "a grid's studies have a folder each, within the grid's",
    }
    for key in why:
        if key in values:
            raise UserError(
                f"{path} is a grid and has the key `{key}`", why[key], "leave it out, or write a study of one model"
            )
    both = [f"`{key}` and `{KEYS[key]}`" for key in KEYS if key in values and KEYS[key] in values]
    if both:
        raise UserError(f"{path} has {both[0]}", "one of them would be ignored", "delete one")
    check_name(path.stem, f"the grid {path} has a name:")
    studies = _studies(path, values)
    texts = {
        file.name: yaml.safe_dump(own, sort_keys=False, allow_unicode=True, width=120)
        for file, (own, _) in studies.items()
    }
    named = {file: study for file, (_, study) in studies.items()}
    return Grid(path.stem, str(values.get("title")), named, texts | _templates(path.parent))


def _studies(path: Path, values: dict[str, Any]) -> dict[Path, tuple[dict[str, Any], Study]]:
    """Returns each study's file, what is to be written to it, and the study."""
    shared = {key: value for key, value in values.items() if key not in KEYS} | {"grid": path.stem}
    if isinstance(shared.get("claims"), str):
        shared["claims"] = os.path.relpath(path.parent / shared["claims"], Path("build") / path.stem)
    models = _listed(path, values, "models") if "models" in values else [values.get("model")]
    shots = _listed(path, values, "shots") if "shots" in values else [values.get("num_fewshot", 0)]
    _refuse_twice(path, "shots", shots)
    all_studies = []
    for model in models:
        for number in shots:
            own = {**shared, "model": {"id": model} if isinstance(model, str) else model, "num_fewshot": number}
            study = study_of(path, own, name="")
            name = _slug(study.model.shown_name) + (f"-{number}-shot" if len(shots) > 1 else "")
            check_name(name, f"{path}: the model {study.model.shown_name[:100]} has a name:", is_in_grid=True)
            all_studies.append((Path("build") / path.stem / f"{name}.yaml", own, study))
    _refuse_twice(path, "models", [_identity(all_studies[at][2]) for at in range(0, len(all_studies), len(shots))])
    _check_names(path, [study for _, _, study in all_studies])
    kept: dict[Path, tuple[dict[str, Any], Study]] = {}
    for file, own, study in all_studies:
        made = tasks_with_checkpoints(study)
        tasks = {task: plan for task, plan in own["tasks"].items() if task in made}
        if not tasks:
            continue
        if file in kept:
            raise UserError(
                f"{path} has two models of the name {study.model.shown_name}",
                "each has a folder and a line of its own, and would overwrite the other's",
                "give one of them another `name:`",
            )
        own = {**own, "tasks": tasks}
        kept[file] = (own, study_of(file, own, name=f"{path.stem}/{file.stem}"))
    done = {task for _, study in kept.values() for task in study.tasks}
    for task in all_studies[0][2].tasks:
        if task not in done:
            raise no_checkpoint(path, task, all_studies[0][2])
    return kept


def _templates(home: Path) -> dict[str, str]:
    """Returns the templates beside a grid's file, by the path within its folder where its studies' pages look."""
    own, ours = home / "templates", Path(str(files("templates")))
    if own.resolve() == ours.resolve():
        return {}
    found = sorted(file for file in own.glob("*.*") if file.is_file() and not file.is_symlink())
    return {f"templates/{file.name}": read_text(file, _TEMPLATE) for file in found}


def _listed(path: Path, values: dict[str, Any], key: str) -> list[Any]:
    found = values[key]
    if not isinstance(found, list) or not found:
        raise UserError(
            f"{path}: `{key}` is {found!r}",
            "a grid has a study for each entry of the list",
            f"write a list under `{key}:`, or one value under `{KEYS[key]}:`",
        )
    return found


def _identity(study: Study) -> str:
    """Returns what tells two models of a grid apart: the folder, wherever it is written from, or Hub id and commit."""
    model = study.model
    return os.path.realpath(model.path) if model.is_local else f"{model.id} {model.revision or ''}".strip()


def _refuse_twice(path: Path, key: str, values: list[Any]) -> None:
    for index, value in enumerate(values):
        if value in values[:index]:
            raise UserError(
                f"{path}: `{key}` names {value} twice",
                "one measurement would count as two on the leaderboard",
                "delete one",
            )


def _check_names(path: Path, studies: list[Study]) -> None:
    """Raises a UserError where `exclude` or `only` names what no study has."""
    one = studies[0]
    known: dict[str, set[Any]] = {
        "model": {study.model.shown_name for study in studies},
        "shots": {study.num_fewshot for study in studies},
        "task": set(one.tasks),
        "method": set(one.methods),
        "seed": set(one.seeds),
    }
    for key, rules in (("exclude", one.exclude), ("only", one.only)):
        for rule in rules:
            for what, given in rule.model_dump().items():
                asked = given if isinstance(given, list) else [] if given is None else [given]
                for value in asked:
                    if what in known and value not in known[what]:
                        names = sorted(map(str, known[what]))
                        near = nearest_name(str(value), names)
                        raise UserError(
                            f"{path}: `{key}` names the {what} {value}, which the study does not list",
                            "the rule would match nothing, and the grid would not be the one you meant",
                            f"write {near}" if near else f"name one of {', '.join(names[:10])}",
                        )


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.") or "model"
