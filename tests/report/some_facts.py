"""Facts made by hand, for tests of what looks at a few of them."""

from typing import Any

from report.facts.schema.parts import Known, Source

SOURCE = Source(file="a.json", pointer="", sha256="ab")


def known(value: Any, unit: Any = "text", **more: Any) -> Known:
    """Returns a fact from no file in particular."""
    return Known(value=value, unit=unit, source=SOURCE, **more)
