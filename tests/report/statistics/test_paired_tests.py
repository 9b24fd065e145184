"""Paired tests against statsmodels, scipy, sacrebleu, scikit-learn and counting by hand."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import permutation_test
from scipy.stats import t as student
from sklearn.metrics import f1_score, matthews_corrcoef
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from report.statistics import paired_tests
from report.statistics.intervals import Estimate
from report.statistics.paired_tests import (
    Detectable,
    PairedTest,
    detectable,
    holm,
    mcnemar,
)
from report.statistics.seed_spread import spread
from tests.report.statistics.statistics_of_items import difference, equivalence, paired_test, swap_test

Pairs = list[list[int]]


def predictions(seed: int, n: int, change: float = 0.4) -> tuple[Pairs, Pairs]:
    """[gold, predicted] pairs before and after: a share ``change`` is predicted anew, and right four times in five."""
    rng = np.random.default_rng(seed)
    before = rng.integers(0, 2, (n, 2)).tolist()
    anew = [gold if rng.random() < 0.8 else 1 - gold for gold, _ in before]
    after = [[gold, new if rng.random() < change else guess] for (gold, guess), new in zip(before, anew, strict=True)]
    return before, after


def items_of(fixed: int, broken: int, same: int = 0, scale: float = 1.0) -> tuple[list[float], list[float]]:
    before = [0.0] * fixed + [scale] * broken + [scale] * same
    return before, [scale] * fixed + [0.0] * broken + [scale] * same


# --- McNemar ---


def test_mcnemar_of_the_statistics_note() -> None:
    found = mcnemar(*items_of(20, 45, 807))
    assert found.p == pytest.approx(0.00262638, abs=5e-9)
    assert (found.fixed, found.broken, found.method) == (20, 45, "exact McNemar test")


@pytest.mark.parametrize(
    ("fixed", "broken"), [(0, 1), (1, 0), (5, 5), (3, 9), (0, 30), (20, 45), (450, 520), (9, 4000)]
)
def test_mcnemar_is_that_of_statsmodels(fixed: int, broken: int) -> None:
    expected = statsmodels_mcnemar([[7, broken], [fixed, 7]], exact=True).pvalue
    assert mcnemar(*items_of(fixed, broken, 14, 100.0)).p == pytest.approx(expected, abs=1e-9)


def test_mcnemar_of_what_did_not_change() -> None:
    assert mcnemar([1, 0], [1, 0]) == PairedTest(1.0, "no item changed", 0, 0)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ([1], [1, 0], "1 items before and 2 after do not pair"),
        ([0.5, 1], [0, 0], r"0 or one other score, not \[0, 0.5, 1\]"),
        ([-1], [0], r"not \[-1, 0\]"),
    ],
)
def test_mcnemar_refuses(before: Any, after: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        mcnemar(before, after)


# --- the swap test ---


@pytest.mark.parametrize("seed", range(3))
def test_exact_swap_test_of_a_mean_is_that_of_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    before, after = rng.random(11).round(1), rng.random(11).round(1) * 0.9
    expected = permutation_test(
        (before, after),
        lambda one, other, axis: np.abs(one.mean(axis) - other.mean(axis)),
        permutation_type="samples",
        n_resamples=np.inf,
        alternative="greater",
    )
    found = swap_test("f1", before.tolist(), after.tolist())
    assert found.p == pytest.approx(expected.pvalue, abs=1e-9)
    assert found.observed == pytest.approx(expected.statistic, abs=1e-12)
    assert found.method.startswith("exact swap test by item: all ")


@pytest.mark.parametrize(("metric", "score"), [("f1", f1_score), ("mcc", matthews_corrcoef)])
def test_exact_swap_test_by_cluster_is_that_of_scipy(metric: str, score: Any) -> None:
    before, after = predictions(3, 40, 0.2)
    clusters = np.arange(40) % 6
    both = np.array([before, after])  # (2, items, 2)

    def statistic(first: Any, second: Any) -> float:
        """Of cluster g the models first[g] and second[g] did the items."""
        one, other = (both[which[clusters].astype(int), np.arange(40)] for which in (first, second))
        return abs(score(*one.T) - score(*other.T))

    expected = permutation_test(
        (np.zeros(6), np.ones(6)),
        statistic,
        permutation_type="samples",
        n_resamples=np.inf,
        alternative="greater",
        vectorized=False,
    )
    found = swap_test(metric, before, after, clusters.tolist())
    assert found.draws <= 2**6
    assert found.observed == pytest.approx(expected.statistic, abs=1e-12)
    assert found.p == pytest.approx(expected.pvalue, abs=1e-9)


def test_exact_swap_test_of_bleu_is_a_loop_over_sacrebleu() -> None:
    from tests.report.statistics.test_statistics_of_sums import counts_of, sacrebleu_of, segments

    one, references = segments(7, 18, 0.5)
    other = segments(7, 18, 0.3)[0]
    clusters = [i % 6 for i in range(18)]
    scores = []
    for swapped in itertools.product([False, True], repeat=6):
        sides = [
            [b if swapped[cluster] else a for a, b, cluster in zip(first, second, clusters, strict=True)]
            for first, second in ((one, other), (other, one))
        ]
        scores.append(abs(sacrebleu_of(sides[0], references) - sacrebleu_of(sides[1], references)))
    expected = sum(score >= scores[0] - 1e-9 for score in scores) / 64
    found = swap_test("bleu", counts_of(one, references), counts_of(other, references), clusters, scale=100)
    assert found.p == pytest.approx(expected, abs=1e-9)
    assert found.observed == pytest.approx(scores[0], abs=1e-9)


def test_swap_test_by_hand() -> None:
    # cluster sums of the change: 2, 1, -1. Of the signs ±2 ±1 ±1 the sum is at least 2 in size in 6 of 8
    before, after = [0, 0, 0, 1, 0], [1, 1, 1, 0, 0]
    found = swap_test("acc", before, after, list("aabcd"))
    assert (found.p, found.hits, found.draws, found.seed) == (6 / 8, 6, 8, None)
    assert found.method == "exact swap test by cluster: all 8 exchanges of the 3 that changed"


@pytest.mark.parametrize("metric", ["acc", "f1", "mcc", "ece"])
def test_random_exchanges_come_close_to_all_of_them(metric: str) -> None:
    before, after = predictions(4, 60)
    clusters = [i % 20 for i in range(60)]
    if metric == "acc":
        before, after = ([float(g == p) for g, p in side] for side in (before, after))
    if metric == "ece":
        before, after = ([[0.5 + 0.1 * g, float(g == p)] for g, p in side] for side in (before, after))
    exact = swap_test(metric, before, after, clusters, draws=2**20)
    assert exact.method.startswith("exact")
    found = swap_test(metric, before, after, clusters, draws=300)
    assert found.method == "swap test by cluster: 300 random exchanges, seed 1"
    assert found.p == (1 + found.hits) / 301
    assert abs(found.p - exact.p) < 4 * math.sqrt(exact.p * (1 - exact.p) / 300) + 1 / 301
    assert found == swap_test(metric, before, after, clusters, draws=300)
    assert found.hits != swap_test(metric, before, after, clusters, draws=300, seed=2).hits


def test_memory_is_bounded_by_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = predictions(4, 60)
    clusters = [i % 9 for i in range(60)]
    whole = swap_test("mcc", before, after, clusters)
    monkeypatch.setattr(paired_tests, "CHUNK", 50)
    assert swap_test("mcc", before, after, clusters) == whole
    assert swap_test("mcc", before, after, draws=500).p == pytest.approx(
        swap_test("mcc", before, after, draws=500, seed=8).p, abs=0.1
    )


def test_ties_that_rounding_breaks_are_hits() -> None:
    before = [0.1, 0.2, 0.3, 0.7, 0.4, 0.6]
    found = swap_test("f1", before, [0.7, 0.6, 0.1, 0.4, 0.3, 0.2])  # the same sum in another order
    assert found.p == 1.0
    # 0.1 + 0.2 is not 0.3 to a computer, yet exchanging nothing and exchanging everything are both hits
    assert swap_test("f1", [0.0, 0.0, 0.0], [0.1, 0.2, 0.3]).p == 2 / 8


def test_what_an_exchange_within_a_cluster_does_not_show() -> None:
    found = swap_test("acc", [1, 0, 1, 0], [0, 1, 1, 0], list("aabb"))
    assert (found.p, found.method) == (1.0, "no cluster's sum changed")


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(st.tuples(*[st.integers(0, 1)] * 3, st.integers(0, 5)), min_size=2, max_size=20),
    metric=st.sampled_from(["acc", "precision", "recall", "f1", "mcc"]),
)
def test_properties_of_the_swap_test(rows: Any, metric: str) -> None:
    before, after = [[g, a] for g, a, _, _ in rows], [[g, b] for g, _, b, _ in rows]
    clusters = [cluster for *_, cluster in rows]
    if metric == "acc":
        before, after = ([float(g == p) for g, p in side] for side in (before, after))
    forth, back = (swap_test(metric, *sides, clusters) for sides in ((before, after), (after, before)))
    assert forth == back
    change = difference(metric, before, after, clusters)
    if forth.p is not None:
        assert 2 / 2 ** len(set(clusters)) <= forth.p <= 1
        assert forth.observed == pytest.approx(abs(change.value), abs=1e-12)
        if change.value == 0:
            assert forth.p == 1
    else:
        assert change.lower is None


def test_ten_thousand_draws_go_through_thirteen_thousand_items_once(calls_of: Callable[..., int]) -> None:
    before, after = predictions(0, 13_470, 0.5)
    rng = np.random.default_rng(0)
    clusters = rng.integers(0, 6_000, 13_470).tolist()
    assert swap_test("mcc", before, after, clusters).p == 1 / 10_001
    assert calls_of(swap_test, "mcc", before, after, clusters) < 3 * 13_470


# --- which test ---


def test_the_test_that_fits() -> None:
    before, after = items_of(20, 45, 807, 100.0)
    assert paired_test("exact", before, after, scale=100) == mcnemar(before, after)
    own = [f"item {i}" for i in range(872)]
    assert paired_test("exact", before, after, own, scale=100) == mcnemar(before, after)
    clusters = [i % 100 for i in range(872)]
    assert paired_test("exact", before, after, clusters, scale=100).method.startswith("swap test by cluster: 10,000")
    assert paired_test("exact", before, after, scale=None).method.startswith("swap test by item")
    assert paired_test("f1", [0.0, 0.5, 1.0], [1.0, 1.0, 1.0]).method.startswith("exact swap test by item")
    pairs = predictions(1, 90)
    assert paired_test("f1", *pairs) == swap_test("f1", *pairs)
    assert paired_test("f1", *pairs, draws=200, seed=4).method == "swap test by item: 200 random exchanges, seed 4"


def test_items_without_the_metric_do_not_count() -> None:
    found = paired_test("HasAns_exact", [0.0, None, 1.0, 0.0], [1.0, None, 1.0, 1.0])
    assert (found.fixed, found.broken, found.p) == (2, 0, 0.5)


@pytest.mark.parametrize(
    ("metric", "before", "after", "clusters", "method"),
    [
        ("acc", [0.0, 0.0], [1.0, 1.0], ["a", "a"], "no p-value: one cluster"),
        ("acc", [0.0], [1.0], None, "no p-value: one item"),
        ("f1", [[1, 0]], [[1, 1]], None, "no p-value: one item"),
        ("recall", [[0, 1], [0, 1]], [[0, 1], [0, 0]], None, "no item changed"),
        ("precision", [[1, 0], [0, 0]], [[1, 0], [0, 0]], None, "no item changed"),
        ("mcc", [[1, 0], [0, 0]], [[1, 1], [0, 1]], None, "no p-value: all items have one label, or were given one"),
    ],
)
def test_what_has_no_p_value(metric: str, before: Any, after: Any, clusters: Any, method: str) -> None:
    for found in (paired_test(metric, before, after, clusters), swap_test(metric, before, after, clusters)):
        assert found.method == method
        assert found.p == (1.0 if method == "no item changed" else None)


def test_what_does_not_pair() -> None:
    with pytest.raises(ValueError, match="1 items before and 2 after do not pair"):
        paired_test("acc", [1.0], [1.0, 0.0])


# --- families ---


@pytest.mark.parametrize(
    "ps", [[0.3], [0.01, 0.04, 0.03], [0.02, 0.02, 0.02, 0.9, 0.0], [1.0, 0.6, 0.5], [0.001 * i**2 for i in range(12)]]
)
def test_holm_is_that_of_statsmodels(ps: list[float]) -> None:
    assert holm(ps) == pytest.approx(multipletests(ps, method="holm")[1].tolist(), abs=1e-9)


def test_holm_leaves_out_what_has_no_p_value() -> None:
    assert holm([None, 0.02, None, 0.5]) == [None, 0.04, None, 0.5]
    assert holm([]) == []
    assert holm([None]) == [None]


# --- what could have been found ---


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (872, (2.12, 3.00, 4.24, 6.00)),
        (10_570, (0.61, 0.86, 1.22, 1.72)),
        (500, (2.8, 4.0, 5.6, 7.9)),
        (100, (6.3, 8.9, 12.5, 17.7)),
    ],
)
def test_detectable_differences_of_the_statistics_note(n: int, expected: tuple[float, ...]) -> None:
    """Table B2: normal quantiles and √(discordance / n); many clusters make t normal."""
    for share, points in zip((0.05, 0.10, 0.20, 0.40), expected, strict=True):
        interval = Estimate(0.0, -1.0, 1.0, "", n, 10**9, 0.95, standard_error=100 * math.sqrt(share / n))
        digits = 2 if n > 800 else 1
        assert round(detectable(interval).value, digits) == points
        # from items: a t quantile and n − 1 make it larger by less than two in a hundred
        half = round(share * n / 2)
        found = detectable(difference("acc", *items_of(half, half, n - 2 * half, 100.0), scale=100)).value
        assert points - 0.06 <= found * math.sqrt(share * n / (2 * half)) <= 1.02 * points + 0.01


def test_detectable_is_t_quantiles_times_the_standard_error() -> None:
    before, after = predictions(2, 60)
    found = difference("f1", before, after, [i % 12 for i in range(60)])
    smallest = detectable(found, power=0.9, alpha=0.01)
    assert smallest.value == pytest.approx((student.ppf(0.995, 11) + student.ppf(0.9, 11)) * found.standard_error)
    assert smallest.method == "paired standard error × t(G−1), power 90%, level 0.01"


@pytest.mark.parametrize(
    ("before", "after", "clusters", "reason"),
    [
        ([1.0, 0.0], [1.0, 0.0], None, "no item changed"),
        ([0.0] * 3, [1.0] * 3, None, "Wilson over items, as all are alike"),
        ([0.0, 0.0], [1.0, 0.0], ["a", "a"], "one cluster"),
    ],
)
def test_without_a_standard_error_nothing_is_detectable(before: Any, after: Any, clusters: Any, reason: str) -> None:
    found = detectable(difference("acc", before, after, clusters))
    assert found == Detectable(None, f"no detectable difference: without a standard error ({reason})")


# --- equivalence ---


@pytest.mark.parametrize("margin", [1.0, 5.0, 12.0])
def test_equivalence_of_independent_items_is_that_of_statsmodels(margin: float) -> None:
    rng = np.random.default_rng(6)
    one = rng.uniform(20, 80, 50)
    other = one + rng.normal(1, 12, 50).clip(-20, 20)
    found = equivalence("f1", one.tolist(), other.tolist(), margin=margin, scale=100)
    assert found.p == pytest.approx(ttost_paired(other, one, -margin, margin)[0], abs=1e-9)
    assert (found.verdict == "equivalent") == (found.p < 0.05)
    assert found.interval.confidence == pytest.approx(0.9)
    assert found.method == "two one-sided tests, paired jackknife, t(G−1)"


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10_000), margin=st.floats(0.01, 0.6), change=st.floats(0, 0.9))
def test_the_interval_and_the_two_tests_say_the_same(seed: int, margin: float, change: float) -> None:
    before, after = predictions(seed, 40, change)
    found = equivalence("mcc", before, after, [i % 10 for i in range(40)], margin=margin)
    assert (found.verdict == "equivalent") == (-margin < found.interval.lower and found.interval.upper < margin)
    back = equivalence("mcc", after, before, [i % 10 for i in range(40)], margin=margin)
    assert (back.verdict, back.p) == (found.verdict, pytest.approx(found.p))


def test_verdicts() -> None:
    before, after = items_of(10, 9, 981)
    assert equivalence("acc", before, after, margin=0.02).verdict == "equivalent"
    assert equivalence("acc", before, after, margin=0.002).verdict == "cannot be told"
    before, after = items_of(300, 9, 691)
    assert equivalence("acc", before, after, margin=0.02).verdict == "not equivalent"
    assert equivalence("acc", after, before, margin=0.02).verdict == "not equivalent"


def test_equivalence_where_no_item_changed() -> None:
    items = [1.0, 0.0] * 100
    found = equivalence("acc", items, list(items), margin=0.02)
    assert found.verdict == "equivalent"
    # Wilson's upper end of 0 of 200 at 90 %: z² / (n + z²) with z = 1.6449
    assert found.interval.upper == -found.interval.lower == pytest.approx(2.7055 / 202.7055, abs=1e-5)
    assert (found.p, found.method) == (None, "no p-value: the interval is Wilson over items, none of which changed")
    few = equivalence("acc", [1.0, 0.0, 1.0], [1.0, 0.0, 1.0], margin=0.02)
    assert (few.verdict, few.p) == ("cannot be told", None)
    assert equivalence("mcc", [[1, 1], [0, 0]] * 50, [[1, 1], [0, 0]] * 50, margin=0.1).interval.upper == pytest.approx(
        2 * 2.7055 / 52.7055, abs=1e-5
    )


@pytest.mark.parametrize(
    ("metric", "one", "other", "clusters", "scale", "reason"),
    [
        ("acc", [0.0, 0.0], [1.0, 0.0], ["a", "a"], 1.0, "one cluster"),
        ("recall", [[0, 1]] * 2, [[0, 0]] * 2, None, 1.0, "no item changed, and the score is undefined"),
        ("loss", [3.0, 4.0], [3.0, 4.0], None, None, "no item changed, and no scale is known"),
    ],
)
def test_equivalence_that_cannot_be_told(
    metric: str, one: Any, other: Any, clusters: Any, scale: float | None, reason: str
) -> None:
    found = equivalence(metric, one, other, clusters, margin=0.5, scale=scale)
    assert (found.verdict, found.p, found.interval.lower) == ("cannot be told", None, None)
    assert found.method == f"no p-value: no interval: {reason}"


@pytest.mark.parametrize("margin", [0.0, -0.1, math.inf, math.nan])
def test_a_margin_is_a_number_above_0(margin: float) -> None:
    with pytest.raises(ValueError, match="needs a number above 0"):
        equivalence("acc", [1.0, 0.0], [1.0, 1.0], margin=margin)


# --- seeds ---


def test_spread_over_seeds_is_the_t_interval() -> None:
    values = [0.91, 0.92, 0.95, 0.90]
    found = spread(values, 0.9)
    error = np.std(values, ddof=1) / 2
    assert (found.value, found.deviation) == pytest.approx((np.mean(values), np.std(values, ddof=1)))
    assert (found.lower, found.upper) == pytest.approx(student.interval(0.9, 3, np.mean(values), error), abs=1e-9)
    assert (found.n, found.clusters, found.confidence, found.method) == (4, 4, 0.9, "mean over seeds, t(n−1)")


def test_one_seed_and_seeds_alike_have_no_interval() -> None:
    one = spread([0.9])
    assert (one.value, one.deviation, one.lower, one.upper) == (0.9, None, None, None)
    assert one.method == "no interval: one seed"
    alike = spread([0.1] * 3)
    assert (alike.value, alike.deviation, alike.lower) == (0.1, 0.0, None)
    assert alike.method == "no interval: all seeds gave the same score"


@pytest.mark.parametrize("values", [[], [0.9, math.nan]])
def test_seeds_that_have_no_score(values: list[float]) -> None:
    with pytest.raises(ValueError, match="needs at least one, and finite numbers"):
        spread(values)
