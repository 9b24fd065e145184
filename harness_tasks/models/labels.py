"""How a classifier's labels stand to a task's choices: each choice is scored by the label in its place."""

import re
from collections.abc import Sequence
from typing import Literal

from harness_tasks.errors import UserError

CLASSIFIERS = (".score.weight", ".classifier.weight", ".classifier.out_proj.weight")
"""How the names of a classifier's output matrices end."""
Relation = Literal["same", "unnamed", "alike", "permuted", "count", "other"]
"""`same`: in their order, whatever the case. `unnamed`: the labels are numbers (LABEL_0, choice 1), which say nothing.
`alike`: each is short for its choice, or the reverse. `permuted`: the choices in another order. `count`: more or
fewer. `other`: another task's."""


def relation(labels: Sequence[str], choices: Sequence[str]) -> Relation:
    """Returns how a classifier's labels stand to the choices of a task, both in their order.

    >>> relation(["NEG", "POS"], ["negative", "positive"]), relation(["positive", "negative"], ["negative", "positive"])
    ('alike', 'permuted')
    >>> relation(["LABEL_0", "LABEL_1"], ["no", "yes"]), relation(["ham", "spam"], ["negative", "positive"])
    ('unnamed', 'other')
    """
    said, meant = [label.strip().casefold() for label in labels], [choice.strip().casefold() for choice in choices]
    if len(said) != len(meant):
        return "count"
    if said == meant:
        return "same"
    if sorted(said) == sorted(meant):
        return "permuted"
    if all(re.fullmatch(r"(label_|choice |class_?)?\d+", label) for label in said):
        return "unnamed"
    places = [[i for i, choice in enumerate(meant) if _alike(label, choice)] for label in said]
    if any(len(found) != 1 for found in places):
        return "other"
    order = [found[0] for found in places]
    return "alike" if order == sorted(order) else "permuted" if len(set(order)) == len(order) else "other"


def check_labels(labels: Sequence[str], choices: Sequence[str], task: str) -> Relation:
    """Returns `relation`, but raises `UserError` where a score would belong to another choice: `count`, `permuted`."""
    found = relation(labels, choices)
    if found == "count":
        raise UserError(
            f"{task} asks for {len(choices)} choices, and the classifier has {len(labels)} labels",
            "each choice is scored by the label in its place",
            "score the checkpoint on the task that it was trained on, or on one with the same choices",
        )
    if found == "permuted":
        raise UserError(
            f"the classifier's labels are {', '.join(labels)}, and the choices of {task} {', '.join(choices)}",
            "each choice is scored by the label in its place, so every score would belong to another choice",
            "put the checkpoint's `id2label`, and the rows of its head, in the order of the task's choices",
        )
    return found


def _alike(label: str, choice: str) -> bool:
    return bool(label and choice) and (label.startswith(choice) or choice.startswith(label))
