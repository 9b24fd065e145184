"""How a fact is shown: one rounding for each unit, everywhere, and text that cannot break out of its place."""

import html
import posixpath
import re
from collections.abc import Callable
from typing import Any

from markupsafe import Markup

from report.facts.schema.parts import Fact, Known, Missing, is_known
from report.facts.values import sources
from report.reading.texts import shell_word

_DIGITS = {"proportion": 3, "coefficient": 3, "share": 1, "points": 2, "number": 3}
_MOST_DIGITS = 6
_LARGE = 1e7
"""From here on a number of the page is shown with three digits and an exponent; no count is."""
_SMALLEST_P = 0.0001
_MOST_POINTERS = 3
MINUS = "\N{MINUS SIGN}"


def in_markdown(value: Any) -> Markup:
    """Returns what a template shows, escaped; numbers and facts must have gone through a filter before.

    Raises:
        TypeError: a number, a fact, None or a boolean came without a filter.
    """
    return escaped(value, escape)


def escaped(value: Any, escape: Callable[[str], str]) -> Markup:
    """Returns text as ``escape`` has it, and as it is where that was done before; raises TypeError for all else."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, str):
        return Markup(escape(value))
    raise TypeError(f"a template may not show {value!r} without a filter")


_LIST_OR_HEADING = re.compile(r"^( *(?:\d{1,9}(?=[.)](?: |$))|(?=(?:#{1,6}|[-+])(?: |$))|(?=[-=]+ *$)))")
"""What would begin a list or a heading, or make one of the line before, where a text begins a line."""


def escape(text: str) -> str:
    """Returns ``text`` as literal Markdown of one line, safe within a sentence, a table's cell and HTML.

    >>> print(escape("a|b `c` <d> [e](f)"))
    a\\|b \\`c\\` \\<d\\> \\[e\\](f)
    >>> print(escape("1. item"), escape("- item"), escape("# x"), escape("=="), escape("2.13.0"))
    1\\. item \\- item \\# x \\== 2.13.0
    >>> escape("reviews_demo-lora")
    'reviews_demo-lora'
    """
    text = squeezed(text)
    text = re.sub(r"([\\`*<>|\[\]~&$])", r"\\\1", text)
    text = _LIST_OR_HEADING.sub(r"\1\\", text)
    # Within a word an underscore is no emphasis, and names are easier to read without the stroke.
    text = re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", text)
    return re.sub(r"(?i)\b(https?|ftp|mailto)(?=:)", r"\1\\", text)


def squeezed(text: str) -> str:
    """Returns ``text`` in one line and without control characters."""
    return re.sub(r"[\s\x00-\x1f\x7f]+", " ", text)


def plain(fact: Fact) -> str:
    """Returns a text fact as it is; the word missing and the reason where there is none."""
    return str(fact.value) if is_known(fact) else f"missing ({fact.missing})"


def _shown(function: Any) -> Any:
    """Makes a filter of a function from a known fact to text: what is missing is shown as missing, with the reason."""

    def show(fact: Any) -> Markup:
        if not isinstance(fact, Known | Missing):
            raise TypeError(f"{function.__name__} takes a fact, not {fact!r}")
        return Markup(function(fact) if is_known(fact) else escape(plain(fact)))

    return show


def decimals(value: float, unit: str, *, sign: bool = False) -> str:
    """Returns ``value`` rounded as its unit has it: shares in per cent, a true minus, and 0 only for what is 0.

    Where rounding would leave nothing of a value, it keeps digits until something shows, and then takes an exponent:
    an interval that ends above 0 must not be read as one that touches it.

    >>> decimals(0.84512, "proportion"), decimals(-0.0004, "proportion", sign=True), decimals(0.5, "share")
    ('0.845', '−0.0004', '50.0 %')
    >>> decimals(2e-9, "points", sign=True), decimals(0.0, "points", sign=True)
    ('+2.0e−09', '0.00')
    >>> decimals(9876543.2, "number"), decimals(4844952325447054.0, "number")
    ('9,876,543.200', '4.84e+15')
    """
    scaled, digits = (value * 100 if unit == "share" else value), _DIGITS[unit]
    while digits < _MOST_DIGITS and float(f"{scaled:.{digits}f}") == 0 != scaled:
        digits += 1
    vanishes = float(f"{scaled:.{digits}f}") == 0 != scaled
    form = ".1e" if vanishes else ".2e" if abs(scaled) >= _LARGE else f",.{digits}f"
    text = f"{scaled:+{form}}" if sign and scaled != 0 else f"{scaled:{form}}"
    if scaled == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS) + (" %" if unit == "share" else "")


def _number(fact: Known) -> str:
    return decimals(fact.value, fact.unit)


def _p_value(fact: Known) -> str:
    value, digits = fact.value, 3
    if value < _SMALLEST_P:
        return escape(f"<{_SMALLEST_P:.4f}")
    while digits < _MOST_DIGITS and value < 10 ** (1 - digits):
        digits += 1
    return f"{value:.{digits}f}"


def _percent(fact: Known) -> str:
    return decimals(fact.value, "share")


def _difference(fact: Known) -> str:
    shown = decimals(fact.value, fact.unit, sign=True)
    return shown.removesuffix(" %") + " percentage points" if fact.unit == "share" else shown


def _interval(fact: Known) -> str:
    if fact.interval is None:
        return "(no interval)"
    return f"[{decimals(fact.interval.lower, fact.unit)}, {decimals(fact.interval.upper, fact.unit)}]"


def _difference_interval(fact: Known) -> str:
    if fact.interval is None:
        return "(no interval)"
    bounds = (decimals(end, fact.unit, sign=True) for end in (fact.interval.lower, fact.interval.upper))
    return f"[{', '.join(bound.removesuffix(' %') for bound in bounds)}]"


def _confidence(fact: Known) -> str:
    share = fact.interval.confidence if fact.interval else fact.value
    return f"{share * 100:g} %"


def count(fact: Any) -> Markup:
    """Returns a whole number with separators; also takes the number of a loop's turn, and a list for how long it is."""
    fact = len(fact) if isinstance(fact, list) else fact
    return Markup(f"{fact:,d}") if isinstance(fact, int) and not isinstance(fact, bool) else _shown(_count)(fact)


