"""The search for confusion matrices, against all matrices of small n, a published card, and rounded random matrices."""

import time
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from report.audit.figures import printed
from report.audit.scores import Score, audit_scores, confusion_matrices

SCORES: tuple[Score, ...] = ("accuracy", "precision", "recall", "F1")


def share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def scores(tp: int, fp: int, fn: int, tn: int) -> dict[Score, float]:
    """The textbook's definitions in floating point, as a write-up's author computes them."""
    precision, recall = share(tp, tp + fp), share(tp, tp + fn)
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {"accuracy": (tp + tn) / (tp + fp + fn + tn), "precision": precision, "recall": recall, "F1": f1}


def exact(tp: int, fp: int, fn: int, tn: int) -> dict[Score, Fraction]:
    pairs = {"accuracy": (tp + tn, tp + fp + fn + tn), "precision": (tp, tp + fp), "recall": (tp, tp + fn),
             "F1": (2 * tp, 2 * tp + fp + fn)}  # fmt: skip
    return {score: Fraction(a, b) if b else Fraction(0) for score, (a, b) in pairs.items()}  # type: ignore[misc]


def all_matrices(n: int) -> list[tuple[int, int, int, int]]:
    return [(tp, fp, fn, n - tp - fp - fn) for tp in range(n + 1) for fp in range(n + 1 - tp)
            for fn in range(n + 1 - tp - fp)]  # fmt: skip


ENDS = st.fractions(0, 1, max_denominator=60)


@settings(max_examples=150, deadline=None)
@given(
    n=st.integers(1, 14),
    ranges=st.dictionaries(st.sampled_from(SCORES), st.tuples(ENDS, ENDS).map(lambda ends: tuple(sorted(ends))),
                           min_size=1),
    positives=st.none() | st.integers(0, 14),
)  # fmt: skip
def test_the_search_finds_what_trying_all_matrices_finds(
    n: int, ranges: dict[Score, tuple[Fraction, Fraction]], positives: int | None
) -> None:
    if positives is not None:
        positives = min(positives, n)
    fitting = [
        matrix
        for matrix in all_matrices(n)
        if all(low <= exact(*matrix)[score] <= high for score, (low, high) in ranges.items())
        and positives in (None, matrix[0] + matrix[2])
    ]
    found = confusion_matrices(n, ranges, positives=positives)
    assert found.number == len(fitting)
    shown = [tuple(matrix) for matrix in found.matrices]
    assert set(shown) <= set(fitting)
    assert len(set(shown)) == len(shown) >= min(1, len(fitting))
    if len(fitting) <= 5:
        assert sorted(shown) == sorted(fitting)


@settings(max_examples=200, deadline=None)
@given(data=st.data(), n=st.integers(1, 20_000), digits=st.integers(1, 6), per_cent=st.booleans())
def test_figures_rounded_from_a_matrix_always_admit_it(
    data: st.DataObject, n: int, digits: int, per_cent: bool
) -> None:
    cuts = sorted(data.draw(st.integers(0, n)) for _ in range(3))
    matrix = (cuts[0], cuts[1] - cuts[0], cuts[2] - cuts[1], n - cuts[2])
    full = 100 if per_cent else 1
    texts = {
        score: f"{full * value:.{digits}f}" + ("%" if per_cent else "") for score, value in scores(*matrix).items()
    }
    kept = data.draw(st.lists(st.sampled_from(SCORES), min_size=1, unique=True))
    ranges = {score: tuple(end / full for end in printed(texts[score]).rounded()) for score in kept}
    pinned = ranges | {score: (exact(*matrix)[score],) * 2 for score in ("accuracy", "precision", "recall")}
    assert all(ranges[score][0] <= exact(*matrix)[score] <= ranges[score][1] for score in ranges)
    assert matrix in [tuple(found) for found in confusion_matrices(n, pinned, positives=matrix[0] + matrix[2]).matrices]
    verdict = audit_scores({score: printed(texts[score]) for score in kept}, n, positives=None, n_from=None)
    assert verdict.verdict == "holds"


@settings(max_examples=100, deadline=None)
@given(n=st.integers(1, 20_000), cuts=st.tuples(*[st.floats(0, 1)] * 3))
def test_scores_printed_with_all_digits_of_a_double_admit_their_matrix(n: int, cuts: tuple[float, ...]) -> None:
    a, b, c = sorted(round(cut * n) for cut in cuts)
    matrix = (a, b - a, c - b, n - c)
    figures = {
        score: printed(repr(value)) for score, value in scores(*matrix).items() if value in (0, 1) or value > 1e-3
    }
    found = confusion_matrices(n, {score: figure.rounded() for score, figure in figures.items()},
                               positives=a + c - b)  # fmt: skip
    assert found.number >= 1


def card(n: int, **others: str) -> dict[Score, str]:
    return {"accuracy": "0.9106", "precision": "0.8978", "recall": "0.9302", **others}  # type: ignore[dict-item]


def told(texts: dict[Score, str], n: int, positives: int | None = None) -> tuple[str, str, list[tuple[int, ...]]]:
    figures = {score: printed(text) for score, text in texts.items()}
    verdict, arithmetic, matrices = audit_scores(figures, n, positives=positives, n_from=None)
    return verdict, arithmetic, [tuple(matrix) for matrix in matrices]


def test_the_distilbert_cards_figures_have_one_matrix() -> None:
    """SST-2's development set has 444 positive sentences of 872, which the card does not say and the matrix does."""
    verdict, arithmetic, matrices = told(card(872), 872)
    assert (verdict, matrices) == ("holds", [(413, 47, 31, 381)])
    assert "accuracy (413 + 381) / 872 = 0.9106; precision 413 / (413 + 47) = 0.8978" in arithmetic
    assert "444 of the items (50.9 %)" in arithmetic
    assert told(card(872), 872, positives=444)[2] == matrices


