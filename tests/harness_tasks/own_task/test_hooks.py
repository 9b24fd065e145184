"""The scores that a task's folder computes by itself, against scikit-learn and the project's own functions."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, matthews_corrcoef, precision_score, recall_score

from harness_tasks import metrics
from harness_tasks.metrics import _classification as own
from harness_tasks.own_task.hooks import classification
from report.statistics.metrics import metric_of
from report.statistics.sums import sample_of

PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60)


@given(PAIRS)
def test_scores_of_pairs_are_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    gold, predicted = zip(*pairs, strict=True)
    assert classification.macro_f1(pairs) == pytest.approx(f1_score(gold, predicted, average="macro", zero_division=0))
    assert classification.macro_f1(pairs) == own.macro_f1(pairs)
    assert classification.mcc(pairs) == pytest.approx(matthews_corrcoef(gold, predicted))
    names = [f"c{at}" for at in range(5)]
    items = [
        classification.process_results({"label": g}, [(float(c == p), False) for c in range(5)], names)
        for g, p in pairs
    ]
    of_scikit_learn = {
        "precision": precision_score(gold, predicted, labels=range(5), average=None, zero_division=0),
        "recall": recall_score(gold, predicted, labels=range(5), average=None, zero_division=0),
    }
    for kind, expected in of_scikit_learn.items():
        for at, name in enumerate(names):
            values = [item[f"{kind}_of_{name}"] for item in items]
            assert classification.ratio(values) == pytest.approx(expected[at])
            sample = sample_of(f"{kind}_of_{name}", values)  # as a page counts it
            assert sample.statistic.formula.value(sample.values[0].sum(axis=0)) == pytest.approx(expected[at])


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=40))
def test_the_positive_labels_scores_are_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    gold, predicted = zip(*pairs, strict=True)
    items = [
        classification.process_two_labels({"label": g}, [(float(c == p), False) for c in (0, 1)]) for g, p in pairs
    ]
    for name, expected in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
        found = getattr(classification, name)([item[name] for item in items])
        assert found == pytest.approx(expected(gold, predicted, zero_division=0))


@given(st.lists(st.floats(-20, 0), min_size=2, max_size=6), st.data())
def test_an_items_scores_are_the_projects_own(values: list[float], data: st.DataObject) -> None:
    gold = data.draw(st.integers(0, len(values) - 1))
    found = classification.process_results({"label": gold}, [(value, False) for value in values], ())
    expected = metrics.classification_scores(gold, values)
    for name in ("acc", "mcc", "brier", "ece"):
        assert found[name] == pytest.approx(expected[name])


@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from([0.0, 1.0])), min_size=1, max_size=50))
def test_the_calibration_error_is_the_projects_own(items: list[tuple[float, float]]) -> None:
    expected = metrics.expected_calibration_error(items)
    assert math.isclose(classification.expected_calibration_error(items), expected, abs_tol=1e-12)


def test_a_class_of_its_own_name_is_told() -> None:
    assert metric_of("precision_of_sci_tech").label == "precision of sci tech"
    with pytest.raises(ValueError, match="one is right that is not counted"):
        sample_of("recall_of_x", [(1, 0)])
