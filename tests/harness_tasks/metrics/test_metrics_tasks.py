"""Scores through the tasks themselves: their hooks, and the aggregation that lm_eval applies to what those return."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness_tasks import metrics
from harness_tasks.loading import load_task


def scores(name: str, data_dir: Path, answer: Callable[[Mapping[str, Any]], Any], column: str) -> dict[str, float]:
    """What ``name`` makes of the results that ``answer`` gives for a row, whose answers or labels are in ``column``."""
    task = load_task(name, metadata={"data_dir": str(data_dir)})
    rows = task.eval_docs.to_list()
    assert column in rows[0]
    values: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        for metric, value in task.process_results(row, answer(row)).items():
            values[metric].append(value)
    aggregations = task.aggregation()
    assert set(values) <= set(aggregations)
    return {metric: aggregations[metric](items) for metric, items in values.items()}


@pytest.mark.parametrize(
    ("name", "predictions", "exact", "f1"),
    [
        ("squad_v1_llama", "squad1/predictions-match-lstm.json", 67.635, 76.756),
        ("squad_v2_llama", "squad2/predictions-nlnet.json", 75.828, 78.778),
    ],
)
def test_published_predictions_get_their_published_scores(
    data_dir: Path, name: str, predictions: str, exact: float, f1: float
) -> None:
    said = json.loads((data_dir / predictions).read_text(encoding="utf-8"))
    found = scores(name, data_dir, lambda row: [said[row["id"]]], "answers")
    assert (found["exact"], found["f1"]) == (pytest.approx(exact, abs=5e-4), pytest.approx(f1, abs=5e-4))
    # These are spans of the passage: what ROUGE and F1 count is nearly the same.
    assert found["rouge1"] == pytest.approx(found["HasAns_f1"], abs=1)
    assert found["rouge1"] >= found["rougeL"] >= found["rouge2"]
    assert 0 < found["bleu"] < 100
    assert 0 < found[metrics.meteor_name()] < 82.5  # what the golds themselves get


def test_a_model_that_always_abstains(data_dir: Path) -> None:
    found = scores("squad_v2_llama", data_dir, lambda row: [" unanswerable"], "answers")
    abstained = 100 * 5945 / 11873
    assert (found["NoAns_exact"], found["NoAns_f1"]) == (100, 100)
    assert (found["HasAns_exact"], found["HasAns_f1"]) == (0, 0)
    assert (found["exact"], found["f1"]) == (pytest.approx(abstained), pytest.approx(abstained))  # 50.07
    assert [found[name] for name in (metrics.meteor_name(), "rouge1", "rouge2", "rougeL", "bleu")] == [0] * 5


def test_a_model_that_always_says_positive(data_dir: Path) -> None:
    found = scores("sst2_llama_glue", data_dir, lambda row: [(-2.0, False), (-1.0, True)], "label")
    confidence = 1 / (1 + 2.718281828459045**-1)
    assert found["acc"] == found["precision"] == pytest.approx(444 / 872)
    assert (found["recall"], found["mcc"]) == (1, 0)
    assert found["ece"] == pytest.approx(confidence - 444 / 872)
    assert found["brier"] == pytest.approx((444 * (1 - confidence) ** 2 + 428 * confidence**2) / 872)


@pytest.mark.parametrize(("name", "kind"), [("reviews_demo", "classification"), ("passages_demo", "answers")])
def test_the_results_hold_the_signatures(name: str, kind: Any) -> None:
    task = load_task(name)
    signatures = task.dump_config()["metadata"]["signature"]
    assert signatures == metrics.signatures(kind)
    # Every metric has one, but the METEOR that this machine does not compute.
    missing = {"meteor", "meteor_exact_stem"} - {metrics.meteor_name()} if kind == "answers" else set()
    assert set(signatures) == set(task.aggregation()) - missing


def test_signatures_name_versions() -> None:
    import nltk
    import sacrebleu

    found = metrics.signatures("answers")
    assert f"version:nltk-{nltk.__version__}" in found[metrics.meteor_name()]
    assert found["bleu"].endswith(
        f"|eff:yes|smooth:exp|refs:all|agg:corpus|tok:13a|version:sacrebleu-{sacrebleu.__version__}"
    )
    assert found["rouge1"].endswith("|tok:[a-z0-9]+|version:rouge_score-0.1.2")
    assert found["exact"].endswith("|version:aftertune-metrics-1")
    assert metrics.signatures("classification")["ece"].startswith("p:softmax of the choices' log-likelihoods|")
