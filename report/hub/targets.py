"""What a study's push is made of: the repositories, their names, and the files of each."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from finetune.kinds import FINETUNE
from harness_tasks.errors import UserError
from harness_tasks.reading import read_json
from harness_tasks.secrets import cleaned
from report.facts.redact import text_notice
from report.facts.schema.training import is_trained_here
from report.facts.schema.whole import Facts
from report.hub.card import CardSubject, base_on_hub, benchmark_files, model_card
from report.hub.clean import check_clean
from report.hub.contents import checkpoint_contents, is_vocabulary, searchable, task_configuration
from report.hub.licences import Licence, licence_of
from report.hub.push_record import CHECKPOINTS, SPACE, read_record
from report.hub.upload import Target
from report.page.formats import code
from report.page.template import own_templates
from studies import Study

NOBODY = "YOUR-ACCOUNT"
"""The namespace that a dry run shows where none is named: the token's account is not asked for."""
_LONGEST_NAME = 96
"""Characters of a repository's name that the Hub allows."""


def repositories(
    plan: Study, licence: Licence, checkpoints: list[str], repo: str | None, account: str
) -> dict[str, str]:
    """Returns each checkpoint's repository: as ``repo`` says, else under the study's namespace or the ``account``.

    Raises:
        UserError: a name is not one that the Hub, or the base model's licence, allows.
    """
    if not checkpoints:
        raise UserError(
            f"no checkpoint of the study {plan.name} has been trained",
            "there is nothing to push",
            f"run the study first: STUDY=studies/{plan.name}.yaml make report",
        )
    namespace, _, stem = (repo or plan.hub.namespace or account).partition("/")
    if stem:
        names = {name: stem if len(checkpoints) == 1 else f"{stem}-{name}" for name in checkpoints}
    else:
        base = re.sub(r"[^A-Za-z0-9.]+", "-", plan.model.name or plan.model.path.rpartition("/")[2]).strip("-.")
        names = {name: licence.named(f"{base}-{name}") for name in checkpoints}
    found = {name: f"{namespace}/{short}" for name, short in names.items()}
    for full in found.values():
        check_repository(full)
        licence.check_name(full)
    return found


def check_repository(repo: str) -> None:
    """Raises UserError where the Hub allows no repository of that name."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    reason = "it has no namespace" if "/" not in repo else None
    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        reason = str(error)
    if reason or len(repo) > _LONGEST_NAME:
        raise UserError(
            f"{repo} is not a valid name of a repository: {reason or f'it has {len(repo)} characters'}",
            f"the Hub allows letters, digits, dot, dash and underscore, and {_LONGEST_NAME} characters",
            "choose another NAMESPACE/NAME",
        )


def checkpoint_target(
    plan: Study,
    study: Path,
    folder: Path,
    facts: Facts,
    checkpoint: str,
    repo: str,
    licence: Licence,
    *,
    private: bool,
    create_pr: bool,
) -> tuple[Target, list[str]]:
    """Returns the repository of a checkpoint with all its files, and the files of its folder that are left out."""
    home = folder / "checkpoints" / checkpoint
    base = base_on_hub(plan.model.path, plan.model.is_local, plan.model.url)
    trained_on = next(c.task.value for c in facts.checkpoints if c.name.value == checkpoint)
    # What is not known to be allowed is not: a task that was not scored has no metadata.
    notice = text_notice(task_configuration(folder, checkpoint, trained_on).get("metadata") or {})
    contents, left = checkpoint_contents(home, base=base, allowed=notice is not None)
    contents |= licence.copies
    subject = CardSubject(
        facts=facts,
        name=checkpoint,
        repo=repo,
        licence=licence,
        base=base,
        configurations={task.task: task_configuration(folder, checkpoint, task.task) for task in facts.tasks},
        labels=_labels(home),
        is_adapter="adapter_config.json" in contents,
        files=tuple(sorted(contents)),
        text_notice=notice,
        own_templates=own_templates(study.parent),
    )
    contents |= benchmark_files(subject)
    contents["README.md"] = cleaned(model_card(subject)).encode()
    message = f"Aftertune: {checkpoint} of the study {plan.name}"
    gone = _gone(folder, CHECKPOINTS, checkpoint, repo, contents)
    return Target(repo, "model", contents, message, private, create_pr, gone), left


def trained_here(facts: Facts) -> list[str]:
    """Returns the names of the checkpoints that the study trained: those from elsewhere are others' to publish."""
    return [found.name.value for found in facts.checkpoints if is_trained_here(found)]


