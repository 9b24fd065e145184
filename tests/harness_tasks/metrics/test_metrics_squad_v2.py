"""The scores of `evaluate`'s squad_v2, against code of another shape that follows the official script's description."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness_tasks import UserError
from harness_tasks.metrics import squad_v2_scores

WORDS = st.lists(st.sampled_from(["a", "The", "Paris,", "paris", "1976", "U.S."]), max_size=3).map(" ".join)
ITEMS = st.lists(
    st.tuples(WORDS, st.lists(WORDS, max_size=2), st.integers(0, 1000)),
    min_size=1,
    max_size=9,
    unique_by=lambda item: item[2],  # the official script's best threshold depends on the order of equal probabilities
)


def words(text: str) -> list[str]:
    kept = "".join(c for c in text.lower() if not re.match(r"[!-/:-@\[-`{-~]", c))
    return [word for word in kept.split() if word not in ("a", "an", "the")]


def score(prediction: str, answers: list[str], *, exact: bool) -> float:
    golds = [gold for gold in map(words, answers) if gold] or [[]]
    said, values = words(prediction), []
    for gold in golds:
        left = list(gold)
        shared = sum(word in left and not left.remove(word) for word in said)  # type: ignore[func-returns-value]
        partial = 2 * shared / (len(said) + len(gold)) if said or gold else 1.0
        values.append(float(said == gold) if exact else partial)
    return max(values)


def slow_scores(items: list[tuple[str, list[str], float]], threshold: float) -> dict[str, float]:
    """Every score by its definition: filter, then average; the best threshold by trying each."""

    def mean(name: str, kept: list[tuple[str, list[str], float]]) -> float:
        final = [
            float(not answers) if chance > threshold else score(text, answers, exact=name == "exact")
            for text, answers, chance in kept
        ]
        return 100 * sum(final) / len(final)

    def at(limit: float | None, name: str) -> float:
        total = 0.0
        for text, answers, chance in items:
            abstains = limit is None or chance > limit
            if answers:
                total += 0 if abstains else score(text, answers, exact=name == "exact")
            else:
                total += abstains or not text  # the official script asks for an empty text here, not for its words
        return 100 * total / len(items)

    found: dict[str, float] = {}
    for prefix, kept in (
        ("", items),
        ("HasAns_", [item for item in items if item[1]]),
        ("NoAns_", [item for item in items if not item[1]]),
    ):
        if kept:
            found |= {prefix + name: mean(name, kept) for name in ("exact", "f1")} | {prefix + "total": len(kept)}
    for name in ("exact", "f1"):
        best, limit = at(None, name), 0.0
        for chance in sorted(chance for _, _, chance in items):
            if at(chance, name) > best + 1e-9:
                best, limit = at(chance, name), chance
        found |= {f"best_{name}": best, f"best_{name}_thresh": limit}
    return found


@given(ITEMS, st.sampled_from([0.0, 0.5, 1.0]))
@settings(deadline=None)
def test_all_keys_against_another_implementation(items: list[tuple[str, list[str], int]], threshold: float) -> None:
    chances = [(text, answers, chance / 1000) for text, answers, chance in items]
    predictions = [
        {"id": str(i), "prediction_text": text, "no_answer_probability": chance}
        for i, (text, _, chance) in enumerate(chances)
    ]
    references: list[dict[str, Any]] = [
        {"id": str(i), "answers": {"text": answers, "answer_start": [0] * len(answers)}}
        for i, (_, answers, _) in enumerate(chances)
    ]
    found, expected = squad_v2_scores(predictions, references, threshold), slow_scores(chances, threshold)
    assert list(found) == list(expected)
    assert found == pytest.approx(expected)


def item(text: str, answers: list[str], chance: float = 0.0) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    return (
        [{"id": "q", "prediction_text": text, "no_answer_probability": chance}],
        [{"id": "q", "answers": {"text": answers, "answer_start": [0] * len(answers)}}],
    )


@pytest.mark.parametrize(
    ("text", "answers", "exact", "f1"),
    [
        ("1976", ["1976"], 100, 100),
        ("1999", ["1976"], 0, 0),
        ("the big Denver Broncos team", ["Denver Broncos", "The Denver Broncos"], 0, 200 / 3),
        ("", [], 100, 100),
        ("unanswerable", [], 0, 0),
    ],
)
def test_hand_worked_cases(text: str, answers: list[str], exact: float, f1: float) -> None:
    found = squad_v2_scores(*item(text, answers))
    assert (found["exact"], found["f1"]) == (exact, pytest.approx(f1))


def test_the_word_unanswerable_scores_0_though_the_best_threshold_says_100() -> None:
    found = squad_v2_scores(*item("unanswerable", [], 0.9))
    assert (found["NoAns_exact"], found["best_exact"], found["best_exact_thresh"]) == (0, 100, 0.0)


def test_a_probability_above_the_threshold_abstains() -> None:
    assert squad_v2_scores(*item("Paris", ["Paris"], 0.6), no_answer_threshold=0.5)["exact"] == 0
    assert squad_v2_scores(*item("Paris", ["Paris"], 0.5), no_answer_threshold=0.5)["exact"] == 100
    assert squad_v2_scores(*item("Paris", [], 0.6), no_answer_threshold=0.5)["exact"] == 100


def test_the_metric_cards_three_items() -> None:
    texts = [("1976", ["1976"]), ("Beyonce", ["Beyoncé and Bruno Mars"]), ("climate change", ["climate change"])]
    predictions = [{"id": str(i), "prediction_text": t, "no_answer_probability": 0} for i, (t, _) in enumerate(texts)]
    references = [{"id": str(i), "answers": {"text": golds}} for i, (_, golds) in enumerate(texts)]
    found = squad_v2_scores(predictions, references)
    assert (found["exact"], found["f1"]) == (pytest.approx(66.6667, abs=1e-4), pytest.approx(66.6667, abs=1e-4))
    assert not [name for name in found if name.startswith("NoAns")]


def test_a_question_without_a_prediction_is_refused() -> None:
    predictions, references = item("1976", ["1976"])
    with pytest.raises(UserError) as caught:
        squad_v2_scores(predictions, [*references, {"id": "other", "answers": {"text": []}}])
    assert str(caught.value) == (
        "Found: no prediction for the question 'other' (1 of 2 questions have none)\n"
        "Why it matters: every question counts, and one without a prediction is neither right nor wrong\n"
        "To mend it: give a prediction for each reference, with the same id"
    )
