"""The page from top to bottom: which headings, sentences, tables and figures the facts license, in which order.

The page is a closed world: what is not here may not stand there, and what is here may not be missing. The words of
the page itself, those that no fact decides, stand here; sentences that facts choose are in `sentences.py`.
"""

import posixpath
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from report.reading.texts import shell_word
from tests.oracle import (
    answer_figures,
    causes,
    cautions,
    controls,
    figures,
    merges,
    retention,
    sentences,
    simpler_means,
    standings,
    summary,
    tables,
    weight_figures,
    weights,
)
from tests.oracle.expected import NOTHING, Code, Expected, Heading, Prose, code, folded, items, paragraph, table
from tests.oracle.lines import Line, confidence, count, digest, joined, known, line, percent, reason, setting, text

Part = Mapping[str, Any]

DESCRIPTION = "What fine-tuning changed, with every number's source"
ASIDE = ["Skip to the content", "Contents"]
_ANSWERS = (
    "the model selected, and why it counts as selected",
    "its parameters",
    "fine-tuning",
    "scores before and after fine-tuning",
    "parameters after fine-tuning",
    "where the checkpoints are published",
    "analysis",
)
_MOST_POINTERS = 3


def outline(facts: Part) -> list[Expected]:
    """Returns everything that must stand on the page, in its order, and nothing else may."""
    study = facts["study"]
    page: list[Expected] = [Heading(1, text(study["title"])), *_summary(facts)]
    answers = (_model, _parameters, _fine_tuning, _scores, _parameters_after, _hub, _analysis)
    for turn, (title, answer) in enumerate(zip(_ANSWERS, answers, strict=True), 1):
        page.append(Heading(2, line(f"Answer {turn}: {title}")))
        page += answer(facts)
    page.append(Heading(2, line("Limits")))
    page += items(cautions.limits(facts))
    page += items([_PRIMARY_ALONE])
    if facts["audit"]:
        page.append(Heading(2, line("Audit of an earlier write-up")))
        page += _audit(facts["audit"])
    page.append(Heading(2, line("Contributions")))
    page += items(line("{a}: {d}", a=text(author["name"]), d=text(author["did"])) for author in study["authors"])
    page.append(Heading(2, line("How to reproduce")))
    page += _reproduce(facts)
    return page


_PRIMARY_ALONE = line(
    "A claim is made of the primary metric of each task only; the other metrics describe it, and with many of them "
    "some interval excludes zero by chance."
)


def _summary(facts: Part) -> Iterator[Expected]:
    yield paragraph(summary.result(facts))
    yield from summary.scoreboard(facts)
    yield paragraph(
        line("Square brackets: {share} interval, by cluster.", share=confidence(facts["confidence"])),
        line("The trivial baseline needs no model."),
    )
    yield from summary.groups(facts)
    if said := list(summary.sizes(facts)):
        yield paragraph(*said)
    for warning in cautions.warnings(facts):
        yield Prose("quote", (line("Warning."), warning))
    how = line(
        "This page answers the seven questions of the assignment for the study {name}. Every number was computed from "
        "the files named beside it, and every sentence was chosen by a rule from those numbers.",
        name=text(facts["study"]["name"]),
    )
    yield from folded(summary.badge(facts), items([*summary.checks(facts), how]))


def _model(facts: Part) -> Iterator[Expected]:
    model, methods = facts["model"], facts["study"]["methods"]
    yield paragraph(
        line(
            "The study selects {name}, a language model with the architecture {kind}.",
            name=text(model["name"]),
            kind=text(model["architecture"]),
        ),
        line(
            "It counts as selected because the study file {file} names it, and everything below was measured on it and "
            + ("on checkpoints made from it." if methods else "on checkpoints that the file sets beside it."),
            file=text(facts["study"]["file"]),
        ),
    )
    why = facts["study"]["why"]
    if known(why):
        yield paragraph(line("In the authors' own words: “{why}”", why=text(why)))
    else:
        yield paragraph(line("Why the authors chose it is not known: {why}.", why=reason(why)))
    selected = weights.of_each(facts["checkpoints"], partial(weights.selected, model))
    content = [*items(selected), tables.model(model), paragraph(places(model))]
    yield from folded(line("The model's size, source and hashes"), content)


