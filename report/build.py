"""`python -m report build STUDY`: facts.json, and the pages and exports made of it, from what a study left behind."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from harness_tasks.collection import no_search_for_cycles
from harness_tasks.errors import UserError, exit_on_user_error
from harness_tasks.files import json_text
from harness_tasks.outputs import write_outputs
from harness_tasks.reading import Kind, read_text
from report.facts import values as of
from report.facts.current import SCHEMA, current_facts, read_facts, sealed, state
from report.facts.redact import redacted_facts
from report.page.template.lookup import own_names, own_templates
from report.reading.results import Document, is_begun
from report.sentences import find
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
    plan = load_study(study)
    folder = output or plan.folder
    if copy_to is not None:
        _check_place(copy_to, plan)
    copied = copies(study, plan)
    facts = facts_now(plan, study, folder, redact_text=redact_text or copy_to is not None)
    into = copy_to or folder
    # Nothing is written before everything is known to be right.
    files = {"facts.json": json_text(facts)}
    files |= {} if facts_only else pages(facts, folder, own_templates(study.parent))
    files |= {name: read_text(path, _COPIED) for name, path in copied.items()}
    write_outputs(into, files, manifest=MANIFEST, others_stay=facts_only)
    return [into / name for name in files]


def facts_now(plan: Study, study: Path, folder: Path, *, redact_text: bool = False) -> dict[str, Any]:
    """Returns the facts of the study's files as they are now: those in facts.json, where nothing has changed since."""
    now = {**state(folder, copies(study, plan).values()), "redacted": redact_text}
    if recorded := current_facts(folder, now):
        return recorded
    whole = current_facts(folder, {**now, "redacted": False}) if redact_text else None
    return as_written(whole or collect(plan, study, folder), now)


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


