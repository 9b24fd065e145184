"""The table of metrics: each entry's score is scikit-learn's, and the names in it are the ones used abroad."""

import random
from typing import Any

import numpy as np
import pytest
import sklearn.metrics

from harness_tasks.metrics import signatures
from report.statistics.formulas import LABEL_PAIR
from report.statistics.metrics import METRICS, Metric, better_of, metric_of, metrics_of
from tests.report.statistics.statistics_of_items import level

OF_SCIKIT_LEARN = [found for found in METRICS.values() if found.scikit_learn]


def labels(n: int, size: int, seed: int) -> list[tuple[int, int]]:
    """Returns ``n`` pairs of a gold and a predicted label of 0 to ``size`` - 1, a third of them alike."""
    draw = random.Random(seed)
    golds = [draw.randrange(size) for _ in range(n)]
    return [(gold, gold if draw.random() < 1 / 3 else draw.randrange(size)) for gold in golds]


def by_scikit_learn(found: Metric, pairs: list[tuple[int, int]]) -> float:
    assert found.scikit_learn is not None
    function, settings = found.scikit_learn
    return float(getattr(sklearn.metrics, function)(*zip(*pairs, strict=True), **settings))


@pytest.mark.parametrize("found", OF_SCIKIT_LEARN, ids=lambda found: found.name)
@pytest.mark.parametrize("pairs", [labels(40, 2, 1), labels(7, 2, 2), [(0, 0)] * 3, [(1, 0), (1, 0)], [(0, 1)]])
def test_a_score_is_scikit_learns(found: Metric, pairs: list[tuple[int, int]]) -> None:
    assert level(found.name, pairs).value == pytest.approx(by_scikit_learn(found, pairs), abs=1e-12)


def test_every_metric_of_label_pairs_names_scikit_learns() -> None:
    assert {found.name for found in OF_SCIKIT_LEARN} == set(metrics_of(LABEL_PAIR))


def test_every_metric_of_our_tasks_is_known() -> None:
    ours: set[Any] = {*signatures("classification"), *signatures("answers")} - {"meteor", "meteor_exact_stem"}
    assert ours <= set(METRICS)


@pytest.mark.parametrize(("name", "label", "better"), [("acc", "accuracy", True), ("ECE", "ECE", False)])
def test_a_name_in_another_case_has_a_direction_and_no_entry(name: str, label: str, better: bool) -> None:
    assert (metric_of(name).label, better_of(name)) == (label, better)


def test_the_range_of_a_score_decides_its_unit() -> None:
    units = {name: metric_of(name).unit(1) for name in ("acc", "mcc", "film_points")}
    assert units == {"acc": "proportion", "mcc": "coefficient", "film_points": "proportion"}
    assert [metric_of("acc").unit(scale) for scale in (100, 50, None)] == ["points", "number", "number"]


def test_a_perfect_answer_scores_best() -> None:
    golds = [0, 1, 1]
    for found in METRICS.values():
        items = [found.perfect_item(gold) for gold in golds]
        if None not in items:
            assert level(found.name, items).value == (1.0 if found.higher_is_better else 0.0), found.name


def test_an_unknown_metric_of_lists_is_refused() -> None:
    with pytest.raises(ValueError, match="kappa: its items are lists"):
        level("kappa", np.array([[0, 1], [1, 1]]).tolist())
