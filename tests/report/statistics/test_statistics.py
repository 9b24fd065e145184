"""Intervals against statsmodels, scikit-learn, naive loops, hand sums, properties and a small coverage simulation."""

import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import sem
from scipy.stats import t as student
from sklearn.metrics import f1_score, matthews_corrcoef, precision_score, recall_score
from statsmodels.api import OLS
from statsmodels.stats.proportion import proportion_confint

from report.statistics.intervals import Estimate, estimated_direction, wilson
from tests.report.statistics.statistics_of_items import difference, level

SKLEARN = {
    "precision": lambda gold, predicted: precision_score(gold, predicted, zero_division=0),
    "recall": lambda gold, predicted: recall_score(gold, predicted, zero_division=0),
    "f1": lambda gold, predicted: f1_score(gold, predicted, zero_division=0),
    "mcc": lambda gold, predicted: matthews_corrcoef(gold, predicted) if len({*gold}) * len({*predicted}) > 1 else 0.0,
}


def naive(metric: str, items: list[Any]) -> float:
    """The metric by scikit-learn, or the mean."""
    if metric in SKLEARN and isinstance(items[0], list):
        return float(SKLEARN[metric](*zip(*items, strict=True)))
    return sum(items) / len(items)


def naive_jackknife(value_of: Any, clusters: list[Any], confidence: float = 0.95) -> tuple[float, float]:
    """The jackknife interval by a loop: ``value_of(indices)`` is computed afresh without each cluster."""
    names = sorted(set(clusters))
    whole = value_of(list(range(len(clusters))))
    parts = [value_of([i for i, cluster in enumerate(clusters) if cluster != name]) for name in names]
    mean = sum(parts) / len(parts)
    error = math.sqrt((len(names) - 1) / len(names) * sum((part - mean) ** 2 for part in parts))
    half = student.ppf(0.5 + confidence / 2, len(names) - 1) * error
    return whole - half, whole + half


def draw(seed: int, clusters: int, size: int, accuracy: float = 0.8, correlation: float = 0.2) -> tuple[Any, Any]:
    """[gold, predicted] pairs whose being right is correlated within a cluster, and the clusters."""
    rng = np.random.default_rng(seed)
    names = np.repeat(np.arange(clusters), size)
    common = rng.beta(accuracy * (1 / correlation - 1), (1 - accuracy) * (1 / correlation - 1), clusters)
    right = rng.random(len(names)) < common[names]
    gold = rng.integers(0, 2, len(names))
    pairs = [[int(g), int(g if r else 1 - g)] for g, r in zip(gold, right, strict=True)]
    return pairs, [int(name) for name in names]


# --- Wilson ---


@pytest.mark.parametrize(
    ("successes", "n", "lower", "upper"),
    [
        (802, 872, 0.8998, 0.9360),
        (868, 872, 0.9883, 0.9982),
        (872, 872, 0.9956, 1.0),
        (444, 872, 0.4760, 0.5422),
    ],
)
def test_wilson_of_the_statistics_note(successes: int, n: int, lower: float, upper: float) -> None:
    found = wilson(successes, n)
    assert found.lower == pytest.approx(lower, abs=5e-5)
    assert found.upper == pytest.approx(upper, abs=5e-5)
    assert found.method == "Wilson"


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
@pytest.mark.parametrize(("successes", "n"), [(0, 1), (1, 1), (0, 7), (3, 7), (7, 7), (802, 872), (1, 100_000)])
def test_wilson_is_that_of_statsmodels(successes: int, n: int, confidence: float) -> None:
    found = wilson(successes, n, confidence)
    assert (found.lower, found.upper) == pytest.approx(
        proportion_confint(successes, n, 1 - confidence, "wilson"), abs=1e-12
    )


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (3, 2), (-1, 5)])
def test_wilson_refuses_what_is_no_proportion(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match=f"{successes} successes among {n} items"):
        wilson(successes, n)