def card_texts(plan: Study, study: Path, folder: Path, facts: Facts) -> dict[str, str]:
    """Returns the card of each checkpoint by its repository: the one it was pushed to, else the one of a dry run."""
    licence, record = licence_of(plan, folder), read_record(folder, CHECKPOINTS)
    cards = {}
    for name, repo in repositories(plan, licence, trained_here(facts), None, NOBODY).items():
        place = str(record.get(name, {}).get("repo") or repo)
        target, _ = checkpoint_target(plan, study, folder, facts, name, place, licence, private=False, create_pr=False)
        cards[place] = _text(target.files["README.md"])
    return cards


def space_target(
    plan: Study,
    folder: Path,
    facts: Facts,
    repo: str,
    licence: Licence,
    models: list[str],
    *,
    private: bool,
    create_pr: bool,
) -> Target:
    """Returns the static Space that shows the study's report: its pages and exports, with row texts cut short."""
    from huggingface_hub import SpaceCardData

    from report.page.render import render
    from report.page.whole import as_written

    short = as_written(facts, {**(facts.state.as_json() if facts.state else {}), "redacted": True})
    made = render(short, folder, own_templates(folder))
    contents: dict[str, Path | bytes] = {name: cleaned(text).encode() for name, text in made.items()}
    # A static Space shows index.html; the page finds its other files by names relative to itself.
    contents["index.html"] = contents.pop("report.html")
    title = facts.study.title.value or plan.name
    card = SpaceCardData(title=title, sdk="static", app_file="index.html", models=models, tags=["aftertune"])
    shown = f"\n{licence.terms.shown}.\n" if licence.terms and licence.terms.shown else ""
    text = f"---\n{card.to_yaml()}\n---\n\nThe report of the study {code(plan.name)}, made by Aftertune.\n{shown}"
    contents["README.md"] = cleaned(text).encode()
    message = f"Aftertune: the report of the study {plan.name}"
    return Target(repo, "space", contents, message, private, create_pr, _gone(folder, SPACE, "space", repo, contents))


def check_target(target: Target, token: str | None) -> None:
    """Raises UserError where a file holds what must not be published."""
    for name, content in target.files.items():
        # A vocabulary may hold any word, also one that looks like a path.
        check_clean(name, searchable(content), token, paths=not is_vocabulary(content))


def dry_run_lines(target: Target, left: list[str]) -> Iterator[str]:
    """Yields what a dry run shows of a repository: its card, and its files with their sizes in bytes."""
    seen = "private" if target.private else "public"
    yield f"{target.kind} {target.repo} ({'a pull request' if target.create_pr else seen})\n"
    yield _text(target.files["README.md"])
    yield f"files of {target.repo}:"
    for name, content in sorted(target.files.items()):
        size = content.stat().st_size if isinstance(content, Path) else len(content)
        yield f"{size:>15,}  {name}"
    if left:
        yield f"not pushed: {', '.join(left)}"
    yield ""


def _text(content: Path | bytes) -> str:
    assert isinstance(content, bytes)  # a card is made here
    return content.decode()


def _labels(home: Path) -> int:
    """Returns the number of a classification head's labels; 0 for another head."""
    return len(read_json(home / "finetune.json", FINETUNE).get("labels") or [])


def _gone(folder: Path, record: str, key: str, repo: str, contents: Mapping[str, Any]) -> frozenset[str]:
    """Returns the files that an earlier push to the same repository left there and that this one has no more."""
    entry = read_record(folder, record).get(key, {})
    return frozenset(entry.get("files", [])) - frozenset(contents) if entry.get("repo") == repo else frozenset()