def _parameters(facts: Part) -> Iterator[Expected]:
    parameters = facts["parameters"]
    if "absent" in parameters:
        yield paragraph(line("The base model's parameters: {why}.", why=text(parameters["absent"])))
        return
    yield paragraph(
        line(
            "{model} has {total} parameters in total; {trainable} of them are trainable.",
            model=text(facts["model"]["name"]),
            total=count(parameters["total"]),
            trainable=count(parameters["trainable"]),
        ),
    )
    yield tables.ledger(parameters)
    how = paragraph(
        line(
            "Another {tied} are tied: they share the memory of parameters already counted.",
            tied=count(parameters["tied"]),
        ),
        line(
            "Each component was counted tensor by tensor and computed from the configuration by its formula; the two "
            "agree, or this page would not have been written."
        ),
    )
    yield from folded(line("How they were counted"), [how, paragraph(places(parameters))])


_MOST_CURVES = 4
"""Checkpoints whose losses are drawn in sight; of more they are folded."""


def _fine_tuning(facts: Part) -> Iterator[Expected]:
    said = []
    if facts["study"]["methods"]:
        said.append(line("Each row is a training run of this study, from the base model's weights."))
    if any("elsewhere" in checkpoint for checkpoint in facts["checkpoints"]):
        said.append(line("Of a checkpoint that was trained elsewhere, a cell holds what its own files record."))
    if said:
        yield paragraph(*said)
    yield tables.training(facts["checkpoints"])
    trained = [checkpoint for checkpoint in facts["checkpoints"] if "absent" not in checkpoint]
    curves = [curve for checkpoint in trained for curve in _curves(checkpoint)]
    yield from folded(line("Training loss"), curves) if len(facts["checkpoints"]) > _MOST_CURVES else curves
    if trained:
        content: list[Expected] = list(tables.recipes(trained))
        words = "{name}: The recipe was not recorded."
        content += [paragraph(line(words, name=text(one["display_name"]))) for one in trained if not one["recipe"]]
        yield from folded(line("Recipes"), content)
    for checkpoint in (one for one in trained if "elsewhere" in one):
        title = line("What its files record: {name}", name=text(checkpoint["display_name"]))
        yield from folded(title, _from_elsewhere(checkpoint))
    for merge in facts.get("merges") or []:
        title = line("A merge beside its adapter: {name}", name=text(merge["merged"]))
        yield from folded(title, [*merges.measured(merge), paragraph(file_names(merge))])
    for checkpoint in (one for one in trained if "elsewhere" not in one):
        title = line("Command, data and hashes: {name}", name=text(checkpoint["display_name"]))
        yield from folded(title, _training_run(checkpoint))


def _curves(checkpoint: Part) -> Iterator[Expected]:
    if known(checkpoint["loss"]["curve"]):
        yield figures.loss(checkpoint)
    yield from figures.development(checkpoint)


def _from_elsewhere(checkpoint: Part) -> Iterator[Expected]:
    own = checkpoint["elsewhere"]
    yield paragraph(
        line(
            "It lies at {place} ({kind}), and was trained elsewhere.", place=text(own["place"]), kind=text(own["kind"])
        ),
        line(
            "What stands below is what its files record; a file that could run code when it is loaded was not opened."
        ),
    )
    yield tables.elsewhere(checkpoint)
    yield from tables.recorded(checkpoint)
    if own["verdicts"]:
        rows = [[text(row[key]) for key in ("id", "verdict", "found")] for row in own["verdicts"]]
        yield table("check of the pair | verdict | found", rows)
    if own["not_read"]:
        rows = [[text(row["file"]), text(row["would_hold"])] for row in own["not_read"]]
        yield table("unopened file | what such a file holds", rows)
    yield paragraph(file_names(checkpoint["recipe"], own))


