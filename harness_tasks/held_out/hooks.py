"""Paragraphs whose likelihood is measured: passages shipped with the project, or those of a user's text file."""

import os
import re
from pathlib import Path
from typing import Any

from harness_tasks import TASKS_PATH, data
from harness_tasks.errors import UserError
from harness_tasks.reading import Kind, read_text
from harness_tasks.squad.hooks import from_json

TEXT_FILE = Kind(
    "the file of held-out text",
    "the likelihood of its paragraphs is measured",
    'name a UTF-8 text file, its paragraphs parted by blank lines: --metadata \'{"text_file": "FILE"}\'',
    limit_mib=64,
)


def load_passages(**metadata: Any) -> data.Splits:
    """Returns ``test``: the passages of `passages_demo`'s scored questions, none of which has a training row."""

    def make() -> dict[str, list[data.Row]]:
        rows = from_json((TASKS_PATH / "passages_demo" / "test.json").read_text(encoding="utf-8"))
        return {"test": [{"text": text} for text in dict.fromkeys(row["context"] for row in rows)]}

    origin = data.Origin("shipped", "passages_demo")
    return data.deliver(metadata, origin, make, key="passages_text", kind=None, proofs={"test": "shipped"})


def load_file(**metadata: Any) -> data.Splits:
    """Returns ``test``: the paragraphs of the file that the metadata names as ``text_file``.

    A variable in its name is expanded, as in ``data_dir``. Paragraphs are parted by blank lines; of those that are the
    same the first is kept.

    Raises:
        UserError: no file is named, it cannot be read, or it holds no text.
    """
    named = metadata.get("text_file")
    if not isinstance(named, str) or not named:
        raise UserError("the task text_file was given no file", TEXT_FILE.why, TEXT_FILE.mend)
    path = Path(os.path.expandvars(named)).expanduser()
    paragraphs = paragraphs_of(read_text(path, TEXT_FILE))
    if not paragraphs:
        raise UserError(f"{path} holds no text", TEXT_FILE.why, TEXT_FILE.mend)
    return data.deliver(
        metadata,
        data.Origin("folder", path.name),
        lambda: {"test": [{"text": text} for text in paragraphs]},
        key=("text_file", tuple(paragraphs)),
        kind=None,
        proofs={"test": "other"},
    )


def paragraphs_of(text: str) -> list[str]:
    r"""Returns the distinct paragraphs of a text, in order.

    >>> paragraphs_of("One,\nand more.\n\n  \nTwo.\r\n\r\nOne,\nand more.\n")
    ['One,\nand more.', 'Two.']
    """
    parts = (part.strip() for part in re.split(r"\n[^\S\n]*\n", text.replace("\r\n", "\n").replace("\r", "\n")))
    return list(dict.fromkeys(part for part in parts if part))
