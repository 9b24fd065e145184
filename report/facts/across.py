"""What is said of several comparisons together: Holm's correction, seeds, and whether two methods are equivalent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations

from report.facts.measured import Measured, interval_fact, label_of, unit_of
from report.facts.pairing import Pair
from report.facts.replicated import NoReplicates, ReplicatedScore, paired_replicates, replicated_score
from report.facts.schema.parts import Known, is_known
from report.facts.schema.scores import (
    Comparison,
    Equivalence,
    Family,
    MetricScores,
    Spread,
    TaskFacts,
    TestedEquivalence,
    UntestedEquivalence,
    comparisons_of,
)
from report.facts.values import fact, missing
from report.statistics import intervals, paired_tests, replicates, seed_spread
from report.statistics.intervals import Estimate
from report.statistics.paired_tests import EquivalenceTest

SIGNIFICANCE = 0.05
"""The level at which a corrected p-value is called significant, and at which equivalence is accepted."""

POWER = 0.8
"""How often the minimum detectable difference would be found."""

_NOT_BY_ITEM = "the samples do not hold it item by item"


def adjust_p_values(tasks: Sequence[TaskFacts], study: Mapping[str, str]) -> Family:
    """Sets the Holm-adjusted p of the primary metric of every comparison, and returns the family.

    Returns the size of that family, the level, and the power of the minimum detectable differences.
    """
    scores = [s for task in tasks for c in comparisons_of(task) for s in c.scores if s.primary]
    tested = [(score, score.p_value) for score in scores if is_known(score.p_value)]
    for (score, one), adjusted in zip(tested, paired_tests.holm([p.value for _, p in tested]), strict=True):
        score.adjusted = fact(adjusted, "p", one.source, also=one.also)
    return Family(
        size=fact(len(tested), "count", study),
        level=fact(SIGNIFICANCE, "setting", study),
        power=fact(POWER, "share", study),
    )


def equivalences(
    task: TaskFacts, sides: Mapping[str, Measured], margin: float, study: Mapping[str, str]
) -> list[Equivalence]:
    """Returns, for each pair of methods of one seed, whether their primary scores on ``task`` are equivalent.

    ``sides``: the scored checkpoints by name. ``margin``: a share of the metric's scale, from the study. Two one-sided
    paired tests (Schuirmann 1987).
    """
    found = []
    for one, two in combinations(comparisons_of(task), 2):
        same = one.seed.value == two.seed.value and one.trained_on == two.trained_on
        if same and not (one.elsewhere or two.elsewhere) and one.method.value != two.method.value:
            found.append(_equivalence(sides, task.name, one, two, margin, study))
    return found


def _equivalence(
    sides: Mapping[str, Measured],
    task: Known,
    one: Comparison,
    two: Comparison,
    margin: float,
    study: Mapping[str, str],
) -> Equivalence:
    first, second = (sides.get(side.checkpoint.value) for side in (one, two))
    told = {"task": task, "one": one.checkpoint, "other": two.checkpoint}
    if first is None or second is None:
        return UntestedEquivalence(**told, absent=missing("one of the two has not been scored"))
    if (primary := first.scores.primary) is None:
        return UntestedEquivalence(**told, absent=missing("the task declares no primary metric"))
    if other := one.other_base or two.other_base:
        return UntestedEquivalence(**told, absent=other)
    scale = first.scale or 1.0
    first, second = (replace(side, scale=scale) if side.scale != scale else side for side in (first, second))
    pair = Pair(first, second)
    reason = pair.refusal() or pair.signature_differs(primary)
    made = reason or paired_difference(pair, primary)
    if isinstance(made, str):
        return UntestedEquivalence(**told, absent=missing(made))
    difference, equivalence = made
    verdict = equivalence(margin=margin * scale)
    unit, source = unit_of(first, primary), second.scores.samples.source()
    also = [first.scores.samples.source()]
    return TestedEquivalence(
        **told,
        label=fact(label_of(first, primary), "text", first.scores.results.source("configs", task.value)),
        margin=fact(margin * scale, unit, study),
        difference=interval_fact(difference, unit, source, also=also),
        p_value=fact(verdict.p, "p", source, also=also) if verdict.p is not None else missing(verdict.method),
    )


def paired_difference(pair: Pair, metric: str) -> tuple[Estimate, Callable[..., EquivalenceTest]] | str:
    """Returns the difference in ``metric``, and the test of whether it is within a ``margin``; else why none is."""
    two = [replicated_score(side, metric) for side in (pair.before, pair.after)]
    known = [one for one in two if isinstance(one, ReplicatedScore)]
    if len(known) == 2:
        values = paired_replicates(*known)
        if isinstance(values, str):
            return values
        return replicates.difference(*values), partial(replicates.equivalence, *values)
    items = pair.items(metric) if two == [None, None] else None
    if items is None:
        return next((one.why for one in two if isinstance(one, NoReplicates)), _NOT_BY_ITEM)
    encoded = items.encoded()
    return intervals.difference(encoded), partial(paired_tests.equivalence, encoded)


def spreads(tasks: Sequence[TaskFacts]) -> list[Spread]:
    """Returns, for each task and method with several seeds, how the primary score varies over the seeds.

    A checkpoint that is not known to have started from the model's weights is no seed of the others, nor is one from
    elsewhere, whose recipe is not known to be another's.
    """
    groups: dict[tuple[str, str, str], list[tuple[Known, Known, MetricScores, Known]]] = {}
    for task in tasks:
        for comparison in comparisons_of(task):
            score = next((s for s in comparison.scores if s.primary and is_known(s.after)), None)
            method, is_seed = comparison.method, not (comparison.other_base or comparison.elsewhere)
            if score and is_known(score.after) and is_known(method) and is_seed:
                key = (task.name.value, str(comparison.trained_on.value), method.value)
                groups.setdefault(key, []).append((task.name, method, score, score.after))
    return [_spread(runs) for runs in groups.values() if len(runs) > 1]


def _spread(runs: Sequence[tuple[Known, Known, MetricScores, Known]]) -> Spread:
    name, method, score, first = runs[0]
    values = [after.value for *_, after in runs]
    spread = seed_spread.spread(values)
    source, unit, also = first.source, first.unit, [after.source for *_, after in runs[1:]]
    return Spread(
        task=name,
        method=method,
        label=score.label,
        seeds=fact(len(values), "count", source, also=also),
        mean=interval_fact(spread, unit, source, also=also),
        deviation=fact(spread.deviation, unit, source, also=also),
        lowest=fact(min(values), unit, source, also=also),
        highest=fact(max(values), unit, source, also=also),
    )
