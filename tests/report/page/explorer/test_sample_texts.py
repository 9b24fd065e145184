"""What a sample row says in words, of tasks of every kind."""

from typing import Any

import pytest

from report.page.explorer import sample_texts


def _choices(*likely: float, **more: Any) -> dict[str, Any]:
    texts = ["no", "yes", "maybe"]
    arguments = {f"gen_args_{n}": {"arg_0": "Is it?", "arg_1": f" {texts[n]}"} for n in range(len(likely))}
    return {"arguments": arguments, "filtered_resps": [[str(value), "False"] for value in likely], "doc": {}, **more}


def test_a_choice_is_the_likeliest_one() -> None:
    row = _choices(-2.0, -1.0, -3.0, target="2")
    of_row = sample_texts.choices(row)
    assert of_row == [("no", -2.0), ("yes", -1.0), ("maybe", -3.0)]
    assert sample_texts.answer(row, of_row, []) == "yes"
    assert sample_texts.gold(row, "other", of_row, []) == ["maybe"]
    assert sample_texts.label(row, "other", of_row, ["maybe"]) == "maybe"
    assert sample_texts.prompt(row) == "Is it?"


def test_labels_are_called_what_the_task_calls_them() -> None:
    row = _choices(-1.0, -2.0, f1=[1, 0])
    of_row = sample_texts.choices(row)
    assert sample_texts.answer(row, of_row, ["rotten", "fresh"]) == "rotten"
    assert sample_texts.gold(row, "classification", of_row, ["rotten", "fresh"]) == ["fresh"]
    assert sample_texts.gold(row, "classification", of_row, []) == ["yes"]
    # A metric's own choice goes before the likelihoods: it may weigh them by length.
    assert sample_texts.answer(_choices(-1.0, -2.0, f1=[1, 1]), of_row, []) == "yes"
    assert sample_texts.answer({"f1": [3, 7], "doc": {}}, [], []) == "7"


def test_written_answers_and_several_right_ones() -> None:
    row = {"doc": {"answers": {"text": ["a", "b", "a"]}}, "filtered_resps": [[" said "]], "arguments": {}}
    assert sample_texts.answer(row, sample_texts.choices(row), []) == " said "
    assert sample_texts.gold(row, "extraction", [], []) == ["a", "b"]
    assert sample_texts.label(row, "extraction", [], ["a"]) == "answerable"
    assert sample_texts.gold({"doc": {"answers": {"text": []}}}, "extraction", [], []) == ["unanswerable"]
    assert sample_texts.label({"doc": {"answers": {"text": []}}}, "extraction", [], []) == "unanswerable"
    assert sample_texts.gold({"target": ["x", "y", "x"], "doc": {}}, "other", [], []) == ["x", "y"]
    assert sample_texts.gold({"target": " 42\n", "doc": {}}, "other", [], []) == ["42"]
    assert sample_texts.label({"target": "42", "doc": {}}, "other", [], ["42"]) is None


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"arguments": None, "filtered_resps": None},
        {"arguments": {"gen_args_0": "x", "gen_args_1": "y"}, "filtered_resps": [["1"], ["2"]]},
        {"arguments": {"a": {"arg_1": "x"}, "b": {"arg_1": "y"}}, "filtered_resps": ["said", "more"]},
        {"arguments": {"a": {"arg_1": "x"}, "b": {"arg_1": "y"}}, "filtered_resps": [[], []]},
        {"arguments": {"a": {"arg_1": "x"}, "b": {"arg_1": "y"}}, "filtered_resps": ["said"]},
    ],
)
def test_what_is_no_choice(row: dict[str, Any]) -> None:
    assert sample_texts.choices({"doc": {}, **row}) == []


def test_the_input_is_the_named_field_or_the_first_text() -> None:
    row = {"doc": {"number": 1, "context": "long", "question": "short"}}
    assert sample_texts.title(row, "question") == "short"
    assert sample_texts.title(row, None) == "long"
    assert sample_texts.title({"doc": {"number": 1}}, None) == ""
    assert sample_texts.prompt({"doc": {}}) == ""
