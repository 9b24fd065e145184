"""The search for confusion matrices, against all matrices of small n, a published card, and rounded random matrices."""

import time
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from report.audit.averages import ScoreName
from report.audit.figures import printed
from report.audit.matrices import confusion_matrices
from report.audit.scores import audit_scores

SCORES: tuple[ScoreName, ...] = ("accuracy", "precision", "recall", "F1")


def share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def scores(tp: int, fp: int, fn: int, tn: int) -> dict[ScoreName, float]:
    """The textbook's definitions in floating point, as a write-up's author computes them."""
    precision, recall = share(tp, tp + fp), share(tp, tp + fn)
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {"accuracy": (tp + tn) / (tp + fp + fn + tn), "precision": precision, "recall": recall, "F1": f1}


def exact(tp: int, fp: int, fn: int, tn: int) -> dict[ScoreName, Fraction]:
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
    n: int, ranges: dict[ScoreName, tuple[Fraction, Fraction]], positives: int | None
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


def card(n: int, **others: str) -> dict[ScoreName, str]:
    return {"accuracy": "0.9106", "precision": "0.8978", "recall": "0.9302", **others}  # type: ignore[dict-item]


def told(texts: dict[ScoreName, str], n: int, positives: int | None = None) -> tuple[str, str, list[tuple[int, ...]]]:
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


@pytest.mark.parametrize("n", [871, 874, 1821])
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


def test_two_scales_are_told_and_accuse_nobody() -> None:
    verdict, arithmetic, matrices = told(card(872) | {"accuracy": "91.06"}, 872)
    assert (verdict, matrices) == ("holds", [(413, 47, 31, 381)])
    assert arithmetic.endswith(
        "They are read on two scales: precision 0.8978 and recall 0.9302 from 0 to 1; accuracy 91.06 from 0 to 100."
    )
    assert "accuracy 100 × (413 + 381) / 872 = 91.06" in arithmetic
    assert told(card(872) | {"accuracy": "91.06 %"}, 872)[0] == "holds"  # the sign says which scale it is
    assert told({"accuracy": "91.06", "precision": "89.78", "recall": "93.02"}, 872)[2] == [(413, 47, 31, 381)]
    # a per cent, in a column whose head has the sign: 4 / 872 = 0.46 %
    assert told({"accuracy": "0.46"}, 872)[0] == "holds"
    assert told({"accuracy": "0.4587"}, 872)[0] == "holds"  # as a share it is 400 / 872
    assert told({"accuracy": "0.45871"}, 872)[0] == "cannot be told"


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
    texts: dict[ScoreName, str] = {"accuracy": "0.90", "precision": "0.83"}
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
    one: dict[ScoreName, str] = {"accuracy": "0.9123456", "precision": "0.8912345", "recall": "0.9345678"}
    assert told(one, 1_000_000)[0] in ("holds", "impossible")
    assert time.monotonic() - started < 20


def test_the_arithmetic_of_single_precision_is_not_called_impossible() -> None:
    """794 / 872 as torch gives it in float32 and in bfloat16: neither is the nearest double to any k / 872."""
    assert told({"accuracy": "0.9105504751205444"}, 872)[0] == "cannot be told"
    assert told({"accuracy": "0.91015625"}, 872)[0] == "cannot be told"
    assert told({"accuracy": "0.9105604587155964"}, 872)[0] == "impossible"


def test_a_score_without_a_denominator_may_count_as_one() -> None:
    """scikit-learn's zero_division=1: nothing predicted positive has the precision 1."""
    texts: dict[ScoreName, str] = {"accuracy": "0.75", "precision": "1.00", "recall": "0.00", "F1": "0.00"}
    assert told(texts, 4) == (
        "cannot be told",
        "No confusion matrix over 4 items gives these figures as they are. With a score without a denominator counted "
        "as 1, TP 0 FP 0 FN 1 TN 3 does.",
        [(0, 0, 1, 3)],
    )


def test_the_other_label_may_be_the_one_that_is_scored() -> None:
    figures: dict[ScoreName, str] = {
        "accuracy": "0.9106",
        "precision": "0.9248",
        "recall": "0.8902",
    }  # of the negatives
    assert told(figures, 872)[2] == [(381, 31, 47, 413)]
    verdict, arithmetic, _ = told(figures, 872, positives=444)
    assert verdict == "cannot be told"
    assert "As scores of the other label" in arithmetic


