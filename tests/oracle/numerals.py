"""Printed numbers: what a numeral says, how precisely, and whether it is a rounding of a value.

This is a second book, kept apart from `report/page/formats.py` on purpose: it does not know how the page rounds, only
what a reader may take a printed number to mean.
"""

import math
import re
from dataclasses import dataclass

MINUS = "\N{MINUS SIGN}"
NUMERAL = re.compile(rf"([+{MINUS}-]?)(\d+(?:,\d{{3}})*)(\.\d+)?(?:[eE]([+{MINUS}-]?\d+))?")
"""Sign, whole part with or without separators, decimals, exponent."""
_SLACK = 1e-9
"""Of half a step: a tie may be rounded either way, and binary fractions are not exact."""


@dataclass(frozen=True)
class Printed:
    """A numeral as it stands: its value, the size of its last digit, its sign, and where it ends in the text."""

    value: float
    step: float
    sign: str
    end: int

    def rounds(self, value: float) -> bool:
        """Returns whether this is ``value`` rounded to the digits shown, a tie either way.

        >>> [numeral_at(text, 0).rounds(0.0625) for text in ("0.062", "0.063", "0.06", "0.064")]
        [True, True, True, False]
        """
        return abs(self.value - value) <= self.step / 2 * (1 + _SLACK) + 1e-12 * abs(value)


def numeral_at(text: str, start: int) -> Printed | None:
    """Returns the numeral that begins at ``start``; None where none does.

    >>> numeral_at("−1,234.50 %", 0)
    Printed(value=-1234.5, step=0.01, sign='−', end=9)
    >>> numeral_at("5e-05", 0).value
    5e-05
    """
    found = NUMERAL.match(text, start)
    if found is None:
        return None
    sign, whole, decimals, exponent = found.groups()
    power = int((exponent or "0").replace(MINUS, "-"))
    digits = whole.replace(",", "") + (decimals or "")
    # float() of the whole text, so that 5e-05 is the very number that is meant.
    value = float(f"{'-' if sign in (MINUS, '-') else ''}{digits}e{power}")
    step = float(f"1e{power - max(len(decimals or '') - 1, 0)}")
    return Printed(value, step, sign, found.end())


@dataclass(frozen=True)
class Number:
    """A slot for a number: what it must be a rounding of, and how it must be printed."""

    value: float
    places: int
    """Fewest decimals that must be shown."""
    signed: bool = False
    """Whether a number above 0 must have its plus sign."""
    scale: float = 1.0
    after: str = ""
    """What must follow, such as a per cent sign."""

    def end(self, text: str, start: int) -> int | None:
        """Returns where the number ends that stands at ``start`` and says this; None where none does."""
        shown = numeral_at(text, start)
        value = self.value * self.scale
        if shown is None or not text.startswith(self.after, shown.end):
            return None
        plus = "+" if self.signed and shown.value > 0 else ""
        right = shown.sign == (MINUS if shown.value < 0 else plus) and shown.rounds(value)
        # A number that is not 0 must not read as 0: an interval that ends above 0 does not touch it.
        hidden = shown.value == 0 and value != 0
        fine = shown.step <= max(10.0**-self.places, _of_three_digits(value)) * (1 + _SLACK)
        return shown.end + len(self.after) if right and fine and not hidden else None

    def __str__(self) -> str:
        value = f"{self.value * self.scale:{'+' if self.signed else ''},.{self.places + 3}f}"
        return value.replace("-", MINUS) + self.after


def _of_three_digits(value: float) -> float:
    """Returns the size of the third digit of a number of tens of millions, as which more digits say nothing; else 0."""
    return 10.0 ** (math.floor(math.log10(abs(value))) - 2) if abs(value) >= 1e7 else 0.0


@dataclass(frozen=True)
class Whole:
    """A slot for a whole number, which must be printed exactly."""

    value: int

    def end(self, text: str, start: int) -> int | None:
        """Returns where the number ends that stands at ``start`` and says this; None where none does."""
        shown = numeral_at(text, start)
        if shown is None or shown.value != self.value or shown.step != 1 or shown.sign not in ("", MINUS):
            return None
        return shown.end

    def __str__(self) -> str:
        return f"{self.value:,d}".replace("-", MINUS)


