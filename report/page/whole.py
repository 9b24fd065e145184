"""The facts of a whole study, from what it left behind: every part of facts.json, and its sentences."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from harness_tasks.errors import UserError
from report.facts.checkpoint import checkpoint_facts
from report.facts.current import Inputs, is_current, recorded_facts, sealed
from report.facts.model import agree_on_size, model_facts
from report.facts.parameters import ledger_facts
from report.facts.publication import hub_facts
from report.facts.redact import redacted_facts
from report.facts.schema.control import Control
from report.facts.schema.parts import Fact, Known, Part, is_known
from report.facts.schema.scores import Equivalence, TaskFacts
from report.facts.schema.training import is_from_elsewhere, is_trained_here
from report.facts.schema.whole import FACTS_SCHEMA, AuditFacts, Facts, MeasuredFacts
from report.facts.standings import standings
from report.facts.study import study_facts
from report.facts.values import fact, missing
from report.page.template.lookup import own_names, own_templates
from report.page.template.own import template_facts
from report.reading.garbage_collection import no_garbage_collection
from report.reading.results import Scores, is_begun
from report.sentences import find
from studies import Study

Told = Callable[[TaskFacts, Mapping[str, Scores]], None]
"""What is told of each task while its facts are computed: they, and each model's scores by its name."""


def facts_now(plan: Study, study: Path, folder: Path, *, redact_text: bool = False, told: Told | None = None) -> Facts:
    """Returns the facts of the study's files as they are now: those in facts.json, where nothing has changed since.

    ``told`` is called as by `collect`, and not at all where nothing has changed.
    """
    inputs = Inputs(folder, copies(study, plan).values())
    if recorded := recorded_facts(folder):
        now = {**inputs.state(), "redacted": redact_text}
        if is_current(recorded, folder, now):
            return recorded
        if redact_text and is_current(recorded, folder, {**now, "redacted": False}):
            return as_written(recorded, now)

    def read(task: TaskFacts, sides: Mapping[str, Scores]) -> None:
        for scores in sides.values():
            inputs.digests[folder / scores.samples.file] = scores.samples.sha256
        if told:
            told(task, sides)

    facts = collect(plan, study, folder, read, with_prompts=told is not None)
    return as_written(facts, {**inputs.state(), "redacted": redact_text})


def as_written(facts: Facts, now: dict[str, Any]) -> Facts:
    """Returns facts as they are read from the file: pages are made of those, so that the file alone gives them again.

    ``now`` is the state that they were computed in; it says whether the texts of rows are cut short.
    """
    kept = redacted_facts(facts) if now["redacted"] else facts
    written: dict[str, Any] = json.loads(json.dumps({**kept.as_json(), "state": now}, sort_keys=True))
    return Facts.model_validate(sealed(written))


def copies(study: Path, plan: Study) -> dict[str, Path]:
    """Returns what the study's folder keeps of the study, by its name there, and where it lies now.

    They make the folder whole: `aftertune verify` computes the facts, and makes the pages, again from what lies in it.
    """
    own = own_templates(study.parent)
    beside = [study, *([Path(plan.claims)] if plan.claims else [])]
    if plan.claims and (beside[1].suffix not in (".yaml", ".yml") or beside[1].name == study.name):
        raise UserError(
            f"the study's file of claims is {plan.claims}",
            "a copy of it is written beside the page, where that name means another file",
            "give it a name of its own that ends in .yaml",
        )
    templates = {f"templates/{name}": own / name for name in own_names(own)} if own else {}
    return {path.name: path for path in beside} | templates