def test_f1_of_the_printed_precision_and_recall_is_not_called_impossible() -> None:
    # 0.85 and 0.65 give 0.7367; the matrix 11, 2, 6 has 22 / 30 = 0.7333
    figures: dict[ScoreName, str] = {"precision": "0.85", "recall": "0.65", "F1": "0.7367"}
    assert told(figures, 30, positives=17)[0] == "cannot be told"


def test_without_a_number_of_items_what_agrees_holds() -> None:
    def alone(**texts: str) -> str:
        figures: dict[ScoreName, Any] = {"F1" if name == "f1" else name: printed(text) for name, text in texts.items()}  # type: ignore[misc]
        return audit_scores(figures, None, average="binary").verdict

    assert alone(precision="0.7242", recall="0.6134", f1="0.6642") == "holds"
    assert alone(precision="72.42 %", recall="61.34 %", f1="0.6642") == "holds"
    assert alone(precision="0.7242", recall="0.6134", f1="0.6650") == "impossible"  # it is 0.66422
    assert alone(precision="0.72", recall="0.61", f1="0.6642") == "holds"
    assert alone(accuracy="0.90") == "cannot be told"
    assert alone(precision="0.90", recall="0.80") == "cannot be told"
    assert alone(recall="50 %", f1="70 %") == "impossible"  # at most 2 × 0.505 / 1.505 = 0.671
    # accuracy is at least F1 / (2 − F1): 0.80 / 1.20 = 0.667
    assert alone(accuracy="60 %", f1="80 %") == "impossible"
    assert alone(accuracy="0.60", f1="0.80") == "cannot be told"  # both may be per cent, from a column's head
    assert alone(accuracy="0.67", f1="0.80") == "holds"


def test_an_average_that_is_not_named_is_not_taken_for_one_label() -> None:
    """Macro averages of a real three-label matrix: diagonal 50, 10, 5; F1 is no harmonic mean of the others."""
    macro: dict[ScoreName, str] = {"accuracy": "0.8125", "precision": "0.7020", "recall": "0.6515", "F1": "0.6300"}
    assert told(macro, 80)[0] == "cannot be told"
    figures = {score: printed(text) for score, text in macro.items()}
    assert audit_scores(figures, 80, average="binary").verdict == "impossible"
    assert audit_scores(figures, 80, average="macro").verdict == "cannot be told"
    too_much = figures | {"F1": printed("0.6770")}  # over half the sum of precision and recall, 0.67675
    assert audit_scores(too_much, 80, average="macro").verdict == "impossible"
    assert audit_scores(too_much, None).verdict == "impossible"
    weighted = figures | {"recall": printed("0.8125"), "F1": printed("0.75")}
    assert audit_scores(weighted, 80, average="weighted").verdict == "holds"
    assert audit_scores(figures, 80, average="weighted").verdict == "impossible"  # recall is not the accuracy
    micro = dict.fromkeys(("accuracy", "precision", "recall", "F1"), printed("0.8125"))
    assert audit_scores(micro, 80, average="micro").verdict == "holds"  # type: ignore[arg-type]
    assert audit_scores(figures, 80, average="micro").verdict == "impossible"


def test_averages_over_two_labels_are_searched_for() -> None:
    macro: dict[ScoreName, str] = {"accuracy": "0.9106", "precision": "0.9113", "recall": "0.9102", "F1": "0.9104"}
    figures = {score: printed(text) for score, text in macro.items()}
    outcome = audit_scores(figures, 872, average="macro", labels=2)  # of the matrix 413, 47, 31, 381
    assert outcome.verdict == "holds"
    off = figures | {"precision": printed("0.9213")}
    outcome = audit_scores(off, 872, average="macro", labels=2)
    assert outcome.verdict == "impossible"
    assert outcome.arithmetic == "No confusion matrix of two labels over 872 items has these macro averages."
    many = audit_scores({"F1": printed("0.5")}, 1_000_000, average="macro", labels=2)
    assert many.verdict == "cannot be told"
    assert "too many matrices" in many.arithmetic


