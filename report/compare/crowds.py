"""Boards of so many models that their pairs cannot be tested one by one: the p-values of all pairs at once.

A swap test of 10,000 exchanges gives no p-value below 1 / 10,001, and Holm's correction multiplies the smallest by the
number of pairs: from 501 pairs on no swap test could ever be significant at .05. On such a board a metric that is not
right or wrong on independent items has a t test on the paired jackknife, which knows no smallest p-value. Its
standard errors come from one matrix product: left out cluster by cluster, a difference of two scores is the difference
of what each of them is without that cluster, and its variance the sum of two variances less twice the covariance.
McNemar's test and the unpaired one are those of `report.compare.pairs`, to the last digit.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from report.compare.measures import Measure
from report.compare.pairs import DEGREES_OF_NORMAL, WELCH, backend, question_of, relation
from report.facts.measured import ScoredItems
from report.statistics.formulas import Array
from report.statistics.sums import ROUNDING, codes_of, sample_of

MOST_PAIRS = 500
"""The most pairs of which every single one is tested by itself, and shown."""
SHOWN = 32
"""How many models of a crowd are shown beside others. They have fewer pairs than `MOST_PAIRS`."""

MCNEMAR = "exact McNemar test"
JACKKNIFE = "t test on the paired jackknife, t(G−1)"
_NONE, _BY_MCNEMAR, _BY_JACKKNIFE, _BY_WELCH = range(4)
_NAMES = ("", MCNEMAR, JACKKNIFE, WELCH)


@dataclass(frozen=True)
class Tested:
    """The p-values of all pairs, (M models, M), nan where there is none; and by which test, as `method` says it."""

    p: Array
    kinds: NDArray[np.int8]

    def method(self, one: int, other: int) -> str:
        """Returns the name of the test of a pair; empty where there is none."""
        return _NAMES[self.kinds[one, other]]


def all_p_values(members: Sequence[Measure]) -> Tested:
    """Returns the two-sided p-value of every pair of ``members``."""
    size = len(members)
    tested = Tested(np.full((size, size), np.nan), np.zeros((size, size), np.int8))
    groups: dict[Any, list[int]] = {}
    mixed = len({backend(member) for member in members}) > 1
    for place, member in enumerate(members):
        groups.setdefault(_group(member, mixed=mixed), []).append(place)
    alike = list(groups.values())
    encoded_before: dict[tuple[int, bool], _Paired] = {}
    for number, one in enumerate(alike):
        for other in alike[number:]:
            found = relation(members[one[0]], members[other[0]])
            if found.refused:
                continue
            if found.items is None:
                p, kinds = _unpaired([members[i] for i in one], [members[i] for i in other])
            elif members[one[0]].replicated:
                first_side = _of_replicates([members[i] for i in one])
                other_side = first_side if one is other else _of_replicates([members[i] for i in other])
                p, kinds = _p_values(first_side, other_side)
            else:
                first = found.items.one
                clusters = first.clusters is not None
                for places in (one, other):
                    key = (places[0], clusters)
                    if key not in encoded_before:
                        encoded_before[key] = _paired([items for i in places if (items := members[i].items)], first)
                p, kinds = _p_values(encoded_before[one[0], clusters], encoded_before[other[0], clusters])
            tested.p[np.ix_(one, other)], tested.p[np.ix_(other, one)] = p, p.T
            tested.kinds[np.ix_(one, other)], tested.kinds[np.ix_(other, one)] = kinds, kinds.T
    return tested


def _group(member: Measure, *, mixed: bool) -> Any:
    """Returns what decides whether two models may be compared and paired: equal ones stand alike to every third.

    ``mixed``: whether the models were asked by several classes of lm_eval, beside each of which prompts count.
    """
    items = None
    if (known := member.items) is not None:
        named = sorted(zip(known.names, map(str, known.prompts), strict=True)) if mixed else sorted(known.names)
        left_out = sorted(member.replicated.clusters) if member.replicated else ()
        items = isinstance(known.values[0], tuple), tuple(named), tuple(left_out)
    asked = json.dumps(question_of(member), sort_keys=True, default=str)
    return asked, member.why, items, backend(member)


@dataclass(frozen=True)
class _Paired:
    """Models with their items in one order.

    ``value``: (M,) scores. ``centred``: (M, G) each score without one cluster, less their mean. ``defined``: (M,).
    ``right``: (M, n) where every item is right or wrong and independent, else None. ``scale``: (M,), of those.
    """

    value: Array
    centred: Array
    defined: NDArray[np.bool_]
    right: NDArray[np.bool_] | None
    binary: NDArray[np.bool_]
    scale: Array


def _paired(members: Sequence[ScoredItems], first: ScoredItems) -> _Paired:
    """Returns ``members`` with their items in the order of the items' names, by the clusters of ``first``."""
    order = sorted(range(len(first.names)), key=first.names.__getitem__)
    clusters = None if first.clusters is None else [first.clusters[i] for i in order]
    codes = codes_of(clusters, len(order))
    independent = 1 < int(codes.max()) + 1 == len(codes)
    values, left_out, defined, binary, items = [], [], [], [], []
    for member in members:
        places = sorted(range(len(member.names)), key=member.names.__getitem__)
        sample = sample_of(member.metric, [member.values[i] for i in places], clusters, scale=member.scale)
        by_cluster = sample.by_cluster()[0]
        totals = by_cluster.sum(axis=0)
        values.append(float(sample.statistic.value(totals)))
        left_out.append(sample.statistic.value(totals - by_cluster))
        defined.append(bool(sample.statistic.support(by_cluster)))
        binary.append(independent and sample.all_or_nothing)
        items.append(sample.values[0][:, 0] > 0)
    found = np.array(left_out)
    return _Paired(
        np.array(values),
        found - found.mean(axis=1, keepdims=True),
        np.array(defined),
        np.array(items) if any(binary) else None,
        np.array(binary),
        np.array([member.scale or 0.0 for member in members]),
    )