def _training_run(checkpoint: Part) -> Iterator[Expected]:
    yield paragraph(
        line(
            "Trained on {task} by the method {method} with the seed {seed}.",
            task=text(checkpoint["task"]),
            method=text(checkpoint["method"]),
            seed=setting(checkpoint["seed"]),
        ),
        line(
            "The checkpoint is in the folder {path}, beside this page. The command was:",
            path=text(checkpoint["path"]),
        ),
    )
    yield code(checkpoint["command"]) if known(checkpoint["command"]) else paragraph(text(checkpoint["command"]))
    yield tables.run(checkpoint)
    yield paragraph(file_names(checkpoint["command"], checkpoint["recipe"], checkpoint["data"]))


def _scores(facts: Part) -> Iterator[Expected]:
    yield paragraph(
        line(
            "A difference is computed item by item on the same items, so its interval cannot be read from those of the "
            "two scores."
        ),
        line("Items of one cluster resemble each other; intervals and p-values allow for it."),
    )
    for task in facts["tasks"]:
        if "absent" in task:
            yield Heading(3, line("{task}", task=task["task"]))
            yield paragraph(line("Scores: {why}.", why=text(task["absent"])))
            continue
        yield Heading(3, text(task["name"]))
        yield paragraph(text(task["about"]))
        yield from figures.over_tokens(task)
        for comparison in task["comparisons"]:
            yield from _comparison(facts["family"], task, comparison)
        title = line("The task, its trivial baselines and metric signatures: {task}", task=text(task["name"]))
        yield from folded(title, [tables.task(task), tables.ranges(task)])
    if facts["equivalences"]:
        yield Heading(3, line("Methods side by side"))
        yield from items(sentences.equivalence(facts["family"], found) for found in facts["equivalences"])
    if facts["spreads"]:
        yield Heading(3, line("Several seeds"))
        yield from items(map(sentences.spread, facts["spreads"]))
        yield paragraph(line("This is the spread from training again, apart from that of having scored few items."))


def _comparison(family: Part, task: Part, comparison: Part) -> Iterator[Expected]:
    yield paragraph(sentences.headline(task, comparison))
    if simpler_means.kind(comparison) in ("better", "unjudged", "unknown"):  # else a warning says it
        yield paragraph(simpler_means.said(task, comparison))
    if comparison["transitions"]:
        yield answer_figures.moves(task, comparison)
    yield from answer_figures.drawn("confusion", task, comparison)
    yield from answer_figures.drawn("distributions", task, comparison)
    names = {"name": text(comparison["display_name"]), "task": text(task["name"])}
    yield from folded(line("Every metric: {name} on {task}", **names), _metrics(family, task, comparison))
    if answers := list(_answers(task, comparison)):
        yield from folded(line("The answers: {name} on {task}", **names), answers)
    overlap = comparison["overlap"]
    if overlap and "absent" not in overlap:
        title = line("Overlap with the training rows: {name} on {task}", **names)
        yield from folded(title, [tables.grades(overlap), tables.parts(task, overlap)])


def _metrics(family: Part, task: Part, comparison: Part) -> Iterator[Expected]:
    yield tables.scores(task, comparison)
    yield from items(sentences.metrics(comparison))
    yield tables.tests(comparison)
    said = [
        line("Only primary metrics are tested; p is adjusted by Holm over all comparisons of the study."),
        line("The minimum detectable effect has a power of {power}.", power=percent(family["power"])),
        line(
            "The normalised score is how far a score lies from the trivial baseline to the score of the gold answers."
        ),
    ]
    if task["kind"] == "classification":
        said.append(
            line(
                "The calibration error takes up chance: on few items it is above zero even for a perfectly calibrated "
                "model; the Brier score is not."
            )
        )
    yield paragraph(*said)
    for row in comparison["methods"]:
        labels = joined(text(label) for label in row["labels"])
        words = line("{side}, {labels}: {how}", side=text(row["side"]), labels=labels, how=text(row["method"]))
        yield Prose("item", (words,))
    yield paragraph(places(comparison["scores"]))


