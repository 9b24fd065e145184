"""The confusion matrix of a task with more than two labels."""

from collections import Counter

from report.facts.choices import choice_items
from report.facts.measured import Measured
from report.facts.schema.label_matrix import LabelMatrix
from report.facts.values import fact

MOST_LABELS = 20
"""Of more labels no reader takes in a matrix."""


def label_matrix(measured: Measured) -> LabelMatrix | None:
    """Returns how many items of each gold label got which label; None unless the task has 3 to 20, all of them named.

    The label that an item got is that of a metric made of (gold, predicted) pairs, else the likeliest choice.
    """
    names = measured.label_names
    pairs = measured.label_pairs or [(item.gold, item.chosen) for item in choice_items(measured) or ()]
    places = range(len(names))
    if (
        not 3 <= len(names) <= MOST_LABELS
        or not pairs
        or not {label for pair in pairs for label in pair} <= set(places)
    ):
        return None
    counts, source = Counter(pairs), measured.scores.samples.source()
    named = measured.scores.results.source("configs", measured.scores.task)
    return LabelMatrix(
        labels=[fact(name, "text", named) for name in names],
        counts=fact([[counts[gold, said] for said in places] for gold in places], "curve", source, n=len(pairs)),
    )
