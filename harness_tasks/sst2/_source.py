"""Which sentence a phrase of SST-2 was cut from; GLUE's files do not say."""

from collections import defaultdict
from collections.abc import Sequence

FEWEST_WORDS = 4
"""Shorter phrases stand alone: "a good film" could have been cut from anywhere."""


def infer_source_sentences(phrases: Sequence[str]) -> list[str | None]:
    """Returns, for each phrase, the longest of ``phrases`` that contains it as whole words, or None if it stands alone.

    A phrase stands alone that has fewer than `FEWEST_WORDS` words, or that several equally long phrases contain.
    The longest is counted in words; a phrase that only itself contains is its own source. Spaces are squeezed.

    >>> infer_source_sentences(["a gorgeous , witty film", "witty film", "a gorgeous , witty film about love"])
    ['a gorgeous , witty film about love', None, 'a gorgeous , witty film about love']
    """
    words = [tuple(phrase.split()) for phrase in phrases]
    long = {phrase for phrase in words if len(phrase) >= FEWEST_WORDS}
    ranked = sorted(long, key=lambda phrase: (-len(phrase), phrase))
    text = [f" {' '.join(phrase)} " for phrase in ranked]
    # Every phrase of four words or more holds a run of four; its rarest run leaves few candidates to compare.
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for rank, phrase in enumerate(ranked):
        for run in set(_runs(phrase)):
            holders[run].append(rank)

    source: dict[tuple[str, ...], str | None] = {}
    for rank, phrase in enumerate(ranked):
        rarest = min((holders[run] for run in _runs(phrase)), key=len)
        # Ranks rise as lengths fall, so the first hit is a longest one; a second of its length makes it doubtful.
        hits = (candidate for candidate in rarest if text[rank] in text[candidate])
        first = next(hits)
        second = next(hits, None)
        tied = second is not None and len(ranked[second]) == len(ranked[first])
        source[phrase] = None if tied else text[first].strip()
    return [source.get(phrase) for phrase in words]


def _runs(phrase: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [phrase[start : start + FEWEST_WORDS] for start in range(len(phrase) - FEWEST_WORDS + 1)]
