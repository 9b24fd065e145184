"""Macro-F1: scikit-learn's value, on somebody's own task of three labels from lm_eval's run to page and comparison."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from lm_eval import simple_evaluate
from lm_eval.api.model import LM
from lm_eval.tasks import TaskManager
from sklearn.metrics import f1_score

from harness_tasks.metrics import PAIR_SCORES
from report.compare.output import compare_results
from report.page.build import build_report
from tests.report.compare.lm_eval_folders import write_folder
from tests.report.statistics.statistics_of_items import level, paired_test
from tests.report.synthetic import REVIEWS, folder_of, write_json, write_rows, write_study

Pairs = Sequence[tuple[int, int]]


def by_scikit_learn(pairs: Pairs) -> float:
    golds, predicted = zip(*pairs, strict=True)
    return float(f1_score(golds, predicted, average="macro", zero_division=0))


def pairs_of(n: int, size: int, seed: int, share: float = 0.5) -> list[tuple[int, int]]:
    draw = random.Random(seed)
    golds = [number % size for number in range(n)]
    return [(gold, gold if draw.random() < share else draw.randrange(size)) for gold in golds]


@pytest.mark.parametrize(
    "pairs",
    [
        *(pairs_of(n, size, n) for n, size in ((1, 3), (9, 3), (50, 4), (300, 7))),
        [(0, 0), (1, 1), (2, 1)],  # label 2 is never predicted
        [(0, 0), (1, 1), (1, 5)],  # label 5 is never gold, and 2 to 4 are neither
        [(3, 3)],
        [(0, 1), (1, 0)],
    ],
)
def test_it_is_scikit_learns_with_absent_labels_too(pairs: Pairs) -> None:
    assert level("macro_f1", pairs).value == pytest.approx(by_scikit_learn(pairs), abs=1e-12)
    assert PAIR_SCORES["macro_f1"](pairs) == pytest.approx(by_scikit_learn(pairs), abs=1e-12)


def test_a_sample_without_a_cluster_counts_the_labels_that_are_left() -> None:
    pairs, films = [(0, 0), (1, 0), (1, 1), (2, 2)], ["a", "a", "b", "c"]
    kept = [[pair for pair, film in zip(pairs, films, strict=True) if film != out] for out in "abc"]
    left_out = [by_scikit_learn(part) for part in kept]
    mean = sum(left_out) / 3
    error = (2 / 3 * sum((score - mean) ** 2 for score in left_out)) ** 0.5
    assert level("macro_f1", pairs, films).standard_error == pytest.approx(error)


def test_the_swap_test_counts_every_exchange() -> None:
    before, after = pairs_of(6, 3, 1, 0.2), pairs_of(6, 3, 2, 0.9)
    apart = abs(by_scikit_learn(after) - by_scikit_learn(before))
    hits = 0
    for swapped in range(2**6):
        sides = [[], []]  # type: list[list[tuple[int, int]]]
        for place, pair in enumerate(zip(before, after, strict=True)):
            for side, one in zip(sides, pair[:: -1 if swapped >> place & 1 else 1], strict=True):
                side.append(one)
        hits += abs(by_scikit_learn(sides[1]) - by_scikit_learn(sides[0])) >= apart - 1e-12
    assert paired_test("macro_f1", before, after).p == pytest.approx(hits / 2**6)


TASK = """task: sides
dataset_path: json
dataset_kwargs: {{data_files: {{test: {folder}/sides.jsonl}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{q}}}}\\nAnswer:"
doc_to_target: a
doc_to_choice: ["left", "right", "neither"]
process_results: !function hooks.process_results
metric_list:
  - {{metric: acc, aggregation: mean, higher_is_better: true}}
  - {{metric: macro_f1, aggregation: !function hooks.macro_f1, higher_is_better: true}}
metadata: {{version: 1.0}}
"""
HOOKS = """from harness_tasks.metrics import PAIR_SCORES

macro_f1 = PAIR_SCORES["macro_f1"]


def process_results(doc, results):
    given = max(range(3), key=lambda label: results[label][0])
    return {"acc": float(given == doc["a"]), "macro_f1": (doc["a"], given)}
