"""Metrics as pure functions: no torch, no network, nothing that is slow to import."""

from harness_tasks.metrics._classification import Confusion, confusion, f1, mcc, precision, recall
from harness_tasks.metrics._squad import NO_ANSWER, exact_match, normalise, prediction_text, token_f1

__all__ = [
    "NO_ANSWER",
    "Confusion",
    "confusion",
    "exact_match",
    "f1",
    "mcc",
    "normalise",
    "precision",
    "prediction_text",
    "recall",
    "token_f1",
]
