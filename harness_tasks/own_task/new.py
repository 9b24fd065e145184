"""`aftertune task new`: from what the user names to a written folder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from harness_tasks.errors import UserError
from harness_tasks.own_task import classification, completions, questions
from harness_tasks.own_task.making import Made, Wanted, check_wanted, write_folder
from harness_tasks.own_task.reading import SPLIT, read_table


@dataclass(frozen=True)
class _Kind:
    """A kind of task: the options that name its columns, of which ``lists`` may hold lists, and what makes it."""

    columns: tuple[str, ...]
    lists: tuple[str, ...]
    what: str
    make: Callable[..., Made]


KINDS = (
    _Kind(("input", "label"), (), "a classification", classification.make),
    _Kind(("question", "context", "answers"), ("answers",), "questions on texts", questions.make),
    _Kind(("prompt", "completion"), ("completion",), "texts to write", completions.make),
)


def new_task(data: str, wanted: Wanted, columns: Mapping[str, str | None]) -> Made:
    """Returns the task that was written into the folder of ``wanted``, whole or not at all.

    ``columns``: by option of a kind the column that the user names, None where none is named.

    Raises:
        UserError: what is named makes no task (`check_wanted`, `read_table`, and what makes the kind).
    """
    named = {option: column for option, column in columns.items() if column is not None}
    kind = next((kind for kind in KINDS if set(kind.columns) == set(named)), None)
    if kind is None:
        given = ", ".join(f"--{option}" for option in named)
        ways = [f"{' and '.join(f'--{option}' for option in kind.columns)} for {kind.what}" for kind in KINDS]
        raise UserError(
            f"the columns {given}" if given else "no column is named",
            "they say what is asked and what is right",
            f"name {', '.join(ways[:-1])}, or {ways[-1]}",
        )
    if wanted.positive is not None and "label" not in named:
        raise UserError(
            f"--positive {wanted.positive} with {kind.what}",
            "it says which of two labels is the positive one",
            "leave it out, or name --input and --label",
        )
    check_wanted(wanted)
    others = [column for column in (wanted.cluster, wanted.split) if column is not None]
    texts = [named[option] for option in kind.columns if option not in kind.lists]
    table = read_table(data, [*texts, *others], lists=[named[option] for option in kind.lists])
    if wanted.split is None and SPLIT in table.columns:
        wanted = replace(wanted, split=SPLIT)
    made = kind.make(wanted, table, *(named[option] for option in kind.columns))
    write_folder(wanted.folder, made.files)
    return made