def as_written(facts: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Returns facts as they are read from the file: pages are made of those, so that the file alone gives them again.

    ``now`` is the state that they were computed in; it says whether the texts of rows are cut short.
    """
    kept = redacted_facts(facts) if now["redacted"] else facts
    written: dict[str, Any] = json.loads(json.dumps({**kept, "state": now}, sort_keys=True))
    return sealed(written)


def copies(study: Path, plan: Study) -> dict[str, Path]:
    """Returns what the study's folder keeps of the study, by its name there, and where it lies now.

    They make the folder whole: `report verify` computes the facts, and makes the pages, again from what lies in it.
    """
    own = own_templates(study.parent)
    beside = [study, *([Path(plan.claims)] if plan.claims else [])]
    if plan.claims and (beside[1].suffix not in (".yaml", ".yml") or beside[1].name == study.name):
        raise UserError(
            f"the study's file of claims is {plan.claims}",
            "a copy of it lies beside the page, where that name means another file",
            "give it a name of its own that ends in .yaml",
        )
    templates = {f"templates/{name}": own / name for name in own_names(own)} if own else {}
    return {path.name: path for path in beside} | templates


def pages(facts: dict[str, Any], folder: Path, own: Path | None) -> dict[str, str]:
    """Returns the text of every page and export of ``facts`` by file name, once they were read again beside them.

    ``own`` is the folder of the study's own templates. What those say beside the facts is the study's, and is not
    judged; then the page as our templates make it is.

    Raises:
        RuntimeError: a page says what the facts do not license, which is a mistake of this program.
    """
    from report.page.render import render
    from report.verify import check

    made = render(facts, folder, own)
    judged = render(facts, folder) if own else made
    for name in ("report.md", "report.html"):
        if problems := check(judged[name], facts):
            raise RuntimeError("\n".join([f"{name} says what the facts do not license:", *map(str, problems)]))
    return made


def stale_files(study: Path, *, output: Path | None = None) -> list[Path]:
    """Returns the files in the study's folder that are not what the facts.json there gives, or are missing.

    Raises:
        UserError: there is no facts.json, or it holds no facts.
    """
    folder = output or load_study(study).folder
    made = pages(read_facts(folder / "facts.json"), folder, own_templates(folder))
    # Where the samples are not beside the facts, what the explorer shows of them cannot be told.
    compared = str if (folder / "scores").is_dir() else _without_items
    return [folder / name for name, text in made.items() if not _holds(folder / name, text, compared)]


def _holds(path: Path, text: str, compared: Callable[[str], str]) -> bool:
    # What is no UTF-8 must not be read as if it were what was written.
    return path.is_file() and compared(path.read_bytes().decode("utf-8", "surrogateescape")) == compared(text)


def _without_items(page: str) -> str:
    return re.sub(r'<section id="explorer".*?</section>', "", page, flags=re.DOTALL)


@no_search_for_cycles()
def collect(study: Study, path: Path, folder: Path) -> dict[str, Any]:
    """Returns the facts of ``study`` (read from the file ``path``) from its results in ``folder``."""
    # Here, because scipy and numpy take longer to load than `--help` may.
    from report.facts import across
    from report.facts.learning_curves import development_facts
    from report.facts.reproduction import reproduction_facts
    from report.facts.scored_task import overlapping, read_sides, task_facts
    from report.facts.training_checks import check_facts
    from report.facts.unfinished import unfinished_facts
    from report.facts.weight_changes import change_facts

    if not (folder / "scores").is_dir():
        raise UserError(
            f"{folder} holds no scores", "there is nothing to report", f"run the study: STUDY={path} make report"
        )
    about, document = of.study_facts(study, path)
    checkpoints = [of.checkpoint_facts(folder, checkpoint, document) for checkpoint in study.checkpoints()]
    links = of.hub_facts(folder, [checkpoint["name"]["value"] for checkpoint in checkpoints])
    for checkpoint, link in zip(checkpoints, links, strict=True):
        checkpoint["hub"] = link
        if "absent" not in checkpoint:
            checkpoint["changes"] = change_facts(folder, checkpoint["path"]["value"])
            checkpoint |= development_facts(folder, checkpoint)
    model = of.model_facts(folder)
    tasks, equivalences = [], []
    for task in _scored_tasks(study, folder):
        beside = [c for c in checkpoints if c["task"]["value"] == task or _is_scored(folder, c, task)]
        sides = read_sides(folder, task, beside)
        found = task_facts(folder, task, model, beside, sides)
        trained_on = {comparison["trained_on"]["value"] for comparison in found.get("comparisons", [])}
        overlaps = {other: other != task and overlapping(folder, other, task) for other in trained_on}
        for comparison in found.get("comparisons", []):
            comparison["overlaps"] = overlaps[comparison["trained_on"]["value"]]
        found.setdefault("name", of.fact(task, "text", document.source("tasks", task)))
        tasks.append(found)
        equivalences += across.equivalences(
            found, sides, study.equivalence_margin, document.source("equivalence_margin")
        )
        del sides  # before the next task's are read: those of two may be more than fits into memory
    facts: dict[str, Any] = {
        "schema": SCHEMA,
        "study": about,
        "model": model,
        "parameters": of.ledger_facts(folder, "base"),
        "checkpoints": checkpoints,
        "tasks": tasks,
        "family": across.adjust(tasks, document.source("tasks")),
        "equivalences": equivalences,
        "spreads": across.spreads(tasks),
        "audit": _audit(study),
        "unfinished": unfinished_facts(folder),
        "templates": _templates(path, document),
        "checks": check_facts(folder, [c["name"]["value"] for c in checkpoints if "absent" not in c]),
        "confidence": _confidence(tasks),
        "summary_figure": _summary_figure(tasks, document.source()),
    }
    of.agree_on_size(facts["model"], facts["parameters"])
    facts["reproduction"] = reproduction_facts(folder, facts)
    facts["findings"] = find(facts)
    return facts


def _templates(study: Path, document: Document) -> list[of.Fact]:
    """Returns the names of the study's own templates."""
    own = own_templates(study.parent)
    return [of.fact(name, "text", document.source()) for name in own_names(own)]


def _audit(study: Study) -> dict[str, Any] | None:
    """Returns what became of the claims that the study names a file of; None where it names none."""
    if study.claims is None:
        return None
    from report.audit import audit_facts

    return audit_facts(Path(study.claims))


def _confidence(tasks: Any) -> of.Fact:
    """Returns the confidence that every interval on the page has, taken from the first one."""
    if isinstance(tasks, dict) and "interval" in tasks:
        return of.fact(tasks["interval"]["confidence"], "share", tasks["source"])
    parts = tasks.values() if isinstance(tasks, dict) else tasks if isinstance(tasks, list) else ()
    found = (_confidence(part) for part in parts if isinstance(part, dict | list))
    return next((known for known in found if of.is_known(known)), of.missing("nothing has an interval"))


def _summary_figure(tasks: list[dict[str, Any]], source: dict[str, str]) -> dict[str, Any] | None:
    scores = [s for task in tasks for c in task.get("comparisons", []) for s in c["scores"] if s["primary"]]
    drawn = any(of.is_known(score[side]) for score in scores for side in ("before", "after"))
    return {"path": of.fact("figures/summary.svg", "text", source)} if drawn else None


def _is_scored(folder: Path, checkpoint: dict[str, Any], task: str) -> bool:
    return is_begun(folder / "scores" / checkpoint["name"]["value"] / task)


def _scored_tasks(study: Study, folder: Path) -> list[str]:
    """Returns the study's tasks in its order, then others that its checkpoints were scored on as well."""
    own = {"base", *(checkpoint.name for checkpoint in study.checkpoints())}
    others = {found.name for name in own for found in (folder / "scores" / name).glob("*") if is_begun(found)}
    return [*study.tasks, *sorted(others - set(study.tasks))]