# --- levels ---


def test_accuracy_of_independent_items_is_wilson() -> None:
    found = level("acc", [1.0] * 802 + [0.0] * 70)
    assert (found.n, found.clusters, found.method) == (872, 872, "Wilson")
    assert found.value == pytest.approx(802 / 872)
    assert found.lower == pytest.approx(0.8998, abs=5e-5)
    own = level("acc", [1.0] * 802 + [0.0] * 70, [f"item {i}" for i in range(872)])
    assert own == found
    hundred = level("exact", [100.0] * 802 + [0.0] * 70, scale=100)
    assert (hundred.lower, hundred.upper) == pytest.approx((100 * found.lower, 100 * found.upper))


def test_precision_and_recall_of_independent_items_are_wilson_of_their_denominators() -> None:
    # the verified DistilBERT card: TP 413, FP 47, FN 31, TN 381
    items = [[1, 1]] * 413 + [[0, 1]] * 47 + [[1, 0]] * 31 + [[0, 0]] * 381
    for metric, right, trials, name in (
        ("precision", 413, 460, "predicted positives"),
        ("recall", 413, 444, "gold positives"),
    ):
        found = level(metric, items)
        assert found.value == pytest.approx(right / trials)
        assert (found.lower, found.upper) == pytest.approx(proportion_confint(right, trials, method="wilson"))
        assert found.method == f"Wilson over the {name}"
        assert found.n == 872
    assert level("precision", items).value == pytest.approx(0.8978, abs=5e-5)
    assert level("recall", items).value == pytest.approx(0.9302, abs=5e-5)


def test_jackknife_of_a_mean_of_independent_items_is_the_t_interval() -> None:
    items = [30.0, 50.0, 80.0, 66.7, 40.0]
    found = level("f1", items, scale=100)
    half = student.ppf(0.975, 4) * np.std(items, ddof=1) / math.sqrt(5)
    assert (found.lower, found.upper) == pytest.approx((np.mean(items) - half, np.mean(items) + half), abs=1e-9)
    assert (found.lower, found.upper) == pytest.approx(
        student.interval(0.95, 4, loc=np.mean(items), scale=sem(items)), abs=1e-9
    )
    assert found.standard_error == pytest.approx(sem(items), abs=1e-9)
    assert found.method == "delete-one-item jackknife, t(G−1)"


def test_clustered_mean_by_hand() -> None:
    # clusters a: 1, 1; b: 0, 0; c: 1. Without a 1/3, without b 1, without c 1/2; their mean is 11/18, and the
    # squares of the deviations sum to 25/324 + 49/324 + 4/324 = 78/324; times 2/3 = 13/81.
    found = level("acc", [1, 1, 0, 0, 1], list("aabbc"))
    half = 4.302652729911275 * math.sqrt(13) / 9
    assert found.value == 0.6
    assert (found.lower, found.upper) == (0.0, 1.0)  # 0.6 ± 1.72, clipped
    free = level("loss", [1.0, 1.0, 0.0, 0.0, 1.0], list("aabbc"), scale=None)
    assert (free.lower, free.upper) == pytest.approx((0.6 - half, 0.6 + half))
    assert (found.n, found.clusters, found.method) == (5, 3, "delete-one-cluster jackknife, t(G−1)")


@pytest.mark.parametrize("metric", ["precision", "recall", "f1", "mcc"])
@pytest.mark.parametrize("seed", range(3))
def test_confusion_metrics_match_a_naive_jackknife_with_scikit_learn(metric: str, seed: int) -> None:
    items, clusters = draw(seed, clusters=7, size=5)
    found = level(metric, items, clusters)
    expected = naive_jackknife(lambda keep: naive(metric, [items[i] for i in keep]), clusters)
    assert found.value == pytest.approx(naive(metric, items))
    assert (found.lower, found.upper) == pytest.approx((max(0, expected[0]), min(1, expected[1])))


