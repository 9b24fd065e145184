"""What answers that need no model score, by a task's own function of an item."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness_tasks.loading import load_task
from harness_tasks.trivial_answers import GOLD, trivial_answers
from tests.eight_tasks.written import write_tasks


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tasks(tmp_path_factory.mktemp("tasks"))


def answers_of(tasks: Path, name: str) -> tuple[list[dict[str, Any]], dict[str, list[Any]]]:
    task = load_task(name, include_path=tasks)
    docs = list(task.eval_docs)
    return docs, {found.name: found.values for found in trivial_answers(task, docs)}


def shares(values: Sequence[Any], metric: str) -> float:
    return sum(float(one[metric]) for one in values) / len(values)


def test_of_choices_of_any_number(tasks: Path) -> None:
    docs, found = answers_of(tasks, "quiz_varied")
    sizes = [len(doc["options"]) for doc in docs]
    assert list(found) == [
        "choosing at random", "always choosing the choice at position 2", "choosing the longest choice", GOLD
    ]  # fmt: skip
    assert shares(found["choosing at random"], "acc") == pytest.approx(sum(1 / k for k in sizes) / len(sizes))
    second = [doc["gold"] == 1 for doc in docs]
    assert shares(found["always choosing the choice at position 2"], "acc") == pytest.approx(sum(second) / len(docs))
    longest = [max(doc["options"], key=len) == doc["options"][doc["gold"]] for doc in docs]
    first_longest = [doc["options"].index(max(doc["options"], key=len)) == doc["gold"] for doc in docs]
    assert sum(longest) >= sum(first_longest)
    assert shares(found["choosing the longest choice"], "acc") == pytest.approx(sum(first_longest) / len(docs))
    assert shares(found[GOLD], "acc") == 1


def test_length_normalised_accuracy_is_that_of_the_choice_that_is_made(tasks: Path) -> None:
    _docs, found = answers_of(tasks, "quiz_four")
    assert shares(found["choosing at random"], "acc_norm") == pytest.approx(0.25)
    for name, values in found.items():
        assert shares(values, "acc") == pytest.approx(shares(values, "acc_norm")), name


def test_of_the_same_choices_one_is_called_by_its_text(tasks: Path) -> None:
    docs, found = answers_of(tasks, "is_true")
    no = sum(doc["label"] == 0 for doc in docs) / len(docs)
    assert shares(found["always choosing “no”"], "acc") == pytest.approx(no)


def test_the_tasks_own_function_says_what_a_choice_gives(tasks: Path) -> None:
    docs, found = answers_of(tasks, "rating")
    most = max(range(4), key=[doc["rating"] for doc in docs].count)
    name = f"always choosing “{['zero', 'one', 'two', 'three'][most]}”"
    assert [one["qwk"] for one in found[name]] == [(doc["rating"], most) for doc in docs]
    assert "qwk" not in found["choosing at random"][0]  # a pair has no mean


def test_of_generated_answers(tasks: Path) -> None:
    docs, found = answers_of(tasks, "sums")
    answers = [doc["answer"] for doc in docs]
    most = max(dict.fromkeys(answers), key=answers.count)
    assert list(found) == [f"always answering “{most}”", "giving an empty answer", GOLD]
    expected = (answers.count(most) / len(answers), 0.0, 1.0)
    assert tuple(shares(values, "exact_match") for values in found.values()) == pytest.approx(expected)


def test_of_texts_all_bytes_are_alike_likely(tasks: Path) -> None:
    docs, found = answers_of(tasks, "prose")
    (values,) = found.values()
    sums = [sum(column) for column in zip(*(one["bits_per_byte"] for one in values), strict=True)]
    assert -sums[0] / sums[1] / math.log(2) == pytest.approx(8)
    assert sums[1] == sum(len(doc["page"].encode()) for doc in docs)


class Refusing:
    """A task whose function needs more of a response than is made up here."""

    OUTPUT_TYPE = "generate_until"

    class config:
        process_results = None

    def doc_to_target(self, doc: Any) -> str:
        return "gold"

    def process_results(self, doc: Any, results: Any) -> dict[str, float]:
        raise KeyError(results[0]["thought"])


def test_what_the_function_refuses_is_no_baseline() -> None:
    assert trivial_answers(Refusing(), [{}, {}]) == []


def test_no_longer_than_the_budget() -> None:
    times = iter(range(1000))
    task = Refusing()
    task.process_results = lambda doc, results: {"acc": 1.0}  # type: ignore[method-assign]
    found = trivial_answers(task, [{}] * 10, budget_s=14, clock=lambda: float(next(times)))
    assert [one.name for one in found] == ["always answering “gold”"]
