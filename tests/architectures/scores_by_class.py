"""What a language model of lm_eval answers to prompts of many lengths, some of which begin alike."""

import random
from collections.abc import Callable
from typing import Any

from lm_eval.api.instance import Instance

CONTINUATIONS = (" a", "b", " cdefgh")


def _text(seed: int, letters: int) -> str:
    draw = random.Random(seed)
    return "".join(draw.choice("abcdefgh .,\n") for _ in range(letters))


_SHARED = _text(0, 90)
PROMPTS = [_text(1, 12), _text(2, 40), _SHARED + _text(3, 8), _SHARED + _text(4, 30), _text(5, 70), _SHARED + "abc",
           _text(6, 150)]  # fmt: skip
"""Of 12 to 150 tokens, a letter each, so that windows and rope switches at 16 and 64 lie between them."""

Scores = tuple[list[float], list[str]]
"""Log-likelihoods of the continuations of each prompt, and what is written after each."""


def scores(lm: Any, prompts: list[str] = PROMPTS) -> Scores:
    """Returns what the model answers where it is asked all at once."""
    likely = [Instance("loglikelihood", {}, (text, own), 0) for text in prompts for own in CONTINUATIONS]
    settings = {"until": ["\n\n"], "max_gen_toks": 12}
    written = [Instance("generate_until", {}, (text, settings), 0) for text in prompts]
    return [value for value, _ in lm.loglikelihood(likely, disable_tqdm=True)], lm.generate_until(written, True)


def scores_alone(make: Callable[[], Any]) -> Scores:
    """Returns what a model answers that has read nothing but the one sequence: a new one is made for each."""
    values: list[float] = []
    texts: list[str] = []
    for text in PROMPTS:
        for own in CONTINUATIONS:
            asked = Instance("loglikelihood", {}, (text, own), 0)
            values += [value for value, _ in make().loglikelihood([asked], disable_tqdm=True)]
        asked = Instance("generate_until", {}, (text, {"until": ["\n\n"], "max_gen_toks": 12}), 0)
        texts += make().generate_until([asked], True)
    return values, texts


def difference(one: Scores, other: Scores) -> tuple[float, int]:
    """Returns the largest difference of log-likelihoods, and how many texts differ."""
    return (
        max(abs(a - b) for a, b in zip(one[0], other[0], strict=True)),
        sum(a != b for a, b in zip(one[1], other[1], strict=True)),
    )