def _of_replicates(members: Sequence[Measure]) -> _Paired:
    """Returns ``members``, whose replicates name the same clusters, with these in the order of their names."""
    known = [member.replicated for member in members if member.replicated]
    found = np.array([one.values.left_out[np.argsort(np.array(one.clusters), kind="stable")] for one in known])
    value, none = np.array([one.values.value for one in known]), np.zeros(len(known), dtype=bool)
    return _Paired(value, found - found.mean(axis=1, keepdims=True), ~none, None, none, np.zeros(len(known)))


def _p_values(one: _Paired, other: _Paired) -> tuple[Array, NDArray[np.int8]]:
    """Returns the p-values of each of ``one`` beside each of ``other``, and their tests."""
    size = len(one.value), len(other.value)
    # Of models beside themselves each pair is asked about once.
    rows, columns = np.triu_indices(size[0]) if one is other else np.indices(size).reshape(2, -1)
    exact = one.binary[rows] & other.binary[columns] & (one.scale[rows] == other.scale[columns])
    found = np.empty(len(rows))
    found[exact] = _by_mcnemar(one, other, rows[exact], columns[exact])
    found[~exact] = _by_jackknife(one, other, rows[~exact], columns[~exact])
    tests = np.where(exact, _BY_MCNEMAR, np.where(np.isnan(found), _NONE, _BY_JACKKNIFE)).astype(np.int8)
    p, kinds = np.empty(size), np.empty(size, np.int8)
    p[rows, columns], kinds[rows, columns] = found, tests
    if one is other:
        p[columns, rows], kinds[columns, rows] = found, tests
    return p, kinds


def _by_jackknife(one: _Paired, other: _Paired, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Array:
    """Returns the p-values of the models ``rows`` of ``one`` beside the models ``columns`` of ``other``."""
    from scipy.special import stdtr

    clusters = one.centred.shape[1]
    if clusters < 2 or not len(rows):
        return np.full(len(rows), np.nan)
    apart = np.abs(one.value[rows] - other.value[columns])
    spreads = [(side.centred**2).sum(axis=1) for side in (one, other)]
    sums = spreads[0][rows] + spreads[1][columns]
    squares = sums - 2 * (one.centred @ other.centred.T)[rows, columns]
    # What the subtraction lost must not pass for variation: nothing varies, so nothing changed, or all did alike.
    still = squares <= ROUNDING * sums
    error = np.sqrt((clusters - 1) / clusters * np.where(still, 1.0, squares))
    p: Array = 2 * stdtr(clusters - 1, -apart / error)
    p[still] = np.where(apart[still] <= ROUNDING, 1.0, np.nan)
    p[~(one.defined[rows] | other.defined[columns])] = np.nan
    return p


def _by_mcnemar(one: _Paired, other: _Paired, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Array:
    """Returns the p-values of the models ``rows`` of ``one`` beside the models ``columns`` of ``other``."""
    from scipy.special import bdtr

    if not len(rows):
        return np.empty(0)
    assert one.right is not None
    assert other.right is not None
    first, second = one.right.astype(float), other.right.astype(float)
    both, right = first @ second.T, (first.sum(axis=1), second.sum(axis=1))
    fixed, broken = (total[places] - both[rows, columns] for total, places in zip(right, (rows, columns), strict=True))
    # Many pairs have the same counts. Without an item that changed, the number of trials is 0 and p is 1.
    trials = first.shape[1] + 1
    counts, places = np.unique(np.minimum(fixed, broken) * trials + fixed + broken, return_inverse=True)
    p: Array = np.minimum(1.0, 2 * bdtr(counts // trials, counts % trials, 0.5))[places]
    return p


def _unpaired(one: Sequence[Measure], other: Sequence[Measure]) -> tuple[Array, NDArray[np.int8]]:
    """Returns Welch's p-values of each of ``one`` beside each of ``other``."""
    from scipy.special import stdtr

    value, error, parts = [], [], []
    for members in (one, other):
        known = [member.error or (np.nan, np.inf) for member in members]
        value.append(np.array([member.value for member in members]))
        error.append(np.array([spread for spread, _ in known]))
        parts.append(np.array([spread**4 / degrees for spread, degrees in known]))
    apart = value[0][:, None] - value[1][None]
    both, sums = np.hypot(error[0][:, None], error[1][None]), parts[0][:, None] + parts[1][None]
    degrees = np.divide(both**4, sums, out=np.full(sums.shape, DEGREES_OF_NORMAL), where=sums > 0)
    p = 2 * stdtr(degrees, -np.abs(apart) / both)
    return p, np.where(np.isnan(p), _NONE, _BY_WELCH).astype(np.int8)
