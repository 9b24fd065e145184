"""Brier score, calibration error and reliability against scikit-learn and a loop by the definition."""

import math
from typing import Any

import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from harness_tasks import metrics
from harness_tasks.classification import process_results

CHANCES = st.lists(st.tuples(st.integers(0, 1), st.floats(-30, 30)), min_size=1, max_size=60)


@given(CHANCES)
@settings(deadline=None)
def test_brier_of_two_labels_is_scikit_learns(items: list[tuple[int, float]]) -> None:
    scores = [metrics.classification_scores(gold, [0.0, value]) for gold, value in items]
    chances = [1 / (1 + math.exp(-value)) for _, value in items]
    theirs = sklearn.metrics.brier_score_loss([gold for gold, _ in items], chances, labels=[0, 1])
    assert sum(score["brier"] for score in scores) / len(scores) == pytest.approx(theirs)


def test_brier_of_three_labels_by_hand() -> None:
    assert metrics.brier(0, [0.5, 0.25, 0.25]) == pytest.approx((0.25 + 0.0625 + 0.0625) / 2)
    assert metrics.brier(2, [1.0, 0.0, 0.0]) == 1.0  # the worst there is


def slow_error(items: list[list[float]]) -> float:
    """Guo et al. (2017), equation 5, one bin at a time: bin m holds confidences in ((m - 1) / 10, m / 10]."""
    total = 0.0
    for m in range(1, 11):
        held = [item for item in items if (m - 1) / 10 < item[0] <= m / 10]
        if held:
            accuracy = sum(correct for _, correct in held) / len(held)
            confidence = sum(confidence for confidence, _ in held) / len(held)
            total += len(held) / len(items) * abs(accuracy - confidence)
    return total


CONFIDENCES = st.one_of(st.floats(0.01, 1.0), st.integers(1, 20).map(lambda i: i / 20))


@given(st.lists(st.tuples(CONFIDENCES, st.sampled_from([0.0, 1.0])).map(list), min_size=1, max_size=80))
def test_the_calibration_error_against_its_definition(items: list[list[float]]) -> None:
    assert metrics.expected_calibration_error(items) == pytest.approx(slow_error(items))
    bins = metrics.reliability(items)
    assert sum(b.n for b in bins) == len(items)
    assert all(b.lower < b.confidence <= b.upper + 1e-12 and b.n > 0 for b in bins)
    assert [b.lower for b in bins] == sorted(b.lower for b in bins)


def test_the_calibration_error_by_hand() -> None:
    # Four items at .75, three of them right, are calibrated; two at 1.0, one of them right, are off by a half.
    items = [[0.75, 1.0]] * 3 + [[0.75, 0.0], [1.0, 1.0], [1.0, 0.0]]
    assert metrics.expected_calibration_error(items) == pytest.approx(2 / 6 * 0.5)
    assert metrics.reliability(items) == [(0.7, 0.8, 4, 0.75, 0.75), (0.9, 1.0, 2, 1.0, 0.5)]
    with pytest.raises(ValueError, match="no item"):
        metrics.expected_calibration_error([])


def test_a_rows_scores_by_hand() -> None:
    # Log-likelihoods of ln 1/8 and ln 3/8: a quarter and three quarters, given that it is one of the two.
    row = process_results({"label": 1}, [(math.log(1 / 8), False), (math.log(3 / 8), True)])
    assert row == {
        "acc": 1.0,
        **dict.fromkeys(("precision", "recall", "f1", "mcc"), (1, 1)),
        "brier": pytest.approx(1 / 16),
        "ece": (pytest.approx(0.75), 1.0),
    }


def test_the_first_of_equals_is_chosen() -> None:
    row = metrics.classification_scores(1, [-2.0, -2.0])
    assert (row["acc"], row["f1"], row["ece"], row["brier"]) == (0.0, (1, 0), (0.5, 0.0), 0.25)


@pytest.mark.parametrize("values", [[-1e6, -1.0], [-1.0, -1e6], [-4000.0, -4001.0]])
def test_log_likelihoods_far_apart_or_far_down(values: list[float]) -> None:
    assert sum(metrics.probabilities(values)) == pytest.approx(1)


def test_a_model_that_gives_no_number_gives_no_score_and_stops_nothing() -> None:
    rows: list[dict[str, Any]] = [metrics.classification_scores(1, [math.nan, math.nan]) for _ in range(2)]
    assert math.isnan(metrics.expected_calibration_error([row["ece"] for row in rows]))
    assert math.isnan(rows[0]["brier"])
