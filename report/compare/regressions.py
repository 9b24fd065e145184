"""`--fail-on-regression TASK:METRIC`: whether a score fell for certain, by the bound of the difference's interval.

The first argument is the baseline; each model of the others is set against the baseline's model of the same name, else
against its only one. Of a single argument the baseline is the model called `base`. It is a regression where the whole
interval of later minus baseline lies on the worse side of 0: noise fails no build, a fall that the items prove does.
"""

from collections.abc import Sequence

from harness_tasks.errors import UserError
from harness_tasks.messages import nearest_name
from report.compare.measures import measure, metric_keys
from report.compare.models import Entry, Given
from report.compare.pairs import score_difference, told_with
from report.facts.measured import interval_fact
from report.facts.schema.compared import Regression
from report.facts.values import fact
from report.statistics.directions import metric_direction


def regression_facts(given: Given, gates: Sequence[str]) -> list[Regression]:
    """Returns a verdict for each gate `TASK:METRIC` and each model that it guards.

    Raises:
        UserError: a gate names no task or metric of the results, there is no baseline, or a pair cannot be compared: a
            gate that cannot tell must not let pass.
    """
    return [verdict for gate in gates for verdict in _gate(given, gate)]


def _gate(given: Given, gate: str) -> list[Regression]:
    task, separator, metric = gate.rpartition(":")
    tasks = {name for entry in given.entries for name in entry.runs}
    if not separator or task not in tasks:
        raise _unknown(gate, "task", task or gate, sorted(tasks))
    scored = [entry for entry in given.entries if task in entry.runs]
    key = _key(gate, metric, scored, task)
    pairs = _pairs(given, gate, [entry for entry in scored if key in metric_keys(entry.runs[task])])
    guarded = [entry.runs[task] for pair in pairs for entry in pair]
    _refuse_gaps(given, gate, pairs)
    said = metric_direction(key.partition(",")[0], [part for run in guarded for part in run.with_leaves])
    if said.better is None:
        raise UserError(
            f"whether higher {metric} is better on {task} is not known: {said.why}",
            "whether a difference is a regression cannot be told",
            "guard another metric, or add `higher_is_better` to the task and score again",
        )
    return [_verdict(task, key, baseline, candidate, said.better) for baseline, candidate in pairs]


def _refuse_gaps(given: Given, gate: str, pairs: Sequence[tuple[Entry, Entry]]) -> None:
    """Raises where a damaged file lies beside guarded scores: the ones that are meant may be in it."""
    folders = {run.folder for pair in pairs for entry in pair for run in entry.runs.values()}
    damaged = next((part for part in given.passed_over if not part.stranger and part.path.parent in folders), None)
    if damaged is not None:
        raise UserError(
            f"--fail-on-regression {gate}: {damaged.error.found}",
            "the file lies beside scores that are guarded, and may hold newer ones",
            f"{damaged.error.mend}; or remove the file",
        )


def _key(gate: str, metric: str, scored: Sequence[Entry], task: str) -> str:
    """Returns the metric and filter that a gate names; without a filter it is the first one."""
    keys = list(dict.fromkeys(key for entry in scored for key in metric_keys(entry.runs[task])))
    found = next((key for key in keys if key == metric or key.partition(",")[0] == metric), None)
    if found is None:
        raise _unknown(gate, "metric", metric, list(dict.fromkeys(key.removesuffix(",none") for key in keys)))
    return found


def _unknown(gate: str, what: str, name: str, known: Sequence[str]) -> UserError:
    near = nearest_name(name, known)
    return UserError(
        f"--fail-on-regression {gate} names no {what} of these results ({', '.join(known[:12])})",
        "a gate without a score would always pass",
        f"write TASK:METRIC with one of them{f', such as {near}' if near else ''}",
    )


def _pairs(given: Given, gate: str, scored: Sequence[Entry]) -> list[tuple[Entry, Entry]]:
    """Returns (baseline, candidate) for each model that is guarded."""
    if len(given.paths) == 1:
        baselines = [entry for entry in scored if entry.own == "base"]
        candidates = [entry for entry in scored if entry.own != "base"]
    else:
        baselines = [entry for entry in scored if entry.argument == 0]
        candidates = [entry for entry in scored if entry.argument != 0]
    if not baselines or not candidates:
        damaged = next((part for part in given.passed_over if not part.stranger), None)
        if damaged is not None:
            raise UserError(
                f"--fail-on-regression {gate}: {damaged.error.found}",
                "the file may hold the score that is guarded, and without it there is nothing to compare",
                damaged.error.mend,
            )
        lacking = "no baseline" if not baselines else "nothing to set against the baseline"
        raise UserError(
            f"--fail-on-regression {gate}: {lacking} (it is the first argument's, of a single one `base`)",
            "there is no earlier and later score to compare",
            "name the earlier results first, then the new ones, all with that score",
        )
    pairs = []
    for candidate in candidates:
        same = [entry for entry in baselines if entry.own == candidate.own]
        if same or len(baselines) == 1:
            pairs.append(((same or baselines)[0], candidate))
    lost = [entry.name for entry in baselines if all(entry is not pair[0] for pair in pairs)]
    if lost:
        raise UserError(
            f"--fail-on-regression {gate}: nothing later has the name of {', '.join(lost)}",
            "a score that is guarded would be lost unseen",
            "give the later results the same names, or name as the first argument the folder of one model",
        )
    return pairs


def _verdict(task: str, key: str, baseline: Entry, candidate: Entry, better: bool) -> Regression:
    before, after = (measure(entry.runs[task], key) for entry in (baseline, candidate))
    for entry, score in ((baseline, before), (candidate, after)):
        if score.contradiction or (score.void and entry is baseline):
            raise UserError(
                f"{entry.name} on {task}, {key.removesuffix(',none')}: {score.void}",
                "a gate that guards such a score cannot tell",
                "score it again, with --log_samples",
            )
    found = score_difference(after, before)
    if found.interval is None or found.interval.lower is None or found.interval.upper is None:
        reason = found.refused or (found.interval.method if found.interval else "")
        raise UserError(
            f"{candidate.name} cannot be set against {baseline.name} on {task}, {key.removesuffix(',none')}: {reason}",
            "a gate that cannot tell must not let pass",
            "score both with the same task, with --log_samples",
        )
    # The end of the interval that is nearer to no regression: were it below 0, all of the interval would be.
    bound = found.interval.upper if better else -found.interval.lower
    return Regression(
        task=fact(task, "text", after.source),
        metric=fact(key.removesuffix(",none"), "text", after.source),
        baseline=fact(baseline.name, "text", before.source),
        candidate=fact(candidate.name, "text", after.source),
        difference=interval_fact(found.interval, after.unit, after.source, also=[before.source, *after.also]),
        **told_with(found, after.source, after.caution),
        regressed=bound < 0,
    )
