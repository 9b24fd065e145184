"""A task's folder: what is asked for, and the files that it is made of, written whole or not at all."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness_tasks import TASKS_PATH, shipped_tasks
from harness_tasks.errors import UserError
from harness_tasks.files import sha256_text, write_text
from harness_tasks.loading import task_manager
from harness_tasks.messages import counted, reason_of
from harness_tasks.own_task.reading import Table
from harness_tasks.own_task.splitting import SIDES, Item, Side, split_by_column, split_by_share
from harness_tasks.own_task.tokens import longest_note

HOOKS = Path(__file__).resolve().parent / "hooks"
LONG_WORDS = 1000
"""A row of more words is very long: it takes more tokens than many models read at once."""


@dataclass(frozen=True)
class Wanted:
    """What the user asks for: the task's name and folder, and how its rows are split."""

    name: str
    folder: Path
    cluster: str | None = None
    split: str | None = None
    test_share: float = 0.2
    seed: int = 1
    model: str | None = None
    positive: str | None = None


@dataclass(frozen=True)
class Made:
    """A task that is ready to be written: its files by name, and what was found of its rows, a line each."""

    files: dict[str, str]
    notes: list[str]


def check_wanted(wanted: Wanted) -> None:
    """Raises UserError for a name that no task has or that is taken, a folder with files, or a share that is none."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,59}", wanted.name) or yaml.safe_load(wanted.name) != wanted.name:
        raise UserError(
            f"the task's name {wanted.name!r}",
            "it becomes a folder, a key of YAML, and a word of lm_eval's --tasks, where other signs have a meaning",
            "write a letter, then letters, digits, _ and -, at most 60, and no word that YAML reads as true or null",
        )
    if not 0 < wanted.test_share < 1:
        raise UserError(
            f"--test-share {wanted.test_share:g}",
            "it is the share of the rows that is scored; the others are trained on",
            "give a number between 0 and 1, such as 0.2",
        )
    folder = wanted.folder
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise UserError(
            f"{folder} is there already, and is not an empty folder",
            "a task is written whole, and what is in it is not overwritten",
            "name another folder with --output, or remove it",
        )
    if wanted.name in {*task_manager(TASKS_PATH).all_tasks, *shipped_tasks.names()}:
        raise UserError(
            f"there is a task {wanted.name!r} already, lm_eval's or ours",
            "lm_eval would take one of the two, with a warning at most",
            f"give another name, such as my_{wanted.name}",
        )


def split(wanted: Wanted, items: Sequence[Item]) -> tuple[dict[Side, list[Item]], dict[str, int]]:
    """Returns both sides, as the user asks for them, and how many rows were left out, by the reason."""
    if wanted.split:
        return split_by_column(items, wanted.split)
    return split_by_share(items, wanted.test_share, wanted.seed), {}


def made_from(wanted: Wanted, table: Table) -> dict[str, Any]:
    """Returns what the YAML file records of where the rows came from, and how they were split."""
    by = {"split": wanted.split} if wanted.split else {"test_share": wanted.test_share, "seed": wanted.seed}
    found = {"name": table.origin, "sha256": table.sha256, "revision": table.revision, "rows": len(table.rows)}
    return {**{key: value for key, value in found.items() if value is not None}, **by}


def row_files(rows: Mapping[Side, Sequence[Mapping[str, Any]]]) -> dict[str, str]:
    """Returns the files of both sides' rows, as JSON lines."""
    return {f"{s}.jsonl": "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows[s]) for s in SIDES}


def hook_files(own: str) -> dict[str, str]:
    """Returns the copies of the hooks that a task's folder holds: for its rows, and ``own`` for its scores."""
    hooks = {"rows.py": "rows.py", "utils.py": own}
    return {name: (HOOKS / hook).read_text(encoding="utf-8") for name, hook in hooks.items()}


def metadata(
    wanted: Wanted, table: Table, files: Mapping[str, str], own: Mapping[str, Any], signature: Mapping[str, str]
) -> dict[str, Any]:
    """Returns what the YAML file says for reports: ``own`` of its kind, and what every task says of its rows."""
    return {
        "version": 1.0,
        **own,
        "text_licence": "none",
        "made_from": made_from(wanted, table),
        "sha256": {side: sha256_text(files[f"{side}.jsonl"]) for side in SIDES},
        "data": {},
        "signature": dict(signature),
    }


HEAD = """# Made by `aftertune task new`; README.md tells of what.
task: {}
output_type: {}
custom_dataset: !function rows.load
training_split: train
fewshot_split: train
test_split: test
"""
"""How each YAML file begins."""

LICENCE = """## Licence

Not stated: nothing is known of the rights in these rows. So a page shows the first words of a row and a hash
(`text_licence: none` in the YAML file; write an SPDX name there where the licence allows more).
"""


def metric_lines(metrics: Mapping[str, tuple[str, bool]]) -> str:
    """Returns the YAML of a metric list: by name the aggregation, and whether higher is better."""
    return "metric_list:\n" + "".join(
        f"  - metric: {name}\n    aggregation: {aggregation}\n    higher_is_better: {str(higher).lower()}\n"
        for name, (aggregation, higher) in metrics.items()
    )


def yaml_text(values: Mapping[str, Any]) -> str:
    """Returns values as YAML, in their order; a text of the user's is quoted where YAML would read it otherwise."""
    return yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True, width=110)


