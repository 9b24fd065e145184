"""A checkpoint's scores on a task beside the base model's, paired item by item."""

from collections import Counter
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from harness_tasks.errors import UserError
from report.facts.examples import KINDS, examples
from report.facts.measured import (
    Measured,
    abstains,
    by_other_filters,
    interval_fact,
    label_of,
    positive_name,
    unit_of,
)
from report.facts.overlaps import overlap_facts
from report.facts.pairing import ItemPair, Pair
from report.facts.paths import figure_path
from report.facts.ranges import Ranges, by_filter, normalised_score
from report.facts.replicated import NoReplicates, ReplicatedScore, replicated_difference, replicated_score
from report.facts.schema.diagnosis import Side
from report.facts.schema.parts import Absent, Fact, Known, Missing, Source, is_known
from report.facts.schema.scores import (
    AnswerFigures,
    Comparison,
    IntervalMethod,
    MetricScores,
    Shift,
    Transitions,
)
from report.facts.schema.study import ModelFacts
from report.facts.schema.training import CheckpointFacts, Trained, is_from_elsewhere
from report.facts.simpler_means import simpler_means
from report.facts.unfinished import why_unscored
from report.facts.values import fact, missing
from report.reading import kinds
from report.reading.bases import scored_on_another, trained_on_another
from report.reading.results import is_begun, read_json
from report.statistics import intervals, paired_tests
from report.statistics.intervals import Estimate
from report.statistics.paired_tests import PairedTest
from report.statistics.sums import pair_of


def beside_base(
    base: Measured | None,
    after: Measured | None,
    sides: tuple[Side | Absent, Side | Absent],
    model: ModelFacts,
    checkpoint: CheckpointFacts,
    ranges: Ranges,
    folder: Path,
) -> Comparison:
    """Returns the scores of one checkpoint beside the base's, metric by metric.

    ``sides``: what concerns the base model, and the checkpoint, alone.
    """
    name, task = checkpoint.name, ranges.measured.scores.task
    pair = Pair(base, after) if base and after else None
    other_base, refused = None, None
    if after:
        scored = scored_on_another(model.fingerprint.value, base.scores if base else None, after.scores)
        began_with = checkpoint.base_fingerprint.value if isinstance(checkpoint, Trained) else None
        # of one from elsewhere it is a question for a reader, and the very one that a comparison may be made for
        lineage = None if is_from_elsewhere(checkpoint) else trained_on_another(model.fingerprint.value, began_with)
        other_base = lineage or scored
        refused = other_base or (pair.refusal(checkpoint) if pair else None)
    metrics = list(dict.fromkeys([*(base.scores.metrics if base else []), *(after.scores.metrics if after else [])]))
    unscored = missing(why_unscored(folder, name.value, task))
    scores = [_score(base, after, pair, metric, ranges, unscored, refused) for metric in metrics]
    scores += _by_other_filters(base, after, ranges, unscored, refused)
    pair = None if refused else pair
    graded = (metric for metric in metrics if ranges.metric_direction(metric).better) if pair else iter(())
    right_or_wrong = next((metric for metric in graded if pair and _is_right_or_wrong(pair, metric)), None)
    simpler = simpler_means(folder, base, after, name.value)
    asked: dict[str, Any] = {"simpler": simpler} if simpler else {}
    return Comparison(
        checkpoint=name,
        display_name=checkpoint.name_on_own_task if checkpoint.task.value == task else checkpoint.display_name,
        trained_on=checkpoint.task,
        method=checkpoint.method,
        seed=checkpoint.seed,
        elsewhere=is_from_elsewhere(checkpoint),
        scores=scores,
        methods=_methods(scores),
        after=sides[1],
        refused=missing(refused) if refused else None,
        other_base=missing(other_base) if other_base else None,
        transitions=_transitions(pair, right_or_wrong) if pair and right_or_wrong else None,
        examples=examples(pair, right_or_wrong) if pair and right_or_wrong else None,
        shift=_shift(pair) if pair else None,
        overlap=overlap_facts(folder, pair, name.value) if pair else None,
        figures=_figures(task, name, sides, scores, moves=bool(pair and right_or_wrong)),
        overlaps=overlapping(folder, checkpoint.task.value, task),
        **asked,
    )