@dataclass(frozen=True)
class Setting:
    """A slot for a number that somebody chose, at six significant digits."""

    value: float

    def end(self, text: str, start: int) -> int | None:
        """Returns where the number ends that stands at ``start`` and says this; None where none does.

        >>> Setting(0.0005).end("0.0005", 0), Setting(0.0005).end("0.0006", 0)
        (6, None)
        """
        shown = numeral_at(text, start)
        if shown is None or shown.sign not in ("", MINUS):
            return None
        size = math.floor(math.log10(abs(self.value))) if self.value else 0
        return shown.end if abs(shown.value - self.value) <= 0.5 * 10.0 ** (size - 5) * (1 + _SLACK) else None

    def __str__(self) -> str:
        return f"{self.value:.6g}".replace("-", MINUS)


@dataclass(frozen=True)
class Chance:
    """A slot for a p-value: rounded, or `<` and a bound that it lies below."""

    value: float

    def end(self, text: str, start: int) -> int | None:
        """Returns where the p-value ends that stands at ``start`` and says this; None where none does.

        >>> Chance(0.00004).end("<0.0001", 0), Chance(0.012).end("0.0120", 0), Chance(0.0004).end("0.000", 0)
        (7, 6, None)
        """
        below = text.startswith("<", start)
        shown = numeral_at(text, start + below)
        if shown is None or shown.sign:
            return None
        if below:
            # A wider bound would be true as well, and would hide how small it is.
            return shown.end if self.value < shown.value <= _SMALLEST else None
        return Number(self.value, 3).end(text, start)

    def __str__(self) -> str:
        return f"{self.value:.6f}"


_SMALLEST = 0.0001
"""The bound below which a p-value need not be told."""

_DURATION = re.compile(r"(?:(\d+) h (\d+) min|(\d+) min (\d+) s|(\d+\.\d+) s)(?!\w)")


@dataclass(frozen=True)
class Duration:
    """A slot for a time span in seconds: `2 h 5 min`, `1 min 10 s` or `8.8 s`."""

    seconds: float

    def end(self, text: str, start: int) -> int | None:
        """Returns where the span ends that stands at ``start`` and says this; None where none does.

        Whole minutes are those that have passed; seconds are rounded.

        >>> Duration(70.2).end("1 min 10 s", 0), Duration(7505).end("2 h 5 min", 0), Duration(7505).end("2 h 6 min", 0)
        (10, 9, None)
        """
        found = _DURATION.match(text, start)
        if found is None:
            return None
        hours, minutes, whole, rest, seconds = found.groups()
        if seconds is not None:
            shown = numeral_at(text, start)
            return found.end() if shown and shown.rounds(self.seconds) and self.seconds < 60 else None
        if hours is not None:
            passed = self.seconds - (int(hours) * 3600 + int(minutes) * 60)
            return found.end() if -0.5 <= passed < 60 and int(minutes) < 60 else None
        right = abs(self.seconds - (int(whole) * 60 + int(rest))) <= 0.5 + _SLACK and int(rest) < 60
        return found.end() if right else None

    def __str__(self) -> str:
        return f"{self.seconds:,.1f} s"


_SIZES = {" B": 1.0, " kB": 1e3, " MB": 1e6, " GB": 1e9, " TB": 1e12}


@dataclass(frozen=True)
class Size:
    """A slot for a number of bytes, in the decimal units."""

    size: float

    def end(self, text: str, start: int) -> int | None:
        """Returns where the size ends that stands at ``start`` and says this; None where none does.

        >>> Size(639_320_064).end("639.32 MB", 0), Size(639_320_064).end("639.32 GB", 0)
        (9, None)
        """
        shown = numeral_at(text, start)
        unit = next((unit for unit in _SIZES if shown and text.startswith(unit, shown.end)), None)
        if shown is None or unit is None or shown.sign:
            return None
        fine = shown.step <= (1 if unit == " B" else 0.0100001)
        return shown.end + len(unit) if fine and shown.rounds(self.size / _SIZES[unit]) else None

    def __str__(self) -> str:
        return f"{self.size:,.0f} B"


Slot = Number | Whole | Setting | Chance | Duration | Size
