"""Facts of scores: each checkpoint on each task, before and after fine-tuning, paired item by item."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness_tasks.errors import UserError
from harness_tasks.kinds import SAMPLES
from harness_tasks.models.heads import STOCK_CLASSES
from report.facts.before_and_after import beside_base
from report.facts.diagnosis import diagnosis
from report.facts.label_matrix import label_matrix
from report.facts.learning_curves import over_tokens
from report.facts.measured import (
    Measured,
    label_of,
    positive_name,
)
from report.facts.ranges import Ranges, above_floor, floor_facts
from report.facts.schema.diagnosis import Side
from report.facts.schema.parts import Absent, Fact
from report.facts.schema.scores import (
    ScoredTask,
    Split,
    TaskData,
    TaskFacts,
    Unscored,
)
from report.facts.schema.study import ModelFacts
from report.facts.schema.training import CheckpointFacts
from report.facts.unfinished import undone, why_unscored
from report.facts.values import fact, missing, recorded
from report.reading.lengths import gold_within, read_lengths
from report.reading.results import Document, Scores, read_scores
from report.reading.scored import refuse_other, refuse_replaced

Sides = Mapping[str, Measured]
"""The checkpoints that were scored on a task, by name; the base model is `base`."""


def read_sides(folder: Path, task: str, checkpoints: Sequence[str], *, with_prompts: bool = False) -> Sides:
    """Returns the base model and those of ``checkpoints``, their names, that were scored on ``task``.

    ``with_prompts``: as in `read_scores`.

    Raises:
        UserError: as `read_scores`; a file says that it is of another model than its folder, or of other weights.
    """
    documents: dict[str, Any] = {}
    names, lacking = ["base", *checkpoints], undone(folder)
    found = {
        name: read_scores(folder, name, task, documents, with_prompts=with_prompts)
        for name in names
        if (name, task) not in lacking
    }
    for name, scores in found.items():
        if scores:
            refuse_other(folder, scores.results.file, name, scores.results.value("config", "model_args"))
            refuse_replaced(folder, scores.results, name)
    sides = {name: _measure(scores) for name, scores in found.items() if scores}
    _check_of_one_kind(list(sides.values()))
    return sides


def task_facts(
    folder: Path,
    task: str,
    model: ModelFacts,
    checkpoints: Sequence[CheckpointFacts],
    sides: Sides,
    study: Mapping[str, str],
) -> TaskFacts:
    """Returns the scores of ``task``: of the base model, and beside it those of each checkpoint.

    ``model`` and ``checkpoints`` are the facts of the base model, and of the checkpoints that the page sets beside it
    on this task; ``sides`` is what `read_sides` gives for them, ``study`` the place of the task in the study file.
    """
    base = sides.get("base")
    known = next(iter(sides.values()), None)
    unscored = missing(why_unscored(folder, "base", task))
    if known is None:
        return Unscored(task=task, name=fact(task, "text", study), absent=unscored)
    home = str(Path(known.scores.samples.file).parent)
    ranges = Ranges(known, gold_within(read_lengths(folder, home, known.scores.samples.source())))
    before = _side(base, ranges, folder) if base else Absent(absent=unscored)
    comparisons = []
    for checkpoint in checkpoints:
        name = checkpoint.name.value
        after = sides.get(name)
        alone = _side(after, ranges, folder) if after else Absent(absent=missing(why_unscored(folder, name, task)))
        comparisons.append(beside_base(base, after, (before, alone), model, checkpoint, ranges, folder))
    return ScoredTask(
        **_about(known),
        task=task,
        before=before,
        floor=floor_facts(ranges),
        ranges=ranges.facts(),
        comparisons=comparisons,
        over_tokens=over_tokens(task, comparisons, checkpoints),
    )


def _check_of_one_kind(sides: Sequence[Measured]) -> None:
    """Raises UserError where the samples of one task hold questions with their answers for one side alone."""
    for other in sides[1:]:
        if "extraction" in (other.kind, sides[0].kind) and other.kind != sides[0].kind:
            one, file = sides[0].scores.samples.file, other.scores.samples.file
            raise UserError(
                f"{one} is of the kind {sides[0].kind}, and {file} of the kind {other.kind}, by what their rows hold",
                "they are of one task: one of them is damaged, or of another task",
                SAMPLES.mend,
            )


def _measure(scores: Scores) -> Measured:
    scale = scores.metadata.get("scale")
    return Measured(scores, float(scale) if scale else None)


def _about(measured: Measured) -> dict[str, Any]:
    """Returns what the task says of itself, and how much of it was scored."""
    scores, results = measured.scores, measured.scores.results
    at = ("configs", scores.task, "metadata")
    rows, available = len(scores.rows), (scores.per_task("n-samples") or {}).get("original")
    source = scores.samples.source()
    data = scores.metadata.get("data") or {}
    return {
        "name": fact(scores.task, "text", results.source("results", scores.task)),
        "about": recorded(results, *at, "about", unit="text", absent="the task does not describe itself"),
        "text_licence": recorded(results, *at, "text_licence", unit="text", absent="the task states no licence"),
        "version": recorded(results, "versions", scores.task, unit="setting"),
        "setting": fact(_setting(scores), "text", results.source("n-shot", scores.task)),
        "cluster": recorded(results, *at, "cluster", unit="text", absent="none declared: items count as independent"),
        "clustered": scores.metadata.get("cluster") is not None,
        "primary": fact(label_of(measured, scores.primary), "text", scores.primary_source)
        if scores.primary
        else missing("the task declares none"),
        "scored": fact(rows, "count", source),
        "available": recorded(results, "n-samples", scores.task, "original", unit="count"),
        "limited": available is not None and available > rows,
        "kind": measured.kind,
        "positive": positive_name(measured),
        "data": TaskData(
            source=recorded(results, *at, "data", "source", unit="text"),
            name=recorded(results, *at, "data", "name", unit="text"),
            revision=recorded(results, *at, "data", "revision", unit="text", absent="no revision of its own"),
            splits=[
                Split(
                    split=fact(split, "text", results.source(*at, "data", "fingerprint", split)),
                    fingerprint=recorded(results, *at, "data", "fingerprint", split, unit="text"),
                    rows=recorded(results, *at, "data", "rows", split, unit="count"),
                    compared_with=recorded(results, *at, "data", "compared_with", split, unit="text"),
                )
                for split in data.get("fingerprint") or {}
            ],
        ),
    }


def _setting(scores: Scores) -> str:
    shots = scores.per_task("n-shot")
    if shots is None:
        return "shots not recorded"
    return f"{shots}-shot" if shots else "zero-shot"


def _side(measured: Measured, ranges: Ranges, folder: Path) -> Side:
    """Returns what concerns one checkpoint alone: diagnosis, distance from the baseline, and how it was scored."""
    results = measured.scores.results
    return Side(
        diagnosis=diagnosis(measured, folder),
        **({"matrix": matrix} if (matrix := label_matrix(measured)) else {}),
        above_floor=above_floor(measured, ranges),
        dtype=recorded(results, "config", "model_dtype", unit="text"),
        model_class=recorded(results, "config", "model", unit="text"),
        softmax_dtype=_softmax_dtype(results),
        allowed=_allowed(measured.scores),
    )


def _allowed(scores: Scores) -> Fact:
    """Returns the guards of scoring that failed and were allowed, as `aftertune score` leaves them in the metadata."""
    names = scores.metadata.get("allowed")
    if not names:
        return missing("no guard is recorded as allowed")
    return fact(", ".join(names), "text", scores.results.source("configs", scores.task, "metadata", "allowed"))


def _softmax_dtype(results: Document) -> Fact:
    """Returns the dtype in which log-likelihoods were computed.

    It is the one recorded or asked for, else, of lm_eval's `hf`, that of the weights.
    """
    asked = results.value("config", "model_args", "softmax_dtype")
    if results.value("config", "softmax_dtype") is None and isinstance(asked, str):
        return recorded(results, "config", "model_args", "softmax_dtype", unit="text")
    name = "model_dtype" if results.value("config", "model") in STOCK_CLASSES else "softmax_dtype"
    return recorded(results, "config", name, unit="text")
