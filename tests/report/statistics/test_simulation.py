"""What the intervals cover and how often the tests reject, over data sets whose truth is known. Slow; prints a table.

Each data set has G clusters of items with a fair coin for the gold label. A cluster's rate of right predictions is
drawn from a beta distribution, so that being right correlates by 0.2 within a cluster; accuracy is 0.8. Both errors are
alike, so precision = F1 = accuracy = 0.8 and MCC = 2 × 0.8 − 1. A wrong answer's token F1 is 0 half of the time and
else even over 20 to 80, a right one's 100: its mean is 80 + 0.2 × 25. For the differences the same items are predicted
by an earlier model of accuracy 0.7; for the tests by one of accuracy 0.8, which differs by nothing but chance. A
cluster's and an item's luck is the same for both models half of the time, and drawn anew else.
"""

import itertools
import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import pytest
from scipy.special import betaincinv

from report.statistics.intervals import Estimate
from report.statistics.paired_tests import mcnemar
from tests.report.statistics.statistics_of_items import difference, level, swap_test

SEED = 20_261
SETS = 5_000
BLOCK = 100
CORRELATION = 0.2
DRAWS = 999
# clusters, items in each, and within what a nominal 95 % interval must lie
DESIGNS = [(24, 7, 0.92, 0.98), (35, 5, 0.925, 0.97), (35, 30, 0.925, 0.97), (200, 5, 0.935, 0.965)]
FEW = (8, 7)  # clusters few enough for all 2^8 exchanges
ALONE = (168, 1)  # independent items
LEVELS = {"accuracy": 0.8, "precision": 0.8, "F1": 0.8, "MCC": 0.6, "token F1": 85.0}
DIFFERENCES = {"accuracy": 0.1, "F1": 0.1, "MCC": 0.2}
NAMES = {"accuracy": "acc", "precision": "precision", "F1": "f1", "MCC": "mcc", "token F1": "f1"}


def half_anew(rng: np.random.Generator, shape: int) -> tuple[Any, Any]:
    """Two draws between 0 and 1 that are the same one half of the time."""
    one, new = rng.random((2, shape))
    return one, np.where(rng.random(shape) < 0.5, one, new)


def data_set(rng: np.random.Generator, clusters: int, size: int) -> dict[str, Any]:
    """The items of each model by metric, and the cluster of each."""
    names = np.repeat(np.arange(clusters), size)
    gold = rng.integers(0, 2, len(names))
    rates, luck = half_anew(rng, clusters), half_anew(rng, len(names))
    found: dict[str, Any] = {"clusters": names.tolist()}
    for model, accuracy, place in (("after", 0.8, 0), ("before", 0.7, 1), ("alike", 0.8, 1)):
        spread = 1 / CORRELATION - 1
        rate = betaincinv(accuracy * spread, (1 - accuracy) * spread, rates[place])
        right = luck[place] < rate[names]
        pairs = np.column_stack([gold, np.where(right, gold, 1 - gold)]).tolist()
        found[model] = dict.fromkeys(NAMES, pairs) | {"accuracy": right.astype(float).tolist()}
        if model == "after":
            partly = np.where(rng.random(len(names)) < 0.5, 0.0, rng.uniform(20, 80, len(names)))
            found[model]["token F1"] = np.where(right, 100.0, partly).tolist()
    return found


def holds(interval: Estimate, truth: float) -> bool:
    assert interval.lower is not None
    assert interval.upper is not None
    return interval.lower <= truth <= interval.upper


def block(clusters: int, size: int, number: int) -> Counter[str]:
    """How many of a block of data sets have an interval that covers the truth, and a test that rejects a true null."""
    rng = np.random.default_rng([SEED, clusters, size, number])
    counts: Counter[str] = Counter()
    for _ in range(BLOCK):
        data = data_set(rng, clusters, size)
        groups, after, before, alike = (data[key] for key in ("clusters", "after", "before", "alike"))
        for name, truth in LEVELS.items():
            scale = 100.0 if name == "token F1" else 1.0
            for kind, given in (("clustered", groups), ("naive", None)):
                counts[f"{kind} {name}"] += holds(level(NAMES[name], after[name], given, scale=scale), truth)
        for name, truth in DIFFERENCES.items():
            for kind, given in (("clustered", groups), ("naive", None)):
                found = difference(NAMES[name], before[name], after[name], given)
                counts[f"{kind} Δ {name}"] += holds(found, truth)
            test = swap_test(NAMES[name], alike[name], after[name], groups, draws=DRAWS)
            assert test.p is not None
            counts[f"swap {name}"] += test.p <= 0.05
    return counts


