"""Whether higher or lower is better on a metric: what the result files say, by the name that they use for it.

It stands in `higher_is_better` (lm_eval 0.4.3 and later) or in the task's `metric_list` (all of 0.4). Both may name the
metric otherwise than its score: `pass_at_k` where the score is `pass@1`. Where no file says it, the table of
metrics does, and the page says so. Two files that contradict each other leave it open, and both are named.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from report.reading.results import NOT_METRICS, TaskResults
from report.statistics.metrics import better_of

UNSAID = "no file says whether higher is better"
OF_THE_NAME = "no file says it; of the known metric of that name"


@dataclass(frozen=True)
class MetricDirection:
    """Whether higher is better; None where that is not known, for the reason ``why``. ``said``: who says it."""

    better: bool | None
    said: str = ""
    why: str = ""


def metric_direction(metric: str, runs: Iterable[TaskResults]) -> MetricDirection:
    """Returns the direction of ``metric``, a name without its filter, by the files of ``runs``.

    Of a group, its tasks are among the ``runs``: they say what it does not.
    """
    told: dict[bool, tuple[str, str]] = {}
    for run in runs:
        for better, where in _told(metric, run):
            told.setdefault(better, (run.results.file, where))
    if len(told) == 2:
        places = [f"{file} ({where})" for file, where in (told[True], told[False])]
        return MetricDirection(
            None, why=f"the files contradict each other: higher by {places[0]}, lower by {places[1]}"
        )
    for better, (_, where) in told.items():
        return MetricDirection(better, where)
    for name in _spellings(metric):
        if (known := better_of(name)) is not None:
            return MetricDirection(known, OF_THE_NAME)
    return MetricDirection(None, why=UNSAID)


def _told(metric: str, run: TaskResults) -> Iterator[tuple[bool, str]]:
    """Yields what a run's file says of ``metric``, and where."""
    said = _of_name(metric, run, dict(run.per_task("higher_is_better") or {}))
    if said is not None:
        yield said, "higher_is_better"
    listed = {
        _listed_name(entry.get("metric")): entry.get("higher_is_better")
        for entry in run.configuration.get("metric_list") or ()
    }
    said = _of_name(metric, run, listed)
    if said is not None:
        yield said, "metric_list"


def _of_name(metric: str, run: TaskResults, said: Mapping[str, Any]) -> bool | None:
    """Returns what is ``said`` of a metric, by its name or another spelling of it.

    A task with one entry has its scores from that one, whatever they are called: a function may return a dictionary.
    """
    known = {name.partition(",")[0].lower(): better for name, better in said.items() if isinstance(better, bool)}
    for name in _spellings(metric):
        if name.lower() in known:
            return known[name.lower()]
    by_stem = {re.sub(r"_at_\d+$", "_at_k", name): better for name, better in known.items()}
    for name in _spellings(metric):
        if name.lower() in by_stem:
            return by_stem[name.lower()]
    scored = {key.partition(",")[0].lower() for key, value in run.scores.items() if "," in key and _is_number(value)}
    others = {name for name in scored if name in known}
    if len(said) == len(known) == 1 and not others and metric not in NOT_METRICS:
        return next(iter(known.values()))
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def _spellings(metric: str) -> list[str]:
    """Returns the names under which a metric may be known, the nearest first.

    >>> _spellings("pass@10"), _spellings("acc_decontaminate"), _spellings("recall_at_5"), _spellings("f1")
    (['pass@10', 'pass_at_10', 'pass@k', 'pass_at_k', 'pass'], ['acc_decontaminate', 'acc'], ['recall_at_5', \
'recall@5', 'recall@k', 'recall_at_k', 'recall'], ['f1'])
    """
    found = [metric]
    at = re.fullmatch(r"(.+?)(?:@|_at_)(\d+|k)", metric)
    if at:
        stem, k = at.groups()
        found += [f"{stem}_at_{k}", f"{stem}@{k}", f"{stem}@k", f"{stem}_at_k", stem]
    if metric.endswith("_decontaminate"):  # lm_eval 0.3 scored what was in no training data once more
        found.append(metric.removesuffix("_decontaminate"))
    return list(dict.fromkeys(found))


def _listed_name(metric: Any) -> str:
    """Returns a metric's name in `metric_list`; a function of Python stands there by its source or its address."""
    text = str(metric)
    function = re.search(r"def (\w+)|<function (\w+)|(?:^!function )?\w+\.(\w+)$", text)
    return next((name for name in function.groups() if name), text) if function else text
