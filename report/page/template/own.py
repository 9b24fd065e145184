"""The templates that a study may replace: what each holds, and copies of them in the study's own folder."""

from pathlib import Path

from harness_tasks._messages import nearest_name
from harness_tasks.errors import UserError
from harness_tasks.files import write_text
from report.page.template.lookup import OURS, OWN, REPLACEABLE, own_templates


def listed(study: Path | None) -> list[str]:
    """Returns a line for each template: its name, what it holds, and whether the study has one of its own."""
    own = own_templates(_folder(study)) if study else None
    found = {path.name: "a template of the study's own" for path in sorted(own.iterdir())} if own else {}
    said = {**REPLACEABLE, **{name: what for name, what in found.items() if name not in REPLACEABLE}}
    width = max(map(len, said))
    return [f"{name:{width}}  {what}{'  (yours)' if name in found else ''}" for name, what in said.items()]


def copied(study: Path, names: list[str]) -> list[Path]:
    """Returns where the templates ``names`` were copied to; none is where anything is wrong with one of them.

    Raises:
        UserError: there is no such template, or the study has one of that name.
    """
    own = _folder(study) / OWN
    for name in names:
        if name not in REPLACEABLE:
            raise UserError(
                f"there is no template {name!r} to copy",
                "nothing would look it up",
                f"copy {nearest_name(name, REPLACEABLE, cutoff=0)}, or see `template list`",
            )
        if (own / name).exists():
            raise UserError(
                f"{own / name} is there already", "what you changed in it would be lost", "move it away, and copy again"
            )
    for name in names:
        write_text(own / name, (OURS / name).read_text(encoding="utf-8"))
    return [own / name for name in names]


def _folder(study: Path) -> Path:
    if not study.is_file():
        raise UserError(
            f"there is no study file {study}", "its own templates lie beside it", "name the study's YAML file"
        )
    return study.parent
