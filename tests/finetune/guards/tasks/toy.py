"""The hook of the toy tasks: twelve rows to train on, four to choose on, six to score, or those of a JSON file."""

import json
from pathlib import Path
from typing import Any

from datasets import Dataset

WORDS = [
    "amber",
    "birch",
    "cedar",
    "dusk",
    "ember",
    "fern",
    "grove",
    "heath",
    "ivory",
    "jade",
    "kelp",
    "lilac",
    "maple",
]
WORDS += ["north", "olive", "plum", "quartz", "reed", "slate", "thorn", "umber", "vale"]


def rows() -> dict[str, list[dict[str, Any]]]:
    """Returns the splits of `toy_choice`; no two rows share a word, a film or a text."""
    made = [{"sentence": f"the {word} film of {word} and {word}", "label": i % 2} for i, word in enumerate(WORDS)]
    named = [{**row, "film": f"film {i}"} for i, row in enumerate(made)]
    return {"train": named[:12], "validation": named[12:16], "test": named[16:]}


def questions() -> dict[str, list[dict[str, Any]]]:
    """Returns the splits of `toy_answer`, in SQuAD's fields; every third question has no answer."""

    def question(i: int, word: str) -> dict[str, Any]:
        context = f"In the year {i} the town of {word} had a mill."
        answers = (
            {"text": [], "answer_start": []} if i % 3 == 2 else {"text": [word], "answer_start": [context.index(word)]}
        )
        return {"context": context, "question": f"Which town had a mill in {i}?", "answers": answers}

    made = [question(i, word) for i, word in enumerate(WORDS)]
    return {"train": made[:12], "validation": made[12:16], "test": made[16:]}


def load(**metadata: Any) -> dict[str, Dataset]:
    """Returns the splits of `toy_choice`."""
    return _splits(json.loads(Path(metadata["rows"]).read_text()) if metadata.get("rows") else rows())


def load_questions(**metadata: Any) -> dict[str, Dataset]:
    """Returns the splits of `toy_answer`."""
    return _splits(questions())


def target(doc: dict[str, Any]) -> str:
    """Returns the answer, or the word for none."""
    return doc["answers"]["text"][0] if doc["answers"]["text"] else "unanswerable"


def _splits(found: dict[str, list[dict[str, Any]]]) -> dict[str, Dataset]:
    return {split: Dataset.from_list(split_rows) for split, split_rows in found.items()}
