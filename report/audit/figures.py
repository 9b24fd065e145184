"""A number as somebody printed it: its value, what it may have been before it was rounded, and its scale."""

import re
from dataclasses import dataclass
from fractions import Fraction

_SUFFIXES = {
    **dict.fromkeys(("k", "thousand"), 10**3),
    **dict.fromkeys(("m", "million"), 10**6),
    **dict.fromkeys(("b", "billion"), 10**9),
}
_PRINTED = re.compile(
    r"(?P<sign>[+−-]?)(?P<whole>\d{1,3}(?:,\d{3})+|\d*)(?P<decimals>\.\d*)?(?:[eE](?P<exponent>[+-]?\d{1,2}))?"
    r" ?(?P<suffix>%|per ?cent|[kKmMbB]|thousand|million|billion)?"
)
# With so many digits a figure is a double-precision number as computed, and carries the error of its computation.
_DIGITS_OF_A_DOUBLE = 15
_ERROR_OF_A_DOUBLE = Fraction(1, 2**51)
# A count with so many zeros at its end may have been rounded to them.
_ZEROS_OF_A_ROUNDED_COUNT = 3

Range = tuple[Fraction, Fraction]


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

    def rounded(self) -> Range:
        """Returns the least and the greatest number that is printed so when rounded, ties either way.

        >>> [str(end) for end in printed("0.91").rounded()]
        ['181/200', '183/200']
        """
        error = abs(self.value) * _ERROR_OF_A_DOUBLE if self.digits >= _DIGITS_OF_A_DOUBLE else 0
        return self.value - self.step / 2 - error, self.value + self.step / 2 + error

    def cut_off(self) -> Range:
        """Returns the range of the numbers that are printed so when further digits are dropped, not rounded."""
        # The far end is itself printed otherwise; no fraction of two counts comes so near to it without being it.
        beyond = self.step * (1 - Fraction(1, 10**9)) * (1 if self.value >= 0 else -1)
        return min(self.value, self.value + beyond), max(self.value, self.value + beyond)

    def count(self) -> Range:
        """Returns the whole numbers that a count printed so may be: itself, unless it is visibly rounded.

        >>> [int(end) for end in printed("1,235,814,400").count()], [int(end) for end in printed("1.24B").count()]
        ([1235814400, 1235814400], [1235000000, 1245000000])
        """
        if self.text[-1] not in "0123456789" or self.step != 1:
            return self.rounded()
        plain = str(abs(int(self.value)))
        zeros = len(plain) - len(plain.rstrip("0"))
        half = Fraction(10**zeros, 2) if zeros >= _ZEROS_OF_A_ROUNDED_COUNT else 0
        return self.value - half, self.value + half

    def range(self) -> Range:
        """Returns the least and the greatest number that may be meant: a whole number over 100 is no score but a count.

        >>> [str(end) for end in printed("95").range()], [str(end) for end in printed("4,096").range()]
        (['189/2', '191/2'], ['4096', '4096'])
        """
        return self.count() if abs(self.value) > 100 else self.rounded()

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

    Read are a sign, commas between thousands, decimals, an exponent, and one of %, percent, K, M, B, thousand, million
    and billion.
    """
    found = _PRINTED.fullmatch(text.strip())
    if found is None or not (found["whole"] or (found["decimals"] or ".")[1:]):
        raise ValueError(f"{text!r} is no number as one prints it, such as 0.9106, 91.06 %, 1,235,814,400 or 1.24B")
    decimals = (found["decimals"] or ".")[1:]
    digits = (found["whole"] or "").replace(",", "") + decimals
    suffix = found["suffix"] or ""
    step = Fraction(10) ** (int(found["exponent"] or 0) - len(decimals)) * _SUFFIXES.get(suffix.lower(), 1)
    sign = -1 if found["sign"] in ("-", "−") else 1
    return Printed(
        text=text.strip(),
        value=sign * int(digits) * step,
        step=step,
        signed=bool(found["sign"]),
        per_cent=suffix in ("%", "percent", "per cent"),
        decimals=max(0, len(decimals) - int(found["exponent"] or 0)),
        digits=len(digits.lstrip("0")),
    )


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
    return re.search(rf"(?<![\d.,]){re.escape(figure.strip())}(?![\d]|[.,]\d)", quote) is not None