def averaged(y_true: list[int], y_pred: list[int], average: str) -> dict[ScoreName, float]:
    from sklearn.metrics import accuracy_score, precision_recall_fscore_support

    precision, recall, f1, _ = precision_recall_fscore_support(y_true, y_pred, average=average, zero_division=0)
    return {"accuracy": accuracy_score(y_true, y_pred), "precision": precision, "recall": recall, "F1": f1}


def written(value: float, notation: str, places: int) -> str:
    scale = 1 if notation in ("share", "cut", "all", "single") else 100
    if notation in ("cut", "cut per cent"):
        return f"{int(value * scale * 10**places + 1e-9) / 10**places:.{places}f}" + "%" * (scale == 100)
    if notation == "all":
        return repr(float(value))
    if notation == "single":
        return repr(float(np.float32(value)))
    return f"{value * scale:.{places}f}" + {"share": "", "per cent": "%", "points": ""}[notation]


@settings(max_examples=150, deadline=None)
@given(data=st.data(), n=st.integers(1, 300), labels=st.integers(2, 5))
def test_honest_scores_in_any_notation_are_never_impossible(data: st.DataObject, n: int, labels: int) -> None:
    """Scores that scikit-learn computes of random answers, one label's or averaged, in any notation, with less said."""
    seed = data.draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    y_true = random.integers(0, labels, n)
    y_pred = np.where(random.random(n) < data.draw(st.floats(0, 1)), y_true, random.integers(0, labels, n))
    average: Any = data.draw(
        st.sampled_from(["binary", "macro", "weighted", "micro"] if labels == 2 else ["macro", "weighted", "micro"])
    )
    values = averaged(y_true.tolist(), y_pred.tolist(), average)
    notation = data.draw(st.sampled_from(["share", "per cent", "points", "cut", "cut per cent", "all", "single"]))
    places = data.draw(st.integers(1, 5))
    kept = data.draw(st.lists(st.sampled_from(SCORES), min_size=1, unique=True))
    figures = {score: printed(written(values[score], notation, places)) for score in kept}
    heard: Any = data.draw(st.sampled_from([None, average]))
    known = data.draw(st.booleans())
    outcome = audit_scores(
        figures, n if known else None, average=heard, labels=data.draw(st.sampled_from([None, labels]))
    )
    assert outcome.verdict != "impossible", (outcome.arithmetic, values)


def audited(n: int | None, **figures: str) -> str:
    given = {score: printed(figures[score]) for score in SCORES if score in figures}
    return audit_scores(given, n, average="binary").verdict


def test_a_mean_over_runs_is_no_share_of_items() -> None:
    assert audited(872, accuracy="0.8731") == "impossible"
    assert audited(872, accuracy="0.8731 ± 0.002") == "cannot be told"
    assert audited(872, accuracy="87.31 (0.2)") == "cannot be told"
    # The mean of F1 = 2/3 (precision 1, recall 1/2) and 2/3 (the other way round) is no harmonic mean of 3/4 and 3/4.
    assert audited(10, precision="0.75", recall="0.75", F1="0.667") == "impossible"
    assert audited(10, precision="0.75 ± 0.3", recall="0.75 ± 0.3", F1="0.667 ± 0.0") == "cannot be told"
    assert audited(10, precision="0.75 ± 0.3", recall="0.75 ± 0.3", F1="0.96 ± 0.0") == "impossible"


def test_what_double_precision_cuts_off_is_no_lie() -> None:
    assert int(0.69 * 10_000) == 6899
    assert audited(100, accuracy="0.6899") == "cannot be told"
    assert audited(100, accuracy="0.6898") == "impossible"


def test_averages_of_two_labels_are_tried_in_a_second_or_two() -> None:
    figures = {score: printed(text) for score, text in (("precision", "0.92"), ("recall", "0.88"), ("F1", "0.84"))}
    start = time.process_time()
    outcome = audit_scores(figures, 300, average="macro", labels=2)
    assert time.process_time() - start < 20
    assert outcome.verdict in ("holds", "impossible", "cannot be told")


def test_a_comma_before_three_digits_of_a_score_is_a_decimal_one() -> None:
    """Accuracy 794 / 872 = 91,055 %, as German or French write-ups print it."""
    figures: Any = {"accuracy": printed("91,055"), "precision": printed("89,78"), "recall": printed("93,02")}
    assert audit_scores(figures, 872).verdict == "holds"
    assert audit_scores({"accuracy": printed("91,234")}, 872).verdict == "impossible"
