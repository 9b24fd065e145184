"""Where two pages differ: what stands there, and what should."""

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher

from report.sentences.lexicon import unlicensed
from report.verify.pieces import Piece, pieces
from report.verify.problems import Problem

_AROUND = 60
"""Characters shown on each side of a difference within a long piece."""
_LONG = 400


def differences(
    page: str, wanted: str, sources: Callable[[Piece], Sequence[str]] = lambda piece: ()
) -> Iterator[Problem]:
    """Yields each place where ``page`` is not ``wanted``; ``sources`` names the facts that a piece of it shows."""
    if page == wanted:
        return
    pairs = list(_pairs(pieces(page), pieces(wanted)))
    seen = [pair for pair in pairs if len({"".join(piece.source.split()) if piece else "" for piece in pair}) > 1]
    for one, other in seen or pairs:  # white space, where nothing else differs
        place = other.place if other else one.place if one else ""
        shown, said = one.text if one else "", other.text if other else ""
        if shown == said and one and other:  # what differs is hidden
            shown, said = " ".join(one.source.split()), " ".join(other.source.split())
        if shown == said:
            shown, said = repr(one.source if one else ""), repr(other.source if other else "")
        yield Problem(
            place,
            *_shortened(shown + _strange(shown, said), said),
            words=tuple(unlicensed(shown, said)),
            sources=tuple(sources(other)) if other else (),
        )


def _pairs(found: Sequence[Piece], wanted: Sequence[Piece]) -> Iterator[tuple[Piece | None, Piece | None]]:
    """Yields pieces that differ, in pairs; None: nothing stands there, or nothing should."""
    begin = 0
    while begin < min(len(found), len(wanted)) and found[begin] == wanted[begin]:
        begin += 1
    end = 0
    while end < min(len(found), len(wanted)) - begin and found[-1 - end] == wanted[-1 - end]:
        end += 1
    found, wanted = found[begin : len(found) - end], wanted[begin : len(wanted) - end]
    steps = SequenceMatcher(
        None, [piece.source for piece in found], [piece.source for piece in wanted], autojunk=False
    ).get_opcodes()
    for kind, i, i_end, j, j_end in steps:
        if kind == "equal":
            continue
        for step in range(max(i_end - i, j_end - j)):
            one = found[i + step] if i + step < i_end else None
            other = wanted[j + step] if j + step < j_end else None
            yield one, other


def _strange(shown: str, said: str) -> str:
    """Returns the names of characters that look like others, or like nothing, and that should not stand there.

    >>> _strange("a\\u200b", "a")
    ' (with U+200B ZERO WIDTH SPACE)'
    """
    strange = sorted({sign for sign in shown if ord(sign) > 126 and sign not in said})
    names = [f"U+{ord(sign):04X} {unicodedata.name(sign, 'without a name')}" for sign in strange[:5]]
    return f" (with {', '.join(names)})" if names else ""


def _shortened(shown: str, said: str) -> tuple[str, str]:
    """Returns two texts that differ, each cut to what stands around the first difference where it is long."""
    start = next((i for i, (a, b) in enumerate(zip(shown, said, strict=False)) if a != b), min(len(shown), len(said)))
    return _cut(shown, start), _cut(said, start)


def _cut(text: str, start: int) -> str:
    if len(text) <= _LONG:
        return text
    begin, end = max(0, start - _AROUND), start + _LONG
    return ("… " if begin else "") + text[begin:end] + (" …" if end < len(text) else "")
