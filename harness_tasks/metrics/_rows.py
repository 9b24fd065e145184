"""An item's scores as they stand in a sample row: plain values, or the counts that a score of all items is made of."""

from collections.abc import Sequence
from typing import Any

from harness_tasks.metrics._bleu import bleu_statistics
from harness_tasks.metrics._calibration import brier, probabilities
from harness_tasks.metrics._meteor import meteor_name, meteor_score
from harness_tasks.metrics._rouge import rouge_scores
from harness_tasks.metrics._squad import exact_match, prediction_text, token_f1


def classification_scores(gold: int, log_likelihoods: Sequence[float]) -> dict[str, Any]:
    """Returns a row's scores, given the right choice and the log-likelihood of each; the first of equals is chosen.

    ``acc`` is 0.0 or 1.0 and ``brier`` a number from 0 to 1; ``precision``, ``recall``, ``f1`` and ``mcc`` are the pair
    (gold, predicted), and ``ece`` is (confidence, correct): tuples, since lm_eval 0.5 takes a list for repeats.

    >>> classification_scores(1, [0.0, 0.0])["ece"]
    (0.5, 0.0)
    """
    chances = probabilities(log_likelihoods)
    pair = (gold, max(range(len(log_likelihoods)), key=log_likelihoods.__getitem__))
    correct = float(pair[0] == pair[1])
    return {
        "acc": correct,
        "precision": pair,
        "recall": pair,
        "f1": pair,
        "mcc": pair,
        "brier": brier(gold, chances),
        "ece": (max(chances), correct),
    }


def answer_scores(prediction: str, answers: Sequence[str]) -> dict[str, Any]:
    """Returns a row's scores, 0 to 100, given a model's output and the accepted answers, none if unanswerable.

    ``exact`` and ``f1`` stand there twice, the second time under HasAns_ or NoAns_, whichever the question is. Where
    there is an answer, METEOR (under the name that this machine can compute), ROUGE and BLEU's ten counts go with them;
    an abstention, having no words, gets 0 in all of these.

    >>> answer_scores(" unanswerable", [])
    {'exact': 100.0, 'f1': 100.0, 'NoAns_exact': 100.0, 'NoAns_f1': 100.0}
    """
    text = prediction_text(prediction)
    exact, f1 = 100 * exact_match(text, answers), 100 * token_f1(text, answers)
    kind = "HasAns" if answers else "NoAns"
    scores: dict[str, Any] = {"exact": exact, "f1": f1, f"{kind}_exact": exact, f"{kind}_f1": f1}
    if answers:
        scores[meteor_name()] = 100 * meteor_score(text, answers)
        scores |= {name: 100 * value for name, value in rouge_scores(text, answers).items()}
        scores["bleu"] = tuple(bleu_statistics(text, answers))
    return scores