@no_garbage_collection()
def collect(
    study: Study, path: Path, folder: Path, told: Told = lambda task, sides: None, *, with_prompts: bool = False
) -> Facts:
    """Returns the facts of ``study`` (read from the file ``path``) from its results in ``folder``.

    ``told`` is called with each task's facts and each model's scores, before those of the next task are read;
    ``with_prompts``: their rows hold what was asked.
    """
    # Here, because scipy and numpy take longer to load than `--help` may.
    from report.facts import across, groups
    from report.facts.controls import control_facts
    from report.facts.few_shot import add_few_shot
    from report.facts.merges import add_scores, merge_facts
    from report.facts.reproduction import reproduction_facts
    from report.facts.retention import Tested, beside_training, corrected
    from report.facts.scored_task import read_sides, task_facts
    from report.facts.training_checks import check_facts, pair_facts
    from report.facts.unfinished import unfinished_facts

    if not (folder / "scores").is_dir():
        raise UserError(
            f"{folder} holds no scores", "there is nothing to report", f"run the study: STUDY={path} make report"
        )
    about, document = study_facts(study, path)
    of_study = study.every_checkpoint()
    links = hub_facts(folder, [checkpoint.name for checkpoint in of_study])
    checkpoints = [checkpoint_facts(folder, one, document, link) for one, link in zip(of_study, links, strict=True)]
    model, parameters = model_facts(folder), ledger_facts(folder, "base")
    agree_on_size(model, parameters)
    tasks: list[TaskFacts] = []
    merges = merge_facts(folder)
    equivalences: list[Equivalence] = []
    members: dict[str, groups.Member | None] = {}
    controls: list[Control] = []
    asked, retained = document.source("experiments"), list[Tested]()
    kept_on = {
        task: [known for one, known in zip(of_study, checkpoints, strict=True) if task in study.retained_on(one)]
        for task in study.every_task()
    }
    keeping = partial(beside_training, folder, model, study.experiments.retention, asked)
    for task in _scored_tasks(study, folder):
        beside = [
            known
            for one, known in zip(of_study, checkpoints, strict=True)
            if task in study.scored_on(one)
            or (known not in kept_on.get(task, []) and is_begun(folder / "scores" / one.name / task))
        ]
        own = [control for control in study.controls() if control.task == task]
        names = [*(known.name.value for known in beside), *(control.name for control in own)]
        few_shot = study.few_shot() if task in study.tasks else []
        names += [*(known.name.value for known in kept_on.get(task, [])), *(one.name for one in few_shot)]
        measured_sides = read_sides(folder, task, names, with_prompts=with_prompts)
        sides = {name: side for name, side in measured_sides.items() if name not in names[len(beside) :]}
        tasks.append(task_facts(folder, task, model, beside, sides, document.source("tasks", task)))
        add_few_shot(folder, model, tasks[-1], few_shot, measured_sides)
        add_scores(merges, tasks[-1].name, sides)
        controls += [control_facts(folder, one, model, tasks[-1], measured_sides, asked) for one in own]
        retained += keeping(task, kept_on.get(task, []), measured_sides)
        margin = document.source("equivalence_margin")
        equivalences += across.equivalences(tasks[-1], sides, study.equivalence_margin, margin)
        if any(task in group.tasks for group in study.groups.values()):
            members[task] = groups.member(tasks[-1], sides)
        told(tasks[-1], {name: side.scores for name, side in sides.items()})
        del sides, measured_sides  # before the next task's are read: those of two may be more than fits into memory
    for task in study.further_tasks():
        names = [known.name.value for known in kept_on[task]]
        retained += keeping(task, kept_on[task], read_sides(folder, task, names))
    of_groups = [
        groups.group_facts(name, group, members, document.source("groups", name))
        for name, group in study.groups.items()
    ]
    parts: dict[str, Any] = {
        "schema": FACTS_SCHEMA,
        "study": about,
        "model": model,
        "parameters": parameters,
        "checkpoints": checkpoints,
        "tasks": tasks,
        **({"groups": of_groups} if of_groups else {}),
        **({"controls": controls} if controls else {}),
        **({"standings": found} if (found := standings(tasks, controls)) else {}),
        **({"retention": corrected(retained, asked)} if retained else {}),
        "family": across.adjust_p_values(tasks, document.source("tasks")),
        "equivalences": equivalences,
        "spreads": across.spreads(tasks),
        "audit": _audit(study),
        "unfinished": unfinished_facts(folder),
        **template_facts(path),
        "checks": check_facts(folder, [one.name.value for one in checkpoints if is_trained_here(one)]),
        "pair_checks": pair_facts(folder, [one.name.value for one in checkpoints if is_from_elsewhere(one)]),
        **({"merges": merges} if merges else {}),
        "confidence": _confidence(tasks),
    }
    parts["reproduction"] = reproduction_facts(folder, checkpoints, tasks, parts)
    measured = MeasuredFacts(**parts)
    return Facts(**measured.written(), findings=find(measured))


def _audit(study: Study) -> AuditFacts | None:
    """Returns what became of the claims that the study names a file of; None where it names none."""
    if study.claims is None:
        return None
    from report.audit import audit_facts

    return audit_facts(Path(study.claims))


_NO_INTERVAL = missing("nothing has an interval")


def _confidence(parts: Any) -> Fact:
    """Returns the confidence that every interval on the page has, taken from the first one."""
    if isinstance(parts, Known):
        return fact(parts.interval.confidence, "share", parts.source) if parts.interval else _NO_INTERVAL
    inner = parts.written().values() if isinstance(parts, Part) else parts if isinstance(parts, list) else ()
    return next((known for known in map(_confidence, inner) if is_known(known)), _NO_INTERVAL)


def _scored_tasks(study: Study, folder: Path) -> list[str]:
    """Returns the study's tasks in its order, then others that its checkpoints were scored on as well."""
    own = {"base", *(checkpoint.name for checkpoint in study.every_checkpoint())}
    others = {found.name for name in own for found in (folder / "scores" / name).glob("*") if is_begun(found)}
    return [*study.tasks, *sorted(others - set(study.every_task()))]
