"""Scoring of the two-class tasks, as hooks that their YAML files name."""

from collections.abc import Mapping, Sequence
from typing import Any

from harness_tasks import metrics

# lm_eval's own f1 and mcc aggregations are bootstrapped 100,000 times at every run; functions of our own are not.
precision = metrics.precision
recall = metrics.recall
f1 = metrics.f1
mcc = metrics.mcc


def process_results(doc: Mapping[str, Any], results: Sequence[tuple[float, bool]]) -> dict[str, Any]:
    """Returns one row's scores: ``acc`` 0.0 or 1.0, and the pair [gold, predicted] for what is no mean of rows.

    ``results`` holds a choice's log-likelihood and whether it is the greedy output; the first of equals wins.
    """
    log_likelihoods = [result[0] for result in results]
    pair = [int(doc["label"]), log_likelihoods.index(max(log_likelihoods))]
    return {"acc": float(pair[0] == pair[1]), "precision": pair, "recall": pair, "f1": pair, "mcc": pair}
