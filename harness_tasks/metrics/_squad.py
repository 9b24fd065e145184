"""SQuAD's exact match and token F1, as the official v1.1 and v2.0 scripts and `evaluate`'s ``squad_v2`` compute them.

Every score here is between 0 and 1; the tasks report it times 100.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Iterable

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
