"""Whether a loss is shown to be within a margin: against scipy's test, under clusters, and the items needed."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import betaincinv

from report.statistics.intervals import Estimate
from report.statistics.non_inferiority import items_needed, retained
from tests.report.statistics.statistics_of_items import difference

RUNS, CLUSTERS, SIZE, CORRELATION, MARGIN = 2_000, 30, 10, 0.2, 0.02


def test_the_tests_are_one_sided_t_tests_of_the_items() -> None:
    before = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0]
    after = [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0]
    found = retained(difference("acc", before, after), 0.1, higher_is_better=True)
    changes = np.subtract(after, before)
    assert found.kept == pytest.approx(stats.ttest_1samp(changes, -0.1, alternative="greater").pvalue)
    assert found.lost == pytest.approx(stats.ttest_1samp(changes, 0, alternative="less").pvalue)
    turned = retained(difference("acc", after, before), 0.1, higher_is_better=False)  # of an error rate
    assert (turned.kept, turned.lost) == pytest.approx((found.kept, found.lost))


def test_what_did_not_change_has_no_test() -> None:
    items = [1.0, 0.0, 1.0, 0.0]
    found = retained(difference("acc", items, items), 0.02, higher_is_better=True)
    assert (found.kept, found.lost, found.why) == (None, None, "no item changed")
    alike = Estimate(-1.0, -1.0, -0.3, "Wilson over items, as all are alike", 8, 8, 0.95)
    assert retained(alike, 0.02, higher_is_better=True).why == "Wilson over items, as all are alike"
    assert items_needed(alike, 0.02, higher_is_better=True, tests=1) is None


def test_a_loss_of_the_margin_is_called_kept_in_at_most_one_of_twenty_data_sets() -> None:
    random, names = np.random.default_rng(7), np.repeat(np.arange(CLUSTERS), SIZE)
    spread, kept, lost = 1 / CORRELATION - 1, 0, 0
    for _ in range(RUNS):
        rates, luck = random.random(CLUSTERS), random.random(len(names))
        other = np.where(random.random(CLUSTERS) < 0.5, random.random(CLUSTERS), rates)
        drawn = np.where(random.random(len(names)) < 0.5, random.random(len(names)), luck)
        sides = []
        for accuracy, quantile, chance in ((0.8, rates, luck), (0.8 - MARGIN, other, drawn)):
            rate = betaincinv(accuracy * spread, (1 - accuracy) * spread, quantile)
            sides.append((chance < rate[names]).astype(float).tolist())
        tests = retained(difference("acc", *sides, names.tolist()), MARGIN, higher_is_better=True)
        assert tests.kept is not None
        kept += tests.kept < 0.05
        tests = retained(difference("acc", sides[0], sides[0][::-1], names.tolist()), MARGIN, higher_is_better=True)
        lost += tests.lost is not None and tests.lost < 0.05  # a side against itself turned round: no loss
    error = 3 * np.sqrt(0.05 * 0.95 / RUNS)
    assert 0.02 < kept / RUNS <= 0.05 + error
    assert lost / RUNS <= 0.05 + error


def test_the_items_needed_would_decide_four_times_in_five() -> None:
    """Independent items of which one in ten gets worse and one in ten better: no true loss."""
    made = Estimate(0.0, -0.06, 0.06, "jackknife", 100, 100, 0.95, float(np.sqrt(0.2 / 100)))
    needed = items_needed(made, 0.05, higher_is_better=True, tests=2)
    assert needed == round(0.2 * ((stats.norm.isf(0.025) + stats.norm.ppf(0.8)) / 0.05) ** 2)  # 628
    random, decided = np.random.default_rng(11), 0
    for _ in range(500):
        changes = random.choice([-1.0, 0.0, 1.0], p=[0.1, 0.8, 0.1], size=needed)
        decided += stats.ttest_1samp(changes, -0.05, alternative="greater").pvalue < 0.025
    assert 0.74 < decided / 500 < 0.86
