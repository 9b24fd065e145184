"""The commit of the Hub at which a study's base model is loaded by every step, whenever it runs.

A branch such as `main` moves. What it names when the study's first step starts is written to `pinned.json` in the
study's folder, so that a seed added next month begins with the same weights.
"""

from pathlib import Path

from typing_extensions import TypedDict

from harness_tasks.errors import UserError
from harness_tasks.files import write_json
from harness_tasks.models.commits import commit_of, is_commit
from harness_tasks.reading import Kind, read_json
from studies import Grid, Study


class Pin(TypedDict):
    """What a study asked for (a Hub id; a branch, a tag or None), and the commit that it was."""

    model: str
    revision: str | None
    commit: str


PINNED = Kind(
    name="the file of the pinned base model",
    why="every step of the study loads the base model from the commit that it names",
    mend="delete it: the next run takes the newest commit, and computes everything again from it",
    limit_mib=1,
    schema=Pin,
)


def revision_of(study: Study) -> str | None:
    """Returns the revision at which the study's base model is loaded: None of a folder; else its commit, once pinned.

    Raises:
        UserError: the study's `pinned.json` is damaged.
    """
    if study.model.is_local:
        return None
    pin = None if is_commit(study.model.revision) else _pin_of(study)
    return pin["commit"] if pin else study.model.revision


def pin_models(grid: Grid) -> None:
    """Writes `pinned.json` for each study whose base model is the Hub's and has no pin yet; one commit for all.

    Raises:
        UserError: the Hub does not give the model's configuration, and it is not in the cache either.
    """
    studies = [one for one in grid.studies.values() if not one.model.is_local and not is_commit(one.model.revision)]
    pins = {(pin["model"], pin["revision"]): pin for pin in map(_pin_of, studies) if pin}
    for study in studies:
        asked = (study.model.path, study.model.revision)
        pin = _pin_of(study) or pins.get(asked) or _newest(*asked)
        pins.setdefault(asked, pin)
        write_json(_file(study), pin)


def _newest(model: str, revision: str | None) -> Pin:
    from report.reading.model_files import configuration_file

    configuration_file(model, revision)
    commit = commit_of(model, revision)
    if commit is None:
        raise UserError(
            f"which commit of {model} the Hub gave cannot be told",
            "its weights may change while the study runs, and scores of two of them must not be compared",
            "name the commit under `model: revision:` of the study",
        )
    return Pin(model=model, revision=revision, commit=commit)


def _pin_of(study: Study) -> Pin | None:
    """Returns the study's pin; None where there is none, or where the study asks for something else by now."""
    file = _file(study)
    if not file.exists():
        return None
    pin: Pin = read_json(file, PINNED)
    return pin if (pin["model"], pin["revision"]) == (study.model.path, study.model.revision) else None


def _file(study: Study) -> Path:
    return study.folder / "pinned.json"
