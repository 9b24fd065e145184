"""More wrong pages: strange characters, hidden text, attributes, order, links, footnotes, the explorer's items.

As in `mutations.py`; None where a page has nothing of the kind.
"""

import base64
import gzip
import json
import random
import re
from collections.abc import Callable

from tests.report.verify.mutations import SAID, SENTENCES, Mutate, replaced

DIGITS = [
    "\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669",
    "\u0966\u0967\u0968\u0969\u096a\u096b\u096c\u096d\u096e\u096f",
    "\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19",
    "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079",
    "".join(chr(0x1D7CE + digit) for digit in range(10)),
]
"""Arabic-Indic, Devanagari, fullwidth, superscript, mathematical bold."""
ALIKE = dict(
    zip(
        "aceopxyiABEHKMOPTX",
        "\u0430\u0441\u0435\u043e\u0440\u0445\u0443\u0456\u0410\u0412\u0415\u041d\u041a\u041c\u041e\u0420\u0422\u0425",
        strict=True,
    )
)
"""Latin letters, and Cyrillic ones that look the same."""
UNSEEN = ["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u202e", "\u2066", "\u034f", "\U000e0041"]
_DIGIT = r"(?<!&#x)(?<!&#)\d(?!\d*;)"


def other_digit(page: str, choice: random.Random) -> str | None:
    """Writes one digit in another script."""
    return replaced(page, _DIGIT, choice, lambda old: choice.choice(DIGITS)[int(old)])


def homoglyph(page: str, choice: random.Random) -> str | None:
    """Writes one letter as a Cyrillic one that looks the same."""
    return replaced(page, rf"(?<![&\w])[{''.join(ALIKE)}]", choice, lambda old: ALIKE[old])


def zero_width(page: str, choice: random.Random) -> str | None:
    """Puts a character in that no reader sees."""
    return replaced(page, r"(?<!&)\b\w\w", choice, lambda old: old[0] + choice.choice(UNSEEN) + old[1])


def _spliced(page: str, pattern: str, choice: random.Random, new: Callable[[re.Match[str]], str]) -> str | None:
    """Returns the page with one match of ``pattern``, anywhere in it, changed."""
    places = list(re.finditer(pattern, page, flags=re.DOTALL))
    if not places:
        return None
    found = choice.choice(places)
    return page[: found.start()] + new(found) + page[found.end() :]


def _is_html(page: str) -> bool:
    return page.lstrip().startswith("<")


def caption(page: str, choice: random.Random) -> str | None:
    """Adds a sentence to a figure's caption, title or description; in Markdown to the image's text."""
    end = r"</(?:figcaption|desc|title)>" if _is_html(page) else r"(?<=[^\]\[])\]\(figures/"
    return _spliced(page, end, choice, lambda found: f" {choice.choice(SENTENCES)}{found[0]}")


def attribute(page: str, choice: random.Random) -> str | None:
    """Adds an attribute that shows or holds a text; in Markdown an element that has one."""
    name = choice.choice(["title", "alt", "aria-label", "data-note", "data-n", "placeholder"])
    text = choice.choice(SENTENCES).replace('"', "")
    if _is_html(page):
        return _spliced(page, r"<(?:p|td|th|li|h2|h3|span|code)(?=[ >])", choice, lambda m: f'{m[0]} {name}="{text}"')
    return _spliced(page, r"\n\n", choice, lambda m: f'\n\n<span {name}="{text}"></span>\n\n')


def tooltip(page: str, choice: random.Random) -> str | None:
    """Lets a number show the note of another one."""
    return _spliced(page, r'data-n="(\d+)"', choice, lambda m: f'data-n="{int(m[1]) + choice.choice([1, 2, 7])}"')


def embedded_json(page: str, choice: random.Random) -> str | None:
    """Changes one character of a value in the page's embedded JSON."""
    scripts = [m.span(1) for m in re.finditer(r"<script[^>]*json[^>]*>(.*?)</script>", page, flags=re.DOTALL)]
    if not scripts:
        return None
    start, end = choice.choice(scripts)
    changed = _spliced(
        page[start:end], r"[a-z0-9]", choice, lambda m: choice.choice([s for s in "abc019" if s != m[0]])
    )
    return changed and page[:start] + changed + page[end:]