def _score(
    base: Measured | None,
    after: Measured | None,
    pair: Pair | None,
    metric: str,
    ranges: Ranges,
    unscored: Missing,
    refused: str | None,
) -> MetricScores:
    """Returns one metric before and after, the difference, its test, and both normalised scores."""
    known = ranges.measured
    before_fact = level_fact(base, metric) if base else missing("the base model has not been scored")
    after_fact = level_fact(after, metric) if after else unscored
    no_difference = missing(refused or "one of the two scores is missing")
    paired: Mapping[str, Fact] = dict.fromkeys(("difference", "p_value", "p_method", "detectable"), no_difference)
    if pair and not refused and is_known(before_fact) and is_known(after_fact):
        paired = _paired(pair, metric)
    floor, ceiling = ranges.floor(metric)[0], ranges.ceiling(metric)
    return MetricScores(
        metric=metric,
        label=fact(label_of(known, metric), "text", known.scores.results.source("configs", known.scores.task)),
        primary=metric == known.scores.primary,
        higher_is_better=ranges.metric_direction(metric).better,
        before=before_fact,
        after=after_fact,
        **paired,
        adjusted=missing("it is no primary metric"),
        before_place=normalised_score(before_fact, floor, ceiling),
        after_place=normalised_score(after_fact, floor, ceiling),
    )


def _by_other_filters(
    base: Measured | None, after: Measured | None, ranges: Ranges, unscored: Missing, refused: str | None
) -> list[MetricScores]:
    """Returns every metric by each of the task's filters but the first; none of them is the primary one."""
    found = []
    for name, known in ranges.others.items():
        before, later = (by_other_filters(side).get(name) if side else None for side in (base, after))
        pair = Pair(before, later) if before and later else None
        for metric in known.measured.scores.metrics:
            score = _score(before, later, pair, metric, known, unscored, refused)
            score.metric, score.primary = by_filter(name, metric), False
            found.append(score)
    return found


def _methods(scores: Sequence[MetricScores]) -> list[IntervalMethod]:
    """Returns which interval and which p-value was made in which way, metrics of one way together."""
    rows: dict[tuple[str, str], IntervalMethod] = {}

    def told(side: str, method: str, score: MetricScores, source: Source) -> None:
        words = {key: fact(text, "text", source) for key, text in (("side", side), ("method", method))}
        rows.setdefault((side, method), IntervalMethod(**words, labels=[])).labels.append(score.label)

    for key, side in (("before", "base"), ("after", "fine-tuned"), ("difference", "difference")):
        for score in scores:
            known = getattr(score, key)
            if is_known(known):
                told(side, known.interval.method if known.interval else str(known.no_interval), score, known.source)
    for score in scores:
        if is_known(score.p_method):
            told("p-value", score.p_method.value, score, score.p_method.source)
    return list(rows.values())


def level_fact(measured: Measured, metric: str) -> Fact:
    """Returns the recorded score with its interval; raises UserError where our recount differs."""
    if metric not in measured.levels:  # the base's stand beside every checkpoint
        measured.levels[metric] = _counted_level(measured, metric)
    return measured.levels[metric]


def _counted_level(measured: Measured, metric: str) -> Fact:
    scores = measured.scores
    if metric not in scores.metrics:
        return missing(f"{scores.results.file} does not hold it")
    value, source = scores.recorded(metric)
    unit, rows = unit_of(measured, metric), scores.having(metric)
    replicated = replicated_score(measured, metric)
    if isinstance(replicated, NoReplicates):
        return fact(value, unit, source, n=len(rows) or None, no_interval=f"no interval: {replicated.why}")
    if replicated is not None:
        return interval_fact(replicated.level, unit, source, also=[replicated.document.source()])
    items = measured.items(metric)
    if items is None:
        return fact(value, unit, source, n=len(rows) or None, no_interval="no interval: not a known function of items")
    if not items.gives(value):
        raise UserError(
            f"{source['file']} says {metric} = {value}, its samples give {items.level.value}",
            "the results and the samples are not from the same run, or one was edited",
            f"delete {Path(source['file']).parent} and run the study again",
        )
    return interval_fact(items.level, unit, source, also=[scores.samples.source()], value=value)


def _paired(pair: Pair, metric: str) -> Mapping[str, Fact]:
    """Returns the paired difference, fine-tuned minus base, its p-value, and the smallest one that would be found."""
    base, after, reason = pair.before, pair.after, pair.signature_differs(metric)
    two = [replicated_score(side, metric) for side in (base, after)]
    items = pair.items(metric) if two == [None, None] else None
    made = reason or _difference(items, two)
    if isinstance(made, str):
        return dict.fromkeys(("difference", "p_value", "p_method", "detectable"), missing(made))
    (interval, test), unit = made, unit_of(base, metric)
    files = [
        (one.document if isinstance(one, ReplicatedScore) else side.scores.samples)
        for one, side in zip(two, (base, after), strict=True)
    ]
    source, also = files[1].source(), [files[0].source()]
    smallest = paired_tests.detectable(interval)
    return {
        "difference": interval_fact(interval, unit, source, also=also),
        "p_value": missing(test.method) if test.p is None else fact(test.p, "p", source, also=also, n=interval.n),
        "p_method": fact(test.method, "text", source),
        "detectable": missing(smallest.method)
        if smallest.value is None
        else fact(smallest.value, unit, source, also=also),
    }


