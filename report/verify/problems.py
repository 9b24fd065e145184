"""What is wrong with a page: where, what stands there, and what the facts say."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Problem:
    """One place at which the page, or a file behind it, says what nothing backs."""

    place: str
    found: str
    """What stands there; empty where something is missing."""
    facts: str
    """What the facts say; empty where they say nothing at all."""
    words: tuple[str, ...] = ()
    """Comparative or significance words in what was found that the facts do not license."""

    def __str__(self) -> str:
        lines = [self.place, f"  found: {self.found or 'nothing'}", f"  facts: {self.facts or 'nothing like it'}"]
        if self.words:
            lines.append(f"  not licensed: {', '.join(self.words)}")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, object]:
        """Returns the problem for JSON."""
        return asdict(self)
