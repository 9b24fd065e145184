"""What is wrong with a page: where, what stands there, what should, and which fact says so."""

from dataclasses import asdict, dataclass, field

_MOST_SOURCES = 4
"""Sources of one problem that are printed; JSON has all."""


@dataclass(frozen=True)
class Problem:
    """One place at which a page, or a file behind it, differs from what its sources give."""

    place: str
    found: str
    """What stands there; empty where something is missing."""
    facts: str
    """What the facts say; empty where they say nothing at all."""
    words: tuple[str, ...] = ()
    """Comparative or significance words in what was found that the facts do not license."""
    sources: tuple[str, ...] = ()
    """The facts that the place should show, as pointers into the file of facts, each with the file it comes from."""

    def __str__(self) -> str:
        lines = [self.place, f"  found: {self.found or 'nothing'}", f"  facts: {self.facts or 'nothing like it'}"]
        if self.words:
            lines.append(f"  not licensed: {', '.join(self.words)}")
        if self.sources:
            more = len(self.sources) - _MOST_SOURCES
            lines.append(
                f"  source: {'; '.join(self.sources[:_MOST_SOURCES])}" + (f"; and {more} more" if more > 0 else "")
            )
        return "\n".join(lines)

    def as_dict(self) -> dict[str, object]:
        """Returns the problem for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class PageVerdict:
    """The result of verifying a page."""

    problems: list[Problem]
    numerals: int
    """Numerals on the page; 0 where there are problems."""
    facts: int
    """Facts that were computed again."""
    own: list[str] = field(default_factory=list)
    """What only templates of the study's own say; nothing judges it."""
    taken: list[str] = field(default_factory=list)
    """What only a task's own functions give, which cannot be made again from the samples."""
