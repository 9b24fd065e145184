"""Corpus BLEU and the calibration error as functions of sums; the cluster bootstrap and design effects as cross-checks.

References: sacrebleu from the segments themselves, loops, hand sums, a bootstrap over clusters, Kish's design effect.
"""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu import corpus_bleu
from sacrebleu.metrics import BLEU
from statsmodels.stats.proportion import proportion_confint

from harness_tasks.metrics import corpus_bleu as task_bleu
from harness_tasks.metrics import expected_calibration_error
from report.statistics.formulas import bleu
from report.statistics.sums import sample_of
from tests.report.statistics.statistics_of_items import difference, level

WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "then", "it", "ran", "off", "to", "see", "dog", "by", "river"]


def segments(seed: int, n: int, worse: float = 0.4) -> tuple[list[str], list[str]]:
    """``n`` answers and references; every word of an answer is another one with probability ``worse``."""
    rng = np.random.default_rng(seed)
    references = [" ".join(rng.choice(WORDS, rng.integers(1, 12))) for _ in range(n)]
    answers = []
    for reference in references:
        words = [rng.choice(WORDS) if rng.random() < worse else word for word in reference.split()]
        answers.append(" ".join(words[: rng.integers(0, len(words) + 1)] if rng.random() < 0.3 else words))
    return answers, references


def sacrebleu_of(answers: list[str], references: list[str]) -> float:
    return float(corpus_bleu(answers, [references], smooth_method="exp", use_effective_order=True).score)


def counts_of(answers: list[str], references: list[str]) -> list[list[int]]:
    """Each segment's ten counts, from sacrebleu."""
    scores = [
        BLEU(effective_order=True).sentence_score(answer, [reference])
        for answer, reference in zip(answers, references, strict=True)
    ]
    return [[score.sys_len, score.ref_len, *score.counts, *score.totals] for score in scores]


# --- BLEU ---


@pytest.mark.parametrize(("n", "worse"), [(1, 0.0), (1, 0.9), (3, 0.95), (30, 0.4), (200, 0.8)])
@pytest.mark.parametrize("seed", range(4))
def test_corpus_bleu_is_that_of_sacrebleu(seed: int, n: int, worse: float) -> None:
    answers, references = segments(seed, n, worse)
    items = counts_of(answers, references)
    found = level("bleu", items, list(range(n)), scale=100)
    assert found.value == pytest.approx(sacrebleu_of(answers, references), abs=1e-9)
    assert found.value == pytest.approx(task_bleu(items), abs=1e-9)
    assert level("bleu", items).value == pytest.approx(found.value / 100, abs=1e-9)


COUNTS = st.lists(st.integers(0, 6), min_size=4, max_size=4)


@settings(max_examples=300, deadline=None)
@given(matched=COUNTS, missed=COUNTS, longer=st.integers(-3, 3))
def test_bleu_of_any_counts_is_that_of_sacrebleu(matched: list[int], missed: list[int], longer: int) -> None:
    possible = [m + n for m, n in zip(matched, missed, strict=True)]
    sizes = [possible[0], max(0, possible[0] + longer)]
    expected = BLEU.compute_bleu(list(matched), list(possible), *sizes, smooth_method="exp", effective_order=True).score
    if matched[0] or not any(matched):  # a longer n-gram that matches without a word that does is no corpus
        assert 100 * bleu(np.array([*sizes, *matched, *possible], dtype=float)) == pytest.approx(expected, abs=1e-9)


def test_bleu_takes_many_sums_at_once() -> None:
    items = np.array(counts_of(*segments(1, 12)), dtype=float).reshape(3, 4, 10)
    assert bleu(items).shape == (3, 4)
    assert bleu(items)[1, 2] == pytest.approx(float(bleu(items[1, 2])))