def _difference(
    items: ItemPair | None, two: Sequence[ReplicatedScore | NoReplicates | None]
) -> tuple[Estimate, PairedTest] | str:
    """Returns the paired difference and its test, by the items or by the replicates; else why there is none."""
    if items is not None:
        encoded = items.encoded()
        return intervals.difference(encoded), paired_tests.paired_test(encoded)
    known = [one for one in two if isinstance(one, ReplicatedScore)]
    if len(known) < 2:
        unknown = "the samples do not hold it item by item, so the two cannot be paired"
        return next((one.why for one in two if isinstance(one, NoReplicates)), unknown)
    return replicated_difference(*known)


def _is_right_or_wrong(pair: Pair, metric: str) -> bool:
    """Returns whether each item is simply right or wrong by ``metric``, of which higher is better, on both sides."""
    base = pair.before.scores
    if len(base.having(metric)) != len(base.rows) or any(metric not in row for row in pair.later):
        return False
    items = pair.items(metric)
    return items is not None and {*items.one.values, *items.other.values} <= {0.0, pair.before.scale or 1.0}


def _figures(
    task: str, checkpoint: Known, sides: Sequence[Side | Absent], scores: Sequence[MetricScores], *, moves: bool
) -> AnswerFigures:
    """Returns where the figures of the comparison lie, by what they show; none of what was not measured."""
    primary = next((score for score in scores if score.primary), None)
    found = [side.diagnosis for side in sides if isinstance(side, Side)]
    classified = [answers.classification for answers in found if answers.classification]
    calibrations = [one.calibration for one in classified]
    calibrations += [answers.choices.calibration for answers in found if answers.choices]
    shown = {
        "score": primary is not None and (is_known(primary.before) or is_known(primary.after)),
        "confusion": bool(classified) or any(side.matrix for side in sides if isinstance(side, Side)),
        "reliability": any(calibration.bins for calibration in calibrations),
        "distributions": any(answers.extraction for answers in found),
        "moves": moves,
    }
    return AnswerFigures(
        **{
            kind: fact(figure_path(kind, checkpoint.value, task), "text", checkpoint.source)
            for kind, is_in in shown.items()
            if is_in
        }
    )


def _transitions(pair: Pair, metric: str) -> Transitions:
    """Returns how many items went from wrong to right and so on, by a metric that is right or wrong an item."""
    base, after = pair.before, pair.after
    pairs = zip(base.scores.rows, pair.later, strict=True)
    counts = Counter((one[metric] > 0, two[metric] > 0) for one, two in pairs)
    source, also = after.scores.samples.source(), [base.scores.samples.source()]
    return Transitions(
        label=fact(label_of(base, metric), "text", source),
        **{
            name: fact(counts[sides], "count", source, also=also, n=len(base.scores.rows))
            for name, sides in KINDS.items()
        },
    )


def _shift(pair: Pair) -> Shift | None:
    """Returns the change of the predicted positive rate, or of the abstention rate."""
    base, after = pair.before, pair.after
    kind, source, also = base.kind, after.scores.samples.source(), [base.scores.samples.source()]
    rows, later = base.scores.rows, pair.later
    if kind == "classification":
        metric = str(base.label_metric)
        before_items, after_items = ([float(row[metric][1] == 1) for row in side] for side in (rows, later))
        what = f"{positive_name(base).value} predictions"
    elif kind == "extraction":
        before_items, after_items = ([float(abstains(row)) for row in side] for side in (rows, later))
        what = "abstentions"
    else:
        return None
    interval = intervals.difference(pair_of("share", before_items, after_items, base.scores.clusters(rows)))
    return Shift(what=fact(what, "text", source), change=interval_fact(interval, "share", source, also=also))


def overlapping(folder: Path, trained_on: str | None, scored_on: str) -> bool:
    """Returns whether either task's metadata says that it `overlaps_with` the other (a name, or a pattern)."""
    if trained_on is None or trained_on == scored_on:
        return False
    for declaring, other in ((trained_on, scored_on), (scored_on, trained_on)):
        for home in sorted(filter(is_begun, folder.glob(f"scores/*/{declaring}"))):
            results = read_json(folder, f"{home.relative_to(folder).as_posix()}/results.json", kinds.RESULTS)
            patterns = results.value("configs", declaring, "metadata", "overlaps_with") or []
            if any(fnmatch(other, str(pattern)) for pattern in patterns):
                return True
    return False