def _answers(task: Part, comparison: Part) -> Iterator[Expected]:
    if comparison["transitions"]:
        yield tables.transitions(comparison["transitions"])
    if task["kind"] == "classification":
        yield tables.said(task, comparison)
    elif task["kind"] == "extraction":
        yield tables.unanswered(task, comparison)
    yield from tables.classes(task, comparison)
    yield from tables.calibrations(task, comparison)
    yield from answer_figures.drawn("reliability", task, comparison)
    if comparison["examples"]:
        yield tables.examples(comparison["examples"])


def _parameters_after(facts: Part) -> Iterator[Expected]:
    checkpoints = facts["checkpoints"]
    yield from items(weights.of_each(checkpoints, partial(weights.counts, facts["parameters"])))
    yield tables.parameters_after(facts)
    yield from weight_figures.parameters(facts)
    for checkpoint in checkpoints:
        if "components" in checkpoint["parameters"]:
            title = line("Parameters by component: {name}", name=text(checkpoint["display_name"]))
            own = checkpoint["parameters"]
            yield from folded(title, [tables.ledger(own), paragraph(file_names(own))])
    for checkpoint in checkpoints:
        if "absent" not in checkpoint.get("changes", {"absent": None}):
            title = line("Relative weight change by layer: {name}", name=text(checkpoint["display_name"]))
            yield from folded(title, _layers(checkpoint))


def _layers(checkpoint: Part) -> Iterator[Expected]:
    yield tables.changes(checkpoint)
    adapted = "; here the change is what the adapter adds" if checkpoint["changes"]["adapted"] else ""
    words = "The relative weight change is the Frobenius norm of the change of a matrix over that of the matrix"
    yield paragraph(line(f"{words}{adapted}."))
    yield from weight_figures.changes(checkpoint)
    yield paragraph(file_names(checkpoint["changes"]))


def _hub(facts: Part) -> Iterator[Expected]:
    checkpoints = facts["checkpoints"]
    yield paragraph(summary.published(checkpoints))
    if published := [checkpoint for checkpoint in checkpoints if checkpoint["hub"]["published"]]:
        yield tables.hub(published)
        yield paragraph(places([checkpoint["hub"] for checkpoint in checkpoints]))


def _analysis(facts: Part) -> Iterator[Expected]:
    yield Heading(3, line("a. Why the performance is poor or good"))
    for task in facts["tasks"]:
        yield from causes.why(task)
    yield from controls.format_and_skill(facts)
    yield from standings.on_one_scale(facts)
    yield from retention.kept(facts)
    yield Heading(3, line("b. What the parameter counts before and after show"))
    checkpoints = facts["checkpoints"]
    yield from items(weights.of_each(checkpoints, partial(weights.meaning, facts["parameters"])))
    yield from items(weights.of_each(checkpoints, weights.changes))
    if moved := [moved for checkpoint in checkpoints if (moved := weights.moved(checkpoint))]:
        yield from folded(line("Relative weight change by component"), items(moved))
    yield Heading(3, line("c. The difference between zero-shot and fine-tuned"))
    rows = [
        _what_changed(facts["family"], task, comparison)
        for task in facts["tasks"]
        for comparison in task.get("comparisons", [])
    ]
    if rows:
        yield table("comparison | test | items | answers | training rows", rows)
        yield paragraph(
            line(
                "Comparisons under Holm's correction: {size}; level: {level}.",
                size=count(facts["family"]["size"]),
                level=setting(facts["family"]["level"]),
            )
        )


