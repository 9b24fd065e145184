"""report.tex: the page's tables for LaTeX, with booktabs, and nothing in them that LaTeX would take for a command."""

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from markupsafe import Markup

from report.facts.schema.parts import Known, Missing, is_known
from report.facts.schema.whole import Facts
from report.page import formats
from report.reading.texts import one_line

_COMMANDS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_\allowbreak{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}\allowbreak{}",
    "/": r"/\allowbreak{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    # Behind a line break these would be read as its argument.
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "−": r"\ensuremath{-}",
    "×": r"\ensuremath{\times}",
    "÷": r"\ensuremath{\div}",
    "–": r"\textendash{}",
    "—": r"\textemdash{}",
    "…": r"\ldots{}",
    "‘": r"\textquoteleft{}",
    "’": r"\textquoteright{}",
    "“": r"\textquotedblleft{}",
    "”": r"\textquotedblright{}",
}
_JOINED = "-,!?`"
"""Signs of which two in a row would be set as one."""


def latex(facts: Facts, own: Path | None = None) -> str:
    """Returns a whole LaTeX document of the page's tables; it compiles with pdfLaTeX and LuaLaTeX."""
    from report.page.template import environment, filled

    made = environment(in_latex, own=own, filters=FILTERS)
    text = filled(made, "report.tex.j2", facts.written())
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def escape(text: str) -> str:
    r"""Returns ``text`` as literal LaTeX of one line, in ASCII and Latin letters.

    Any other sign is given to `\sign`, by its number: fonts that have it show it, and pdfLaTeX shows the number.

    >>> print(escape("a_b & 50 % \\input{x}"))
    a\_\allowbreak{}b \& 50 \% \textbackslash{}input\{x\}
    """
    return "".join(
        f"{{{_sign(sign)}}}" if sign in _JOINED and after in _JOINED else _sign(sign)
        for sign, after in pairwise(f"{one_line(text)} ")
    )


def in_latex(value: Any) -> Markup:
    """Returns what a template shows, escaped; numbers and facts must have gone through a filter before.

    Raises:
        TypeError: a number, a fact, None or a boolean came without a filter.
    """
    return formats.escaped(value, escape)


def _sign(sign: str) -> str:
    if sign in _COMMANDS:
        return _COMMANDS[sign]
    if sign.isascii() or "À" <= sign <= "ÿ":
        return sign
    return f"\\sign{{{ord(sign):04X}}}"


def _numeral(name: str) -> Callable[[Any], Markup]:
    """Makes the page's filter of a number one of LaTeX: the same digits, so that both carry the same values."""

    def show(fact: Any) -> Markup:
        if isinstance(fact, Missing) and name not in _COUNTS:
            return _plain(fact)
        # Markdown's escapes are the only ones that a numeral can have.
        return Markup(escape(formats.FILTERS[name](fact).replace("\\", "")))

    return show


def _plain(fact: Any) -> Markup:
    if not isinstance(fact, Known | Missing):
        raise TypeError(f"a filter of text takes a fact, not {fact!r}")
    return Markup(escape(formats.plain(fact)))


def _setting(fact: Any) -> Markup:
    if is_known(fact) and not isinstance(fact.value, str):
        return Markup(escape(formats.FILTERS["setting"](fact)))
    return _plain(fact)


def _code(fact: Any) -> Markup:
    return Markup(f"\\texttt{{{_plain(fact)}}}" if is_known(fact) else _plain(fact))


_COUNTS = ("items", "clusters")
"""What these show stands beside the value, and may be there without it."""

_NUMERALS = (
    "number", "percent", "difference", "interval", "difference_interval", "confidence", "p_value", "count", "items",
    "clusters", "duration", "size",
)  # fmt: skip

FILTERS = {
    **{name: _numeral(name) for name in _NUMERALS},
    "text": _plain,
    "setting": _setting,
    "code": _code,
    "reason": lambda fact: Markup(escape(fact.missing)),
}
