"""How much a template may do: steps, time, and characters that it makes.

So no template of a study's own fills the memory or runs without end.
"""

import re
import time
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.compiler import CodeGenerator, Frame

MOST_STEPS = 5_000_000
"""Bodies of loops, conditions and macros that are gone through; a study's page takes about a thousand."""
MOST_SECONDS = 120.0
"""Of this process's own time."""
LONGEST_CHARACTERS = 2**26
"""Of one text."""
MOST_CHARACTERS = 2**29
"""Of all texts that are put together, on the way to the page too."""
LONGEST_LIST = 10**6
LARGEST_BITS = 4096
"""Of a whole number."""
WIDEST = 1000
"""Of a field that text is set into."""

_STEPS_BETWEEN_LOOKS = 256
_WIDTH = re.compile(r"%[^a-zA-Z%]*(?:\*|\d{4})")


class TooMuchError(TemplateError):
    """A template wants more than a page can need."""


class Budget:
    """What one filling of a template has left."""

    def __init__(self) -> None:
        self.steps, self.characters = 0, 0
        self.end_s = time.process_time() + MOST_SECONDS

    def step(self) -> None:
        """Counts a step; raises where there were too many, or too much time went."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise TooMuchError(f"it takes more than {MOST_STEPS:,} steps")
        if self.steps % _STEPS_BETWEEN_LOOKS == 0 and time.process_time() > self.end_s:
            raise TooMuchError(f"it takes more than {MOST_SECONDS:.0f} s")

    def spend(self, characters: int) -> None:
        """Counts the characters of a text that is about to be made; raises where it or all are too long."""
        self.characters += characters
        if characters > LONGEST_CHARACTERS or self.characters > MOST_CHARACTERS:
            raise TooMuchError(f"it makes a text of more than {LONGEST_CHARACTERS:,} characters")


BUDGET: ContextVar[Budget | None] = ContextVar("budget", default=None)
"""Of the template that is being filled."""


def spend(parts: Iterable[Any]) -> None:
    """Counts the characters of texts that are about to be put together."""
    if budget := BUDGET.get():
        budget.spend(sum(len(part) for part in parts if isinstance(part, str)))


def check_operation(operator: str, left: Any, right: Any) -> None:
    """Raises where the result of an operation would be larger than a page can need."""
    if operator == "%" and isinstance(left, str):
        if _WIDTH.search(left):
            raise TooMuchError(f"it sets text into a field wider than {WIDEST:,} characters")
        spend([left, *(right if isinstance(right, tuple) else [right])])
    elif operator == "*":
        _check_product(left, right)
        _check_product(right, left)
    elif operator == "**" and isinstance(left, int) and isinstance(right, int):
        _check_bits(left.bit_length() * abs(right))
    elif operator == "+" and isinstance(left, str):
        spend([left, right])
    elif operator == "+" and isinstance(left, list | tuple) and isinstance(right, list | tuple):
        _check_parts(len(left) + len(right))


def _check_product(value: Any, times: Any) -> None:
    if not isinstance(times, int):
        return
    if isinstance(value, str) and (budget := BUDGET.get()):
        budget.spend(len(value) * max(0, times))
    elif isinstance(value, list | tuple):
        _check_parts(len(value) * times)
    elif isinstance(value, int):
        _check_bits(value.bit_length() + times.bit_length())


def _check_parts(parts: int) -> None:
    if parts > LONGEST_LIST:
        raise TooMuchError(f"it makes a list of more than {LONGEST_LIST:,} parts")


def _check_bits(bits: int) -> None:
    if bits > LARGEST_BITS:
        raise TooMuchError(f"it computes with numbers of more than {LARGEST_BITS:,} bits")


class Counting(CodeGenerator):
    """Jinja's compiler, whose templates count their steps and what they put together with `~`."""

    def blockvisit(self, nodes: Iterable[nodes.Node], frame: Frame) -> None:
        """Writes the code of a body, a step at its beginning."""
        self.writeline("environment.step()")
        super().blockvisit(nodes, frame)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        """Writes the code that puts texts together."""
        self.write("environment.put_together((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")