def exact_block(clusters: int, size: int, number: int) -> Counter[str]:
    """How many of a block of data sets have an exact test that rejects a true null."""
    rng = np.random.default_rng([SEED, clusters, size, number])
    counts: Counter[str] = Counter()
    for _ in range(BLOCK):
        data = data_set(rng, clusters, size)
        after, alike = data["after"], data["alike"]
        if size == 1:
            p = mcnemar(alike["accuracy"], after["accuracy"]).p
            assert p is not None
            counts["McNemar"] += p <= 0.05
            continue
        for name in DIFFERENCES:
            test = swap_test(NAMES[name], alike[name], after[name], data["clusters"], draws=DRAWS)
            assert test.p is not None
            assert test.draws is None or test.draws <= 2**clusters  # all exchanges, none drawn
            counts[f"swap {name}"] += test.p <= 0.05
    return counts


def shares(pool: ProcessPoolExecutor, function: Any, clusters: int, size: int) -> dict[str, float]:
    blocks = range(SETS // BLOCK)
    total: Counter[str] = Counter()
    for counts in pool.map(function, *zip(*itertools.product([clusters], [size], blocks), strict=True)):
        total.update(counts)
    return {name: count / SETS for name, count in total.items()}


@pytest.mark.slow
def test_coverage_and_rejection(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(variable, "1")  # the processes are the threads
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        measured = {(g, m): shares(pool, block, g, m) for g, m, *_ in DESIGNS}
        few, alone = shares(pool, exact_block, *FEW), shares(pool, exact_block, *ALONE)
    columns = [*LEVELS, *(f"Δ {name}" for name in DIFFERENCES)]
    lines = [
        f"Covered by 95 % intervals, in % of {SETS:,} data sets (seed {SEED}); beside it the naive interval",
        f"{'clusters × items':18}" + "".join(f"{column:>14}" for column in columns) + "   bar",
    ]
    for clusters, size, low, high in DESIGNS:
        found = measured[clusters, size]
        cells = [f"{found[f'clustered {c}']:.1%} {found[f'naive {c}']:.1%}".replace("%", "") for c in columns]
        row = f"{clusters} × {size}"
        lines.append(f"{row:18}" + "".join(f"{cell:>14}" for cell in cells) + f"   {100 * low:g} to {100 * high:g}")
    lines.append(f"True nulls rejected at 5 % by the swap test with {DRAWS} draws, in %; bar 3 to 6.5")
    for clusters, size, *_ in DESIGNS:
        told = ", ".join(f"{name} {100 * measured[clusters, size][f'swap {name}']:.2f}" for name in DIFFERENCES)
        lines.append(f"{clusters} × {size}: {told}")
    lines.append("True nulls rejected at 5 % by exact tests, in %; bar 6.5")
    told = ", ".join(f"{name} {100 * few[f'swap {name}']:.2f}" for name in DIFFERENCES)
    lines.append(f"{FEW[0]} × {FEW[1]}, all exchanges: {told}")
    lines.append(f"{ALONE[0]} independent items, McNemar: {100 * alone['McNemar']:.2f}")
    with capsys.disabled():
        print("\n" + "\n".join(lines))
    for clusters, size, low, high in DESIGNS:
        found = measured[clusters, size]
        for column in columns:
            assert low <= found[f"clustered {column}"] <= high, (clusters, size, column)
            assert found[f"naive {column}"] < found[f"clustered {column}"], (clusters, size, column)
        for name in DIFFERENCES:
            assert 0.03 <= found[f"swap {name}"] <= 0.065, (clusters, size, name)
    assert max(few.values()) <= 0.065
    assert alone["McNemar"] <= 0.065


def test_the_simulated_data_are_what_they_are_said_to_be() -> None:
    """Accuracies, correlation and true scores of one large data set: 20,000 clusters of 10."""
    data = data_set(np.random.default_rng(1), 20_000, 10)
    right = {model: np.array(data[model]["accuracy"]).reshape(20_000, 10) for model in ("after", "before", "alike")}
    for model, accuracy in (("after", 0.8), ("before", 0.7), ("alike", 0.8)):
        assert right[model].mean() == pytest.approx(accuracy, abs=0.005)
        within = right[model].mean(axis=1).var() - right[model].var() / 10  # covariance × 9 / 10
        assert within / 0.9 / right[model].var() == pytest.approx(CORRELATION, abs=0.01)
    for name, truth in LEVELS.items():
        scale = 100.0 if name == "token F1" else 1.0
        assert level(NAMES[name], data["after"][name], scale=scale).value == pytest.approx(truth, abs=0.006 * scale)
    for name, truth in DIFFERENCES.items():
        found = difference(NAMES[name], data["before"][name], data["after"][name]).value
        assert found == pytest.approx(truth, abs=0.006)
