"""Aftertune for Python and notebooks: `diff` and `load`; run as a program, the script `aftertune`.

Importing it takes a moment: what a function needs is loaded when it is called.
"""

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from report.page.loaded import Report
    from workflow.verbs import PANELS, app

__all__ = ["PANELS", "app", "diff", "load"]


def diff(
    base: str,
    *tuned: str,
    tasks: str | Sequence[str],
    output: str | PathLike[str] | None = None,
    limit: int | None = None,
    quick: bool = False,
    allow: Sequence[str] = (),
    training_rows: str | None = None,
    base_revision: str | None = None,
    **settings: Any,
) -> "Report":
    """Returns the report on what changed from a base model to checkpoints of it, as `aftertune diff` makes it.

    ``base`` and ``tuned`` are folders or Hub ids, ``tasks`` names of tasks (a list, or a text with commas). ``output``:
    the folder of the study and its page; None: `build/BASE-and-TUNED`. ``limit``: items of each task at most, by whole
    clusters; ``quick`` chooses it for about five minutes. ``settings`` are further keys of a study, such as `dtype`,
    `device` or `num_fewshot`. What is done is told on stderr.

    Raises:
        UserError: the models are no pair, or an argument cannot be used; nothing was run.
        RuntimeError: a step failed; its log is named on stderr. The same call goes on from there.
    """
    from harness_tasks.loading import parse_tasks
    from workflow.diff import Asked, report_of

    asked = Asked(base, base_revision, tuned, parse_tasks(tasks), limit, quick, allow, training_rows, settings)
    return report_of(asked, output)


def load(place: str | PathLike[str]) -> "Report":
    """Returns the report that was written into a folder; ``place`` may also be a file in it, such as its page.

    Raises:
        UserError: there are no facts, or they were changed since they were written.
    """
    from report.page.loaded import load_report

    return load_report(place)


def __getattr__(name: str) -> Any:
    """Returns the script's parts, which take longer to load than a notebook should wait for its first line."""
    if name in ("PANELS", "app"):
        from workflow import verbs

        return getattr(verbs, name)
    raise AttributeError(f"module 'aftertune' has no attribute {name!r}")


if __name__ == "__main__":
    from workflow.verbs import app as script

    script(prog_name="aftertune")
