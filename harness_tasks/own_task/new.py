"""`aftertune task new`: from what the user names to a written folder."""

from dataclasses import replace

from harness_tasks.errors import UserError
from harness_tasks.own_task import classification
from harness_tasks.own_task.making import Made, Wanted, check_wanted, write_folder
from harness_tasks.own_task.reading import SPLIT, read_table


def new_task(data: str, wanted: Wanted, *, text: str | None, label: str | None) -> Made:
    """Returns the task that was written into the folder of ``wanted``, whole or not at all.

    ``text`` and ``label``: the columns of what is asked and of what is right, None where one is not named.

    Raises:
        UserError: what is named makes no task (`check_wanted`, `read_table`, `classification.make`).
    """
    if text is None or label is None:
        given = ", ".join(name for name, column in (("--input", text), ("--label", label)) if column is not None)
        raise UserError(
            f"the columns {given}" if given else "no column is named",
            "they say what is asked and what is right",
            "name --input and --label for a classification",
        )
    check_wanted(wanted)
    named = (text, label, wanted.cluster, wanted.split)
    table = read_table(data, [column for column in named if column is not None])
    if wanted.split is None and SPLIT in table.columns:
        wanted = replace(wanted, split=SPLIT)
    made = classification.make(wanted, table, text=text, label=label)
    write_folder(wanted.folder, made.files)
    return made
