"""Corpus BLEU (Papineni et al. 2002) as sacrebleu computes it, from counts that each item keeps.

Tokenizer 13a, exponential smoothing, and the effective order: n-grams longer than every prediction are left out, so
that a perfect answer of one to three words is not worth 0.
"""

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

ORDER = 4
"""The longest n-grams counted."""


def bleu_statistics(prediction: str, answers: Iterable[str]) -> list[int]:
    """Returns an item's ten counts, of which BLEU is made.

    Words predicted; words of the answer nearest in length; for n-grams of 1 to 4 words how many of the predicted stand
    in an answer; and how many were predicted.

    >>> bleu_statistics("Denver Broncos", ["the Denver Broncos"])
    [2, 3, 2, 1, 0, 0, 2, 1, 0, 0]
    """
    score = _scorer().sentence_score(prediction, list(answers))
    return [int(count) for count in (score.sys_len, score.ref_len, *score.counts, *score.totals)]


def corpus_bleu(items: Iterable[Sequence[int]]) -> float:
    """Returns the BLEU, 0 to 100, of all ``items`` together, each the ten counts of `bleu_statistics`.

    Pure: needs no sacrebleu, and equals it. ValueError where there is no item.

    >>> round(corpus_bleu([[2, 3, 2, 1, 0, 0, 2, 1, 0, 0]]), 4)
    60.6531
    """
    counts = [sum(column) for column in zip(*items, strict=True)]
    if len(counts) != 2 + 2 * ORDER:
        raise ValueError(f"BLEU needs items of {2 + 2 * ORDER} counts each, not {len(counts)}")
    (predicted, wanted), correct, total = counts[:2], counts[2 : 2 + ORDER], counts[2 + ORDER :]
    if not any(correct):
        return 0.0
    logs, smoothing = [], 1.0
    for right, all_of_them in zip(correct, total, strict=True):
        if all_of_them == 0:
            break
        if right == 0:
            smoothing *= 2
        logs.append(math.log(100 * right / all_of_them if right else 100 / (smoothing * all_of_them)))
    brevity = 1.0 if predicted >= wanted else math.exp(1 - wanted / predicted)
    return min(100.0, brevity * math.exp(sum(logs) / len(logs)))  # rounding can leave a trace above 100


@lru_cache(maxsize=1)
def _scorer() -> Any:
    from sacrebleu.metrics import BLEU

    return BLEU(tokenize="13a", smooth_method="exp", effective_order=True)