def literal(text: str) -> str:
    """Returns what Jinja renders as ``text``, whatever signs are in it.

    >>> literal("good or bad"), literal("a {{ b }}")
    ('good or bad', '{{ "a {{ b }}" }}')
    """
    if "{" not in text:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'{{{{ "{escaped}" }}}}'


def code(text: str, longest: int = 60) -> str:
    """Returns ``text`` as Markdown shows it as it is, on one line, in a table too.

    >>> code("a | b")
    '`a \\\\| b`'
    """
    line = " ".join(text.split())
    line = (line if len(line) <= longest else line[: longest - 1] + "…").replace("|", "\\|")
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    space = " " if "`" in line else ""
    return f"{fence}{space}{line}{space}{fence}"


def row_notes(
    table: Table, left_out: Mapping[str, int], sides: Mapping[Side, Sequence[Item]], model: str | None
) -> list[str]:
    """Returns what is said of the rows of any task: what was assumed, left out and kept, clusters, very long ones."""
    notes = [f"{table.origin}: {counted(len(table.rows), 'rows')}", *table.notes]
    notes += [f"left out: {counted(count, what)}" for what, count in left_out.items() if count]
    for side, words in zip(SIDES, ("to train on", "to score"), strict=True):
        clusters = {item.cluster for item in sides[side]}
        notes.append(f"{words}: {counted(len(sides[side]), 'rows')} of {counted(len(clusters), 'clusters')}")
    texts = [item.text for items in sides.values() for item in items]
    lengths = [len(text.split()) for text in texts]
    long = sum(length > LONG_WORDS for length in lengths)
    notes.append(
        f"longest row: {counted(max(lengths), 'words')}"
        + (f"; of more than {LONG_WORDS:,}, which many models cannot read whole: {long:,}" if long else "")
    )
    return notes if model is None else [*notes, longest_note(texts, model)]


def write_folder(folder: Path, files: Mapping[str, str]) -> None:
    """Writes the files into a new folder, whole or not at all; raises UserError where none can be made there."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        try:
            for name, text in files.items():
                write_text(temporary / name, text)
            temporary.chmod(0o755)
            os.replace(temporary, folder)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
    except (OSError, UnicodeEncodeError) as error:  # the second: half a surrogate, which JSON may name
        raise UserError(
            f"{folder} cannot be written ({reason_of(error)})",
            "the task's files go there",
            "name another folder with --output",
        ) from None


def run_lines(wanted: Wanted) -> str:
    """Returns the part of a README that says how the task is run."""
    name = wanted.name
    return f"""## To run it

```sh
lm_eval run --model hf --model_args pretrained=MODEL --include_path {name} --tasks {name}
aftertune train --model MODEL --task {name} --include-path {name} --output DIR
aftertune score --model hf-shared --model_args pretrained=MODEL --include_path {name} --tasks {name}
```

`{name}` is this folder. A study takes it with `include_path:` beside `tasks:`.
"""


def note_list(notes: Sequence[str]) -> str:
    """Returns what was found of the rows as a Markdown list, each line as it is."""
    return "\n".join(f"- {code(note, 200)}" for note in notes)