def _what_changed(family: Part, task: Part, comparison: Part) -> list[Line]:
    """Returns the row of a comparison: its test, and the items, answers and training rows behind it."""
    return [
        line("{task}, {name}", task=text(task["name"]), name=text(comparison["display_name"])),
        joined(sentences.tested(family, comparison), "; ") or NOTHING,
        sentences.transitions(comparison["transitions"]) if comparison["transitions"] else NOTHING,
        sentences.shift(comparison["shift"]) if comparison["shift"] else NOTHING,
        sentences.overlap(comparison) if comparison["overlap"] else NOTHING,
    ]


def _audit(audit: Part) -> Iterator[Expected]:
    yield paragraph(
        line("Somebody else answered these questions before: {title}.", title=text(audit["title"])),
        line("The file {file} quotes what was claimed there.", file=text(audit["file"])),
        line("Each claim is checked by itself and against the others; nothing of it was used for the answers above."),
    )
    yield tables.verdicts(audit)
    yield from folded(line("The claims one by one"), [tables.claims(audit), paragraph(file_names(audit))])


def _reproduce(facts: Part) -> Iterator[Expected]:
    study = facts["study"]
    yield paragraph(line("From a clone of the project, this makes everything on this page again:"))
    yield Code(f"STUDY={shell_word(str(study['file']['value']))} make report")
    yield from folded(line("Seeds, commands, software and data"), _made_with(facts))
    yield from folded(line("Every file that a number comes from, with its hash"), [tables.files(facts)])


def _made_with(facts: Part) -> Iterator[Expected]:
    study, reproduction = facts["study"], facts["reproduction"]
    seeds = [line("Training seeds: {seeds}.", seeds=joined(setting(seed) for seed in study["seeds"]))]
    yield paragraph(
        *(seeds if study["seeds"] else []),
        line("Seed of the samples of rows: {seed}.", seed=setting(study["sampling_seed"])),
        line("SHA-256 of the study file: {digest}.", digest=digest(study["digest"])),
    )
    yield tables.runs(facts)
    yield tables.random_seeds(facts)
    commands = [run["command"] for run in reproduction["runs"] if known(run["command"])]
    if commands:
        yield paragraph(line("The commands that scored, in this order:"))
    yield from map(code, commands)
    if reproduction["versions"]:
        yield tables.versions(facts)
    else:
        yield paragraph(line("Versions of the software: missing (no run recorded them)."))
    yield tables.splits(facts["tasks"])
    if any("compared_with" in split for split in tables.splits_of(facts["tasks"])):
        yield tables.proofs(facts["tasks"])


def _sources(values: Any) -> dict[str, list[str]]:
    """Returns the files that the facts within ``values`` come from, each with the places in it, both in order."""
    found: set[tuple[str, str]] = set()
    waiting = [values]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list | tuple):
            waiting += part
        elif isinstance(part, Mapping):
            own = [part.get("source"), *(part.get("also") or [])]
            found |= {(one["file"], one["pointer"]) for one in own if isinstance(one, Mapping) and "sha256" in one}
            waiting += [inner for key, inner in part.items() if key not in ("source", "also")]
    files: dict[str, list[str]] = {}
    for file, pointer in sorted(found):
        files.setdefault(file, []).append(pointer)
    return files


def places(*values: Any) -> Line:
    """Returns the line that names the files and places of ``values``; of many places what they have in common."""
    named = []
    for file, pointers in _sources(values).items():
        if len(pointers) > _MOST_POINTERS:
            pointers = [posixpath.commonpath(pointers).rstrip("/")]
        named.append(" ".join([file, *[pointer for pointer in pointers if pointer]]))
    return line("Sources: {named}.", named="; ".join(named))


def file_names(*values: Any) -> Line:
    """Returns the line that names the files of ``values``."""
    return line("Sources: {named}.", named=", ".join(_sources(values)))