def _count(fact: Known) -> str:
    return f"{fact.value:,d}".replace("-", MINUS)


def items(fact: Fact) -> Markup:
    """Returns the number of items that a fact was measured on."""
    return Markup(f"{fact.n:,d}" if is_known(fact) and fact.n is not None else "missing (not counted)")


def clusters(fact: Fact) -> Markup:
    """Returns the number of clusters of those items."""
    return Markup(f"{fact.clusters:,d}" if is_known(fact) and fact.clusters is not None else "missing (not counted)")


def _setting(fact: Known) -> str:
    value = fact.value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value).replace("-", MINUS)
    if isinstance(value, float):
        return f"{value:.6g}".replace("-", MINUS)
    return escape(str(value))


def _duration(fact: Known) -> str:
    seconds = fact.value
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _size(fact: Known) -> str:
    size, unit = float(fact.value), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.2f} {unit}"


def _code(fact: Known) -> str:
    return code(str(fact.value))


def code(text: str) -> str:
    """Returns ``text`` as inline code; as escaped text where code could not hold it in a table.

    >>> print(code("a_b"), code("a`b"))
    `a_b` a\\`b
    """
    return escape(text) if re.search(r"[`|\n\r]", text) or not text.strip() else f"`{text.strip()}`"


def _code_block(fact: Known) -> str:
    text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", " ", str(fact.value))
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}sh\n{text}\n{fence}"


def _link(fact: Known) -> str:
    url = str(fact.value)
    return f"<{url}>" if re.fullmatch(r"https?://[A-Za-z0-9./_~%?=&#:@+,-]+", url) else escape(url)


def _digest(fact: Known) -> str:
    return code(str(fact.value)[:16])


def sources_line(*values: Any) -> Markup:
    """Returns one line that names the file and place of every value in ``values``."""
    by_file: dict[str, list[str]] = {}
    for source in sources(values):
        by_file.setdefault(source.file, []).append(source.pointer)
    places = (" ".join([code(name), *_places(pointers)]) for name, pointers in by_file.items())
    return Markup("Sources: " + "; ".join(places) + ".")


def _places(pointers: list[str]) -> list[str]:
    """Returns the pointers, or what they have in common where they are many; facts.json has every single one."""
    if len(pointers) > _MOST_POINTERS:
        pointers = [posixpath.commonpath(pointers).rstrip("/")]
    return [code(pointer) for pointer in pointers if pointer]


def files_line(*values: Any) -> Markup:
    """Returns one line that names the files that ``values`` come from."""
    names = dict.fromkeys(source.file for source in sources(values))
    return Markup("Sources: " + ", ".join(code(name) for name in names) + ".")


def reason(fact: Any) -> Markup:
    """Returns why something is missing; raises TypeError where it is not."""
    if not isinstance(fact, Missing):
        raise TypeError(f"reason takes a fact that is missing, not {fact!r}")
    return Markup(escape(fact.missing))


def _html(fact: Known) -> str:
    """Returns text as HTML, for what stands in an element of HTML on a Markdown page too."""
    return html.escape(squeezed(str(fact.value)))


def _path(fact: Known) -> str:
    return re.sub(r"[^A-Za-z0-9/._-]", "-", str(fact.value))


def _shell(fact: Known) -> str:
    return shell_word(str(fact.value))


NUMBERS = (
    "number", "percent", "difference", "interval", "difference_interval", "p_value", "duration", "size", "count",
    "items", "clusters", "setting", "name",
)  # fmt: skip
"""The filters that show a number, or the name of a checkpoint: in HTML each of these has a note."""

FILTERS = {
    "text": _shown(lambda fact: escape(str(fact.value)).strip()),
    "name": _shown(lambda fact: escape(str(fact.value)).strip()),
    "html": _shown(_html),
    "code": _shown(_code),
    "code_block": _shown(_code_block),
    "digest": _shown(_digest),
    "link": _shown(_link),
    "setting": _shown(_setting),
    "number": _shown(_number),
    "percent": _shown(_percent),
    "difference": _shown(_difference),
    "interval": _shown(_interval),
    "difference_interval": _shown(_difference_interval),
    "confidence": _shown(_confidence),
    "p_value": _shown(_p_value),
    "duration": _shown(_duration),
    "size": _shown(_size),
    "count": count,
    "items": items,
    "clusters": clusters,
    "sources": sources_line,
    "sources_of_files": files_line,
    "reason": reason,
    "path": _shown(_path),
    "plain_shell": _shown(_shell),
}
