"""The texts by which an item of one harness is known to be that of another: its prompt, and each text of its document.

A harness may ask a row's text as it is, in a prompt, or keep it beside the prompt. So every text of an item is noted,
in columns of one name each, and two runs have the same items where a column of the one holds the texts of a column of
the other. A text of one word (a label, a number) says nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Any

FEWEST_WORDS = 2

ItemTexts = Mapping[str, Mapping[str, int]]
"""By column, by an item's `doc_hash`, the hash of its text there: Python's own, of this process alone."""


def item_texts(rows: Iterable[Mapping[str, Any]]) -> ItemTexts:
    """Returns the texts of the items in sample rows as lm_eval writes them, spaces and line breaks squeezed."""
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        doc = row.get("doc")
        texts = {f"doc.{key}": value for key, value in doc.items()} if isinstance(doc, dict) else {}
        texts["prompt"] = first_prompt(row.get("arguments"))
        for column, value in texts.items():
            words = value.split() if isinstance(value, str) else ()
            if len(words) >= FEWEST_WORDS:
                found.setdefault(column, {})[row["doc_hash"]] = hash(" ".join(words))
    return found


def first_prompt(arguments: Any) -> str | None:
    """Returns the text of an item's first request: a list of lists, since lm_eval 0.4.3 a mapping of mappings."""
    for _ in range(2):
        if isinstance(arguments, dict):
            arguments = next(iter(arguments.values()), None)
        elif isinstance(arguments, list):
            arguments = arguments[0] if arguments else None
    return arguments if isinstance(arguments, str) else None


def same_items(one: ItemTexts, other: ItemTexts) -> dict[str, str]:
    """Returns, by the `doc_hash` of each item of ``other`` that ``one`` has too, what it is called there.

    Of all pairs of columns that with the most texts in common decides. A text that a column holds twice names no item.

    >>> same_items({"doc.q": {"a": 1, "b": 2}}, {"prompt": {"x": 7, "y": 7}, "doc.text": {"x": 2, "y": 1}})
    {'x': 'b', 'y': 'a'}
    """
    best: dict[str, str] = {}
    mine = [_by_text(column) for column in one.values()]
    for column in other.values():
        theirs = _by_text(column)
        for known in mine:
            shared = theirs.keys() & known.keys()
            if len(shared) > len(best):
                best = {theirs[text]: known[text] for text in theirs if text in shared}
    return best


def _by_text(column: Mapping[str, int]) -> dict[int, str]:
    """Returns the items of a column by their text, without those that share theirs with another."""
    found: dict[int, str] = {}
    twice = set()
    for item, text in column.items():
        if text in found:
            twice.add(text)
        found[text] = item
    return {text: item for text, item in found.items() if text not in twice}
