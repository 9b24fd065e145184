"""scores.csv: every score, one a row, with its uncertainty, its difference, its range and its source."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any

from report.facts.values import Fact, is_known
from report.reading.texts import one_line

Cell = str | int | float

_STARTS = "=+\\-@\uff1d\uff0b\uff0d\uff20\u2212"
"""What makes a spreadsheet take a cell for a formula, in both widths."""

_FORMULA = re.compile(rf"(^|[;,|])([\s\"'\u200c\u200d]*)(?=[{_STARTS}])")
"""Also behind what separates the cells where the comma does not."""

WHOLE = "all"
"""The part of the items that a row is about, where it is about all of them."""


def scores_csv(facts: Mapping[str, Any]) -> str:
    """Returns the scores as CSV: numbers as exact as they were computed, text that no spreadsheet computes with.

    What is not known is an empty cell, and the columns that begin with `missing` say why.
    """
    rows = [
        {"study": _text(facts["study"]["name"]), "model": _text(facts["model"]["name"]), **row} for row in _rows(facts)
    ]
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, restval="", quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


COLUMNS = (
    "study", "model", "task", "task_version", "checkpoint", "trained_on", "method", "seed", "part", "metric", "label",
    "primary", "higher_is_better", "unit", "value", "lower", "upper", "confidence", "interval_method", "items",
    "clusters", "floor", "floor_lower", "floor_upper", "floor_got_by", "ceiling", "place", "difference",
    "difference_lower", "difference_upper", "difference_method", "p_value", "p_value_holm", "p_method", "detectable",
    "missing", "missing_difference", "signature", "file", "pointer", "sha256",
)  # fmt: skip
"""The columns, in their order."""


def inert(text: str) -> str:
    """Returns ``text`` on one line, with an apostrophe wherever a spreadsheet would begin to compute.

    >>> print(inert("=1+1"), inert("a;-2"), inert("well-known"))
    '=1+1 a;'-2 well-known
    """
    return _FORMULA.sub(r"\1\2'", one_line(text).strip())


def _rows(facts: Mapping[str, Any]) -> Iterator[dict[str, Cell]]:
    """Yields the base's scores on each task once, then each checkpoint's, then those on parts of the items."""
    for task in facts["tasks"]:
        if "absent" in task:
            continue
        seen: set[str] = set()
        for comparison in task["comparisons"]:
            for score in comparison["scores"]:
                if score["metric"] not in seen:
                    seen.add(score["metric"])
                    yield _of_task(task) | {"checkpoint": "base"} | _score(task, score, "before")
        for comparison in task["comparisons"]:
            who = _of_task(task) | _of_checkpoint(comparison)
            for score in comparison["scores"]:
                yield who | _score(task, score, "after") | _difference(score)
            yield from _parts(task, comparison)


def _parts(task: Mapping[str, Any], comparison: Mapping[str, Any]) -> Iterator[dict[str, Cell]]:
    """Yields the primary score on the items that overlap with training rows, and on those that do not."""
    primary = next((score for score in comparison["scores"] if score["primary"]), None)
    overlap = comparison["overlap"]
    if primary is None or not overlap or "absent" in overlap:
        return
    said = {"metric": inert(primary["metric"]), "label": _text(primary["label"]), "primary": "yes"}
    for row in overlap["parts"]:
        shared = {"part": _text(row["part"]), **said, "higher_is_better": _word(primary["higher_is_better"])}
        yield _of_task(task) | {"checkpoint": "base"} | shared | _level(row["before"])
        difference = _uncertain("difference", row["difference"]) | _reason("missing_difference", row["difference"])
        yield _of_task(task) | _of_checkpoint(comparison) | shared | _level(row["after"]) | difference


def _of_task(task: Mapping[str, Any]) -> dict[str, Cell]:
    return {"task": _text(task["name"]), "task_version": _text(task["version"])}


def _of_checkpoint(comparison: Mapping[str, Any]) -> dict[str, Cell]:
    keys = ("checkpoint", "trained_on", "method", "seed")
    return {key: _text(comparison[key]) for key in keys}


def _score(task: Mapping[str, Any], score: Mapping[str, Any], side: str) -> dict[str, Cell]:
    ranges: Mapping[str, Any] = next((row for row in task["ranges"] if row["metric"] == score["metric"]), {})
    return {
        "part": WHOLE,
        "metric": inert(score["metric"]),
        "label": _text(score["label"]),
        "primary": _word(score["primary"]),
        "higher_is_better": _word(score["higher_is_better"]),
        **_level(score[side]),
        **_uncertain("floor", ranges.get("floor", {})),
        "floor_got_by": _text(ranges.get("how", {})),
        "ceiling": _value(ranges.get("ceiling", {})),
        "place": _value(score[f"{side}_place"]),
        "signature": _text(ranges.get("signature", {})),
    }


def _difference(score: Mapping[str, Any]) -> dict[str, Cell]:
    known = score["difference"]
    return {
        **_uncertain("difference", known),
        "difference_method": inert(known.get("interval", {}).get("method", known.get("no_interval", ""))),
        "p_value": _value(score["p_value"]),
        "p_value_holm": _value(score["adjusted"]),
        "p_method": _text(score["p_method"]),
        "detectable": _value(score["detectable"]),
        **_reason("missing_difference", known),
    }


def _level(known: Fact) -> dict[str, Cell]:
    """Returns a score with its interval, its items and its source; the reason where there is none."""
    if not is_known(known):
        return _reason("missing", known)
    interval = known.get("interval", {})
    return {
        "unit": known["unit"],
        **_uncertain("", known),
        "confidence": interval.get("confidence", ""),
        "interval_method": inert(interval.get("method", known.get("no_interval", ""))),
        "items": known.get("n", ""),
        "clusters": known.get("clusters", ""),
        **{key: inert(known["source"][key]) for key in ("file", "pointer", "sha256")},
    }


def _uncertain(name: str, known: Fact) -> dict[str, Cell]:
    """Returns a value and the ends of its interval under columns that begin with ``name``."""
    begin = f"{name}_" if name else ""
    ends = {f"{begin}{end}": known["interval"][end] for end in ("lower", "upper") if "interval" in known}
    return {name or "value": _value(known), **ends}


def _value(known: Fact) -> Cell:
    return known["value"] if is_known(known) else ""


def _text(known: Fact) -> str:
    return inert(str(known["value"])) if is_known(known) else ""


def _reason(column: str, known: Fact) -> dict[str, Cell]:
    return {} if is_known(known) else {column: inert(known["missing"])}


def _word(is_so: bool | None) -> str:
    return "" if is_so is None else "yes" if is_so else "no"
