"""The words that claim something: a comparison, a direction, a cause, a certainty, or that one of these is not so.

Only entries may hold them: a template says what a rule chose, and the loader of templates sees to it.
"""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

_CLAIMS = """
always balanced beat beaten beats because best better broken cannot cause caused causes clear clearly conclusion
confident decrease decreases degrades different drops due equal equals evidence exactly exclude explains fails falls
fell fewer fixed gains gets greater grew grows hardly helps higher highest hurts identical impossible improve improved
improvement improves increase increases larger largest leans least less loses lost lower lowers lowest marginally more
most much never no none not nothing often outperformed outperforms probably proves raised raises reduced reduces
reliably right rises robust rose same significant significantly slightly smaller smallest sometimes strong stronger
strongly substantially superior therefore unchanged unclear weak weaker wins without worse worst wrong
"""
CLAIMS = frozenset(_CLAIMS.split())

_BESIDE = "above adds all answers away below every makes only overlap overlaps some to"
BESIDE = frozenset(_BESIDE.split())
"""Words that claim nothing by themselves, a place, an amount, a name, and that a changed claim may turn on."""

_WORD = re.compile(r"[^\W\d_]+")
_CLAIMING = re.compile(rf"\b(?:{'|'.join(sorted(CLAIMS))})\b|\d+(?:[.,]\d+)*", flags=re.IGNORECASE)


def claiming(text: str) -> Iterator[tuple[int, str]]:
    """Yields the words of ``text`` that claim something, and its numerals, each with its place in it.

    >>> list(claiming("It is better by 0.5, says both_right."))
    [(6, 'better'), (16, '0.5')]
    """
    return ((found.start(), found[0].lower()) for found in _CLAIMING.finditer(text))


def unlicensed(found: str, licensed: str) -> list[str]:
    """Returns the claiming words of ``found`` that ``licensed`` does not have in their place, in lower case.

    >>> unlicensed("It rises significantly, not much.", "It falls, not much.")
    ['rises', 'significantly']
    """
    one, two = (_WORD.findall(text.lower()) for text in (found, licensed))
    steps = SequenceMatcher(None, one, two, autojunk=False).get_opcodes()
    other = [word for kind, i, end, _, _ in steps if kind != "equal" for word in one[i:end]]
    return [word for word in dict.fromkeys(other) if word in CLAIMS | BESIDE]
