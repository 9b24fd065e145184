"""`python -m report build STUDY`: facts.json, and the pages and exports made of it, from what a study left behind."""

from pathlib import Path
from typing import Annotated

import typer

from harness_tasks.errors import UserError, exit_on_user_error
from harness_tasks.files import json_text
from harness_tasks.outputs import write_outputs
from harness_tasks.reading import Kind, read_text
from report.facts.current import read_facts
from report.page.template.lookup import own_templates
from report.page.whole import copies, facts_now
from studies import Study, load_study

MANIFEST = "report_files.json"
"""Names the files that a build wrote: those, and no others, are removed when a later one has them no more."""

_COPIED = Kind("the file of the study", "a copy of it lies beside the page", "save it as UTF-8", limit_mib=4)


def build(
    study: Annotated[Path, typer.Argument(help="the study's YAML file")],
    output: Annotated[
        Path | None, typer.Option(help="folder with the study's results, and for the page; unset: build/<study>")
    ] = None,
    facts_only: Annotated[bool, typer.Option("--facts-only", help="write facts.json and no page")] = False,
    redact_text: Annotated[
        bool,
        typer.Option(
            "--redact-text",
            help="show the first words (8, or half) and a hash of each row's text, but where the task's licence lets "
            "anybody pass it on",
        ),
    ] = False,
    copy_to: Annotated[
        Path | None,
        typer.Option(
            help="write facts, page and exports into this folder instead, to be committed: always with --redact-text"
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="write nothing; exit 1 where a file is not what the facts.json beside it gives"),
    ] = False,
) -> None:
    """Write facts.json, report.md and report.html (one file, no network) from a study's results.

    Facts are computed only where a result, the study or this program has changed since. No model is loaded.
    """
    with exit_on_user_error():
        if check:
            # Here, because what renders pages takes longer to load than `--help` may.
            from report.verify.made import stale_files

            stale = stale_files(study, output=output)
            print("\n".join(map(str, stale)) or "every file is what its facts give")
            raise typer.Exit(1 if stale else 0)
        for path in build_report(study, output=output, facts_only=facts_only, redact_text=redact_text, copy_to=copy_to):
            print(path)


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
    from report.page.render import render

    plan = load_study(study)
    folder = output or plan.folder
    if copy_to is not None:
        _check_place(copy_to, plan)
    copied = copies(study, plan)
    facts = facts_now(plan, study, folder, redact_text=redact_text or copy_to is not None)
    into = copy_to or folder
    # Nothing is written before everything is known to be right.
    files = {"facts.json": json_text(facts)}
    files |= {} if facts_only else render(facts, folder, own_templates(study.parent))
    files |= {name: read_text(path, _COPIED) for name, path in copied.items()}
    write_outputs(into, files, manifest=MANIFEST, others_stay=facts_only)
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
        name = read_facts(folder / "facts.json")["study"]["name"].get("value")
        if name == plan.name:
            return
        found = f"{folder} holds the page of the study {name}"
    raise UserError(
        found,
        "a copy of the page takes the place of what is there",
        "name a folder that is new or empty, or one with an earlier copy of this study's page",
    )
