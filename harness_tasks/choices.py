"""The choices of a task's rows: which one is right, and whether all rows have the same."""

from typing import Any


def gold_choice(task: Any, doc: dict[str, Any]) -> int:
    """Returns the index of the choice that the task holds to be right; -1 where its label is hidden or no choice."""
    target = task.doc_to_target(doc)
    if isinstance(target, list):
        target = target[0]
    choices = task.doc_to_choice(doc)
    index = target if isinstance(target, int) else choices.index(target) if target in choices else -1
    return index if 0 <= index < len(choices) else -1


def are_fixed(output_type: str | None, doc_to_choice: Any) -> bool:
    """Returns whether a task chooses among choices that are the same for each item, by two keys of its YAML.

    >>> are_fixed("multiple_choice", ["no", "yes"]), are_fixed("multiple_choice", "{{options}}")
    (True, False)
    """
    return output_type == "multiple_choice" and isinstance(doc_to_choice, list | dict)
