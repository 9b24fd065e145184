"""Metrics as pure functions: no torch, no network, nothing that is slow to import.

Each folder here is the same metric as a module that ``evaluate.load`` loads from its path. NLTK, sacrebleu and
rouge_score are imported when a score that needs them is first computed.
"""

from harness_tasks.metrics._bleu import bleu_statistics, corpus_bleu
from harness_tasks.metrics._calibration import Bin, brier, expected_calibration_error, probabilities, reliability
from harness_tasks.metrics._classification import PAIR_SCORES, Confusion, confusion, f1, mcc, precision, recall
from harness_tasks.metrics._meteor import meteor_name, meteor_score
from harness_tasks.metrics._rouge import rouge_scores
from harness_tasks.metrics._rows import answer_scores, classification_scores
from harness_tasks.metrics._signatures import Kind, signatures
from harness_tasks.metrics._squad import (
    NO_ANSWER,
    exact_match,
    has_content,
    normalise,
    prediction_text,
    squad_v2_scores,
    token_f1,
)

__all__ = [
    "NO_ANSWER",
    "PAIR_SCORES",
    "Bin",
    "Confusion",
    "Kind",
    "answer_scores",
    "bleu_statistics",
    "brier",
    "classification_scores",
    "confusion",
    "corpus_bleu",
    "exact_match",
    "expected_calibration_error",
    "f1",
    "has_content",
    "mcc",
    "meteor_name",
    "meteor_score",
    "normalise",
    "precision",
    "prediction_text",
    "probabilities",
    "recall",
    "reliability",
    "rouge_scores",
    "signatures",
    "squad_v2_scores",
    "token_f1",
]
