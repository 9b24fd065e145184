"""The page from top to bottom: which headings, sentences, tables and figures the facts license, in which order.

The page is a closed world: what is not here may not stand there, and what is here may not be missing. The words of
the page itself, those that no fact decides, stand here; sentences that facts choose are in `sentences.py`.
"""

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from report.reading.texts import shell_word
from tests.oracle import answer_figures, causes, cautions, figures, sentences, summary, tables, weight_figures, weights
from tests.oracle.expected import Code, Expected, Heading, Prose, code, items, paragraph
from tests.oracle.lines import Line, confidence, count, digest, joined, known, line, number, reason, setting, text

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
    page: list[Expected] = [
        Heading(1, text(study["title"])),
        paragraph(
            line(
                "This page answers the seven questions of the assignment for the study {name}.",
                name=text(study["name"]),
            ),
            line(
                "Every number on it was computed from the files named beside it, and every sentence was chosen by a "
                "rule from those numbers."
            ),
        ),
        Heading(2, line("Summary")),
        *_summary(facts),
    ]
    answers = (_model, _parameters, _fine_tuning, _scores, _parameters_after, _hub, _analysis)
    for turn, (title, answer) in enumerate(zip(_ANSWERS, answers, strict=True), 1):
        page.append(Heading(2, line(f"Answer {turn}: {title}")))
        page += answer(facts)
    if facts["audit"]:
        page.append(Heading(2, line("Audit of an earlier write-up")))
        page += _audit(facts["audit"])
    page.append(Heading(2, line("Contributions")))
    page += items(line("{a}: {d}", a=text(author["name"]), d=text(author["did"])) for author in study["authors"])
    page.append(paragraph(places(study["authors"])))
    page.append(Heading(2, line("How to reproduce")))
    page += _reproduce(facts)
    return page


def _summary(facts: Part) -> Iterator[Expected]:
    for task in facts["tasks"]:
        yield from items(sentences.headline(task, comparison) for comparison in task.get("comparisons", []))
    if facts["summary_figure"]:
        yield figures.summary(facts)
    if said := list(summary.sizes(facts)):
        yield paragraph(*said)
    yield from items(summary.checks(facts))
    for warning in cautions.warnings(facts):
        yield Prose("quote", (line("Warning."), warning))


def _model(facts: Part) -> Iterator[Expected]:
    model = facts["model"]
    yield paragraph(
        line(
            "The study selects {name}, a language model with the architecture {kind}.",
            name=text(model["name"]),
            kind=text(model["architecture"]),
        ),
        line(
            "It counts as the selected model because the study file {file} names it, and because everything below was "
            "measured on it and on checkpoints made from it.",
            file=text(facts["study"]["file"]),
        ),
    )
    why = facts["study"]["why"]
    if known(why):
        yield paragraph(line("In the authors' own words: “{why}”", why=text(why)))
    else:
        yield paragraph(line("Why the authors chose it is not known: {why}.", why=reason(why)))
    yield from items(weights.selected(model, checkpoint) for checkpoint in facts["checkpoints"])
    yield tables.model(model)
    yield paragraph(places(model))


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
        line(
            "Another {tied} are tied: matrices that share the memory of one already counted, and so are not counted "
            "again.",
            tied=count(parameters["tied"]),
        ),
        line(
            "Each row was counted tensor by tensor and computed from the configuration by the formula beside it; where "
            "a formula is known the two agree, or this page would not have been written."
        ),
    )
    yield tables.ledger(parameters)
    yield paragraph(places(parameters))


def _fine_tuning(facts: Part) -> Iterator[Expected]:
    for checkpoint in facts["checkpoints"]:
        yield Heading(3, text(checkpoint["name"]))
        if "absent" in checkpoint:
            yield paragraph(line("How it was made: {why}.", why=text(checkpoint["absent"])))
            continue
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
        yield tables.recipe(checkpoint) if checkpoint["recipe"] else paragraph(line("The recipe was not recorded."))
        loss = checkpoint["loss"]
        if known(loss["curve"]):
            yield paragraph(
                line(
                    "The training loss was {first} where it was first noted and {last} where it was last noted.",
                    first=number(loss["first"]),
                    last=number(loss["last"]),
                )
            )
            yield figures.loss(checkpoint)
        else:
            yield paragraph(line("The loss curve: {why}.", why=text(loss["curve"])))
        yield from figures.development(checkpoint)
        yield paragraph(file_names(checkpoint["command"], checkpoint["recipe"], checkpoint["data"]))