def test_mcc_of_three_labels_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(4)
    items = [[int(g), int(g if rng.random() < 0.6 else p)] for g, p in rng.integers(0, 3, (60, 2))]
    assert level("mcc", items).value == pytest.approx(matthews_corrcoef(*zip(*items, strict=True)))


def test_another_positive_label() -> None:
    items = [[0, 0], [0, 1], [1, 0], [1, 1], [0, 0]]
    assert level("precision", items, positive_label=0).value == pytest.approx(2 / 3)
    assert level("recall", items, positive_label=1).value == 0.5


def test_negative_mcc_keeps_its_sign() -> None:
    items = [[1, 0]] * 8 + [[0, 1]] * 7 + [[1, 1], [0, 0]]
    found = level("mcc", items)
    assert found.value < 0
    assert -1 <= found.lower < found.value < found.upper < 0


def test_cluster_error_is_close_to_the_cluster_robust_one() -> None:
    items, clusters = draw(5, clusters=60, size=6)
    right = [float(gold == predicted) for gold, predicted in items]
    fit = OLS(np.array(right), np.ones(len(right))).fit(cov_type="cluster", cov_kwds={"groups": np.array(clusters)})
    found = level("acc", right, clusters)
    error = (found.upper - found.lower) / 2 / student.ppf(0.975, 59)
    assert error == pytest.approx(fit.bse[0], rel=0.03)
    plain = level("acc", right)
    assert found.upper - found.lower > 1.2 * (plain.upper - plain.lower)


def test_items_without_the_metric_and_their_clusters_do_not_count() -> None:
    items = [100.0, None, 0.0, None, None, 50.0, 100.0]
    found = level("HasAns_f1", items, list("aabbccd"), scale=100)
    assert found == level("HasAns_f1", [100.0, 0.0, 50.0, 100.0], list("abcd"), scale=100)
    assert (found.n, found.clusters) == (4, 4)
    # c has no such item
    assert level("NoAns_exact", [None, 100.0, 0.0, 0.0, None], list("aabbc"), scale=100).clusters == 2


# --- degenerate levels ---


@pytest.mark.parametrize("items", [[], [None, None]])
def test_no_item_is_an_error(items: list[None]) -> None:
    with pytest.raises(ValueError, match="exact: no item has this metric"):
        level("exact", items)


def test_one_cluster_has_no_interval() -> None:
    found = level("acc", [1.0, 0.0, 1.0], ["a", "a", "a"])
    assert found == Estimate(2 / 3, None, None, "no interval: one cluster", 3, 1, 0.95)
    assert level("f1", [40.0], scale=100).method == "no interval: one item"
    assert level("ece", [[0.9, 1.0]]).method == "no interval: one item"
    assert level("acc", [1.0]).lower == pytest.approx(wilson(1, 1).lower)  # one independent item is a proportion


