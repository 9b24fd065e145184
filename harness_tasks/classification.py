"""Scoring of the two-class tasks, as hooks that their YAML files name."""

from collections.abc import Mapping, Sequence
from typing import Any

from harness_tasks import metrics

# lm_eval's own f1 and mcc aggregations are bootstrapped 100,000 times at every run; functions of our own are not.
precision = metrics.precision
recall = metrics.recall
f1 = metrics.f1
mcc = metrics.mcc
expected_calibration_error = metrics.expected_calibration_error


def process_results(doc: Mapping[str, Any], results: Sequence[tuple[float, bool]]) -> dict[str, Any]:
    """Returns one row's scores as `metrics.classification_scores` has them.

    ``results`` holds a choice's log-likelihood and whether it is the greedy output.
    """
    return metrics.classification_scores(int(doc["label"]), [log_likelihood for log_likelihood, _ in results])
