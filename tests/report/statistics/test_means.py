"""The unweighted mean of several tasks' scores: beside scipy's Welch interval, and by hand."""

import numpy as np
import pytest
from scipy import stats

from report.statistics import means
from report.statistics.intervals import NO_CHANGE
from report.statistics.sums import pair_of, sample_of

ONE, OTHER = [0.1, 0.5, 0.4, 0.9, 0.3, 0.8, 0.2], [0.6, 0.65, 0.7, 0.55]
LATER, OTHER_LATER = [0.3, 0.4, 0.9, 0.8, 0.4, 0.9, 0.1], [0.6, 0.7, 0.6, 0.65]


def welch(one: list[float], other: list[float]) -> tuple[float, float]:
    """Half of Welch's interval for the sum of two means of independent samples, which scipy has of a difference."""
    ends = stats.ttest_ind(one, -np.array(other), equal_var=False).confidence_interval(0.95)
    return ends.low / 2, ends.high / 2


def test_of_two_tasks_it_is_half_of_welchs_sum() -> None:
    found = means.level([sample_of("acc", ONE), sample_of("acc", OTHER)])
    assert found.value == pytest.approx((np.mean(ONE) + np.mean(OTHER)) / 2)
    assert (found.lower, found.upper) == pytest.approx(welch(ONE, OTHER))
    assert (found.n, found.clusters) == (11, 11)


def test_a_difference_is_paired_within_each_task() -> None:
    found = means.difference([pair_of("acc", ONE, LATER), pair_of("acc", OTHER, OTHER_LATER)])
    one, other = np.array(LATER) - ONE, np.array(OTHER_LATER) - OTHER
    assert found.value == pytest.approx((one.mean() + other.mean()) / 2)
    assert (found.lower, found.upper) == pytest.approx(welch(list(one), list(other)))


def test_a_metric_of_lists_is_averaged_over_tasks_as_well() -> None:
    """F1 by hand: 2 of 3 said positives right and 1 missed is 2/3; all right is 1."""
    found = means.level(
        [
            sample_of("f1", [(1, 1), (1, 1), (0, 1), (1, 0), (0, 0)]),
            sample_of("f1", [(1, 1), (0, 0), (1, 1), (0, 0)]),
        ]
    )
    assert found.value == pytest.approx((2 / 3 + 1) / 2)
    left_out = np.array([0.5, 0.5, 0.8, 0.8, 2 / 3])  # without each item: 1 of 1, 1 wrong, 1 missed; and so on
    error = np.sqrt(4 / 5 * ((left_out - left_out.mean()) ** 2).sum()) / 2
    assert found.standard_error == pytest.approx(error)
    assert found.upper == 1.0  # clipped


def test_what_cannot_vary_has_no_interval_and_says_why() -> None:
    constant = sample_of("acc", [1.0, 1.0, 1.0])
    found = means.level([constant, constant])
    assert (found.lower, found.method) == (None, "no interval: within each task all clusters are alike")
    found = means.level([sample_of("acc", ONE), sample_of("acc", OTHER, ["a"] * 4)])
    assert (found.lower, found.method) == (None, "no interval: one cluster")
    found = means.difference([pair_of("acc", ONE, ONE), pair_of("acc", OTHER, OTHER)])
    assert (found.value, found.lower, found.upper, found.method) == (0.0, 0.0, 0.0, NO_CHANGE)
    found = means.difference([pair_of("acc", [0.0, 1.0], [1.0, 0.0]), pair_of("acc", OTHER, OTHER)])
    assert found.value == 0.0
    assert found.upper is not None
    assert found.upper > 0
