"""Other people's text: what may be shown of a row where its licence does not allow the whole of it."""

import re
from collections.abc import Mapping
from typing import Any

from harness_tasks.files import sha256_text
from report.facts.schema.parts import Known, is_known
from report.facts.schema.scores import Comparison, Example, Examples, TaskFacts, Unscored
from report.facts.schema.whole import Facts

WORDS = 8
"""Words that are left of a text at most, and no more than half of them: a short text would else stand there whole."""

_LONGEST_CHARACTERS = 80
"""Characters that are left at most, and no more than half of them: some writing has no spaces between its words."""

_REDACTED = re.compile(r"(?:(?P<words>.*) )?… \[sha256 [0-9a-f]{12}\]", re.DOTALL)

LICENCES = {
    "CC0-1.0": "CC0 1.0, https://creativecommons.org/publicdomain/zero/1.0/",
    "CC-BY-3.0": "CC BY 3.0, https://creativecommons.org/licenses/by/3.0/",
    "CC-BY-4.0": "CC BY 4.0, https://creativecommons.org/licenses/by/4.0/",
    "CC-BY-SA-3.0": "CC BY-SA 3.0, https://creativecommons.org/licenses/by-sa/3.0/",
    "CC-BY-SA-4.0": "CC BY-SA 4.0, https://creativecommons.org/licenses/by-sa/4.0/",
    "ODC-By-1.0": "ODC-By 1.0, https://opendatacommons.org/licenses/by/1-0/",
    "PDDL-1.0": "PDDL 1.0, https://opendatacommons.org/licenses/pddl/1-0/",
    "MIT": "the MIT licence",
    "Apache-2.0": "the Apache licence 2.0",
}
"""By SPDX name: the licences under which anybody may pass on the text, and how a page names them."""


def redacted(text: str) -> str:
    """Returns the first words of ``text``, eight or half of them at most, and a hash; what is redacted already stays.

    The hash is the beginning of the SHA-256 of the whole text (UTF-8), so that the row can be found again.

    >>> redacted("an engaging film that knows where it is going from the start")
    'an engaging film that knows … [sha256 d95848c1d02c]'
    >>> redacted("hide it")
    '… [sha256 4ca283cd7b99]'
    """
    known = _REDACTED.fullmatch(text)
    if known and _is_short(known["words"] or ""):
        return text
    digest = sha256_text(text)
    return f"{_first_words(text)} … [sha256 {digest[:12]}]".lstrip()


def allows_text(task_metadata: Mapping[str, Any]) -> bool:
    """Returns whether the licence in a task's ``metadata: text_licence:`` lets anybody pass on its rows' text.

    >>> allows_text({"text_licence": "CC-BY-SA-4.0"}), allows_text({"text_licence": "none"}), allows_text({})
    (True, False, False)
    """
    return _name(task_metadata.get("text_licence")) is not None


def text_notice(task_metadata: Mapping[str, Any]) -> str | None:
    """Returns the line that has to stand beside a row's text: its licence and whom to credit; None where none may be.

    >>> text_notice({"text_licence": "CC-BY-4.0", "text_credit": "Ada"})
    'CC BY 4.0, https://creativecommons.org/licenses/by/4.0/; credit: Ada'
    """
    name = _name(task_metadata.get("text_licence"))
    if name is None:
        return None
    credit = task_metadata.get("text_credit")
    return f"{LICENCES[name]}; credit: {credit}" if credit else LICENCES[name]


def redacted_facts(facts: Facts) -> Facts:
    """Returns the facts with the examples of each task redacted whose licence does not allow their text.

    The same facts otherwise, and the same again when redacted twice. A label is no text of anybody's.
    """
    return facts.model_copy(update={"tasks": [_redacted_task(task) for task in facts.tasks]})


def _redacted_task(task: TaskFacts) -> TaskFacts:
    if isinstance(task, Unscored):
        return task
    licence = task.text_licence
    if is_known(licence) and allows_text({"text_licence": licence.value}):
        return task
    fields = ("input",) if task.kind == "classification" else ("input", "gold", "before", "after")
    return task.model_copy(update={"comparisons": [_redacted_comparison(found, fields) for found in task.comparisons]})


def _redacted_comparison(comparison: Comparison, fields: tuple[str, ...]) -> Comparison:
    if not comparison.examples:
        return comparison
    examples = {kind: [_redacted_example(row, fields) for row in rows] for kind, rows in comparison.examples}
    return comparison.model_copy(update={"examples": Examples(**examples)})


def _redacted_example(row: Example, fields: tuple[str, ...]) -> Example:
    texts: dict[str, Known] = {field: getattr(row, field) for field in fields}
    return row.model_copy(
        update={field: text.model_copy(update={"value": redacted(text.value)}) for field, text in texts.items()}
    )


def _name(stated: Any) -> str | None:
    """Returns the SPDX name in `LICENCES` that ``stated`` is, however its letters are written."""
    return next((name for name in LICENCES if isinstance(stated, str) and stated.strip().lower() == name.lower()), None)


def _first_words(text: str) -> str:
    """Returns the words that are shown: at most eight, 80 characters, and half of the words and of the characters."""
    words = text.split()
    most = min(_LONGEST_CHARACTERS, len("".join(words)) // 2)
    if len(words) == 1:
        return words[0][:most] if len(words[0]) > 2 * WORDS else ""
    shown = ""
    for word in words[: min(WORDS, len(words) // 2)]:
        longer = f"{shown} {word}".strip()
        if len(longer.replace(" ", "")) > most:
            break
        shown = longer
    return shown


def _is_short(words: str) -> bool:
    """Returns whether no more stands there than a redacted text shows."""
    return len(words.split()) <= WORDS and len(words) <= _LONGEST_CHARACTERS