def _scores(facts: Part) -> Iterator[Expected]:
    yield paragraph(
        line("Square brackets hold the {share} interval.", share=confidence(facts["confidence"])),
        line(
            "A difference is fine-tuned minus base, computed item by item on the same items, so its interval is its "
            "own: it cannot be read from the other two."
        ),
        line("Items that share a cluster resemble each other, and the intervals and p-values allow for it."),
    )
    for task in facts["tasks"]:
        if "absent" in task:
            yield Heading(3, line("{task}", task=task["task"]))
            yield paragraph(line("Scores: {why}.", why=text(task["absent"])))
            continue
        yield Heading(3, text(task["name"]))
        yield paragraph(line("What is scored: {about}", about=text(task["about"])))
        yield tables.task(task)
        yield tables.ranges(task)
        yield paragraph(
            line("The floor needs no model; the ceiling is what the gold answers score themselves."),
            line("A score tells of the model only as far as it lies between the two."),
        )
        yield from figures.over_tokens(task)
        for comparison in task["comparisons"]:
            yield from _comparison(task, comparison)
    if facts["equivalences"]:
        yield Heading(3, line("Methods side by side"))
        yield from items(sentences.equivalence(facts["family"], found) for found in facts["equivalences"])
    if facts["spreads"]:
        yield Heading(3, line("Several seeds"))
        yield from items(map(sentences.spread, facts["spreads"]))


def _comparison(task: Part, comparison: Part) -> Iterator[Expected]:
    names = {"checkpoint": text(comparison["checkpoint"]), "task": text(task["name"])}
    yield Heading(4, line("Base model and {checkpoint} on {task}", **names))
    yield tables.scores(task, comparison)
    yield tables.tests(comparison)
    if comparison["transitions"]:
        yield tables.transitions(comparison["transitions"])
        yield answer_figures.moves(task, comparison)
    if task["kind"] == "classification":
        yield tables.said(task, comparison)
        yield from answer_figures.drawn("confusion", task, comparison)
        yield from tables.calibrations(task, comparison)
        yield from answer_figures.drawn("reliability", task, comparison)
    elif task["kind"] == "extraction":
        yield tables.unanswered(task, comparison)
        yield from answer_figures.drawn("distributions", task, comparison)
    overlap = comparison["overlap"]
    if overlap and "absent" not in overlap:
        yield tables.grades(overlap)
        yield tables.parts(task, overlap)
    if comparison["examples"]:
        yield tables.examples(comparison["examples"])
    yield paragraph(line("How the intervals and p-values were made:"))
    for row in comparison["methods"]:
        labels = joined(text(label) for label in row["labels"])
        words = line("{side}, {labels}: {how}", side=text(row["side"]), labels=labels, how=text(row["method"]))
        yield Prose("item", (words,))
    yield paragraph(places(comparison["scores"]))


def _counts(facts: Part) -> list[Line]:
    return [
        *[weights.counts(facts["parameters"], checkpoint) for checkpoint in facts["checkpoints"]],
        *map(weights.trained_share, facts["checkpoints"]),
    ]


