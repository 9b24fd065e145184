"""Sample rows scored again: each kind of edit is found in a row, and rows of others' tasks are left alone."""

import hashlib
import json
from typing import Any

import pytest

from report.verify.rescore import rescored, same


def row(doc: dict[str, Any], response: list[Any], **scores: Any) -> dict[str, Any]:
    """A row as lm_eval's --log_samples writes it; its hashes are made here by hand."""

    def sha256(text: str) -> str:
        return hashlib.sha256(text.encode("utf-8")).hexdigest()

    return {
        "doc_id": 7,
        "doc": doc,
        "target": "Ödön",
        "arguments": {"gen_args_0": {"arg_0": "Who?", "arg_1": {"until": ["\n"]}}},
        "resps": [[one] for one in response],
        "filtered_resps": response,
        "doc_hash": sha256(json.dumps(doc, indent=2, ensure_ascii=False)),
        "prompt_hash": sha256("Who?"),
        "target_hash": sha256("Ödön"),
        **scores,
    }


def choice() -> dict[str, Any]:
    pair = [1, 0]
    pairs = dict.fromkeys(("precision", "recall", "f1", "mcc"), pair)
    return row({"sentence": "fine", "label": 1}, [["-1.0", "False"], ["-2.0", "False"]], acc=0.0, **pairs)


def answer() -> dict[str, Any]:
    doc = {"question": "Who?", "answers": {"text": ["the Denver Broncos"]}}
    # Two of three words are shared with two of two: precision 2/3, recall 1, F1 0.8.
    scores = {"exact": 0.0, "f1": 80.0, "HasAns_exact": 0.0, "HasAns_f1": 80.0}
    return row(doc, [" big Denver Broncos"], **scores)


@pytest.mark.parametrize("right", [choice(), answer()])
def test_right_rows_pass(right: dict[str, Any]) -> None:
    assert list(rescored("samples.jsonl", [right])) == []


@pytest.mark.parametrize(
    ("right", "edit", "place"),
    [
        (choice(), {"acc": 1.0}, "acc"),
        (choice(), {"mcc": [1, 1]}, "mcc"),
        (choice(), {"doc": {"sentence": "bad", "label": 1}}, "doc_hash"),
        (choice(), {"target": "another"}, "target_hash"),
        (choice(), {"filtered_resps": [["-2.0", "False"], ["-1.0", "False"]]}, "filtered_resps"),
        (answer(), {"arguments": {"gen_args_0": {"arg_0": "What?"}}}, "prompt_hash"),
        (answer(), {"f1": 81.0}, "f1"),
        (answer(), {"HasAns_exact": 100.0}, "HasAns_exact"),
        (answer(), {"filtered_resps": ["the Denver Broncos"]}, "filtered_resps"),
    ],
)
def test_each_edit_of_a_row_is_named(right: dict[str, Any], edit: dict[str, Any], place: str) -> None:
    found = [problem.place for problem in rescored("samples.jsonl", [{**right, **edit}])]
    assert f"samples.jsonl, item 7, {place}" in found


def test_responses_and_scores_of_another_task_are_not_ours_to_judge() -> None:
    other = row({"text": "a"}, ["b"], perplexity=3.5)
    assert list(rescored("samples.jsonl", [other])) == []


def test_numbers_are_the_same_to_a_billionth_and_true_is_no_number() -> None:
    assert same([1, 0.3], [1.0, 0.1 + 0.2])
    assert not same(1.0, 1.0 + 1e-8)
    assert not same(True, 1)
    assert not same([1], [1, 2])
