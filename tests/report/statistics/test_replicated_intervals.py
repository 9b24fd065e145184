"""Intervals of replicates: those of a mean are the ones made of its items, and the others those of hand arithmetic."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness_tasks.replicates import ItemValues
from harness_tasks.replicates import replicates as evaluated
from report.statistics import intervals, paired_tests, replicates
from report.statistics.replicates import Replicates
from report.statistics.sums import pair_of, sample_of

scores = st.lists(
    st.tuples(st.integers(0, 6), st.floats(0, 1, allow_nan=False), st.floats(0, 1, allow_nan=False)),
    min_size=8,
    max_size=60,
)


def average(values: Sequence[float]) -> float:
    """A mean that is not lm_eval's own function."""
    return math.fsum(values) / len(values)


def of_mean(values: Sequence[float], clusters: Sequence[int]) -> Replicates:
    items = [ItemValues("none", place, str(place), {"m": value}) for value, place in zip(values, clusters, strict=True)]
    (found,) = evaluated({"m": average}, items)["metrics"]
    return Replicates(found["value"], np.array(found["left_out"], dtype=float), found["n"])


@given(scores)
def test_of_a_mean_they_give_the_interval_of_its_items(rows: list[tuple[int, float, float]]) -> None:
    clusters, before, after = (list(column) for column in zip(*rows, strict=True))
    if len(set(clusters)) < 2:
        return
    one, other = of_mean(before, clusters), of_mean(after, clusters)
    level = intervals.level(sample_of("m", before, clusters, scale=None))
    change = intervals.difference(pair_of("m", before, after, clusters, scale=None))
    for found, expected in ((replicates.level(one), level), (replicates.difference(one, other), change)):
        assert found.value == pytest.approx(expected.value, abs=1e-9)
        if expected.lower is not None and expected.standard_error:
            assert found.lower == pytest.approx(expected.lower, abs=1e-9)
            assert found.upper == pytest.approx(expected.upper, abs=1e-9)
        assert (found.n, found.clusters) == (expected.n, expected.clusters)


def test_every_number_by_hand() -> None:
    # Without each of three clusters: 1, 2, 3; mean 2, SE = sqrt(2/3 × (1 + 0 + 1)) = 1.1547.
    found = replicates.level(Replicates(2.1, np.array([1.0, 2.0, 3.0]), 9))
    quantile = stats.t.ppf(0.975, 2)
    assert found.standard_error == pytest.approx(math.sqrt(4 / 3))
    assert (found.lower, found.upper) == pytest.approx((2.1 - quantile * 1.154700538, 2.1 + quantile * 1.154700538))
    assert found.method == "delete-one-cluster jackknife, t(G−1)"
    change = replicates.difference(
        Replicates(2.1, np.array([1.0, 2.0, 3.0]), 9), Replicates(2.6, np.array([2.0, 2.0, 4.0]), 9)
    )
    # Differences 1, 0, 1: mean 2/3, SE = sqrt(2/3 × (1/9 + 4/9 + 1/9)) = 2/3.
    assert change.standard_error == pytest.approx(2 / 3)
    test = replicates.paired_test(change)
    assert test.p == pytest.approx(2 * stats.t.sf(0.5 / (2 / 3), 2))
    assert test.method == "t test on the paired jackknife, t(G−1)"
    assert paired_tests.detectable(change).value == pytest.approx((quantile + stats.t.ppf(0.8, 2)) * 2 / 3)
    within = replicates.equivalence(
        Replicates(2.1, np.array([1.0, 2.0, 3.0]), 9), Replicates(2.6, np.array([2.0, 2.0, 4.0]), 9), margin=5.0
    )
    assert within.verdict == "equivalent"
    assert within.p == pytest.approx(stats.t.sf(4.5 / (2 / 3), 2))


def test_an_interval_ends_where_the_scale_does() -> None:
    assert replicates.level(Replicates(0.9, np.array([0.6, 0.9, 1.0]), 3, highest=1.0)).upper == 1.0


def test_what_does_not_vary_has_no_interval_and_what_did_not_change_has_its_own() -> None:
    same = Replicates(0.0, np.zeros(4), 4)
    assert replicates.level(same).method == "no interval: every item is alike"
    change = replicates.difference(same, same)
    assert (change.value, change.lower, change.upper) == (0.0, 0.0, 0.0)
    assert replicates.paired_test(change).p == 1.0
    assert replicates.equivalence(same, same, margin=0.1).verdict == "cannot be told"
