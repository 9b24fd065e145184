"""METEOR as NLTK computes it (Banerjee and Lavie 2005; Lavie and Agarwal 2007), the best over the references.

Words are matched exactly, then by Porter stem, then by WordNet synonym; without WordNet the last stage is left out and
the score goes by another name. It is not the Java program's METEOR 1.5. An exact answer of n words scores
1 - 0.5 / n^3, so one word 0.5.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Literal

from harness_tasks.metrics import _wordnet

ALPHA, BETA, GAMMA = 0.9, 3.0, 0.5
"""The weight of recall in the mean, the exponent and the weight of the penalty for scattered matches."""


def meteor_name() -> Literal["meteor", "meteor_exact_stem"]:
    """Returns what the score is called on this machine: the first where WordNet was found, else the second."""
    return "meteor" if _wordnet.find_wordnet() else "meteor_exact_stem"


def meteor_score(prediction: str, answers: Iterable[str]) -> float:
    """Returns the METEOR of ``prediction``, 0 to 1: the highest against one of ``answers``, of which there must be any.

    >>> meteor_score("Denver", ["Denver Broncos", "Denver"])
    0.5
    """
    from nltk.translate.meteor_score import single_meteor_score

    wordnet, stemmer, words = _wordnet.reader(), _stemmer(), _words(prediction)
    if not words:
        return 0.0
    return max(
        float(
            single_meteor_score(
                _words(answer), words, stemmer=stemmer, wordnet=wordnet, alpha=ALPHA, beta=BETA, gamma=GAMMA
            )
        )
        for answer in dict.fromkeys(answers)
    )


@lru_cache(maxsize=1024)  # a prediction is often one of the answers
def _words(text: str) -> tuple[str, ...]:
    # NLTK's tokenizer for a single sentence; word_tokenize would first look for a sentence model to download.
    return tuple(_tokenizer().tokenize(text))


@lru_cache(maxsize=1)
def _tokenizer() -> Any:
    from nltk.tokenize import NLTKWordTokenizer

    return NLTKWordTokenizer()


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    from nltk.stem.porter import PorterStemmer

    stemmer = PorterStemmer()
    stemmer.stem = lru_cache(maxsize=100_000)(stemmer.stem)
    return stemmer
