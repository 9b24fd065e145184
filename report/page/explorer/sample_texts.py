"""What a sample row says in words: the prompt, the gold answer, the model's answer, and the choices it had."""

from collections.abc import Sequence
from math import exp, isfinite
from typing import Any

from report.facts.measured import gold_answers, input_field, response
from report.statistics.formulas import LABEL_PAIR
from report.statistics.metrics import metrics_of

Choices = list[tuple[str, float]]
"""Each choice and its log-likelihood, natural logarithm."""

UNANSWERABLE = "unanswerable"


def prompt(row: dict[str, Any]) -> str:
    """Returns the text that the model was asked to continue; empty where the row does not hold it."""
    return next((str(arguments.get("arg_0", "")) for arguments in _arguments(row)), "")


def title(row: dict[str, Any], field: str | None) -> str:
    """Returns the input itself: the field that the task names as its input, else the first text of the document."""
    name = input_field(row["doc"], field)
    return str(row["doc"][name]) if name else ""


def choices(row: dict[str, Any]) -> Choices:
    """Returns the choices of a multiple-choice item; none where the model wrote its answer.

    >>> choices({"arguments": {"gen_args_0": {"arg_1": " no"}, "gen_args_1": {"arg_1": " yes"}},
    ...          "filtered_resps": [["-2.5", "False"], ["-0.5", "True"]]})
    [('no', -2.5), ('yes', -0.5)]
    """
    given, answers = _arguments(row), row.get("filtered_resps")
    if len(given) < 2 or not isinstance(answers, list) or len(answers) != len(given):
        return []
    try:
        return [(str(one.get("arg_1", "")).strip(), float(two[0])) for one, two in zip(given, answers, strict=True)]
    except (TypeError, ValueError, LookupError):
        return []


def answer(row: dict[str, Any], of_row: Choices, labels: Sequence[str]) -> str:
    """Returns the model's answer: the name of the label that it chose, its likeliest choice, or what it wrote."""
    pair = _label_pair(row)
    if pair:
        return _named(pair[1], of_row, labels)
    if of_row:
        return max(of_row, key=lambda choice: choice[1])[0]
    return response(row) if row.get("filtered_resps") else ""


def confidence(row: dict[str, Any], of_row: Choices) -> float | None:
    """Returns the probability of the answer, from 0 to 1, as the calibration error has it; None where none is known.

    Without a calibration error it is that of the likeliest choice among all choices.

    >>> confidence({"ece": [0.7, 1.0]}, []), confidence({}, [("no", -1.0), ("yes", -1.0)]), confidence({}, [])
    (0.7, 0.5, None)
    """
    pair = row.get("ece")
    if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], int | float) and 0 <= pair[0] <= 1:
        return round(float(pair[0]), 4)
    if len(of_row) < 2:
        return None
    likeliest = max(value for _, value in of_row)
    total = sum(exp(value - likeliest) for _, value in of_row)
    return round(1 / total, 4) if isfinite(total) else None


def gold(row: dict[str, Any], kind: str, of_row: Choices, labels: Sequence[str]) -> list[str]:
    """Returns the accepted answers, each once; `kind` is the task's, as `Measured.kind` has it."""
    if kind == "extraction":
        return list(dict.fromkeys(map(str, gold_answers(row)))) or [UNANSWERABLE]
    pair = _label_pair(row)
    if pair:
        return [_named(pair[0], of_row, labels)]
    target = row.get("target", "")
    if isinstance(target, list):
        return list(dict.fromkeys(map(str, target)))
    text = str(target)
    # lm_eval writes the place of the right choice, as a number or its digits.
    return [of_row[int(text)][0] if of_row and text.isdecimal() and int(text) < len(of_row) else text.strip()]


def label(row: dict[str, Any], kind: str, of_row: Choices, gold_texts: Sequence[str]) -> str | None:
    """Returns what the item may be filtered by as its label; None where its gold answer is free text."""
    if kind == "extraction":
        return UNANSWERABLE if not gold_answers(row) else "answerable"
    return gold_texts[0] if of_row or _label_pair(row) else None


def _arguments(row: dict[str, Any]) -> list[dict[str, Any]]:
    found = row.get("arguments")
    values = list(found.values()) if isinstance(found, dict) else []
    return values if all(isinstance(value, dict) for value in values) else []


def _label_pair(row: dict[str, Any]) -> tuple[int, int] | None:
    """Returns the gold and the predicted label's number, from a metric that is made of such pairs."""
    for metric in metrics_of(LABEL_PAIR):
        value = row.get(metric)
        if isinstance(value, list) and len(value) == 2 and all(isinstance(part, int) for part in value):
            return value[0], value[1]
    return None


def _named(number: int, of_row: Choices, labels: Sequence[str]) -> str:
    if 0 <= number < len(labels):
        return labels[number]
    return of_row[number][0] if 0 <= number < len(of_row) else str(number)