@pytest.mark.parametrize(("score", "successes"), [(100.0, 20), (0.0, 0)])
def test_all_right_or_all_wrong_in_clusters_is_wilson_over_the_clusters(score: float, successes: int) -> None:
    found = level("exact", [score] * 100, [i // 5 for i in range(100)], scale=100)
    expected = proportion_confint(successes, 20, method="wilson")
    assert found.value == score
    assert (found.lower, found.upper) == pytest.approx((100 * expected[0], 100 * expected[1]))
    assert found.method == "Wilson over clusters, as all are alike"


def test_all_alike_between_the_ends_does_not_claim_certainty() -> None:
    found = level("f1", [0.1] * 9, list("aaabbbccc"))
    assert found.value == pytest.approx(0.1)
    assert (found.lower, found.upper) == pytest.approx((wilson(0.3, 3).lower, wilson(0.3, 3).upper))
    assert level("perplexity", [7.0, 7.0], scale=None).method == "no interval: every item is alike"


def test_perfect_precision_rests_on_the_clusters_with_a_positive() -> None:
    # 2 of 50 clusters hold a predicted positive: both right, yet that proves little
    items = [[1, 1], [0, 0], [1, 1], [0, 0]] + [[0, 0]] * 96
    found = level("precision", items, [i // 2 for i in range(100)])
    assert (found.value, found.upper) == (1.0, 1.0)
    assert found.lower == pytest.approx(proportion_confint(2, 2, method="wilson")[0])
    assert level("mcc", items, [i // 2 for i in range(100)]).lower == pytest.approx(2 * found.lower - 1)


@pytest.mark.parametrize(
    ("metric", "items", "reason"),
    [
        ("precision", [[1, 0], [0, 0]], "no item was predicted positive"),
        ("recall", [[0, 1], [0, 0]], "no item is positive"),
        ("f1", [[0, 0], [0, 0]], "no item is positive or was predicted positive"),
        ("mcc", [[1, 1], [0, 1]], "all items have one label, or were given one"),
    ],
)
@pytest.mark.parametrize("clusters", [None, ["a", "b"], ["a", "a"]])
def test_undefined_scores_are_0_without_interval(metric: str, items: Any, reason: str, clusters: Any) -> None:
    found = level(metric, items, clusters)
    assert (found.value, found.lower, found.upper) == (0.0, None, None)
    assert found.method == f"no interval: {reason}"


def test_unknown_scale_is_not_clipped() -> None:
    items = [0.0, 9.0, 1.0]
    found = level("loss", items, scale=None)
    assert found.lower < 0
    assert level("loss", [1.0, 0.0, 1.0], scale=None).method == "delete-one-item jackknife, t(G−1)"


@pytest.mark.parametrize(
    ("metric", "items", "clusters", "says"),
    [
        ("exact", [100.0], None, "an item scores 100.0, outside 0 to 1"),
        ("acc", [-0.5], None, "an item scores -0.5, outside 0 to 1"),
        ("acc", [math.nan], None, "not a finite number"),
        (
            "kappa",
            [[1, 1]],
            None,
            "kappa: its items are lists, and of lists only precision, recall, f1, mcc, macro_f1, bleu, ece are known",
        ),
        ("f1", [[1, 1], 0.5], None, "f1: some items are no lists of 2 numbers"),
        ("acc", [1.0, 0.0], ["a"], "2 items but 1 cluster names"),
        ("acc", [1.0, 0.0], ["a", None], "an item without a cluster name"),
    ],
)
def test_items_that_cannot_be_scored(metric: str, items: Any, clusters: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        level(metric, items, clusters)


# --- differences ---


def test_paired_accuracy_by_hand() -> None:
    # 4 items: fixed, fixed, broken, same: differences 1, 1, -1, 0 with mean 1/4 and standard deviation sqrt(11/12)
    found = difference("acc", [0, 0, 1, 1], [1, 1, 0, 1])
    half = 3.182446305284263 * math.sqrt(11 / 12 / 4)
    assert found.value == 0.25
    assert (found.lower, found.upper) == (max(-1, 0.25 - half), min(1, 0.25 + half))
    many = difference("acc", [0, 0, 1, 1] * 50, [1, 1, 0, 1] * 50)
    # 150 squared differences of 1 around the mean 1/4
    error = math.sqrt((150 - 200 / 16) / 199 / 200)
    assert (many.upper - many.lower) / 2 == pytest.approx(student.ppf(0.975, 199) * error)
    assert (many.n, many.clusters, many.method) == (200, 200, "delete-one-item jackknife, t(G−1)")


@pytest.mark.parametrize("metric", ["acc", "precision", "recall", "f1", "mcc"])
def test_paired_difference_matches_a_naive_jackknife(metric: str) -> None:
    before, clusters = draw(1, clusters=9, size=4, accuracy=0.6)
    rng = np.random.default_rng(2)
    after = [[gold, gold if rng.random() < 0.6 else predicted] for gold, predicted in before]
    if metric == "acc":
        before, after = ([float(gold == guess) for gold, guess in items] for items in (before, after))
    found = difference(metric, before, after, clusters)
    expected = naive_jackknife(
        lambda keep: naive(metric, [after[i] for i in keep]) - naive(metric, [before[i] for i in keep]), clusters
    )
    assert found.value == pytest.approx(naive(metric, after) - naive(metric, before))
    assert (found.lower, found.upper) == pytest.approx(expected)
    assert estimated_direction(found) == "higher"


def test_paired_jackknife_deletes_the_cluster_from_both() -> None:
    found = difference("loss", [1.0, 0.0, 2.0, 1.0], [1.5, 0.5, 2.7, 1.1], list("aabc"), scale=None)
    expected = naive_jackknife(lambda keep: float(np.mean([(0.5, 0.5, 0.7, 0.1)[i] for i in keep])), list("aabc"))
    assert (found.lower, found.upper) == pytest.approx(expected)


def test_no_item_changed() -> None:
    items, clusters = draw(3, 4, 5)
    for metric in ("precision", "recall", "f1", "mcc"):
        found = difference(metric, items, [list(pair) for pair in items], clusters)
        assert found == Estimate(0.0, 0.0, 0.0, "no item changed", 20, 4, 0.95)
        assert estimated_direction(found) == "equal"
    # what changed does not bear on recall: gold negatives
    assert difference("recall", [[1, 1], [0, 1]], [[1, 1], [0, 0]]).method == "no item changed"
    assert difference("precision", [[1, 1], [0, 1]], [[1, 1], [0, 0]]).value == 0.5


def test_equal_scores_on_changed_items_are_equal_not_certain() -> None:
    found = difference("acc", [1, 0, 1, 0, 1, 1], [0, 1, 1, 0, 1, 1])
    assert found.value == 0
    assert found.lower < 0 < found.upper
    assert estimated_direction(found) == "equal"
    # the same numbers summed in another order differ by rounding: that is no difference
    before = [0.1, 0.2, 0.3, 0.7, 0.4, 0.6]
    assert difference("f1", before, [0.7, 0.6, 0.1, 0.4, 0.3, 0.2]).value == 0.0


def test_all_changed_alike_does_not_claim_certainty() -> None:
    found = difference("exact", [0.0] * 30, [100.0] * 30, scale=100)
    assert (found.value, found.upper) == (100.0, 100.0)
    assert found.lower == pytest.approx(200 * proportion_confint(30, 30, method="wilson")[0] - 100)
    assert found.method == "Wilson over items, as all are alike"
    assert estimated_direction(found) == "higher"
    assert estimated_direction(difference("exact", [0.0] * 2, [100.0] * 2, scale=100)) == "no clear difference"


def test_a_difference_within_one_cluster_has_no_interval() -> None:
    found = difference("acc", [0, 0, 1], [1, 1, 1], ["a"] * 3)
    assert (found.value, found.lower, found.method) == (pytest.approx(2 / 3), None, "no interval: one cluster")
    assert estimated_direction(found) == "no clear difference"


def test_undefined_on_one_side_counts_as_0_and_on_both_gives_no_interval() -> None:
    never = [[1, 0], [0, 0]] * 10
    some = [[1, 1], [0, 0]] * 9 + [[1, 0], [0, 1]]
    found = difference("precision", never, some)
    assert found.value == pytest.approx(0.9)
    assert found.lower > 0
    always = [[1, 1], [0, 1]] * 10
    both = difference("mcc", never, always)
    assert (both.value, both.lower) == (0.0, None)
    assert both.method == "no interval: all items have one label, or were given one"


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [([1.0], [1.0, 0.0], "1 items before and 2 after"), ([1.0, None], [1.0, 0.0], "on one side only")],
)
def test_what_does_not_pair(before: Any, after: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        difference("acc", before, after)


@pytest.mark.parametrize(
    ("value", "lower", "upper", "expected"),
    [
        (0.2, 0.1, 0.3, "higher"),
        (-0.2, -0.3, -0.1, "lower"),
        (0.2, -0.1, 0.5, "no clear difference"),
        (0.2, 0.0, 0.4, "no clear difference"),
        (-0.2, -0.4, 0.0, "no clear difference"),
        (0.2, None, None, "no clear difference"),
        (0.0, -0.1, 0.1, "equal"),
        (0.0, 0.0, 0.0, "equal"),
    ],
)
def test_direction(value: float, lower: float | None, upper: float | None, expected: str) -> None:
    assert estimated_direction(Estimate(value, lower, upper, "", 9, 9, 0.95)) == expected


# --- properties ---

PAIRS = st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 1), st.integers(0, 4))
SCORES = st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(0, 4))


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(PAIRS, min_size=1, max_size=25), metric=st.sampled_from(sorted(SKLEARN)), alone=st.booleans())
def test_properties_of_confusion_metrics(rows: Any, metric: str, alone: bool) -> None:
    before = [[gold, guess] for gold, guess, _, _ in rows]
    after = [[gold, guess] for gold, _, guess, _ in rows]
    check_properties(metric, before, after, None if alone else [cluster for *_, cluster in rows])
    assert level(metric, before).value == pytest.approx(naive(metric, before), abs=1e-9)


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(SCORES, min_size=1, max_size=25), alone=st.booleans())
def test_properties_of_means(rows: Any, alone: bool) -> None:
    before, after, clusters = ([row[column] for row in rows] for column in range(3))
    check_properties("f1", before, after, None if alone else clusters)


def check_properties(metric: str, before: Any, after: Any, clusters: Any) -> None:
    low = -1 if metric == "mcc" else 0
    one = level(metric, before, clusters)
    if one.lower is not None:
        assert low <= one.lower <= one.value <= one.upper <= 1
        wider = level(metric, before, clusters, confidence=0.99)
        assert wider.lower <= one.lower
        assert one.upper <= wider.upper
    forth, back = difference(metric, before, after, clusters), difference(metric, after, before, clusters)
    assert forth.value == pytest.approx(-back.value, abs=1e-12)
    assert forth.method == back.method
    if forth.lower is not None:
        assert forth.lower <= forth.value <= forth.upper
        assert (forth.lower, forth.upper) == pytest.approx((-back.upper, -back.lower), abs=1e-9)
    mirror = {"higher": "lower", "lower": "higher"}
    assert estimated_direction(back) == mirror.get(estimated_direction(forth), estimated_direction(forth))


def test_coverage_under_clusters() -> None:
    """300 data sets of 24 clusters of 7, accuracy 0.8, correlation 0.2: a naive interval covers 82 % of the time."""
    hits = {"acc": 0, "f1": 0}
    for seed in range(300):
        pairs, clusters = draw(1000 + seed, clusters=24, size=7)
        for metric, items in (("acc", [float(gold == guess) for gold, guess in pairs]), ("f1", pairs)):
            found = level(metric, items, clusters)
            # gold is a fair coin and both errors are alike, so precision = recall = F1 = accuracy = 0.8
            hits[metric] += found.lower <= 0.8 <= found.upper
    assert min(hits.values()) >= 0.9 * 300
    assert max(hits.values()) < 300


@pytest.mark.parametrize("metric", SKLEARN)
def test_leaving_clusters_out_goes_through_the_items_once(metric: str, calls_of: Callable[..., int]) -> None:
    pairs, clusters = draw(0, clusters=2000, size=5)
    assert calls_of(difference, metric, pairs, pairs[::-1], clusters) < 3 * len(pairs)  # not 2,000 × 10,000


def test_importing_it_loads_neither_torch_nor_scipy() -> None:
    code = "import sys, report.statistics.intervals; print({'torch', 'scipy', 'transformers'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
