"""The whole workflow on the tiny study: what it makes, and that its numbers are lm_eval's and a recount's."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import House
from sklearn import metrics as oracle

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
        }
    else:
        from evaluate_squad import squad_v2_scores

        predictions = {row["doc"]["id"]: row["filtered_resps"][0] for row in rows}
        expected = squad_v2_scores({row["doc"]["id"]: row["doc"]["answers"]["text"] for row in rows}, predictions)
    assert found == pytest.approx(expected)
    assert dict(facts_scores(house, checkpoint, task)) == pytest.approx(expected)


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
            for child in node.values():
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
