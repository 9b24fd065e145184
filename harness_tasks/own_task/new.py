"""`aftertune task new`: from what the user names to a written folder."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from harness_tasks.errors import UserError
from harness_tasks.own_task import classification
from harness_tasks.own_task.making import Made, Wanted, check_wanted, write_folder
from harness_tasks.own_task.reading import SPLIT, Table, read_table


@dataclass(frozen=True)
class Columns:
    """The columns that the user names, each None where it is not named."""

    input: str | None = None
    label: str | None = None


KINDS: Mapping[tuple[str, ...], str] = {("input", "label"): "a classification"}
"""The kinds of task, by the columns that each takes."""


def new_task(
    name: str,
    data: str,
    columns: Columns,
    *,
    folder: Path,
    cluster: str | None = None,
    test_share: float = 0.2,
    split: str | None = None,
    seed: int = 1,
    model: str | None = None,
) -> Made:
    """Returns the task that was written into ``folder``, whole or not at all.

    Raises:
        UserError: what is named makes no task (`check_wanted`, `read_table`, `classification.make`), or the columns are
            those of no kind of task.
    """
    kind = _kind(columns)
    check_wanted(Wanted(name, folder, test_share=test_share))
    named = [*asdict(columns).values(), cluster, split]
    table = read_table(data, [column for column in named if column is not None])
    if split is None and SPLIT in table.columns:
        split = SPLIT
    wanted = Wanted(name, folder, cluster, split, test_share, seed, model)
    made = _make(wanted, kind, columns, table)
    write_folder(folder, made.files)
    return made


def _make(wanted: Wanted, kind: tuple[str, ...], columns: Columns, table: Table) -> Made:
    return classification.make(wanted, table, text=str(columns.input), label=str(columns.label))


def _kind(columns: Columns) -> tuple[str, ...]:
    given = tuple(name for name, column in asdict(columns).items() if column is not None)
    if given in KINDS:
        return given
    ways = "; or ".join(f"{' and '.join(f'--{name}' for name in names)} for {what}" for names, what in KINDS.items())
    raise UserError(
        f"the columns {', '.join(f'--{name}' for name in given)}" if given else "no column is named",
        "they say what is asked and what is right",
        f"name {ways}",
    )
