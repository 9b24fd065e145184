"""What a file of results says that it was measured of, against the folder that it lies in: the file is believed."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finetune.kinds import FINETUNE
from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file
from report.reading import kinds
from report.reading.results import Document, read_json
from studies.experiments import is_few_shot

_ADAPTERS = ("peft", "lora_local_path")
"""lm_eval's arguments for an adapter on the model that `pretrained` names."""
_CHECKPOINT = re.compile(r"(?:^|[/\\])(?:checkpoints|merged)[/\\]([^/\\]+)[/\\]*$")
"""Where a study's checkpoint lies, itself or what it was merged into; its group is its name."""


def refuse_other(folder: Path, file: str, name: str, model_args: Any, *, is_ours: bool = True) -> None:
    """Raises a UserError where ``model_args`` in ``file`` name another model of a study than ``name``.

    ``folder``: the study's. ``name``: the checkpoint in whose folder the file lies; `base` for the base model. Where no
    model is named, nothing can be told. ``is_ours``: the folder is known to be a study's; else only another
    checkpoint's name decides.
    """
    given = _arguments(model_args)
    adapter = next((given[key] for key in _ADAPTERS if given.get(key)), None)
    place = str(adapter or given.get("pretrained") or "")
    checkpoint, elsewhere = _CHECKPOINT.search(place), _elsewhere(folder, name)
    if elsewhere:
        is_other = is_ours and bool(place) and place not in elsewhere and Path(place).name not in elsewhere
    elif checkpoint:
        is_other = checkpoint[1] != name
    else:
        is_other = is_ours and bool(place) and (not _is_base(name) or adapter is not None)
    if is_other:
        raise UserError(
            f"{file} says that it was measured of {place}, and lies in the folder of {name}",
            "one model's numbers would be shown as another's",
            f"put the files into the folder of the model that they name, or delete {Path(file).parent} and run the "
            "study again",
        )


def _is_base(name: str) -> bool:
    """Returns whether a folder is that of the base model: of its scores as it is, or with few-shot examples."""
    return name == "base" or is_few_shot(name)


def _elsewhere(folder: Path, name: str) -> list[str]:
    """Returns where a checkpoint lies that was trained elsewhere, and its commit, by which the Hub's cache calls it."""
    record = folder / "checkpoints" / name / "finetune.json"
    if name == "base" or not record.is_file():
        return []
    own = read_json(folder, f"checkpoints/{name}/finetune.json", FINETUNE).value("elsewhere") or {}
    return [own[key] for key in ("path", "revision") if own.get(key)]


def refuse_replaced(folder: Path, document: Document, name: str) -> None:
    """Raises a UserError where what was measured is not what the study's folder holds now under ``name``.

    Under `scored`, and `counted` for parameters, a file says of what it is: the SHA-256 of a checkpoint's record, the
    base's hash, the SHA-256 of a configuration. Where it does not, nothing can be told.
    """
    said = document.value("scored") or document.value("counted") or {}
    mend = f"delete {_made_by_one_step(document.file)} and run the study again"
    if said and not _is_base(name) and not said.get("checkpoint"):
        raise _of_another(document.file, "no checkpoint", name, mend)
    if _is_base(name) and said.get("checkpoint"):
        raise _of_another(document.file, f"a checkpoint with the hash {said['checkpoint'][:12]}", name, mend)
    record = folder / "checkpoints" / name / "finetune.json"
    now = {
        "checkpoint": sha256_file(record) if name != "base" and record.is_file() else None,
        "base": read_json(folder, "model.json", kinds.MODEL).value("fingerprint") if said.get("base") else None,
        "configuration": read_json(folder, "model.json", kinds.MODEL).value("config_sha256")
        if said.get("configuration")
        else None,
    }
    for what, digest in now.items():
        then = said.get(what)
        if digest and then and digest != then:
            raise UserError(
                f"{document.file} was measured of a {what} with the hash {then[:12]}; the one here has {digest[:12]}",
                "its numbers are of another model than the one that the page describes",
                mend,
            )


def refuse_misplaced(document: Document, name: str) -> None:
    """Raises a UserError where a file in a checkpoint's folder names another checkpoint than ``name`` as its own."""
    named = document.value("checkpoint")
    if named is not None and named != name:
        raise UserError(
            f"{document.file} says that it describes {named}",
            "one checkpoint's recipe, cost and changes would be shown for another",
            f"put the right file in {Path(document.file).parent}, or train it again",
        )


def _of_another(file: str, what: str, name: str, mend: str) -> UserError:
    return UserError(
        f"{file} says that it was measured of {what}, and stands for {name}",
        "one model's numbers would be shown as another's",
        mend,
    )


def _made_by_one_step(file: str) -> str:
    """Returns what to delete so that one step of a study runs again: its file, or its folder."""
    return file if Path(file).parent.name == "parameters" else str(Path(file).parent)


def _arguments(given: Any) -> Mapping[str, Any]:
    """Returns model arguments by name, from a mapping or from text such as ``a=b,c=d``."""
    if isinstance(given, str):
        pairs = (part.partition("=") for part in given.split(","))
        return {key.strip(): value.strip() for key, _, value in pairs}
    return given if isinstance(given, Mapping) else {}
