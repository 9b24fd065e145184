"""A task's own aggregations with each cluster left out: which are evaluated, in what time, and what is said else."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from lm_eval.api.metrics import mean, median
from sklearn.metrics import cohen_kappa_score

from harness_tasks.classification import f1
from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file
from harness_tasks.replicates import ItemValues, items_of, replicates, write_replicates

PAIRS = [(0, 0), (1, 2), (2, 2), (1, 1), (3, 2), (0, 1), (2, 0), (3, 3)]
FILMS = ["a", "a", "b", "c", "c", "b", "d", "d"]


def items(values: Iterable[Any], metric: str = "qwk", clusters: list[str] | None = None) -> list[ItemValues]:
    rows = list(values)
    names = clusters or [f"item {number}" for number in range(len(rows))]
    return [ItemValues("none", name, name, {metric: value}) for name, value in zip(names, rows, strict=True)]


def kappa(pairs: list[Any]) -> float:
    gold, said = zip(*pairs, strict=True)
    return float(cohen_kappa_score(gold, said, weights="quadratic", labels=[0, 1, 2, 3]))


def test_each_cluster_is_left_out_once() -> None:
    found = replicates({"qwk": kappa}, items(PAIRS, clusters=FILMS))
    assert found["clusters"] == ["a", "b", "c", "d"]
    (metric,) = found["metrics"]
    assert (metric["metric"], metric["filter"], metric["n"], metric["value"]) == ("qwk", "none", 8, kappa(PAIRS))
    without_b = [(0, 0), (1, 2), (1, 1), (3, 2), (2, 0), (3, 3)]
    assert metric["left_out"][1] == kappa(without_b)


def test_a_mean_and_what_the_page_counts_need_none() -> None:
    known = [ItemValues("none", n, str(n), {"acc": 1.0, "f1": (1, 1), "of_nobody": 2.0}) for n in range(3)]
    assert replicates({"acc": mean, "f1": f1}, known)["metrics"] == []
    assert [row["metric"] for row in replicates({"acc": median, "f1": f1}, known)["metrics"]] == ["acc"]


def test_an_item_may_lack_a_metric_and_filters_stand_apart() -> None:
    rows = [
        {"doc_id": n, "doc_hash": "same" if n < 2 else str(n), "doc": {}, "filter": name, "metrics": list(values)}
        | values
        for name in ("strict", "flexible")
        for n, values in enumerate([{"m": 1.0}, {"m": 3.0}, {}, {"m": 8.0}])
    ]
    found = replicates({"m": median}, items_of(rows, None))
    assert found["clusters"] == ["same", "same", "2", "3"]
    assert [(row["filter"], row["n"], row["left_out"]) for row in found["metrics"]] == [
        (name, 3, [8.0, 8.0, None, 3.0]) for name in ("strict", "flexible")
    ]


class Clock:
    """A clock on which each evaluation of `slow` takes ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self.now, self.seconds = 0.0, seconds

    def __call__(self) -> float:
        return self.now

    def slow(self, values: list[float]) -> float:
        self.now += self.seconds
        return max(values)


def test_what_takes_too_long_is_not_evaluated_and_says_so() -> None:
    clock = Clock(2.0)
    quick_and_slow = [ItemValues("none", n, str(n), {"slow": float(n), "quick": float(n)}) for n in range(40)]
    found = replicates({"slow": clock.slow, "quick": median}, quick_and_slow, clock=clock)["metrics"]
    assert found[0] == {
        "metric": "slow",
        "filter": "none",
        "n": 40,
        "absent": "its aggregation takes 2 s, and 40 times that is more than what was left of the 60 s for the "
        "replicates of a task",
    }
    assert len(found[1]["left_out"]) == 40
    assert clock.now == 4.0  # it was evaluated twice in all
    clock.seconds = 1.0
    assert "left_out" in replicates({"slow": clock.slow}, items(range(40), "slow"), clock=clock)["metrics"][0]


def test_a_budget_is_one_for_all_metrics_of_a_task() -> None:
    clock = Clock(1.0)
    both = [ItemValues("none", n, str(n), {"one": float(n), "two": float(n)}) for n in range(40)]
    found = replicates({"one": clock.slow, "two": clock.slow}, both, clock=clock)["metrics"]
    assert ["absent" in row for row in found] == [False, True]


def one_more_each_time() -> Any:
    calls: list[int] = []

    def count(values: list[Any]) -> float:
        calls.append(1)
        return float(len(calls))

    return count


def failing(values: list[float]) -> float:
    if 0.0 not in values:
        raise ZeroDivisionError("no zero")
    return 1.0


@pytest.mark.parametrize(
    ("aggregate", "values", "clusters", "why"),
    [
        (failing, [0.0, 1.0, 2.0], None, "its aggregation fails on all items but 1 (ZeroDivisionError: no zero)"),
        (one_more_each_time(), [0.0, 1.0], None, "its aggregation gives another value each time, such as 1 and 2"),
        (lambda values: float("nan"), [0.0, 1.0], None, "its aggregation gives no number for all items"),
        (lambda values: {"a": 1}, [0.0, 1.0], None, "its aggregation fails on all items (TypeError: float() argument"),
        (max, [0.0, 1.0], ["x", "x"], "all items that have it are of one cluster"),
    ],
)
def test_what_cannot_be_replicated_says_why(
    aggregate: Any, values: list[float], clusters: list[str] | None, why: str
) -> None:
    (found,) = replicates({"m": aggregate}, items(values, "m", clusters))["metrics"]
    assert found["absent"].startswith(why)


class Task:
    """As much of a task of lm_eval as is asked here."""

    OUTPUT_TYPE = "loglikelihood"

    class config:
        process_results = None

    def aggregation(self) -> dict[str, Any]:
        return {"m": median, "acc": mean}


def rows_with(metric: str, values: list[float]) -> list[dict[str, Any]]:
    common = {"doc": {}, "filter": "none", "metrics": [metric]}
    return [{"doc_id": n, "doc_hash": str(n), **common, metric: value} for n, value in enumerate(values)]


def test_the_file_is_bound_to_the_samples_and_none_is_written_for_nothing(tmp_path: Path) -> None:
    samples = tmp_path / "samples_quiz_2026-11-30T10-00-00.125.jsonl"
    samples.write_text("{}\n")
    write_replicates(samples, Task(), rows_with("acc", [1.0, 0.0]), None)
    assert [path.name for path in tmp_path.iterdir()] == [samples.name]
    write_replicates(samples, Task(), rows_with("m", [1.0, 2.0, 4.0]), None)
    written = json.loads((tmp_path / "replicates_quiz_2026-11-30T10-00-00.125.json").read_text())
    assert written["samples_sha256"] == sha256_file(samples)
    assert written["metrics"][0]["left_out"] == [4.0, 4.0, 2.0]


def test_an_item_without_its_cluster_is_told_in_three_parts() -> None:
    row = {"doc_id": 3, "doc": {"text": "a"}, "doc_hash": "x", "filter": "none", "metrics": []}
    with pytest.raises(UserError) as error:
        items_of([row], "film")
    assert error.value.found == "item 3 has no field 'film', which its task names as its cluster"
    assert error.value.mend.startswith("give every row")
