"""What pydantic refuses becomes an error of three parts: an unknown key, a missing one, a value of the wrong kind."""

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from harness_tasks.errors import UserError
from harness_tasks.validation import InvalidValue, first_invalid, short_repr, wrong_key


class Recipe(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str
    epochs: int = Field(default=1, ge=1)
    words: list[str] = []

    @field_validator("words")
    @classmethod
    def none_twice(cls, words: list[str]) -> list[str]:
        if len(set(words)) < len(words):
            raise ValueError("a word stands there twice")
        return words


def problem_of(values: dict[str, Any]) -> InvalidValue:
    with pytest.raises(ValidationError) as caught:
        Recipe(**values)
    return first_invalid(caught.value)


def error_of(values: dict[str, Any]) -> UserError:
    problem = problem_of(values)
    known = sorted(Recipe.model_fields)
    texts = {"mistyped": "it would be ignored", "needed_by": "the run", "manual": "README.md"}
    return wrong_key("the recipe r.yaml", problem, place=problem.place, known=known, **texts)


def test_a_mistyped_key_is_named_though_the_key_that_is_meant_is_missing() -> None:
    error = error_of({"titel": "t"})
    assert error.found == "the recipe r.yaml has the unknown key `titel`"
    assert error.why == "it would be ignored"
    assert error.mend == "write `title` (known here: epochs, title, words)"


def test_a_key_like_no_other_is_to_be_deleted() -> None:
    assert error_of({"title": "t", "zzz": 1}).mend == "delete it (known here: epochs, title, words)"


def test_a_missing_key() -> None:
    error = error_of({})
    assert (error.found, error.why, error.mend) == (
        "the recipe r.yaml lacks the key `title`", "the run needs it", "add `title:`",
    )  # fmt: skip


def test_a_value_is_shown_with_its_place_and_the_reason() -> None:
    assert error_of({"title": "t", "epochs": 0}).found == (
        "the recipe r.yaml: `epochs` is 0: Input should be greater than or equal to 1"
    )
    assert error_of({"title": "t", "words": ["a", 5]}).found.startswith("the recipe r.yaml: `words.1` is 5: ")
    assert (
        problem_of({"title": "t", "words": ["a", "a"]}).reason == "a word stands there twice"
    )  # without pydantic's own


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a" * 100, "'" + "a" * 76 + "..."),
        ("two\nlines", r"'two\nlines'"),
        ("\ud800", r"'\ud800'"),
        ({str(number): number for number in range(25)}, "25 values"),
        ([1, 2], "[1, 2]"),
    ],
)
def test_a_value_is_shown_on_one_short_line(value: Any, shown: str) -> None:
    assert short_repr(value) == shown
    assert len(short_repr(value)) <= 80