@pytest.mark.parametrize("n", [871, 873, 1821])
def test_the_same_figures_are_impossible_over_other_items(n: int) -> None:
    verdict, arithmetic, matrices = told(card(n), n)
    assert (verdict, matrices) == ("impossible", [])
    assert (
        f"No confusion matrix over {n:,} items gives accuracy 0.9106, precision 0.8978 and recall 0.9302." in arithmetic
    )


def test_the_score_that_is_off_is_named_with_what_it_would_be() -> None:
    verdict, arithmetic, _ = told(card(872) | {"F1": "0.9173"}, 872)
    assert verdict == "impossible"
    # F1 of the only matrix: 2 × 413 / (2 × 413 + 47 + 31) = 826 / 904 = 0.91372
    assert (
        "1 matrix gives accuracy, precision and recall: TP 413 FP 47 FN 31 TN 381 has F1 0.9137 for 0.9173."
        in arithmetic
    )
    _, arithmetic, _ = told({"accuracy": "0.9103", "recall": "0.9302"}, 872)
    assert "Accuracy 0.9103 is no whole number of 872 items: 793 / 872 = 0.9094, 794 / 872 = 0.9106." in arithmetic
    # between 1/9 and 1/8 lies no fraction of at most 9 items
    _, arithmetic, _ = told({"precision": "0.118"}, 9)
    assert "Precision 0.118 is no fraction of at most 9 items." in arithmetic


def test_mixed_scales_are_noticed() -> None:
    verdict, arithmetic, matrices = told(card(872) | {"accuracy": "91.06"}, 872)
    assert (verdict, matrices) == ("impossible", [(413, 47, 31, 381)])
    assert arithmetic.startswith(
        "Two scales are mixed up: precision 0.8978 and recall 0.9302 from 0 to 1, accuracy 91.06 from 0 to 100. "
        "Read on one scale, no confusion matrix over 872 items gives them."
    )
    assert "accuracy 100 × (413 + 381) / 872 = 91.06" in arithmetic
    assert told(card(872) | {"accuracy": "91.06 %"}, 872)[0] == "holds"  # the sign says which scale it is
    assert told({"accuracy": "91.06", "precision": "89.78", "recall": "93.02"}, 872)[2] == [(413, 47, 31, 381)]


def test_scores_off_every_scale() -> None:
    verdict, arithmetic, _ = told({"accuracy": "101.2", "recall": "-0.1"}, 872)
    assert verdict == "impossible"
    assert arithmetic == "accuracy 101.2 and recall -0.1: a score lies from 0 to 1, or from 0 to 100."


def test_digits_that_were_cut_off_are_not_called_impossible() -> None:
    verdict, arithmetic, matrices = told({"accuracy": "0.9105", "precision": "0.8978", "recall": "0.9301"}, 872)
    assert (verdict, matrices) == ("cannot be told", [(413, 47, 31, 381)])  # 794 / 872 = 0.91055, 413 / 444 = 0.93018
    assert "with further digits cut off, exactly one confusion matrix" in arithmetic
    assert "accuracy (413 + 381) / 872 = 0.91055" in arithmetic


def test_few_matrices_are_all_shown_and_of_many_some() -> None:
    # accuracy 1/2 and recall 1 over 4 items: FN = 0 and TP + TN = 2, with one positive item at least
    assert told({"accuracy": "0.50", "recall": "1.00"}, 4)[2] == [(1, 2, 0, 1), (2, 2, 0, 0)]
    texts: dict[Score, str] = {"accuracy": "0.90", "precision": "0.83"}
    fitting = [matrix for matrix in all_matrices(60)
               if all(f"{scores(*matrix)[score]:.2f}" == text for score, text in texts.items())]  # fmt: skip
    verdict, arithmetic, matrices = told(texts, 60)
    assert verdict == "holds"
    assert f"{len(fitting)} confusion matrices give these figures. TP" in arithmetic
    assert len(fitting) > 5
    assert len(matrices) == 3
    assert set(matrices) <= set(fitting)


def test_a_score_without_a_denominator_counts_as_nought() -> None:
    _, arithmetic, matrices = told({"accuracy": "0.28", "precision": "0.0", "recall": "0.0", "F1": "0.0"}, 50)
    assert "precision 0 / (0 + 0), which counts as 0; recall 0 / (0 + 36) = 0.0" in arithmetic
    assert matrices == [(0, fp, 36 - fp, 14) for fp in range(3)]  # of the 37 with 36 errors and no true positive
    # nothing is predicted positive: precision 0 / 0
    assert told({"accuracy": "0.75", "precision": "0.00", "recall": "0.00", "F1": "0.00"}, 4, positives=1)[2] == [
        (0, 0, 1, 3)
    ]
    assert told({"precision": "1.00"}, 1)[2] == [(1, 0, 0, 0)]


def test_a_million_items_take_seconds_not_years() -> None:
    started = time.monotonic()
    verdict, _, matrices = told({"accuracy": "0.91", "precision": "0.89", "recall": "0.93", "F1": "0.91"}, 1_000_000)
    assert (verdict, len(matrices)) == ("holds", 3)
    one: dict[Score, str] = {"accuracy": "0.9123456", "precision": "0.8912345", "recall": "0.9345678"}
    assert told(one, 1_000_000)[0] in ("holds", "impossible")
    assert time.monotonic() - started < 20
