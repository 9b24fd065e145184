"""Which program scored, and the one shape in which the results of other harnesses than lm_eval are handed on: its own.

A reader for each of their formats gives lm_eval's results and sample rows, so that all that lies behind it (pairing,
intervals, pages, `verify`) knows one shape. What a score is called is `called`'s business, by the table of metrics.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness_tasks.errors import UserError

Place = tuple[str, ...]
Called = Callable[[str], str]
"""What a metric of a harness is called here."""

LM_EVAL = "lm_eval"
INSPECT = "Inspect"
LIGHTEVAL = "lighteval"
EVERY_EVAL_EVER = "Every Eval Ever"

NO_SCORES = "scores are read from it, and one that is damaged or of another kind gives none"
NO_ITEMS = "a score without its items cannot be recounted, nor paired item by item"
"""Why a file of results, and one of samples, has to be whole."""


@dataclass(frozen=True)
class Harness:
    """A harness that scored; ``version``: empty where its files do not say it.

    ``place``: where in its file that stands. ``record``: the format of the file, where another program wrote it than
    the harness itself.
    """

    name: str
    version: str = ""
    place: Place = ()
    record: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What two results must have in common for the same settings to mean the same."""
        return self.name, self.record

    @property
    def shown(self) -> str:
        """The harness as it is named beside a score.

        >>> Harness("Inspect", "0.3.285").shown, Harness("lm_eval", record="Every Eval Ever").shown
        ('Inspect 0.3.285', 'lm_eval, version not recorded (Every Eval Ever)')
        """
        told = f"{self.name} {self.version}" if self.version else f"{self.name}, version not recorded"
        return f"{told} ({self.record})" if self.record else told


@dataclass(frozen=True)
class Table:
    """A task's sample rows in lm_eval's shape, unread files apart: ``place`` is where in ``file`` they stand.

    ``file`` and ``sha256``: of a file of their own; empty where they stand in the result file.
    """

    rows: list[dict[str, Any]] = field(repr=False)
    place: Place = ()
    file: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class Translated:
    """The results in a file, in the shape of lm_eval 0.4.13.

    ``places``: where in the file stands what is elsewhere in that shape. ``prefix``: where in the file it begins.
    ``cautions``: what must be said beside a task's scores. ``unusable``: why a task's samples could not be read.
    """

    harness: Harness
    content: dict[str, Any] = field(repr=False)
    places: Mapping[Place, Place] = field(repr=False)
    tables: Mapping[str, Table] = field(repr=False)
    prefix: Place = ()
    cautions: Mapping[str, str] = field(default_factory=dict)
    unusable: Mapping[str, UserError] = field(default_factory=dict)


def empty_content() -> dict[str, Any]:
    """Returns the results of no task, with every section that is read of lm_eval's."""
    sections = ("results", "configs", "versions", "n-shot", "higher_is_better", "n-samples", "config", "group_subtasks")
    return {section: {} for section in sections}


def key_of(metric: str, name: str = "none") -> str:
    """Returns metric and filter as lm_eval joins them, at the first comma: neither can hold one of its own.

    >>> key_of("extractive_match(a,b)"), key_of("acc", "match")
    ('extractive_match(a;b),none', 'acc,match')
    """
    return f"{metric.replace(',', ';')},{name.replace(',', ';')}"


def stderr_key(key: str) -> str:
    """Returns where the standard error of the score ``key`` stands.

    >>> stderr_key("acc,none")
    'acc_stderr,none'
    """
    metric, _, name = key.partition(",")
    return f"{metric}_stderr,{name}"
