"""The words that claim something: a comparison, a direction, a cause, a certainty. They are named in a problem."""

import re
from difflib import SequenceMatcher

_LIST = """
above adds all always answers away balanced because below best better broken cannot cause clear clearly
conclusion confident decrease decreases degrades different drops equal equals every evidence exactly exclude
explains fails falls fewer fixed gains gets greater hardly helps higher hurts identical impossible improve
improved improvement improves increase increases larger leans least less loses lost lower lowers makes
marginally more most much never no none not nothing often only outperforms overlap overlaps probably proves
raises reliably right rises robust same significant significantly slightly smaller some sometimes strong
strongly substantially to unchanged unclear weak without worse worst wrong
"""
CLAIMS = frozenset(_LIST.split())
_WORD = re.compile(r"[^\W\d_]+")


def unlicensed(found: str, licensed: str) -> list[str]:
    """Returns the claiming words of ``found`` that ``licensed`` does not have in their place, in lower case.

    >>> unlicensed("It rises significantly, not much.", "It falls, not much.")
    ['rises', 'significantly']
    """
    one, two = (_WORD.findall(text.lower()) for text in (found, licensed))
    steps = SequenceMatcher(None, one, two, autojunk=False).get_opcodes()
    other = [word for kind, i, end, _, _ in steps if kind != "equal" for word in one[i:end]]
    return [word for word in dict.fromkeys(other) if word in CLAIMS]
