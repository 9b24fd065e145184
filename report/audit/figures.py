"""A number as somebody printed it: its value, what it may have been before it was rounded, and its scale."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

_THOUSANDS = {
    **dict.fromkeys(("k", "thousand"), 1),
    **dict.fromkeys(("m", "mn", "mio", "million"), 2),
    **dict.fromkeys(("b", "bn", "g", "billion"), 3),
    **dict.fromkeys(("t", "trillion"), 4),
}
"""Powers of a thousand by suffix."""
_GROUPED = r"[1-9]\d{0,2}(?:(?P<between>[, _'’\u00a0\u2009\u202f])\d{3}(?:(?P=between)\d{3})*|(?:\.\d{3}){2,})"
_PRINTED = re.compile(
    rf"(?P<sign>[+−-]?)(?P<whole>{_GROUPED}|\d*)(?P<decimals>[.,]\d*)?(?:[eE](?P<exponent>[+-]?\d{{1,2}}))?"
    r"[ \u00a0\u2009\u202f]?(?P<suffix>%|per ?cent|percentage points?|×|-fold|[a-zA-Z]+)?"
)
_PER_CENT = ("%", "percent", "per cent", "pp", "percentage point", "percentage points")
_POINTS, _TIMES = ("point", "points", "pts"), ("x", "×", "times", "fold", "-fold")
_SIGN_OF = {
    "": re.compile(r"(?:[~≈≃≅∼]|(?:about|around|approximately|approx|ca|circa|roughly)\b\.?)\s*", re.IGNORECASE),
    "below": re.compile(
        r"(?:<=?|≤|(?:less than|fewer than|under|below|up to|at most|nearly|almost)\b)\s*", re.IGNORECASE
    ),
    "above": re.compile(r"(?:>=?|≥|(?:more than|over|above|at least)\b)\s*", re.IGNORECASE),
}
"""What stands before a number that is no exact one: an approximation, or a bound from above or below."""
_SPREAD = re.compile(r"\s*(?:(?:±|\+/-)\s*[\d.,]+\s*%?|\((?:±\s*)?[\d.,]+\s*%?\))$")
_INTERVAL = re.compile(r"\s*[\[(][^\[\]()]*\d\s*%?\s*(?:,|;|-|–|to)\s*[^\[\]()]*\d\s*%?[\])]$")
# With so many digits a figure is a double-precision number as computed, and carries the error of its computation.
_DIGITS_OF_A_DOUBLE = 15
_ERROR_OF_A_DOUBLE = Fraction(1, 2**51)
# A count with so many zeros at its end may have been rounded to them.
_ZEROS_OF_A_ROUNDED_COUNT = 3
# From so many digits on a figure may be a single-precision number, and from six on a half-precision one.
_DIGITS_OF_A_SINGLE, _DIGITS_OF_A_HALF = 7, 6
_ERROR_OF_A_SINGLE, _ERROR_OF_A_HALF = Fraction(1, 2**22), Fraction(1, 2**8)
_BITS_OF_A_HALF = 11

Bounds = tuple[Fraction, Fraction]


@dataclass(frozen=True)
class Printed:
    """A printed number: its text, its value (the `%` sign left aside), and the place value of its last digit."""

    text: str
    value: Fraction
    step: Fraction
    signed: bool
    per_cent: bool
    decimals: int
    digits: int
    thousands: int
    """The power of a thousand that its suffix stands for; 0 without one."""
    is_approximate: bool = False
    bound: Literal["", "below", "above"] = ""
    """Whether the number itself is said to lie below it or above it."""
    is_mean: bool = False
    """Whether a spread stands beside it: then it is the mean of several scores, and no share of items."""
    is_factor: bool = False
    is_unread: bool = False
    """Whether its text is no number that we can read: then nothing else here says anything."""

    def rounded(self) -> Bounds:
        """Returns the least and the greatest number that is printed so when rounded, ties either way.

        >>> [str(end) for end in printed("0.91").rounded()]
        ['181/200', '183/200']
        """
        if self.bound:
            return self._beyond()
        error = abs(self.value) * _ERROR_OF_A_DOUBLE if self.digits >= _DIGITS_OF_A_DOUBLE else 0
        return self.value - self.step / 2 - error, self.value + self.step / 2 + error

    def cut_off(self) -> Bounds:
        """Returns the range of the numbers that are printed so when further digits are dropped, not rounded.

        The far end belongs to it: in double precision 0.69 × 10,000 is below 6,900.
        """
        low, high = sorted((self.value, self.value + self.step * (1 if self.value >= 0 else -1)))
        return self._loosened(low, high, self.step)

    def imprecise(self) -> Bounds:
        """Returns the range of the numbers that give this figure when they are computed in single or half precision.

        >>> low, high = printed("0.9105504751205444").imprecise()  # 794 / 872 in single precision
        >>> low < Fraction(794, 872) < high
        True
        """
        low, high = self.rounded()
        is_half = self.digits >= _DIGITS_OF_A_HALF and any(map(_is_half, (self.value, self.value / 100)))
        is_single = self.digits >= _DIGITS_OF_A_SINGLE
        error = abs(self.value) * (_ERROR_OF_A_HALF if is_half else _ERROR_OF_A_SINGLE if is_single else 0)
        return low - error, high + error

    def widest(self) -> Bounds:
        """Returns the least and the greatest number that may honestly be printed so: rounded, cut off or imprecise."""
        ends = [self.rounded(), self.cut_off(), self.imprecise()]
        return min(low for low, _ in ends), max(high for _, high in ends)

    def count(self) -> Bounds:
        """Returns the whole numbers that a count printed so may be: itself, unless it is visibly rounded.

        >>> [int(end) for end in printed("1,235,814,400").count()], [int(end) for end in printed("1.24B").count()]
        ([1235814400, 1235814400], [1235000000, 1245000000])
        >>> [int(end) for end in printed("110M").count()]
        [105000000, 115000000]
        """
        if self.bound:
            return self._beyond()
        half = self._unit_of_a_count() / 2
        return self.value - half, self.value + half

    def count_cut_off(self) -> Bounds:
        """Returns the whole numbers that a count printed so may be when it was rounded down or up, not to the nearest.

        >>> [int(end) for end in printed("2.1M").count_cut_off()], [int(end) for end in printed("2.1M").count()]
        ([2000000, 2199999], [2050000, 2150000])
        """
        unit = self._unit_of_a_count()
        # The far ends are themselves printed otherwise.
        beyond = unit * (1 - Fraction(1, 10**9))
        return self._loosened(self.value - beyond, self.value + beyond, unit or self.step)

    def _loosened(self, low: Fraction, high: Fraction, unit: Fraction) -> Bounds:
        """Returns a range, wider by one in the last digit of an approximation, or all beyond a bound."""
        if self.bound:
            low, high = self._beyond()
        return (min(low, self.value - unit), max(high, self.value + unit)) if self.is_approximate else (low, high)

    def _beyond(self) -> Bounds:
        return (min(Fraction(0), self.value), self.value) if self.bound == "below" else (self.value, Fraction(10**18))

    def count_in_powers_of_two(self) -> Bounds:
        """Returns the whole numbers that a count printed so may be where its K, M or B is 2^10, 2^20 or 2^30."""
        factor = Fraction(1024, 1000) ** self.thousands
        low, high = self.count()
        return low * factor, max(high, self.count_cut_off()[1]) * factor

    def _unit_of_a_count(self) -> Fraction:
        """Returns the place value of the last digit that counts; 0 for a count that is exact."""
        if not self.thousands and self.step != 1:
            return self.step
        plain = str(abs(int(self.value / self.step)))
        zeros = len(plain) - len(plain.rstrip("0"))
        if self.thousands:  # "110M" has two digits or three
            return self.step * (10 if zeros and not self.decimals else 1)
        return Fraction(10**zeros if zeros >= _ZEROS_OF_A_ROUNDED_COUNT else 0)

    def range(self) -> Bounds:
        """Returns the least and the greatest number that may be meant: a whole number over 100 is no score but a count.

        >>> [str(end) for end in printed("95").range()], [str(end) for end in printed("4,096").range()]
        (['189/2', '191/2'], ['4096', '4096'])
        """
        return self.count() if abs(self.value) > 100 else self.rounded()

    def widest_range(self) -> Bounds:
        """Returns `range`, with further digits dropped as well as rounded."""
        if abs(self.value) <= 100:
            return self.widest()
        ends = self.count(), self.count_cut_off()
        return min(low for low, _ in ends), max(high for _, high in ends)

    def shown(self, value: Fraction, *, further: int = 0) -> str:
        """Returns ``value`` as this figure would be printed, with ``further`` decimals; one more where it is a tie.

        >>> printed("0.9106").shown(Fraction(794, 872)), printed("91.06 %").shown(Fraction(79400, 872))
        ('0.9106', '91.06 %')
        >>> printed("0.9410593389088012").shown(Fraction(7089, 7533)), printed("0.12").shown(Fraction(1, 8))
        ('0.9410593389088012', '0.125')
        """
        places = self.decimals + further
        is_tie = (2 * value * 10**places).denominator == 1 and (value * 10**places).denominator == 2
        number = repr(float(value)) if self.digits >= _DIGITS_OF_A_DOUBLE else decimal(value, places + is_tie)
        return f"{number}{' %' if self.per_cent else ''}"


def printed(text: str) -> Printed:
    """Returns the number that ``text`` is; raises ValueError where it is none.

    Read are a sign, groups of three digits (with a comma, space, apostrophe, underscore or point between them),
    decimals after a point or comma, an exponent, and one of %, percent, points, x, times, K, M, B, thousand, million,
    billion and their short forms. A comma with just three digits after it is one between thousands, unless a nought
    stands before it. In front may stand a word or sign of an approximation or bound, behind it a spread or an interval;
    a range is read as its middle.
    """
    whole = text.strip()
    plain = _SPREAD.sub("", whole) if _SPREAD.search(whole) else _INTERVAL.sub("", whole)
    for bound, sign in _SIGN_OF.items():
        if found := sign.match(plain):
            number = _printed(plain[found.end() :])
            is_mean = plain != whole and _SPREAD.search(whole) is not None
            return replace(number, text=whole, bound=bound, is_approximate=not bound, is_mean=is_mean)  # type: ignore[arg-type]
    if plain.endswith("+"):
        return replace(_printed(plain[:-1]), text=whole, bound="above")
    if plain != whole:
        return replace(_printed(plain), text=whole, is_mean=_SPREAD.search(whole) is not None)
    return _range(plain) or _printed(plain)


def read_figure(text: str) -> Printed:
    """Returns the number that ``text`` is, or one that says that it could not be read.

    >>> read_figure("0.91").is_unread, read_figure("nan").is_unread, read_figure("93.6/93.3").is_unread
    (False, True, True)
    """
    try:
        return printed(text)
    except ValueError:
        nought = Fraction(0)
        return Printed(text.strip(), nought, nought, False, False, 0, 0, 0, is_unread=True)


def as_score(figure: Printed) -> Printed:
    """Returns a score whose only comma stands before three digits, read as a decimal comma where it is else over 100.

    >>> as_score(printed("91,284")).value, as_score(printed("4,096 %")).value, as_score(printed("0.91")).value
    (Fraction(22821, 250), Fraction(512, 125), Fraction(91, 100))
    """
    if abs(figure.value) <= 100 or figure.is_unread or figure.thousands or figure.text.count(",") != 1:
        return figure
    return replace(printed(figure.text.replace(",", ".")), text=figure.text)


def how_read(plain: str, figures: Iterable[Printed]) -> str:
    """Returns how figures are read that are not read as rounded: ``plain``, or as what stands before them says."""
    return "taken as approximate" if any(figure.is_approximate for figure in figures) else plain


def _range(text: str) -> Printed | None:
    """Returns the middle of a range such as 0.1-0.3%, as coarse as the range is wide; None where it is none."""
    for found in re.finditer(r"(?<=[\d%a-zA-Z])\s*(?:[-–—]|\bto\b)\s*(?=\d)", text):
        try:
            high = _printed(text[found.end() :])
            low = _printed(text[: found.start()])
            if not (low.thousands or low.per_cent):
                low = _printed(text[: found.start()] + text[found.end() :].lstrip("0123456789.,"))
        except ValueError:
            continue
        if low.value < high.value and low.per_cent == high.per_cent:
            step = high.value - low.value + high.step
            middle = (low.value + high.value) / 2
            return replace(high, text=text, value=middle, step=step, thousands=0, decimals=high.decimals + 1)
    return None


def _printed(text: str) -> Printed:
    found = _PRINTED.fullmatch(text.strip())
    suffix = ((found and found["suffix"]) or "").lower()
    is_share = suffix in _PER_CENT
    if (
        found is None
        or not (found["whole"] or (found["decimals"] or ".")[1:])
        or not (is_share or suffix in (*_THOUSANDS, *_POINTS, *_TIMES) or not suffix)
    ):
        raise ValueError(f"{text!r} is no number as one prints it, such as 0.9106, 91.06 %, 1,235,814,400 or 1.24B")
    decimals = (found["decimals"] or ".")[1:]
    digits = re.sub(r"\D", "", found["whole"] or "") + decimals
    thousands = _THOUSANDS.get(suffix, 0)
    step = Fraction(10) ** (int(found["exponent"] or 0) - len(decimals)) * 1000**thousands
    sign = -1 if found["sign"] in ("-", "−") else 1
    return Printed(
        text=text.strip(),
        value=sign * int(digits) * step,
        step=step,
        signed=bool(found["sign"]),
        per_cent=is_share,
        decimals=max(0, len(decimals) - int(found["exponent"] or 0)),
        digits=len(digits.lstrip("0")),
        thousands=thousands,
        is_factor=suffix in _TIMES,
    )


def _is_half(value: Fraction) -> bool:
    """Returns whether ``value`` is a number of half precision (bfloat16 or float16) that shows it by its digits.

    >>> _is_half(Fraction("0.91015625")), _is_half(Fraction("0.5")), _is_half(Fraction("0.910156"))
    (True, False, False)
    """
    above, below = abs(value.numerator), value.denominator
    is_dyadic = below & (below - 1) == 0
    bits = (above // (above & -above)).bit_length() if above else 0
    return is_dyadic and bits <= _BITS_OF_A_HALF and below >= 2**_DIGITS_OF_A_HALF


def decimal(value: Fraction, places: int) -> str:
    """Returns ``value`` rounded to ``places`` decimals, halves to even, from exact arithmetic; thousands have commas.

    >>> decimal(Fraction(2, 3), 3), decimal(Fraction(-1, 2), 0), decimal(Fraction(12345), 1)
    ('0.667', '0', '12,345.0')
    """
    units = round(value * 10**places)
    whole, part = divmod(abs(units), 10**places)
    return f"{'−' if units < 0 else ''}{whole:,}" + (f".{part:0{places}d}" if places else "")


def stands_in(figure: str, quote: str) -> bool:
    """Returns whether the number ``figure`` stands in ``quote`` as a number of its own, not as a part of a longer one.

    >>> stands_in("0.95", "Accuracy: **0.95**."), stands_in("0.95", "Accuracy: 0.9511")
    (True, False)
    """
    return re.search(rf"(?<![\d.,_]){re.escape(figure.strip())}(?![\d]|[.,]\d)", quote) is not None