def test_intervals_of_bleu_match_a_naive_jackknife_with_sacrebleu() -> None:
    from tests.report.statistics.test_statistics import naive_jackknife

    references = segments(5, 40)[1]
    one, other = segments(5, 40)[0], segments(5, 40, 0.1)[0]
    clusters = [i // 5 for i in range(40)]

    def score(answers: list[str], keep: list[int]) -> float:
        return sacrebleu_of([answers[i] for i in keep], [references[i] for i in keep])

    found = level("bleu", counts_of(one, references), clusters, scale=100)
    expected = naive_jackknife(lambda keep: score(one, keep), clusters)
    assert (found.lower, found.upper) == pytest.approx(expected, abs=1e-9)
    assert found.method == "delete-one-cluster jackknife, t(G−1)"
    change = difference("bleu", counts_of(one, references), counts_of(other, references), clusters, scale=100)
    expected = naive_jackknife(lambda keep: score(other, keep) - score(one, keep), clusters)
    assert (change.lower, change.upper) == pytest.approx(expected, abs=1e-9)


def test_bleu_without_matches_words_or_references() -> None:
    silent = [[0, 5] + [0] * 8] * 6
    found = level("bleu", silent, list("aabbcc"), scale=100)  # no answer at all: 0, on three clusters
    assert (found.value, found.lower) == (0.0, 0.0)
    assert found.upper == pytest.approx(100 * proportion_confint(0, 3, method="wilson")[1])
    assert found.method == "Wilson over clusters, as all are alike"
    nothing = level("bleu", [[0] * 10] * 3, scale=100)
    assert (nothing.value, nothing.lower) == (0.0, None)
    assert nothing.method == "no interval: there are no words, neither in the answers nor in the references"
    perfect = level("bleu", [[1, 1, 1, 0, 0, 0, 1, 0, 0, 0]] * 9, scale=100)
    assert (perfect.value, perfect.upper) == (100.0, 100.0)
    assert perfect.lower == pytest.approx(100 * proportion_confint(9, 9, method="wilson")[0])


@pytest.mark.parametrize(
    ("metric", "items", "says"),
    [
        ("bleu", [[1, 1]], "bleu: some items are no lists of 10 numbers"),
        ("bleu", [[1] * 10, 0.5], "bleu: some items are no lists of 10 numbers"),
        ("bleu", [[-1] + [0] * 9], "bleu: an item's counts are not all 0 or more"),
        ("ece", [[1.5, 1.0]], "ece: an item's confidence is not between 0 and 1"),
        ("ece", [[math.nan, 1.0]], "ece: an item's confidence is not between 0 and 1"),
        ("ece", [[0.5, -1.0]], r"or its correctness is neither: 0\.5, -1\.0"),
        ("f1", [[1, 0.5]], "f1: an item's labels are no whole numbers: 1, 0.5"),
        ("mcc", [[1, 1], [-1, 1]], "mcc: an item's labels are no whole numbers: -1, 1"),
        ("precision", [[1, math.inf]], "precision: an item's labels are no whole numbers: 1, inf"),
        ("ece", [[0.5, 1.0, 0.0]], "ece: some items are no lists of 2 numbers"),
    ],
)
def test_items_that_are_not_of_the_metric(metric: str, items: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        level(metric, items)


# --- calibration ---


def test_calibration_error_by_hand() -> None:
    # bins (0.5, 0.6] and (0.8, 0.9]: two items with .55 and .6, one right: |1 − 1.15| = .15; two with .9, both right:
    # |2 − 1.8| = .2; together .35 over four items
    items = [[0.55, 1.0], [0.6, 0.0], [0.9, 1.0], [0.9, 1.0]]
    found = level("ece", items)
    assert found.value == pytest.approx(0.35 / 4, abs=1e-12)
    assert found.method == "delete-one-item jackknife, t(G−1), of the binned estimate, which is biased upwards"
    # without each: (.6 + .2) / 3, (.45 + .2) / 3, (.15 + .1) / 3 twice
    parts = np.array([0.8, 0.65, 0.25, 0.25]) / 3
    assert found.standard_error == pytest.approx(math.sqrt(3 / 4 * np.sum((parts - parts.mean()) ** 2)), abs=1e-12)
    assert level("ece", items, scale=100).value == pytest.approx(35 / 4)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 100), st.booleans()), min_size=1, max_size=30))
def test_calibration_error_is_that_of_the_tasks(rows: list[tuple[int, bool]]) -> None:
    # hundredths, so that many lie on a bin's edge
    items = [[hundredths / 100, float(right)] for hundredths, right in rows]
    found = level("ece", items)
    assert found.value == pytest.approx(expected_calibration_error(items), abs=1e-12)
    assert found.lower is None or 0 <= found.lower <= found.value <= found.upper <= 1


def test_calibration_that_did_not_change() -> None:
    items = [[0.5, 1.0], [0.9, 1.0], [0.9, 0.0]]
    assert difference("ece", items, [list(item) for item in items]).method == "no item changed"
    sure = level("ece", [[1.0, 1.0]] * 20)
    assert (sure.value, sure.lower) == (0.0, 0.0)
    assert sure.upper == pytest.approx(proportion_confint(0, 20, method="wilson")[1])


# --- cross-checks that are no second answer ---


def bootstrap_error(metric: str, items: Any, clusters: list[int], scale: float, draws: int = 4000) -> float:
    """The standard error of the score by drawing whole clusters with replacement."""
    sample = sample_of(metric, items, clusters, scale=scale)
    sums = sample.by_cluster()[0]
    times = np.random.default_rng(0).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), draws)
    return float(np.std(sample.statistic.value(times @ sums), ddof=1))


@pytest.mark.parametrize("metric", ["acc", "precision", "recall", "f1", "mcc", "bleu", "ece"])
def test_the_cluster_bootstrap_agrees(metric: str) -> None:
    from tests.report.statistics.test_statistics import draw

    items, clusters = draw(11, clusters=150, size=5)
    scale = 1.0
    if metric == "acc":
        items = [float(gold == predicted) for gold, predicted in items]
    elif metric == "bleu":
        items, scale = counts_of(*segments(3, len(clusters))), 100.0
    elif metric == "ece":
        rng = np.random.default_rng(3)
        items = [[float(rng.uniform(0.55, 1)), float(gold == predicted)] for gold, predicted in items]
    found = level(metric, items, clusters, scale=scale)
    assert found.standard_error == pytest.approx(bootstrap_error(metric, items, clusters, scale), rel=0.06)


@pytest.mark.parametrize(("correlation", "effect"), [(0.05, 1.21), (0.10, 1.41), (0.20, 1.82)])
def test_the_design_effect_of_questions_on_a_paragraph(correlation: float, effect: float) -> None:
    """SQuAD v1.1 has 10,570 questions on 2,067 paragraphs; Kish's 1 + (m − 1) × correlation, the notes' table B2."""
    rng = np.random.default_rng(20)
    clusters = np.sort(np.arange(10_570) % 2_067)
    ratios = []
    for _ in range(12):
        rates = rng.beta(0.7 * (1 / correlation - 1), 0.3 * (1 / correlation - 1), 2_067)
        items = (rng.random(10_570) < rates[clusters]).astype(float).tolist()
        clustered = level("acc", items, clusters.tolist()).standard_error
        share = sum(items) / len(items)
        ratios.append(clustered**2 / (share * (1 - share) / len(items)))
    assert np.mean(ratios) == pytest.approx(effect, rel=0.03)
