"""SQuAD's exact match and token F1, as the official v1.1 and v2.0 scripts and `evaluate`'s ``squad_v2`` compute them.

A score of one answer is between 0 and 1; the tasks report it times 100, as `squad_v2_scores` does.
"""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from harness_tasks.errors import UserError

NO_ANSWER = "unanswerable"
"""The word by which a model says that the passage does not answer; as a prediction it means the same as ``""``."""

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise(text: str) -> str:
    """Returns ``text`` in lower case, without ASCII punctuation and the articles a, an, the, spaces squeezed.

    Punctuation goes before articles, as in the official scripts, so a hyphen joins its words.

    >>> normalise("The  well-known (U.S.) Army")
    'wellknown us army'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def prediction_text(generated: str) -> str:
    """Returns the answer in a model's output: its first line, stripped; ``""`` where it says that there is none.

    >>> prediction_text(" Denver Broncos\\nQuestion: Who")
    'Denver Broncos'
    >>> prediction_text(" Unanswerable.")
    ''
    """
    text = generated.strip().split("\n", 1)[0].strip()
    return "" if normalise(text) == NO_ANSWER else text


def has_content(text: str) -> bool:
    """Returns whether a letter, digit or symbol of any script is left of ``text`` after normalisation.

    >>> [has_content(text) for text in ("the :", "::::", "。", "U.S.", "42", "мир")]
    [False, False, False, True, True, True]
    """
    return any(unicodedata.category(letter)[0] in "LNS" for letter in normalise(text))


def exact_match(prediction: str, answers: Iterable[str]) -> float:
    """Returns 1.0 where ``prediction`` equals one of ``answers`` after normalisation, else 0.0.

    No answers means that the question has none: then only a prediction that normalises to ``""`` scores.

    >>> exact_match("the Broncos!", ["Denver", "Broncos"])
    1.0
    """
    return _best(_exact, prediction, answers)


def token_f1(prediction: str, answers: Iterable[str]) -> float:
    """Returns the highest F1 (0 to 1) of the normalised words of ``prediction`` and of each of ``answers``.

    Where either side has no words, F1 is 1.0 if both have none, else 0.0.

    >>> round(token_f1("the big Denver Broncos team", ["Denver Broncos", "The Denver Broncos"]), 6)
    0.666667
    """
    return _best(_f1, prediction, answers)


def squad_v2_scores(
    predictions: Sequence[Mapping[str, Any]], references: Sequence[Mapping[str, Any]], no_answer_threshold: float = 1.0
) -> dict[str, float]:
    """Returns what `evaluate`'s ``squad_v2`` does, key for key: scores from 0 to 100, totals, and thresholds.

    A prediction has ``id``, ``prediction_text`` and ``no_answer_probability``; a reference ``id`` and ``answers`` with
    its ``text``. A prediction whose probability lies above ``no_answer_threshold`` counts as an abstention. Otherwise
    the text is taken as it is: only an empty one abstains, not the word "unanswerable". The ``best_`` scores are those
    of the threshold that suits these very answers best. Raises UserError where a reference has no prediction.
    """
    said = {prediction["id"]: prediction for prediction in predictions}
    golds = {reference["id"]: list(reference["answers"]["text"]) for reference in references}
    if lacking := [name for name in golds if name not in said]:
        raise UserError(
            f"no prediction for the question {lacking[0]!r} ({len(lacking)} of {len(golds)} questions have none)",
            "every question counts, and one without a prediction is neither right nor wrong",
            "give a prediction for each reference, with the same id",
        )
    abstains = {key: said[key]["no_answer_probability"] > no_answer_threshold for key in golds}
    answerable = [key for key in golds if golds[key]]
    unanswerable = [key for key in golds if not golds[key]]
    raw = {
        name: {key: score(said[key]["prediction_text"], answers) for key, answers in golds.items()}
        for name, score in (("exact", exact_match), ("f1", token_f1))
    }
    scores: dict[str, float] = {}
    for prefix, keys in (("", list(golds)), ("HasAns_", answerable), ("NoAns_", unanswerable)):
        if keys:
            for name, values in raw.items():
                final = [float(not golds[key]) if abstains[key] else values[key] for key in keys]
                scores[prefix + name] = 100 * sum(final) / len(keys)
            scores[prefix + "total"] = len(keys)
    for name, values in raw.items():
        scores[f"best_{name}"], scores[f"best_{name}_thresh"] = _best_threshold(said, golds, values)
    return scores


def _best_threshold(
    said: Mapping[str, Mapping[str, Any]], golds: Mapping[str, Sequence[str]], raw: Mapping[str, float]
) -> tuple[float, float]:
    """Returns the highest score that abstaining above some threshold gives, 0 to 100, and the threshold.

    Starting from a model that always abstains, predictions are let in by rising probability of no answer. As in the
    official script, a text on an unanswerable question costs 1, even where nothing is left of it after normalisation.
    """
    score = highest = float(sum(not answers for answers in golds.values()))
    threshold = 0.0
    for key in sorted((key for key in said if key in golds), key=lambda key: said[key]["no_answer_probability"]):
        score += raw[key] if golds[key] else -float(bool(said[key]["prediction_text"]))
        if score > highest:
            highest, threshold = score, said[key]["no_answer_probability"]
    return 100 * highest / len(golds), threshold


def _best(score: Callable[[str, str], float], prediction: str, answers: Iterable[str]) -> float:
    # The official v2.0 script drops answers of which nothing is left, and stands an empty one in for none at all.
    kept = [answer for answer in answers if normalise(answer)] or [""]
    return max(score(normalise(prediction), normalise(answer)) for answer in kept)


def _exact(prediction: str, answer: str) -> float:
    return float(prediction == answer)


def _f1(prediction: str, answer: str) -> float:
    predicted, gold = prediction.split(), answer.split()
    if not predicted or not gold:
        return float(predicted == gold)
    shared = sum((Counter(predicted) & Counter(gold)).values())
    if not shared:
        return 0.0
    precision, recall = shared / len(predicted), shared / len(gold)
    return 2 * precision * recall / (precision + recall)
