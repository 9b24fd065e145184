"""Questions on texts of a user's own."""

import json
from pathlib import Path
from typing import Any

import pytest
from own_task.made import New, both_sides, rows_of, three_parts
from own_task.tables import questions_on_lives

from harness_tasks.loading import load_task
from harness_tasks.own_task.written import cell_answers, cell_value
from harness_tasks.spans import is_span_doc

COLUMNS = ("--question", "question", "--context", "passage", "--answers", "answers")


def lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def test_questions_become_a_task_of_lm_eval(new: New, tmp_path: Path) -> None:
    result = new("lives", "--data", questions_on_lives(tmp_path / "lives.jsonl"), *COLUMNS)
    assert result.exit_code == 0, result.output
    assert "48 questions on 12 texts" in result.stdout
    train, test = rows_of(tmp_path / "lives", "train"), rows_of(tmp_path / "lives", "test")
    assert (len(train), len(test)) == (40, 8)  # a fifth of 12 passages, whole
    assert not {row["context"] for row in train} & {row["context"] for row in test}
    assert "unanswerable: 12 questions (10 to train on, 2 to score); the target is 'unanswerable'" in result.stdout
    task = load_task("lives", include_path=tmp_path / "lives")
    for doc in [*task.training_docs(), *task.test_docs()]:
        assert is_span_doc(doc)
        starts = zip(doc["answers"]["text"], doc["answers"]["answer_start"], strict=True)
        assert all(doc["context"][at:].startswith(text) for text, at in starts)
    doc = next(doc for doc in task.test_docs() if "books" in doc["question"])
    assert task.doc_to_text(doc) == (
        'Answer the question with words copied from the passage, or "unanswerable" if it does not say.\n'
        f"Passage: {doc['context']}\nQuestion: {doc['question']}\nAnswer:"
    )
    assert task.doc_to_target(doc) == doc["answers"]["text"][0]
    assert task.doc_to_target(next(d for d in task.test_docs() if "father" in d["question"])) == "unanswerable"
    assert task.config.generation_kwargs == {"until": ["\n"], "max_gen_toks": 32, "do_sample": False}
    about = task.config.metadata
    assert (about["primary"], about["scale"], about["input"], about["cluster"]) == ("f1", 100, "question", "cluster")
    assert about["signature"]["rouge1"].rpartition("version:")[2].startswith("rouge_score-")


def test_squads_own_file_is_read(new: New, tmp_path: Path) -> None:
    articles = [
        {
            "title": f"Town {at // 2}",
            "paragraphs": [
                {
                    "context": f"In {at} there was rain. And rain.",
                    "qas": [
                        {"id": f"{at}a", "question": "What?", "answers": [{"text": "rain", "answer_start": 26}]},
                        {"id": f"{at}b", "question": "Who?", "answers": [], "is_impossible": True},
                    ],
                }
            ],
        }
        for at in range(10, 20)
    ]
    (tmp_path / "own.json").write_text(json.dumps({"version": "v2.0", "data": articles}))
    words = ("--question", "question", "--context", "context", "--answers", "answers", "--cluster", "title")
    result = new("own", "--data", "own.json", *words)
    assert result.exit_code == 0, result.output
    found = both_sides(tmp_path / "own")
    assert len(found) == 20
    said = [row["answers"] for row in found if row["question"] == "What?"]
    assert said == [{"text": ["rain"], "answer_start": [26]}] * 10  # the second rain, as the file says
    titles = [{row["cluster"] for row in rows_of(tmp_path / "own", side)} for side in ("train", "test")]
    assert not titles[0] & titles[1]
    assert titles[0] | titles[1] == {f"Town {at}" for at in range(5, 10)}


CELLS: list[tuple[Any, list[tuple[str, int | None]] | None]] = [
    ("Ada", [("Ada", None)]),
    (1815, [("1815", None)]),
    (["Ada", " ", None, "Byron"], [("Ada", None), ("Byron", None)]),
    ({"text": ["Ada", "Byron"], "answer_start": [4, 9]}, [("Ada", 4), ("Byron", 9)]),
    ({"text": "Ada", "answer_start": 4}, [("Ada", 4)]),
    ({"text": [], "answer_start": []}, []),
    ([{"text": "Ada", "answer_start": 4}, {"text": "Byron", "answer_start": 9}], [("Ada", 4), ("Byron", 9)]),
    ("{'text': array(['Ada', 'Byron'], dtype=object), 'answer_start': array([4, 9])}", [("Ada", 4), ("Byron", 9)]),
    ("['Ada']", [("Ada", None)]),
    ("[sic] Ada", [("[sic] Ada", None)]),
    ("[1, 2]", [("[1, 2]", None)]),
    ("[]", []),
    ("", None),
    (None, None),
    (float("nan"), None),
]