def hidden(page: str, choice: random.Random) -> str | None:
    """Hides what should be seen, or adds what is not: by an element's style, a class, a comment."""
    text = choice.choice(SENTENCES)
    if _is_html(page):
        way = choice.choice(["style", "hidden", "comment", "element"])
        if way == "style":
            style = choice.choice(["display:none", "visibility:hidden", "font-size:0", "color:transparent"])
            return _spliced(page, r"<(?:p|td|li|h2|h3)(?=[ >])", choice, lambda m: f'{m[0]} style="{style}"')
        if way == "hidden":
            return _spliced(page, r"<(?:p|td|li|h2|h3)(?=[ >])", choice, lambda m: f"{m[0]} hidden")
        new = f"<!-- {text} -->" if way == "comment" else f'<p style="display:none">{text}</p>'
        return _spliced(page, r"</(?:p|h2|ul)>", choice, lambda m: m[0] + new)
    new = choice.choice([f"<!-- {text} -->", f'<span style="display:none">{text}</span>', f"[//]: # ({text})"])
    return _spliced(page, r"\n\n", choice, lambda _: f"\n\n{new}\n\n")


def generated(page: str, choice: random.Random) -> str | None:
    """Adds a rule of CSS that writes a text, or hides one."""
    text = choice.choice(SENTENCES)
    rule = choice.choice(
        [f"td::after {{ content: '{text}' }}", f"#a::before {{ content: '{text}' }}", ".warning { display: none }"]
    )
    return _spliced(page, r"</style>", choice, lambda m: f"{rule}{m[0]}")


def _tables(page: str) -> list[tuple[int, int]]:
    pattern = r"<table.*?</table>" if _is_html(page) else r"(?m)(?:^\|.*\n)+"
    return [found.span() for found in re.finditer(pattern, page, flags=re.DOTALL if _is_html(page) else 0)]


def rows(page: str, choice: random.Random) -> str | None:
    """Swaps two rows of a table."""
    start, end = choice.choice(_tables(page))
    pattern = r"<tr>(?:(?!<th).)*?</tr>" if _is_html(page) else r"(?m)^\|.*\n"
    found = [m.span() for m in re.compile(pattern, flags=re.DOTALL if _is_html(page) else 0).finditer(page, start, end)]
    return _swapped(page, found if _is_html(page) else found[2:], choice)


def _swapped(page: str, found: list[tuple[int, int]], choice: random.Random) -> str | None:
    if len(found) < 2:
        return None
    one, two = sorted(choice.sample(found, 2))
    return page[: one[0]] + page[slice(*two)] + page[one[1] : two[0]] + page[slice(*one)] + page[two[1] :]


def columns(page: str, choice: random.Random) -> str | None:
    """Swaps two columns of a table, their names left where they are or not."""
    start, end = choice.choice(_tables(page))
    html = _is_html(page)
    lines = re.split(r"(?=<tr)" if html else r"(?<=\n)", page[start:end])
    cut = r"(<t[dh][ >].*?</t[dh]>)" if html else r"(?<!\\)\|"
    wide = len(re.findall(r"</th>", lines[1])) if html else lines[0].count("|") - 1
    if wide < 2:
        return None
    one, two = choice.sample(range(wide), 2)
    first = 2 if choice.random() < 0.5 else (1 if html else 0)
    for i in range(first, len(lines)):
        cells = re.split(cut, lines[i], flags=re.DOTALL)
        a, b = (2 * one + 1, 2 * two + 1) if html else (one + 1, two + 1)
        if max(a, b) < len(cells):
            cells[a], cells[b] = cells[b], cells[a]
            lines[i] = ("" if html else "|").join(cells)
    return page[:start] + "".join(lines) + page[end:]


