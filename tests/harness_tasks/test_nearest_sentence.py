"""The nearest sentence: runs and choices by hand, SQuAD's own example, and its scores by the task's function."""

import json
from pathlib import Path

import pytest

from harness_tasks.errors import UserError
from harness_tasks.loading import doc_hash, load_task
from harness_tasks.nearest_sentence import answer_of, nearest_sentence
from tests.in_this_process import aftertune

BRONCOS = (
    "Super Bowl 50 was an American football game. The American Football Conference (AFC) champion Denver Broncos "
    "defeated the National Football Conference (NFC) champion Carolina Panthers 24–10. The game was played on "
    "February 7, 2016, at Levi's Stadium in the San Francisco Bay Area at Santa Clara, California."
)


@pytest.mark.parametrize(
    ("question", "passage", "answer"),
    [
        ("Which NFC champion did the Broncos play?", BRONCOS, "10"),  # shorter than AFC; 24 ends a longer run
        ("On what day was the game played?", BRONCOS, "2016"),  # of one word, after "February 7," and before a comma
        ("Who was it?", "Mary sang.", "Mary sang."),  # a first word is no name by itself
        ("Who was it?", "Mary Lee sang.", "Mary Lee"),
        ("How many?", "12 came.", "12"),
        ("Was Mary Lee there?", "Then Mary Lee sang with Ann-Sofie.", "Ann-Sofie"),
        ("Who?", "", ""),
        ("Wer kam?", "Es kam Ärztin Özge Ünal.", "Ärztin Özge Ünal"),
        ("誰?", "太郎が来た。", "太郎が来た。"),
    ],
)
def test_answers_by_hand(question: str, passage: str, answer: str) -> None:
    assert answer_of(question, passage) == answer


def samples_of(folder: Path, task: str, count: int) -> Path:
    docs = list(load_task(task).test_docs())[:count]
    rows = [{"doc_id": n, "doc": doc, "doc_hash": doc_hash(doc), "filter": "none"} for n, doc in enumerate(docs)]
    path = folder / "samples.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_items_get_their_scores_from_the_task(tmp_path: Path) -> None:
    samples = samples_of(tmp_path, "passages_demo", 168)
    done = aftertune(
        "baseline", "passages_demo", "--samples", str(samples), "--output", str(tmp_path / "out.json"), folder=tmp_path
    )
    assert done.exit_code == 0, done.stderr
    assert done.stdout == "passages_demo: the passage's nearest sentence answered 168 items\n"
    found = json.loads((tmp_path / "out.json").read_text())
    task = load_task("passages_demo")
    rows = [json.loads(line) for line in samples.read_text().splitlines()]
    for place in (0, 5, 167):
        given = found["predictions"][place]
        assert given == answer_of(rows[place]["doc"]["question"], rows[place]["doc"]["context"])
        assert found["values"]["f1"][place] == task.process_results(rows[place]["doc"], [given])["f1"]
    assert found["doc_hashes"] == [row["doc_hash"] for row in rows]
    assert all(given in row["doc"]["context"] for given, row in zip(found["predictions"], rows, strict=True))
    assert "HasAns_f1" not in found["values"]  # of a part of the items


def test_a_task_of_choices_has_no_nearest_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        nearest_sentence("reviews_demo", samples=samples_of(tmp_path, "reviews_demo", 3))
    assert caught.value.found == "the items of reviews_demo are no questions on a passage"
    assert "leave nearest-passage-sentence out" in caught.value.mend
