"""Answers that need no model: what a score has to beat before it says anything."""

import re

_END = re.compile(r"([^\s.(]*)([.!?])[\"'”’)\]]*(?=\s+[^\sa-z])")
_ABBREVIATIONS = {"dr", "gen", "gov", "jr", "lt", "mr", "mrs", "ms", "no", "prof", "rev", "sgt", "sr", "st", "vs"}


def first_sentence(passage: str) -> str:
    """Returns the first sentence of ``passage`` on one line, or all of it where no sentence ends inside.

    A sentence ends at a full stop, question or exclamation mark, with any closing quote or bracket, before white space
    and anything but a small letter; not at the full stop of a single letter ("J. Smith", "the U.S. Army") or of a
    common abbreviation.

    >>> first_sentence("Dr. J. Smith came at 3.30 p.m. on foot. He was late.")
    'Dr. J. Smith came at 3.30 p.m. on foot.'
    """
    return sentences(passage)[0]


def sentences(passage: str) -> list[str]:
    """Returns the sentences of ``passage``, each on one line, as `first_sentence` ends them; at least one.

    >>> sentences("Mr. Lee came. Was he late? 3 p.m. it was.")
    ['Mr. Lee came.', 'Was he late?', '3 p.m. it was.']
    """
    text, start, found = " ".join(passage.split()), 0, list[str]()
    for end in _END.finditer(text):
        word, mark = end[1].lower(), end[2]
        if mark != "." or not (re.fullmatch(r"[^\W\d_]", word) or word in _ABBREVIATIONS):
            found.append(text[start : end.end()].lstrip())
            start = end.end()
    rest = text[start:].lstrip()
    return [*found, rest] if rest or not found else found
