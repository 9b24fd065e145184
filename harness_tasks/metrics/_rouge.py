"""ROUGE-1, ROUGE-2 and ROUGE-L (Lin 2004) as the package ``rouge_score`` computes them, without a stemmer.

The best F of the references counts, for each kind apart. Over items the plain mean is taken; `evaluate`'s ``rouge``
gives the median of 1,000 unseeded bootstrap means instead. Words are runs of a-z and 0-9: any other letter is lost.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

KINDS = ("rouge1", "rouge2", "rougeL")
_WORD = re.compile(r"[a-z0-9]")


def rouge_scores(prediction: str, answers: Iterable[str]) -> dict[str, float]:
    """Returns the F of each of `KINDS`, 0 to 1, the highest against one of ``answers``; ValueError without any.

    >>> rouge_scores("Denver Broncos", ["the Denver Broncos"])["rouge2"]
    0.6666666666666666
    """
    references = list(dict.fromkeys(answers))
    if references and not _WORD.search(prediction.lower()):  # an abstention: a floor has one for every item
        return dict.fromkeys(KINDS, 0.0)
    scored = [_scorer().score(answer, prediction) for answer in references]
    return {kind: max(float(scores[kind].fmeasure) for scores in scored) for kind in KINDS}


@lru_cache(maxsize=1)
def _scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(list(KINDS), use_stemmer=False)
