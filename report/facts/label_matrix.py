"""The confusion matrix of a task with more than two labels, with precision and recall of each label."""

from collections import Counter
from collections.abc import Mapping, Sequence

from report.facts.choices import choice_items
from report.facts.measured import Measured, interval_fact
from report.facts.schema.label_matrix import LabelClass, LabelMatrix, LabelScore
from report.facts.schema.parts import Fact, Known
from report.facts.values import fact, missing
from report.statistics import intervals
from report.statistics.metrics import metric_of
from report.statistics.sums import sample_of

MOST_LABELS = 20
"""Of more labels no reader takes in a matrix."""
_OVERALL = ("macro_f1", "mcc")
Pairs = Sequence[tuple[int, int]]
"""Of each item the places of its gold and its predicted label."""


def label_matrix(measured: Measured) -> LabelMatrix | None:
    """Returns how many items of each gold label got which label; None unless the task has 3 to 20, all of them named.

    The label that an item got is that of a metric made of (gold, predicted) pairs, else the likeliest choice. What no
    file names is called by its choice, where all items have the same choices.
    """
    names, pairs, clusters = _labelled(measured)
    places = range(len(names))
    if (
        not 3 <= len(names) <= MOST_LABELS
        or not pairs
        or not {label for pair in pairs for label in pair} <= set(places)
    ):
        return None
    counts, source = Counter(pairs), measured.scores.samples.source()
    named = measured.scores.results.source("configs", measured.scores.task)
    labels = [fact(name, "text", named) for name in names]
    return LabelMatrix(
        labels=labels,
        counts=fact([[counts[gold, said] for said in places] for gold in places], "curve", source, n=len(pairs)),
        classes=[_class(label, at, pairs, clusters, source) for at, label in enumerate(labels)],
        overall=[
            LabelScore(
                label=fact(metric_of(name).label, "text", source),
                score=interval_fact(
                    intervals.level(sample_of(name, pairs, clusters)), metric_of(name).unit(1.0), source
                ),
            )
            for name in _OVERALL
        ],
    )


def _labelled(measured: Measured) -> tuple[list[str], Pairs, Sequence[str] | None]:
    """Returns the names of the labels, and of each item its gold and its predicted one, and its cluster."""
    if measured.label_metric and (known := measured.items(measured.label_metric)):
        return measured.label_names, measured.label_pairs, known.clusters  # type: ignore[return-value]
    items = choice_items(measured) or []
    texts = {tuple(item.texts) for item in items}
    shared = [text.strip() for text in next(iter(texts))] if len(texts) == 1 else []
    pairs = [(item.gold, item.chosen) for item in items]
    return measured.label_names or shared, pairs, measured.scores.clusters(measured.scores.rows)


def _class(
    label: Known, at: int, pairs: Pairs, clusters: Sequence[str] | None, source: Mapping[str, str]
) -> LabelClass:
    """Returns how well the label ``at`` a place was predicted; a ratio of no items is missing, and not 0."""
    gold, said = ([int(pair[side] == at) for pair in pairs] for side in (0, 1))
    right = [one & other for one, other in zip(gold, said, strict=True)]

    def ratio(name: str, counted: Sequence[int], absent: str) -> Fact:
        if not any(counted):
            return missing(absent)
        sample = sample_of(f"{name}_of_label", list(zip(right, counted, strict=True)), clusters)
        return interval_fact(intervals.level(sample), "share", source)

    return LabelClass(
        label=label,
        gold=fact(sum(gold), "count", source, n=len(pairs)),
        gold_share=fact(sum(gold) / len(pairs), "share", source, n=len(pairs)),
        predicted=fact(sum(said), "count", source, n=len(pairs)),
        correct=fact(sum(right), "count", source, n=len(pairs)),
        precision=ratio("precision", said, "it was predicted of no item"),
        recall=ratio("recall", gold, "it is the gold label of no item"),
    )