def moved(page: str, choice: random.Random) -> str | None:
    """Moves a sentence to another place."""
    pattern = r"<(?:p|li)>[^<]{30,}.*?</(?:p|li)>\n?" if _is_html(page) else r"(?m)^(?:- )?[A-Z][^|\n]{30,}\n"
    found = [m.span() for m in re.finditer(pattern, page)]
    if len(found) < 2:
        return None
    one, two = sorted(choice.sample(found, 2))
    text = page[slice(*one)]
    return page[: one[0]] + page[one[1] : two[1]] + text + page[two[1] :]


def negated(page: str, choice: random.Random) -> str | None:
    """Says the contrary of a sentence."""
    return replaced(page, r"\b(?:is|are|was|were|has|have|does|can) (?!not)", choice, lambda old: f"{old}not ")


def true_number(page: str, choice: random.Random) -> str | None:
    """Puts one of the page's own numbers where another one stands."""
    number = r"(?<![\w.,#&\[^-])\d[\d,]*(?:\.\d+)?(?![\w;\]])"
    plain = re.sub(r"<(script|style|svg|section).*?</\1>|<[^>]*>", " ", page, flags=re.DOTALL)
    every = sorted(set(re.findall(number, plain)))
    return replaced(page, number, choice, lambda old: choice.choice([other for other in every if other != old]))


def link(page: str, choice: random.Random) -> str | None:
    """Lets a link lead elsewhere."""
    if _is_html(page):
        return _spliced(page, r'href="[^"]+', choice, lambda m: choice.choice([m[0] + "-2", 'href="https://a.example']))
    return _spliced(
        page, r"(?<=\]\()[^)\s]+|(?<=<)https?:[^>]+", choice, lambda m: m[0] + choice.choice(["2", "?a", "#b"])
    )


def footnote(page: str, choice: random.Random) -> str | None:
    """Lets a line of sources name another file, or, in Markdown, call another note."""
    if _is_html(page):
        return _spliced(
            page, r"(?<=<code>)[\w/-]+(?=[\w/.-]*\.(?:json|jsonl|yaml)</code>)", choice, lambda m: m[0] + "2"
        )
    if choice.random() < 0.5:
        return _spliced(page, r"\[\^(\d+)\]\n", choice, lambda m: f"[^{int(m[1]) + choice.choice([1, 2, 9])}]\n")
    return _spliced(page, r"(?m)^\[\^\d+\]: .*?`[^`]+", choice, lambda m: m[0] + "2")


def items(page: str, choice: random.Random) -> str | None:
    """Changes one character of the explorer's packed items."""

    def repacked(found: re.Match[str]) -> str:
        text = gzip.decompress(base64.b64decode(found[2])).decode()
        values = json.loads(text)
        return found[1] + base64.b64encode(gzip.compress(json.dumps(_other(values, choice)).encode())).decode()

    return _spliced(page, r'(class="explorer-(?:index|chunk)">)([A-Za-z0-9+/=]+)', choice, repacked)


def _other(value: object, choice: random.Random) -> object:
    """Returns the JSON value with one leaf changed."""
    if isinstance(value, dict) and value:
        key = choice.choice(sorted(value))
        return {**value, key: _other(value[key], choice)}
    if isinstance(value, list) and value:
        place = choice.randrange(len(value))
        return [*value[:place], _other(value[place], choice), *value[place + 1 :]]
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int | float):
        return value + 1
    return f"{value}x" if isinstance(value, str) else "x"


OF_FORM: dict[str, Mutate] = {
    "digit of another script": other_digit,
    "homoglyph": homoglyph,
    "zero-width character": zero_width,
    "caption": caption,
    "attribute": attribute,
    "tooltip": tooltip,
    "embedded JSON": embedded_json,
    "hidden by CSS": hidden,
    "generated by CSS": generated,
    "rows swapped": rows,
    "columns swapped": columns,
    "sentence moved": moved,
    "sentence negated": negated,
    "true number in a wrong place": true_number,
    "link": link,
    "footnote": footnote,
    "explorer items": items,
}
ON_THE_PAGE: dict[str, Mutate] = {**SAID, **OF_FORM}
NOT_LOCAL = ("cells", "rows swapped", "columns swapped", "sentence moved")
"""Kinds that change a page in more than one place."""
