"""A fact, which is a value on the page with its unit, its uncertainty and its source, and the parts that hold facts.

What is not known is `Missing`, with the reason, and never 0; of a part that may be unknown as a whole it is `Absent`.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, GetCoreSchemaHandler, Tag
from pydantic_core import CoreSchema, core_schema
from typing_extensions import TypeIs

Unit = Literal[
    "text",
    "setting",  # a recipe value of whatever kind
    "count",
    "number",
    "proportion",  # 0 to 1
    "share",  # 0 to 1, shown in per cent
    "points",  # 0 to 100
    "p",  # a p-value, 0 to 1
    "coefficient",  # -1 to 1
    "seconds",
    "bytes",
    "curve",  # rows of (step, loss)
]


class Part(BaseModel):
    """A part of facts.json: nothing but its fields, and of those only what was written."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=(), populate_by_name=True)

    def __contains__(self, name: object) -> bool:
        """Returns whether the field ``name`` was written; templates ask `"absent" in part`."""
        return name in self.model_fields_set

    def written(self) -> dict[str, Any]:
        """Returns the fields that were written, by their names."""
        return {name: getattr(self, name) for name in type(self).model_fields if name in self}

    def as_json(self) -> dict[str, Any]:
        """Returns the part as facts.json holds it: what was not written is left out."""
        return self.model_dump(by_alias=True, exclude_unset=True)


class Source(Part):
    """The place that a value comes from: a file of the study's folder, a JSON pointer in it, and the file's SHA-256."""

    file: str
    pointer: str
    sha256: str


class Interval(Part):
    """The bounds between which a value lies with a ``confidence`` (0 to 1), and how they were computed."""

    lower: float
    upper: float
    confidence: float
    method: str

    @property
    def ends(self) -> tuple[float, float]:
        """The lower and the upper bound."""
        return self.lower, self.upper


class Known(Part):
    """A value with its unit and source; `also` are further files that it needs.

    Of what was measured on items: its interval, or why it has none, and how many items and clusters it is over.
    """

    value: Any
    unit: Unit
    source: Source
    interval: Interval | None = None
    no_interval: str | None = None
    n: int | None = None
    clusters: int | None = None
    also: list[Source] | None = None


class Missing(Part):
    """That a value is not known, and why."""

    missing: str

    @property
    def value(self) -> Any:
        """None: so `fact.value is None` asks whether a fact is unknown."""
        return None


def _which(value: Any) -> str:
    """Returns which member of a union a value is of: the one that is known, or the one that says why it is not."""
    names = value if isinstance(value, dict | Part) else ()
    return "unknown" if "absent" in names or "missing" in names else "known"


# The member is told by one name, so that a value that fits neither is complained of as what it was meant to be.
_BY_NAME = Discriminator(_which)
Fact = Annotated[Annotated[Known, Tag("known")] | Annotated[Missing, Tag("unknown")], _BY_NAME]


def is_known(fact: Fact | None) -> TypeIs[Known]:
    """Returns whether ``fact`` is a fact with a value."""
    return isinstance(fact, Known)


def part_at(parts: Any, pointer: str) -> Any:
    """Returns what a JSON pointer into facts names in ``parts``, a tree of parts, mappings and lists.

    Raises:
        LookupError: there is nothing.
    """
    for name in pointer.split("/")[1:]:
        if isinstance(parts, list):
            parts = parts[int(name)]
        elif name in parts:
            parts = getattr(parts, name) if isinstance(parts, Part) else parts[name]
        else:
            raise LookupError(f"{name} of {pointer} is not among the facts")
    return parts


class Absent(Part):
    """What stands in the place of a part that is not known as a whole: the reason."""

    absent: Missing = Field(description="only where it is not known: the reason")


One = TypeVar("One")
Other = TypeVar("Other")
Either = Annotated[Annotated[One, Tag("known")] | Annotated[Other, Tag("unknown")], _BY_NAME]
"""A part that is known, or another with `absent`."""
OrAbsent = Annotated[Annotated[One, Tag("known")] | Annotated[Absent, Tag("unknown")], _BY_NAME]
"""A part, or why it is not known."""


@dataclass(frozen=True)
class OfUnit:
    """The units that a field's fact may have; a fact of another unit is refused with a ValueError."""

    units: tuple[Unit, ...]
    name: str
    """How templates/README.md calls them."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def _check(self, fact: Fact) -> Fact:
        if isinstance(fact, Known) and fact.unit not in self.units:
            raise ValueError(f"a fact in {fact.unit} stands where one in {' or '.join(self.units)} belongs")
        return fact


_TEXT, _SETTING, _COUNT = OfUnit(("text",), "text"), OfUnit(("setting",), "setting"), OfUnit(("count",), "count")
_SHARE, _CURVE = OfUnit(("share",), "share"), OfUnit(("curve",), "curve")
_NUMBER = OfUnit(("number",), "number")
_SCORE = OfUnit(("proportion", "points", "coefficient", "number"), "score")

Text = Annotated[Fact, _TEXT]
Setting = Annotated[Fact, _SETTING]
Count = Annotated[Fact, _COUNT]
Number = Annotated[Fact, _NUMBER]
Share = Annotated[Fact, _SHARE]
Score = Annotated[Fact, _SCORE]
P = Annotated[Fact, OfUnit(("p",), "p")]
Seconds = Annotated[Fact, OfUnit(("seconds",), "seconds")]
Bytes = Annotated[Fact, OfUnit(("bytes",), "bytes")]
Curve = Annotated[Fact, _CURVE]

KnownText = Annotated[Known, _TEXT]
KnownSetting = Annotated[Known, _SETTING]
KnownCount = Annotated[Known, _COUNT]
KnownShare = Annotated[Known, _SHARE]
KnownScore = Annotated[Known, _SCORE]
KnownNumber = Annotated[Known, _NUMBER]
KnownCurve = Annotated[Known, _CURVE]
