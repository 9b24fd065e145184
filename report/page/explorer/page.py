"""The explorer as a part of the page: its HTML with the packed items, its style, its script, and files beside it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from markupsafe import Markup

from harness_tasks.overlap import GRADES
from harness_tasks.secrets import cleaned
from report.facts.redact import allows_text, redacted
from report.facts.schema.parts import is_known
from report.facts.schema.scores import ScoredTask, TaskFacts
from report.facts.schema.whole import Facts
from report.page.explorer.items import Clean, read_task
from report.page.explorer.pack import pack_task, packed
from report.page.html import in_html
from report.page.template import environment, filled
from report.reading.results import Scores

LARGEST = 8_000_000
"""Bytes of packed items that the page itself may hold; beyond it their texts lie in files beside the page."""

CHUNK_FOLDER = "items"

_TEMPLATES = files("templates")
_LONE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Explorer:
    """The explorer of a page: ``html`` is a `<section id="explorer">`; ``files`` are texts to write beside the page."""

    html: Markup
    style: str
    script: str
    files: dict[str, str]


class Items:
    """The scored items of a page, added task by task, so that the rows of one are freed before the next one's are read.

    ``folder``: the study's. ``redact`` shortens the rows' texts of each task whose licence does not let anybody pass
    them on; a label is no text of anybody's.
    """

    def __init__(self, folder: Path, redact: Callable[[str], str] | None = None) -> None:
        self.folder, self.redact, self.added = folder, redact, 0
        self._index: list[dict[str, Any]] = []
        self._chunks: list[str] = []
        self._shortened = False

    def add(self, task: TaskFacts, read: Mapping[str, Scores] | None = None) -> None:
        """Adds the items of the task that the facts ``task`` tell of.

        ``read``: the scores of models that are read already, with their prompts.

        Raises:
            UserError: a file of samples is damaged.
        """
        short = self.redact if self.redact and not _is_free(task) else None
        found = read_task(self.folder, task, read, text=_shortened(short) if short else _clean, label=_clean)
        self.added += 1
        if found is not None:
            done = pack_task(found)
            self._index.append(done.index)
            self._chunks += done.chunks
            self._shortened = self._shortened or short is not None

    def explorer(self, largest: int = LARGEST) -> Explorer:
        """Returns the explorer of all; items of more than ``largest`` bytes go to its files, loaded as needed."""
        index, chunks = self._index, self._chunks
        head = packed({"tasks": index, "grades": [grade.replace("_", " ") for grade in GRADES]})
        size = len(head) + sum(map(len, chunks))
        beside = {} if size <= largest else {_chunk_name(at): _chunk_script(at, text) for at, text in enumerate(chunks)}
        values = {
            "items": f"{sum(len(task['names']) for task in index):,}",
            "tasks": [task["name"] for task in index],
            "shortened": self._shortened,
            "head": head,
            "chunks": [] if beside else chunks,
            "folder": CHUNK_FOLDER if beside else "",
            "megabytes": f"{sum(map(len, beside.values())) / 1e6:.0f}",
        }
        html = filled(environment(in_html), "explorer.html.j2", values)
        return Explorer(Markup(html), _packaged("explorer.css"), _script(), beside)


def explorer(
    facts: Facts, folder: Path, *, redact: Callable[[str], str] | None = None, largest: int = LARGEST
) -> Explorer:
    """Returns the explorer of every scored item in ``folder``, the study's folder that ``facts`` were computed from.

    Arguments and errors are those of `Items`.
    """
    items = Items(folder, redact)
    for task in facts.tasks:
        items.add(task)
    return items.explorer(largest)


def explorer_of_page(facts: Facts, folder: Path) -> Explorer:
    """Returns the explorer of a page of ``facts``: its texts are cut short where those on the page are."""
    return explorer(facts, folder, redact=redacted if facts.state and facts.state.redacted else None)


def _is_free(task: TaskFacts) -> bool:
    licence = task.text_licence if isinstance(task, ScoredTask) else None
    return is_known(licence) and allows_text({"text_licence": licence.value})


def _shortened(redact: Clean) -> Clean:
    return lambda text: _clean(redact(text))


def _clean(text: str) -> str:
    """Returns ``text`` without this machine's places, access tokens and halves of characters.

    Other signs that turn or hide what stands beside them stay: the page shows them as what they are.
    """
    return cleaned(text if text.isascii() else _LONE.sub("\ufffd", text))


def _chunk_name(at: int) -> str:
    return f"{CHUNK_FOLDER}/chunk-{at + 1:04}.js"


def _chunk_script(at: int, text: str) -> str:
    # A script, because a page from disk may load one, and may not read a file in any other way.
    return f'aftertuneItems({at}, "{text}");\n'


def _script() -> str:
    """Returns the explorer's script: its files in one function, so that no name of theirs meets one of the page's."""
    names = ("explorer_items", "explorer_scores", "explorer_words", "explorer_reader", "explorer")
    parts = (_packaged(f"{name}.js") for name in names)
    return "\n".join(["(() => {", '"use strict";', *parts, "})();"])


def _packaged(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")
