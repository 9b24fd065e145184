"""A study's page in files: facts.json, and the pages and exports made of it, from what the study left behind."""

from functools import partial
from pathlib import Path

from harness_tasks.errors import UserError
from harness_tasks.files import json_text
from harness_tasks.outputs import write_outputs
from harness_tasks.reading import Kind, read_text
from report.facts.current import study_name
from report.facts.paths import REPORT_MANIFEST
from report.facts.redact import redacted
from report.page.explorer import Items
from report.page.figures import pictures
from report.page.figures.kept import kept_pictures
from report.page.render import render
from report.page.template.lookup import own_templates
from report.page.whole import copies, facts_now
from studies import Study, load_study

_COPIED = Kind("the file of the study", "a copy of it lies beside the page", "save it as UTF-8", limit_mib=4)


def build_report(
    study: Path,
    *,
    output: Path | None = None,
    facts_only: bool = False,
    redact_text: bool = False,
    copy_to: Path | None = None,
) -> list[Path]:
    """Returns the files that were written for the study file ``study``; none where anything is wrong.

    With ``copy_to`` they are written there, with row texts cut short, and the study's folder stays as it is.

    Raises:
        UserError: the study or one of its results cannot be read, results and samples disagree, or ``copy_to`` holds
            files that are not an earlier copy's; or a link leads out of the folder (see `write_outputs`).
    """
    plan = load_study(study)
    folder = output or plan.folder
    if copy_to is not None:
        _check_place(copy_to, plan)
    copied = copies(study, plan)
    redact = redact_text or copy_to is not None
    items = Items(folder, redacted if redact else None)
    facts = facts_now(plan, study, folder, redact_text=redact, told=None if facts_only else items.add)
    into = copy_to or folder
    # Nothing is written before everything is known to be right.
    files = {"facts.json": json_text(facts.as_json())}
    if not facts_only:
        # The items of facts that were current are in no memory yet.
        shown = items.explorer() if items.added else None
        draw = partial(kept_pictures, folder=folder) if copy_to is None else pictures
        files |= render(facts, folder, own_templates(study.parent), shown, draw)
    files |= {name: read_text(path, _COPIED) for name, path in copied.items()}
    write_outputs(into, files, manifest=REPORT_MANIFEST, others_stay=facts_only)
    return [into / name for name in files]


def _check_place(folder: Path, plan: Study) -> None:
    """Raises UserError where a copy of the page in ``folder`` would overwrite, or clear away, what is not one."""
    if folder.exists() and not folder.is_dir():
        found = f"{folder} is a file"
    elif not folder.is_dir() or not any(folder.iterdir()):
        return
    elif not (folder / "facts.json").is_file():
        found = f"{folder} holds files, and no facts.json"
    else:
        name = study_name(folder / "facts.json")
        if name == plan.name:
            return
        found = f"{folder} holds the page of the study {name}"
    raise UserError(
        found,
        "a copy of the page takes the place of what is there",
        "name a folder that is new or empty, or one with an earlier copy of this study's page",
    )
