"""What the audit says of a claim."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

Word = Literal["holds", "impossible", "cannot be told", "missing"]


class Matrix(NamedTuple):
    """A confusion matrix of two labels; numbers of items."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int

    def __str__(self) -> str:
        names = ("TP", "FP", "FN", "TN")
        return " ".join(f"{name} {count:,}" for name, count in zip(names, self, strict=True))


class Outcome(NamedTuple):
    """A verdict with the arithmetic that gives it, in plain words and numbers, and the matrices found."""

    verdict: Word
    arithmetic: str
    matrices: tuple[Matrix, ...] = ()


@dataclass(frozen=True)
class ClaimVerdict:
    """A claim and what the audit found: where it stands, its author's words, the verdict and the arithmetic.

    ``matrices``: the confusion matrices that give the claimed scores, all of them where they are a handful, else
    examples; the arithmetic says how many there are.
    """

    id: str
    where: str
    quote: str
    verdict: Word
    arithmetic: str
    matrices: tuple[Matrix, ...] = ()

    @property
    def fails(self) -> bool:
        """Whether the claim is impossible, or missing."""
        return self.verdict in ("impossible", "missing")

    def as_json(self) -> dict[str, Any]:
        """Returns plain JSON values."""
        return {**asdict(self), "matrices": [matrix._asdict() for matrix in self.matrices]}
