"""The whole workflow on the tiny study: what it makes, and that its numbers are lm_eval's and a recount's."""

import hashlib
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as oracle

from harness_tasks.loading import check_task
from tests.workflow.conftest import House

CHECKPOINTS = ["reviews_demo-lora-seed1", "passages_demo-lora-seed1"]
PAIRS = [("base", "reviews_demo"), ("base", "passages_demo"), *((name, name.split("-")[0]) for name in CHECKPOINTS)]


def samples(house: House, checkpoint: str, task: str) -> list[dict[str, Any]]:
    text = (house.build / "scores" / checkpoint / task / "samples.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def scores(house: House, checkpoint: str, task: str) -> dict[str, float]:
    results = json.loads((house.build / "scores" / checkpoint / task / "results.json").read_text())
    found = {key.split(",")[0]: value for key, value in results["results"][task].items() if key.endswith(",none")}
    return {metric: value for metric, value in found.items() if not metric.endswith("_stderr")}


class Words(HTMLParser):
    """The visible text of a page, and its empty table cells."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.empty_cells = 0
        self._cell: list[str] | None = None
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._hidden += tag in ("style", "script")
        if tag == "td":
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "script")
        if tag == "td" and self._cell is not None:
            self.empty_cells += not "".join(self._cell).strip()
            self._cell = None

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text.append(data)
            if self._cell is not None:
                self._cell.append(data)


def test_the_pages_hold_every_answer_and_no_gap(house: House) -> None:
    page = Words()
    page.feed((house.build / "report.html").read_text())
    markdown = (house.build / "report.md").read_text()
    assert page.empty_cells == 0
    assert not re.search(r"\|[ \t]*\|", re.sub(r"^\| \|", "", markdown, flags=re.MULTILINE))  # a corner may be empty
    for text in (" ".join(page.text), markdown):
        for number in range(1, 8):
            assert f"Answer {number}" in text
        assert "Contributions" in text
        assert "How to reproduce" in text
        assert not re.search(r"\b(None|nan|NaN|TODO|undefined)\b", text)
        assert str(Path.home()) not in text


def test_the_page_opens_without_a_network(house: House) -> None:
    html = (house.build / "report.html").read_text()
    loads = re.findall(r"""(?:src|srcset)\s*=\s*["']([^"']+)|<link[^>]+href=["']([^"']+)|url\(([^)]+)\)""", html)
    assert [place for found in loads for place in found if place and not place.startswith(("data:", "#"))] == []


@pytest.mark.parametrize(("checkpoint", "task"), PAIRS)
def test_scores_equal_lm_evals_and_an_independent_recount(house: House, checkpoint: str, task: str) -> None:
    rows = samples(house, checkpoint, task)
    found = scores(house, checkpoint, task)
    if task == "reviews_demo":
        likelihoods = [[float(response[0]) for response in row["filtered_resps"]] for row in rows]
        said = [int(np.argmax(pair)) for pair in likelihoods]
        gold = [row["doc"]["label"] for row in rows]
        expected = {
            "acc": oracle.accuracy_score(gold, said),
            "precision": oracle.precision_score(gold, said, zero_division=0),
            "recall": oracle.recall_score(gold, said, zero_division=0),
            "f1": oracle.f1_score(gold, said, zero_division=0),
            "mcc": oracle.matthews_corrcoef(gold, said),
            "brier": oracle.brier_score_loss(gold, softmax(likelihoods)[:, 1]),
            "ece": calibration_error(softmax(likelihoods).max(1), np.equal(gold, said)),
        }
    else:
        from evaluate_squad import answered_scores, squad_v2_scores

        golds = {row["doc"]["id"]: row["doc"]["answers"]["text"] for row in rows}
        predictions = {row["doc"]["id"]: row["filtered_resps"][0] for row in rows}
        expected = squad_v2_scores(golds, predictions) | answered_scores(golds, predictions)
        (meteor,) = (metric for metric in found if metric.startswith("meteor"))  # its reference values: test_metrics
        expected[meteor] = float(np.mean([row[meteor] for row in rows if meteor in row]))
    assert found == pytest.approx(expected)
    assert dict(facts_scores(house, checkpoint, task)) == pytest.approx(expected)


def softmax(likelihoods: list[list[float]]) -> Any:
    weights = np.exp(np.array(likelihoods) - np.max(likelihoods, axis=1, keepdims=True))
    return weights / weights.sum(1, keepdims=True)


def calibration_error(confidence: Any, right: Any) -> float:
    """Guo et al. (2017), equation 3, with ten bins that hold their upper edge."""
    bins = np.ceil(confidence * 10)
    gaps = [abs(right[bins == b].mean() - confidence[bins == b].mean()) * (bins == b).sum() for b in np.unique(bins)]
    return float(sum(gaps) / len(confidence))


def facts_scores(house: House, checkpoint: str, task: str) -> Iterator[tuple[str, float]]:
    """The values in facts.json whose source is this results file, by the metric at the end of the pointer."""
    file = f"scores/{checkpoint}/{task}/results.json"

    def walk(node: Any) -> Iterator[tuple[str, float]]:
        if isinstance(node, dict):
            source = node.get("source")
            if isinstance(source, dict) and source.get("file") == file and "value" in node:
                match = re.fullmatch(rf"/results/{task}/(\w+),none", source["pointer"])
                if match:
                    yield match[1], node["value"]
            for key, child in node.items():
                if not key.endswith("place"):  # where the score stands between floor and ceiling
                    yield from walk(child)
        elif isinstance(node, list):
            for child in node:
                yield from walk(child)

    return walk(json.loads((house.build / "facts.json").read_text()))


def test_limited_items_come_by_whole_cluster(house: House) -> None:
    rows = samples(house, "base", "passages_demo")
    contexts = {row["doc"]["context"] for row in rows}
    assert len(rows) == 21
    assert len(contexts) == 3  # three passages with their seven questions each


def test_base_and_checkpoint_answer_the_same_items(house: House) -> None:
    for name in CHECKPOINTS:
        task = name.split("-")[0]
        before, after = (samples(house, checkpoint, task) for checkpoint in ("base", name))
        assert [row["doc_hash"] for row in before] == [row["doc_hash"] for row in after]
        assert [row["prompt_hash"] for row in before] == [row["prompt_hash"] for row in after]


def test_no_scored_item_was_trained_on(house: House) -> None:
    for name in CHECKPOINTS:
        trained = (house.build / "checkpoints" / name / "train_rows.jsonl").read_text().splitlines()
        clusters = {json.loads(line)["cluster"] for line in trained}
        field = {"reviews_demo": "film", "passages_demo": "context"}[name.split("-")[0]]
        assert not clusters & {row["doc"][field] for row in samples(house, name, name.split("-")[0])}


def test_overlap_is_graded_for_every_scored_item(house: House) -> None:
    for name in CHECKPOINTS:
        task = name.split("-")[0]
        lines = (house.build / "overlap" / name / f"overlap_{task}.jsonl").read_text().splitlines()
        header, *items = map(json.loads, lines)
        trained = house.build / "checkpoints" / name / "train_rows.jsonl"
        assert header["training_file_sha256"] == hashlib.sha256(trained.read_bytes()).hexdigest()
        assert header["training_rows"] == len(trained.read_text().splitlines())
        assert header["scored"] == len(items)
        scored = sorted(samples(house, "base", task), key=lambda row: int(row["doc_id"]))
        assert [item["doc_hash"] for item in items] == [row["doc_hash"] for row in scored]
        assert not any("same_source" in item["grades"] for item in items)


def test_a_bag_of_words_learned_from_the_rows_of_the_checkpoint(house: House) -> None:
    name = "reviews_demo-lora-seed1"
    files = sorted(file.relative_to(house.build).as_posix() for file in house.build.glob("baselines/**/*.json"))
    other = "baselines/passages_demo-lora-seed1/nearest-passage-sentence_passages_demo.json"
    assert files[::-1] == [f"baselines/{name}/bag-of-words_reviews_demo.json", other]
    found = json.loads((house.build / files[1]).read_text())
    trained = house.build / "checkpoints" / name / "train_rows.jsonl"
    assert found["training_file_sha256"] == hashlib.sha256(trained.read_bytes()).hexdigest()
    assert found["training_rows"] == 96
    scored = {row["doc_id"]: row["doc_hash"] for row in samples(house, "base", "reviews_demo")}
    assert dict(zip(found["doc_ids"], found["doc_hashes"], strict=True)) == scored
    page = (house.build / "report.md").read_text()
    assert re.search(r"\| bag of words beside LoRA, seed 1 \| 0\.\d+ .*; training rows: 96;", page)
    assert "| nearest sentence beside LoRA, seed 1 |" in page


def test_the_base_model_was_scored_with_examples_from_the_training_rows(house: House) -> None:
    task = check_task("reviews_demo")
    training = {
        f"{task.doc_to_text(doc)}{task.config.target_delimiter}{task.doc_to_choice(doc)[task.doc_to_target(doc)]}"
        for doc in task.training_docs()
    }
    rows, plain = (samples(house, name, "reviews_demo") for name in ("base-2-shot", "base"))
    asked, alone = ({row["doc_id"]: row["arguments"]["gen_args_0"]["arg_0"] for row in one} for one in (rows, plain))
    assert asked.keys() == alone.keys()
    for name, prompt in asked.items():
        one, two, item = prompt.split(str(task.config.fewshot_delimiter))
        assert ({one, two} <= training, item) == (True, alone[name])
    comparison = json.loads((house.build / "facts.json").read_text())["tasks"][0]["comparisons"][0]
    assert comparison["few_shot"][0]["tuned_above"]["n"] == len(rows)


@pytest.mark.parametrize(("checkpoint", "task"), PAIRS)
def test_prompts_and_answers_are_measured_in_tokens(house: House, checkpoint: str, task: str) -> None:
    """A byte is a token of the tiny model, and <bos> is one more."""
    lines = (house.build / "scores" / checkpoint / task / "lengths.jsonl").read_text().splitlines()
    header, *items = map(json.loads, lines)
    (file,) = (house.build / "scores" / checkpoint / task).glob("samples*.jsonl")
    assert header == {
        "max_length_tokens": 4096,
        "max_answer_tokens": None if task == "reviews_demo" else 32,
        "samples_sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
    }
    rows = {row["doc_id"]: row for row in samples(house, checkpoint, task)}
    assert [item["doc_id"] for item in items] == sorted(rows)
    for item in items:
        prompt = rows[item["doc_id"]]["arguments"]["gen_args_0"]["arg_0"]
        assert item["prompt_tokens"] == len(prompt.encode()) + 1
        assert item["truncated"] is False
        if task == "reviews_demo":
            assert item["answer_tokens"] is item["ended"] is item["cut_off"] is None
        else:  # letters of several bytes may be cut short, and special tokens are no part of a text
            assert item["ended"] in ("eos", "stop", "limit")
            assert item["cut_off"] == (item["ended"] == "limit")
            assert item["answer_tokens"] <= 32
            assert item["answer_tokens"] == 32 or item["ended"] != "limit"


@pytest.mark.parametrize(("checkpoint", "task"), PAIRS)
def test_the_prior_is_measured_where_there_are_labels(house: House, checkpoint: str, task: str) -> None:
    found = json.loads((house.build / "scores" / checkpoint / task / "prior.json").read_text())
    if task == "passages_demo":
        assert found == {"task": task, "absent": "the model writes an answer of its own, and chooses among none"}
    else:
        assert found["labels"] == ["negative", "positive"]
        assert sum(found["probabilities"]) == pytest.approx(1)


def test_a_checkpoint_has_a_prior_of_its_own(house: House) -> None:
    base, tuned = (
        json.loads((house.build / "scores" / name / "reviews_demo" / "prior.json").read_text())
        for name in ("base", "reviews_demo-lora-seed1")
    )
    assert base["probabilities"] != tuned["probabilities"]


def test_what_was_frozen_is_unchanged_and_what_was_adapted_is_not(house: House) -> None:
    for name in CHECKPOINTS:
        tensors = json.loads((house.build / "checkpoints" / name / "tensors.json").read_text())["tensors"]
        assert all((row["sha256_before"] == row["sha256_after"]) != row["trained"] for row in tensors)
        assert sum(row["trained"] for row in tensors) == 14


def test_ledgers_count_what_was_added(house: House) -> None:
    base = json.loads((house.build / "parameters" / "base.json").read_text())
    assert base["total"] == 26880
    for name in CHECKPOINTS:
        ledger = json.loads((house.build / "parameters" / f"{name}.json").read_text())
        record = json.loads((house.build / "checkpoints" / name / "finetune.json").read_text())
        assert ledger["total"] == 26880 + ledger["added"]
        assert ledger["trainable"] == ledger["added"] == record["parameters"]["trainable"]


def test_nothing_is_left_in_the_scratch_folder(house: House) -> None:
    assert [path for path in (house.build / "scratch").rglob("*") if path.is_file()] == []
