"""scores.csv: a row for each score, with its interval, difference, baseline, normalised score and source."""

import csv
import io
import re
from collections.abc import Iterator

from report.facts.schema.parts import Fact, is_known
from report.facts.schema.scores import Comparison, MetricScores, Overlap, Range, ScoredTask
from report.facts.schema.whole import MeasuredFacts
from report.reading.texts import one_line

Cell = str | int | float

_STARTS = "=+\\-@\uff1d\uff0b\uff0d\uff20\u2212"
"""What makes a spreadsheet take a cell for a formula, in both widths."""

_FORMULA = re.compile(rf"(^|[;,|])([\s\"'\u200c\u200d]*)(?=[{_STARTS}])")
"""Also behind what separates the cells where the comma does not."""

WHOLE = "all"
"""The part of the items that a row is about, where it is about all of them."""


def scores_csv(facts: MeasuredFacts) -> str:
    """Returns the scores as CSV: numbers as exact as they were computed, text that no spreadsheet computes with.

    What is not known is an empty cell, and the columns that begin with `missing` say why.
    """
    rows = [row | _under_old_names(row) for row in score_rows(facts)]
    file = io.StringIO()
    writer = csv.DictWriter(file, (*COLUMNS, *OLD_NAMES), restval="", quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def score_rows(facts: MeasuredFacts) -> list[dict[str, Cell]]:
    """Returns a row for each score, its cells by the names in `COLUMNS`; what is not known is not among them."""
    named: dict[str, Cell] = {"study": _text(facts.study.name), "model": _text(facts.model.name)}
    return [named | row for row in _rows(facts)]


COLUMNS = (
    "study", "model", "task", "task_version", "checkpoint", "trained_on", "method", "seed", "part", "metric", "label",
    "primary", "higher_is_better", "unit", "value", "lower", "upper", "confidence", "interval_method", "items",
    "clusters", "baseline", "baseline_lower", "baseline_upper", "baseline_answers", "gold_answers_score",
    "normalised_score", "difference", "difference_lower", "difference_upper", "difference_method", "p_value",
    "p_value_holm", "p_method", "minimum_detectable_effect", "missing", "missing_difference", "signature", "file",
    "pointer", "sha256",
)  # fmt: skip
"""The columns, in their order."""

OLD_NAMES = {
    "floor": "baseline",
    "floor_lower": "baseline_lower",
    "floor_upper": "baseline_upper",
    "floor_got_by": "baseline_answers",
    "ceiling": "gold_answers_score",
    "place": "normalised_score",
    "detectable": "minimum_detectable_effect",
}
"""Columns of version 0.1.0 by the names that they had before; they stand behind the others, and hold the same."""


def inert(text: str) -> str:
    """Returns ``text`` on one line, with an apostrophe wherever a spreadsheet would begin to compute.

    >>> print(inert("=1+1"), inert("a;-2"), inert("well-known"))
    '=1+1 a;'-2 well-known
    """
    return _FORMULA.sub(r"\1\2'", one_line(text).strip())


def _under_old_names(row: dict[str, Cell]) -> dict[str, Cell]:
    return {old: row[new] for old, new in OLD_NAMES.items() if new in row}


def _rows(facts: MeasuredFacts) -> Iterator[dict[str, Cell]]:
    """Yields the base's scores on each task once, then each checkpoint's, then those on parts of the items."""
    for task in facts.tasks:
        if not isinstance(task, ScoredTask):
            continue
        seen: set[str] = set()
        for comparison in task.comparisons:
            for score in comparison.scores:
                if score.metric not in seen:
                    seen.add(score.metric)
                    base = _score(task, score, score.before, score.before_place)
                    yield _of_task(task) | {"checkpoint": "base"} | base
        for comparison in task.comparisons:
            who = _of_task(task) | _of_checkpoint(comparison)
            for score in comparison.scores:
                yield who | _score(task, score, score.after, score.after_place) | _difference(score)
            yield from _parts(task, comparison)


def _parts(task: ScoredTask, comparison: Comparison) -> Iterator[dict[str, Cell]]:
    """Yields the primary score on the items that overlap with training rows, and on those that do not."""
    primary, overlap = comparison.primary, comparison.overlap
    if primary is None or not isinstance(overlap, Overlap):
        return
    said = {"metric": inert(primary.metric), "label": _text(primary.label), "primary": "yes"}
    for row in overlap.parts:
        shared = {"part": _text(row.part), **said, "higher_is_better": _word(primary.higher_is_better)}
        yield _of_task(task) | {"checkpoint": "base"} | shared | _level(row.before)
        difference = _uncertain("difference", row.difference) | _reason("missing_difference", row.difference)
        yield _of_task(task) | _of_checkpoint(comparison) | shared | _level(row.after) | difference


def _of_task(task: ScoredTask) -> dict[str, Cell]:
    return {"task": _text(task.name), "task_version": _text(task.version)}


def _of_checkpoint(comparison: Comparison) -> dict[str, Cell]:
    return {key: _text(getattr(comparison, key)) for key in ("checkpoint", "trained_on", "method", "seed")}


def _score(task: ScoredTask, score: MetricScores, known: Fact, place: Fact) -> dict[str, Cell]:
    moves = task.range_of(score.metric)
    return {
        "part": WHOLE,
        "metric": inert(score.metric),
        "label": _text(score.label),
        "primary": _word(score.primary),
        "higher_is_better": _word(score.higher_is_better),
        **_level(known),
        **(_range(moves) if moves else {}),
        "normalised_score": _value(place),
    }


def _range(moves: Range) -> dict[str, Cell]:
    return {
        **_uncertain("baseline", moves.floor),
        "baseline_answers": _text(moves.how),
        "gold_answers_score": _value(moves.ceiling),
        "signature": _text(moves.signature),
    }


def _difference(score: MetricScores) -> dict[str, Cell]:
    known = score.difference
    return {
        **_uncertain("difference", known),
        "difference_method": _method(known),
        "p_value": _value(score.p_value),
        "p_value_holm": _value(score.adjusted),
        "p_method": _text(score.p_method),
        "minimum_detectable_effect": _value(score.detectable),
        **_reason("missing_difference", known),
    }


def _level(known: Fact) -> dict[str, Cell]:
    """Returns a score with its interval, its items and its source; the reason where there is none."""
    if not is_known(known):
        return _reason("missing", known)
    return {
        "unit": known.unit,
        **_uncertain("", known),
        "confidence": known.interval.confidence if known.interval else "",
        "interval_method": _method(known),
        "items": "" if known.n is None else known.n,
        "clusters": "" if known.clusters is None else known.clusters,
        **{key: inert(text) for key, text in known.source},
    }


def _method(known: Fact) -> str:
    """Returns how an interval was computed, or why there is none."""
    if not is_known(known):
        return ""
    return inert(known.interval.method if known.interval else known.no_interval or "")


def _uncertain(name: str, known: Fact) -> dict[str, Cell]:
    """Returns a value and the ends of its interval under columns that begin with ``name``."""
    begin = f"{name}_" if name else ""
    interval = known.interval if is_known(known) else None
    ends = {f"{begin}lower": interval.lower, f"{begin}upper": interval.upper} if interval else {}
    return {name or "value": _value(known), **ends}


def _value(known: Fact) -> Cell:
    return known.value if is_known(known) else ""


def _text(known: Fact) -> str:
    return inert(str(known.value)) if is_known(known) else ""


def _reason(column: str, known: Fact) -> dict[str, Cell]:
    return {} if is_known(known) else {column: inert(known.missing)}


def _word(is_so: bool | None) -> str:
    return "" if is_so is None else "yes" if is_so else "no"
