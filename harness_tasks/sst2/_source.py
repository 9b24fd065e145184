"""Which sentence a phrase of SST-2 was cut from; GLUE's files do not say."""

from collections.abc import Sequence

FEWEST_WORDS = 4
"""Shorter phrases stand alone: "a good film" could have been cut from anywhere."""


class SourceSentences:
    """Says of phrases which of them each was cut from.

    >>> SourceSentences(["a gorgeous , witty film", "witty film", "a gorgeous , witty film about love"]).infer()
    ['a gorgeous , witty film about love', None, 'a gorgeous , witty film about love']
    """

    def __init__(self, phrases: Sequence[str]) -> None:
        """Takes the phrases; spaces are squeezed."""
        self._words = [tuple(phrase.split()) for phrase in phrases]
        self._long = {phrase for phrase in self._words if len(phrase) >= FEWEST_WORDS}
        self._ranked = sorted(self._long, key=lambda phrase: (-len(phrase), phrase))
        self._text = [f" {' '.join(phrase)} " for phrase in self._ranked]

    def infer(self, places: Sequence[int] | None = None) -> list[str | None]:
        """Returns, for each phrase, the longest one that contains it as whole words, or None if it stands alone.

        A phrase stands alone that has fewer than `FEWEST_WORDS` words, or that several equally long phrases contain.
        The longest is counted in words; a phrase that only itself contains is its own source. ``places``: the phrases
        that are asked for, by their indices; None: all.
        """
        asked = self._words if places is None else [self._words[place] for place in places]
        # Every phrase of four words or more holds a run of four; its rarest run leaves few candidates to compare.
        holders: dict[tuple[str, ...], list[int]] = {run: [] for phrase in set(asked) for run in _runs(phrase)}
        for rank, phrase in enumerate(self._ranked):
            for run in _runs(phrase):
                if run in holders:
                    holders[run].append(rank)
        source: dict[tuple[str, ...], str | None] = {}
        for phrase in self._long.intersection(asked):
            own = f" {' '.join(phrase)} "
            rarest = min((holders[run] for run in _runs(phrase)), key=len)
            # Ranks rise as lengths fall, so the first hit is a longest one; a second of its length makes it doubtful.
            hits = (rank for rank in dict.fromkeys(rarest) if own in self._text[rank])
            first = next(hits)
            second = next(hits, None)
            tied = second is not None and len(self._ranked[second]) == len(self._ranked[first])
            source[phrase] = None if tied else self._text[first].strip()
        return [source.get(phrase) for phrase in asked]


def _runs(phrase: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [phrase[start : start + FEWEST_WORDS] for start in range(len(phrase) - FEWEST_WORDS + 1)]