def _parameters_after(facts: Part) -> Iterator[Expected]:
    yield tables.parameters_after(facts)
    yield from weight_figures.parameters(facts)
    yield from items(_counts(facts))
    for checkpoint in facts["checkpoints"]:
        if "components" in checkpoint["parameters"]:
            yield Heading(3, line("Parameters of {name}", name=text(checkpoint["name"])))
            yield tables.ledger(checkpoint["parameters"])
            yield paragraph(file_names(checkpoint["parameters"]))
    yield Heading(3, line("What training changed"))
    yield from items(map(weights.changes, facts["checkpoints"]))
    for checkpoint in facts["checkpoints"]:
        changes = checkpoint.get("changes", {"absent": None})
        if "absent" not in changes:
            yield tables.changes(checkpoint)
            adapted = ", here of what the adapter adds" if changes["adapted"] else ""
            words = "The relative change is the norm of what was added to a matrix over the norm of the matrix"
            yield paragraph(line(f"{words}{adapted}."))
            yield from weight_figures.changes(checkpoint)
            yield paragraph(file_names(changes))


def _hub(facts: Part) -> Iterator[Expected]:
    checkpoints = facts["checkpoints"]
    yield tables.hub(checkpoints)
    if any(checkpoint["hub"]["published"] for checkpoint in checkpoints):
        yield paragraph(places([checkpoint["hub"] for checkpoint in checkpoints]))


def _analysis(facts: Part) -> Iterator[Expected]:
    yield Heading(3, line("a. Why the performance is poor or good"))
    for task in facts["tasks"]:
        yield paragraph(line("{task}.", task=text(task["name"])), *causes.why(task))
    yield Heading(3, line("b. What the parameter counts before and after show"))
    checkpoints = facts["checkpoints"]
    said = [*_counts(facts), *map(weights.changes, checkpoints)]
    said += [weights.meaning(facts["parameters"], checkpoint) for checkpoint in checkpoints]
    said += [moved for checkpoint in checkpoints if (moved := weights.moved(checkpoint))]
    said += map(weights.cost, checkpoints)
    if said:
        yield paragraph(*said)
    yield Heading(3, line("c. The difference between zero-shot and fine-tuned"))
    for task in facts["tasks"]:
        for comparison in task.get("comparisons", []):
            yield paragraph(*_what_changed(facts["family"], task, comparison))
    yield Heading(3, line("What these numbers do not cover"))
    yield from items(cautions.limits(facts))
    yield from items(
        [
            line(
                "A claim is made of the primary metric of each task only, and its p-value is corrected for the number "
                "of such claims; the other metrics describe it, and with many of them some interval leaves zero by "
                "chance."
            ),
            line(
                "The calibration error takes up chance: in few items it is above zero for a perfectly calibrated "
                "model, too. The Brier score does not."
            ),
        ]
    )


def _what_changed(family: Part, task: Part, comparison: Part) -> Iterator[Line]:
    yield sentences.headline(task, comparison)
    yield from sentences.tested(family, comparison)
    yield from sentences.metrics(comparison)
    if comparison["shift"]:
        yield sentences.shift(comparison["shift"])
    if comparison["transitions"]:
        yield sentences.transitions(comparison["transitions"])
    if comparison["overlap"]:
        yield sentences.overlap(comparison)


def _audit(audit: Part) -> Iterator[Expected]:
    yield paragraph(
        line("Somebody else answered these questions before: {title}.", title=text(audit["title"])),
        line("The file {file} quotes what was claimed there.", file=text(audit["file"])),
        line("Each claim is checked by itself and against the others; nothing of it was used for the answers above."),
    )
    yield tables.claims(audit)
    yield tables.verdicts(audit)
    yield paragraph(file_names(audit))


def _reproduce(facts: Part) -> Iterator[Expected]:
    study, reproduction = facts["study"], facts["reproduction"]
    yield paragraph(line("From a clone of the project, this makes everything on this page again:"))
    yield Code(f"STUDY={shell_word(str(study['file']['value']))} make report")
    yield paragraph(
        line("Training seeds: {seeds}.", seeds=joined(setting(seed) for seed in study["seeds"])),
        line("Seed of the samples of rows: {seed}.", seed=setting(study["sampling_seed"])),
        line("Digest of the study file: {digest}.", digest=digest(study["digest"])),
        line("The commands that trained each checkpoint stand under fine-tuning."),
    )
    yield tables.runs(facts)
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
    yield paragraph(
        line("Each file that a number comes from, with its digest; places within it are named beside the tables above.")
    )
    yield tables.files(facts)


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