@pytest.mark.parametrize(("cell", "expected"), CELLS)
def test_answers_as_files_hold_them(cell: Any, expected: list[tuple[str, int | None]] | None) -> None:
    assert cell_answers(cell_value(cell), "a cell") == expected


def test_what_cannot_be_asked_or_is_not_copied_is_told(new: New, tmp_path: Path) -> None:
    rows = [{"q": f"What is {at}?", "c": f"Text {at}: it is blue.", "a": ["blue"]} for at in range(10)]
    rows += [{"q": "Why?", "c": "Text 3: it is blue.", "a": ["since it is so"]}]  # not in the text
    rows += [{"q": "Why?", "c": " ", "a": ["blue"]}, {"q": "Why?", "c": None, "a": ["blue"]}]  # empty contexts
    rows += [{"q": "Who?", "c": "Text 4: it is blue.", "a": None}]  # nothing is known
    rows += [{"q": "Who?", "c": "Text 5: it is blue.", "a": "Unanswerable."}]  # said to be none
    rows += [{"q": "What is 6?", "c": "Text 6: it is blue.", "a": ["Text 6"]}]  # a second answer
    result = new(
        "told", "--data", lines(tmp_path / "told.jsonl", rows), "--question", "q", "--context", "c", "--answers", "a"
    )
    assert result.exit_code == 0, result.output
    assert "left out: 2 rows without 'c'" in result.stdout
    assert "left out: 1 row without 'a'" in result.stdout
    assert "left out: 1 duplicate whose answers are joined" in result.stdout
    assert "answers that do not stand in their text word for word: those of 1 question;" in result.stdout
    assert "unanswerable: 1 question (" in result.stdout
    found = {row["question"] + row["context"][:6]: row["answers"] for row in both_sides(tmp_path / "told")}
    assert found["Why?Text 3"] == {"text": ["since it is so"], "answer_start": [-1]}
    assert found["Who?Text 5"] == {"text": [], "answer_start": []}
    assert found["What is 6?Text 6"] == {"text": ["blue", "Text 6"], "answer_start": [14, 0]}
    task = load_task("told", include_path=tmp_path / "told")
    asked = task.doc_to_text(next(iter(task.test_docs())))
    assert asked.startswith('Answer the question from the passage, or "unanswerable" if it does not say.\n')


REFUSED: dict[str, tuple[list[dict[str, Any]], str]] = {
    "no context": ([{"q": "a?", "c": "", "a": "x"}, {"q": "b?", "c": None, "a": "y"}], "2 of 2 lack 'c'"),
    "no answer": ([{"q": f"{at}?", "c": f"text {at}", "a": []} for at in range(4)], "no question has an answer"),
    "one text": ([{"q": f"{at}?", "c": "text", "a": "text"} for at in range(4)], "all 4 questions are on one text"),
    "other objects": ([{"q": "a?", "c": "text", "a": {"span": "x"}}], "row 1 of rows.jsonl, 'a', holds"),
    "a context of parts": ([{"q": "a?", "c": {"body": "text"}, "a": "x"}], "name one of its parts: c.body"),
    "a context of a list": ([{"q": "a?", "c": ["text"], "a": "x"}], "has at 'c' a list of 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_questions_that_make_no_task_are_refused(new: New, tmp_path: Path, case: str) -> None:
    rows, said = REFUSED[case]
    data = lines(tmp_path / "rows.jsonl", rows)
    assert said in three_parts(new("mine", "--data", data, "--question", "q", "--context", "c", "--answers", "a"))
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_the_columns_of_one_kind_are_named(new: New, tmp_path: Path) -> None:
    said = three_parts(new("mine", "--data", tmp_path / "x.csv", "--question", "q", "--label", "c"))
    assert "the columns --label, --question" in said
    assert "--question and --context and --answers for questions on texts" in said
