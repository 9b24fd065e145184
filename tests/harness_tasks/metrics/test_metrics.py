"""SQuAD's and the two-class metrics against hand-worked cases, scikit-learn, and code of another shape."""

import re
import subprocess
import sys

import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from harness_tasks import metrics
from harness_tasks.squad.hooks import process_results

LABELS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=40)
WORDS = ["a", "the", "The", "an", "paris", "Paris,", "1976", "U.S.", "well-known", "“x”", "...", "É"]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)


@pytest.mark.parametrize(
    ("prediction", "answers", "exact", "f1"),
    [
        ("1976", ["1976"], 100, 100),
        ("1999", ["1976"], 0, 0),
        ("the big Denver Broncos team", ["Denver Broncos", "The Denver Broncos"], 0, 200 / 3),
        ("", [], 100, 100),
        ("unanswerable", [], 0, 0),
        ("a", [], 100, 100),  # nothing is left of it, so the official script takes it for no answer
        ("Beyonce", ["Beyoncé and Bruno Mars"], 0, 0),
        ("“paris”", ["paris"], 0, 0),  # curly quotes are no ASCII punctuation
        ("wellknown", ["well-known"], 100, 100),
        ("Paris", ["the", "..."], 0, 0),  # no gold is left, so only no answer would score
        ("", ["the"], 100, 100),
        ("a cat sat", ["the cat sat down"], 0, 80),  # 2 of 2 and 2 of 3 words
    ],
)
def test_squad_scores_of_hand_worked_cases(prediction: str, answers: list[str], exact: float, f1: float) -> None:
    assert 100 * metrics.exact_match(prediction, answers) == exact
    assert 100 * metrics.token_f1(prediction, answers) == pytest.approx(f1)


def test_three_items_of_the_squad_v2_metric_card() -> None:
    items = [("1976", ["1976"]), ("Beyonce", ["Beyoncé and Bruno Mars"]), ("climate change", ["climate change"])]
    assert sum(100 * metrics.exact_match(*item) for item in items) / 3 == pytest.approx(66.6667, abs=1e-4)
    assert sum(100 * metrics.token_f1(*item) for item in items) / 3 == pytest.approx(66.6667, abs=1e-4)


@pytest.mark.parametrize(
    ("generated", "expected"),
    [
        (" Denver Broncos", "Denver Broncos"),
        ("\n Denver \nQuestion: Who?", "Denver"),
        (" Unanswerable. ", ""),
        ('"the unanswerable"', ""),
        ("unanswerable question", "unanswerable question"),
        ("", ""),
        (" \n ", ""),
    ],
)
def test_prediction_text(generated: str, expected: str) -> None:
    assert metrics.prediction_text(generated) == expected


def test_unanswerable_and_an_empty_answer_score_alike() -> None:
    answered = {"answers": {"text": ["Paris"], "answer_start": [0]}}
    unanswered: dict[str, dict[str, list[str]]] = {"answers": {"text": [], "answer_start": []}}
    texts = [metrics.meteor_name(), "rouge1", "rouge2", "rougeL"]
    for said in (" unanswerable", "", " Unanswerable."):
        assert process_results(unanswered, [said]) == {"exact": 100, "f1": 100, "NoAns_exact": 100, "NoAns_f1": 100}
        scores = process_results(answered, [said])
        assert scores.pop("bleu") == (0, 1, 0, 0, 0, 0, 0, 0, 0, 0)
        assert scores == dict.fromkeys(["exact", "f1", "HasAns_exact", "HasAns_f1", *texts], 0)


def other_normal_form(text: str) -> list[str]:
    """Another way to the official normal form: words by regular expression, articles dropped as words."""
    kept = "".join(c for c in text.lower() if not re.match(r"[!-/:-@\[-`{-~]", c))
    return [word for word in kept.split() if word not in ("a", "an", "the")]


def other_f1(prediction: str, gold: str) -> float:
    """F1 by crossing out: each word of the prediction takes one equal word of the gold answer with it."""
    left, right = other_normal_form(prediction), other_normal_form(gold)
    if not left and not right:
        return 1.0
    open_words, shared = list(right), 0
    for word in left:
        if word in open_words:
            open_words.remove(word)
            shared += 1
    return 2 * shared / (len(left) + len(right))


@given(TEXTS, TEXTS)
def test_f1_and_exact_match_against_another_implementation(prediction: str, gold: str) -> None:
    golds = [gold] if other_normal_form(gold) else [""]
    assert metrics.token_f1(prediction, [gold]) == pytest.approx(other_f1(prediction, golds[0]))
    assert metrics.exact_match(prediction, [gold]) == float(
        other_normal_form(prediction) == other_normal_form(golds[0])
    )


@given(LABELS)
@settings(deadline=None)
def test_classification_against_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    gold, predicted = zip(*pairs, strict=True)
    rows = [list(pair) for pair in pairs]
    assert metrics.precision(rows) == pytest.approx(sklearn.metrics.precision_score(gold, predicted, zero_division=0))
    assert metrics.recall(rows) == pytest.approx(sklearn.metrics.recall_score(gold, predicted, zero_division=0))
    assert metrics.f1(rows) == pytest.approx(sklearn.metrics.f1_score(gold, predicted, zero_division=0))
    if len({*gold, *predicted}) > 1:  # with one label in all, scikit-learn warns and gives 0, as we do
        assert metrics.mcc(rows) == pytest.approx(sklearn.metrics.matthews_corrcoef(gold, predicted))
    else:
        assert metrics.mcc(rows) == 0.0


def test_the_matrix_of_the_published_distilbert_card() -> None:
    # TP 413, FP 47, FN 31, TN 381: accuracy .9106, precision .8978, recall .9302.
    pairs = [[1, 1]] * 413 + [[0, 1]] * 47 + [[1, 0]] * 31 + [[0, 0]] * 381
    assert metrics.confusion(pairs) == (413, 47, 31, 381)
    assert metrics.precision(pairs) == pytest.approx(0.8978, abs=5e-5)
    assert metrics.recall(pairs) == pytest.approx(0.9302, abs=5e-5)


def test_a_label_other_than_0_and_1_is_refused() -> None:
    with pytest.raises(ValueError, match="labels are 0 and 1, not gold 2, predicted 1"):
        metrics.f1([[1, 1], [2, 1]])


def test_the_metrics_import_nothing_heavy() -> None:
    code = (
        "import sys, harness_tasks.metrics, harness_tasks.rendering, harness_tasks.sampling, harness_tasks.loading;"
        "heavy = 'torch transformers lm_eval datasets evaluate numpy nltk sacrebleu rouge_score'.split();"
        "print([name for name in heavy if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