"""


class Guesses(LM):
    """Gives each choice a log-likelihood by chance."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.draw = random.Random(seed)

    def loglikelihood(self, requests: Any) -> Any:
        return [(-self.draw.random(), False) for _ in requests]

    def loglikelihood_rolling(self, requests: Any) -> Any:
        raise NotImplementedError

    def generate_until(self, requests: Any) -> Any:
        raise NotImplementedError


def test_somebodys_task_of_three_labels_is_compared(tmp_path: Path) -> None:
    rows = [{"q": f"Which side is {number}?", "a": number % 3} for number in range(30)]
    (tmp_path / "sides.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "sides.yaml").write_text(TASK.format(folder=tmp_path))
    (tmp_path / "hooks.py").write_text(HOOKS)
    manager = TaskManager(include_path=str(tmp_path), include_defaults=False)
    for seed in (1, 2):
        results = simple_evaluate(Guesses(seed), tasks=["sides"], task_manager=manager, bootstrap_iters=0)
        assert results is not None
        file = tmp_path / "out" / str(seed) / "results.json"
        file.parent.mkdir(parents=True)
        samples = results.pop("samples")["sides"]
        write_json(file, {key: results[key] for key in ("results", "versions", "n-shot", "higher_is_better")})
        write_rows(file.parent / "samples.jsonl", samples)
    facts = compare_results([tmp_path / "out"]).as_json()
    board = next(board for board in facts["tasks"][0]["boards"] if board["key"] == "macro_f1,none")
    assert board["higher_is_better"] is True
    for row in board["rows"]:
        folder = tmp_path / "out" / row["entry"]["value"]
        samples = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
        expected = by_scikit_learn([tuple(sample["macro_f1"]) for sample in samples])
        assert row["score"]["value"] == pytest.approx(expected, abs=1e-12)
        assert row["score"]["interval"]["lower"] < expected < row["score"]["interval"]["upper"]
        assert row["how"]["value"] == "delete-one-item jackknife, t(G−1)"
    assert board["pairs"][0]["unpaired"] is None
    assert board["pairs"][0]["p_method"]["value"] == "swap test by item: 10,000 random exchanges, seed 1"


def test_it_stands_on_a_studys_page(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    expected = {}
    for seed, home in enumerate(sorted((folder_of(study) / "scores").glob(f"*/{REVIEWS}"))):
        results = json.loads((home / "results.json").read_text())
        rows = [json.loads(line) for line in (home / "samples.jsonl").read_text().splitlines()]
        pairs = pairs_of(len(rows), 3, seed, 0.4 + 0.2 * seed)
        ours = ("acc", "precision", "recall", "f1", "mcc", "brier", "ece")
        for row, pair in zip(rows, pairs, strict=True):
            row |= {"macro_f1": pair}
            for metric in ours:
                row.pop(metric)
        expected[home.parent.name] = by_scikit_learn(pairs)
        results["results"][REVIEWS] = {"macro_f1,none": expected[home.parent.name]}
        results["configs"][REVIEWS]["metadata"] |= {"primary": "macro_f1", "labels": ["left", "right", "neither"]}
        results["configs"][REVIEWS]["metric_list"] = [{"metric": "macro_f1"}]
        results["higher_is_better"][REVIEWS] = {"macro_f1": True}
        write_json(home / "results.json", results)
        write_rows(home / "samples.jsonl", rows)
    build_report(study, output=folder_of(study))
    facts = json.loads((folder_of(study) / "facts.json").read_text())
    score = next(task for task in facts["tasks"] if task["task"] == REVIEWS)["comparisons"][0]["scores"][0]
    assert (score["metric"], score["label"]["value"], score["primary"]) == ("macro_f1", "macro-F1", True)
    assert score["before"]["value"] == pytest.approx(expected["base"])
    change = score["after"]["value"] - score["before"]["value"]
    assert score["difference"]["value"] == pytest.approx(change)
    assert score["difference"]["interval"]["lower"] < change < score["difference"]["interval"]["upper"]
    assert 0 < score["p_value"]["value"] <= 1


def test_two_models_with_equal_answers_have_no_difference(tmp_path: Path) -> None:
    for model in ("one", "other"):
        write_folder(tmp_path, model, {"sides": [0.5, 1.0, 0.0]}, metric="macro_f1")
    pair = compare_results([tmp_path]).as_json()["tasks"][0]["boards"][0]["pairs"][0]
    assert (pair["difference"]["value"], pair["p_value"]["value"]) == (0.0, 1.0)
