"""The passages written for this project: counts, verbatim spans, uniqueness, nothing shared between the sides."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from harness_tasks import TASKS_PATH
from harness_tasks.passages_demo import hooks

FILES = {split: json.loads((TASKS_PATH / "passages_demo" / f"{split}.json").read_text()) for split in ("train", "test")}


def paragraphs(split: str) -> list[dict[str, Any]]:
    return [paragraph for article in FILES[split]["data"] for paragraph in article["paragraphs"]]


def questions() -> Iterator[tuple[str, dict[str, Any]]]:
    for split in FILES:
        for paragraph in paragraphs(split):
            for question in paragraph["qas"]:
                yield paragraph["context"], question


def runs(text: str, length: int) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + length]) for i in range(len(words) - length + 1)}


def test_counts() -> None:
    assert [len(paragraphs(split)) for split in ("train", "test")] == [48, 24]
    assert {split: file["version"] for split, file in FILES.items()} == {"train": "v2.0", "test": "v2.0"}
    for split in FILES:
        for paragraph in paragraphs(split):
            assert 80 <= len(paragraph["context"].split()) <= 140
            assert sorted(q["is_impossible"] for q in paragraph["qas"]) == [False] * 5 + [True] * 2


def test_answers_are_verbatim_where_they_say_they_are() -> None:
    for context, question in questions():
        answers = question["answers"]
        assert bool(answers) != question["is_impossible"]
        assert len(answers) <= 3
        for answer in answers:
            start = answer["answer_start"]
            assert context[start : start + len(answer["text"])] == answer["text"]
            assert 1 <= len(answer["text"].split()) <= 8


def test_ids_questions_titles_and_passages_are_unique() -> None:
    ids = [question["id"] for _, question in questions()]
    texts = [(context, question["question"].lower()) for context, question in questions()]
    contexts = [paragraph["context"] for split in FILES for paragraph in paragraphs(split)]
    titles = [article["title"] for file in FILES.values() for article in file["data"]]
    for values in (ids, texts, [text for _, text in texts], contexts, titles):
        assert len(set(values)) == len(values)


def test_no_scored_passage_shares_eight_words_in_a_row_with_a_training_one() -> None:
    trained = set().union(*(runs(paragraph["context"], 8) for paragraph in paragraphs("train")))
    for paragraph in paragraphs("test"):
        assert not runs(paragraph["context"], 8) & trained


@pytest.mark.parametrize(("split", "rows", "without"), [("train", 336, 96), ("test", 168, 48), ("fewshot", 336, 96)])
def test_the_splits(split: str, rows: int, without: int) -> None:
    loaded = hooks.load()[split]
    assert len(loaded) == rows
    assert sum(not answers["text"] for answers in loaded["answers"]) == without
    assert loaded.column_names == ["id", "title", "context", "question", "answers"]
