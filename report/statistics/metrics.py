"""The metrics that are known, one entry each: all else that differs from one metric to another is read from here.

A metric that is not here, of somebody else's task, is the mean of its items where these are numbers; whether higher is
better its files must say. A metric's signature is no property of its name: it is what the task recorded.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from report.reading.results import ItemScore
from report.statistics import formulas
from report.statistics.formulas import MEAN, Formula, ListItem

ScoreUnit = Literal["proportion", "points", "coefficient", "number"]


@dataclass(frozen=True)
class Metric:
    """A metric: how it is called, which way is better, how its items are counted, and its names abroad.

    ``formula``: how items that are lists become the score; items that are numbers are averaged, whatever the name.
    ``higher_is_better``: where no file says it; None: unknown. ``is_share``: each item is between 0 and 1, so that the
    mean has a largest standard error. ``scale``: the upper end of a score of lists where no task says it; None: tasks
    differ. ``of_label``, ``of_share`` and ``perfect`` are for trivial baselines and gold answers: see
    `report.facts.ranges`.
    """

    name: str
    label: str
    """How the page calls it."""
    higher_is_better: bool | None = None
    formula: Formula = MEAN
    is_share: bool = False
    scale: float | None = None
    is_unbounded: bool = False
    """It has no upper end, such as a perplexity."""
    text_label: str | None = None
    """How the page calls it where answers are texts; None: alike."""
    needs_gold: bool = False
    """Items without a gold answer do not have it."""
    of_label: Callable[[int, int], ItemScore] | None = None
    """What an item adds when a label is given to it: gold label, given label (0 or 1)."""
    of_share: Callable[[int, float], ItemScore] | None = None
    """What an item adds when each label is given its share as its probability: gold label, share of label 1."""
    perfect: ItemScore | None = None
    """What an item adds that is answered perfectly, where `of_label` does not say it."""
    hub: str | None = None
    """The Hub's name of it, where that differs."""
    every_eval_ever: str | None = None
    """The name that Every Eval Ever's registry has for it where it is from 0 to 1; None: it is named by its harness."""
    every_eval_ever_kind: str | None = None
    elsewhere: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What other harnesses call it, by their names in `report.reading.harnesses`, where it means the same there."""
    scikit_learn: tuple[str, dict[str, Any]] | None = None
    """The function of `sklearn.metrics` that gives it of the gold and the predicted labels, and its settings."""

    @property
    def made_of(self) -> ListItem | None:
        """The lists that its items are, where they are no numbers; None where only numbers can be counted with."""
        return self.formula.made_of

    def unit(self, scale: float | None) -> ScoreUnit:
        """Returns the unit of a score of which ``scale`` is the upper end; None: nobody says it."""
        if self.is_unbounded:
            return "number"
        if self.formula.lowest < 0:
            return "coefficient"
        return "points" if scale == 100 else "proportion" if scale == 1 else "number"

    def perfect_item(self, gold: int) -> ItemScore | None:
        """Returns what an item with the label ``gold`` adds when it is answered perfectly; None where not known."""
        return self.of_label(gold, gold) if self.of_label else self.perfect


def metric_of(name: str) -> Metric:
    """Returns the entry of a metric; one that is not known is a mean, called by its name.

    >>> metric_of("mcc").label, metric_of("film_points").label, metric_of("film_points").higher_is_better
    ('Matthews correlation', 'film points', None)
    >>> metric_of("recall_of_very_good").label
    'recall of very good'
    """
    if name in METRICS:
        return METRICS[name]
    label = name.replace("_", " ")
    formula = next((formula for prefix, formula in OF_CLASSES.items() if name.startswith(prefix)), None)
    return Metric(name, label, True, formula, scale=1.0) if formula else Metric(name, label)


def known_as(harness: str, name: str) -> str:
    """Returns what a metric of another harness is called here: its own name, where nothing here means the same.

    >>> known_as("Inspect", "accuracy"), known_as("lighteval", "em"), known_as("lighteval", "f1")
    ('acc', 'exact_match', 'token_f1')
    """
    return _ELSEWHERE.get((harness, name), name)


def better_of(name: str) -> bool | None:
    """Returns whether higher is better on a metric, in whatever case it is written; None where it is not known."""
    found = _BY_LOWER_CASE.get(name.lower())
    return found.higher_is_better if found else None


@cache  # it is asked for each item
def metrics_of(item: ListItem) -> tuple[str, ...]:
    """Returns the names of the metrics whose items are such lists, in the order of the table."""
    return tuple(found.name for found in METRICS.values() if found.made_of is item)


def _pair(gold: int, given: int) -> ItemScore:
    return (gold, given)


def _of_label_pairs(name: str, label: str, formula: Formula, **more: Any) -> Metric:
    """Returns a metric whose items are [gold label, predicted label]."""
    return Metric(name, label, True, formula, scale=1.0, of_label=_pair, **more)


def _of_answers(name: str, label: str, formula: Formula = MEAN, **more: Any) -> Metric:
    """Returns a metric of written answers, which needs a gold answer to compare with."""
    return Metric(name, label, True, formula, needs_gold=True, **more)


def _of_others(names: str, higher: bool | None, *, is_share: bool = False, is_unbounded: bool = False) -> list[Metric]:
    """Returns metrics of which no more is known, ``names`` with a space between two."""
    return [
        Metric(name, name.replace("_", " "), higher, is_share=is_share, is_unbounded=is_unbounded)
        for name in names.split()
    ]


OF_CLASSES = {"precision_of_": formulas.CLASS_PRECISION, "recall_of_": formulas.CLASS_RECALL}
"""How the metrics of one class begin, whose name follows; their items are [right, counted]."""
_OVERLAP = "text_overlap"

METRICS = {
    found.name: found
    for found in (
        Metric(
            "acc",
            "accuracy",
            True,
            is_share=True,
            of_label=lambda gold, given: float(gold == given),
            hub="accuracy",
            every_eval_ever="accuracy",
            every_eval_ever_kind="accuracy",
            elsewhere={"Inspect": ("accuracy",), "lighteval": ("loglikelihood_acc",), "Every Eval Ever": ("accuracy",)},
        ),
        _of_label_pairs(
            "precision",
            "precision",
            formulas.PRECISION,
            every_eval_ever="precision",
            every_eval_ever_kind="precision",
            scikit_learn=("precision_score", {"zero_division": 0}),
        ),
        _of_label_pairs(
            "recall",
            "recall",
            formulas.RECALL,
            every_eval_ever="recall",
            every_eval_ever_kind="recall",
            scikit_learn=("recall_score", {"zero_division": 0}),
        ),
        _of_label_pairs(
            "f1",
            "F1",
            formulas.F1,
            text_label="token F1",
            every_eval_ever="f1",
            every_eval_ever_kind="f1",
            elsewhere={"lighteval": ("loglikelihood_f1",)},
            scikit_learn=("f1_score", {"zero_division": 0}),
        ),
        _of_label_pairs(
            "mcc",
            "Matthews correlation",
            formulas.MCC,
            hub="matthews_correlation",
            every_eval_ever_kind="correlation",
            scikit_learn=("matthews_corrcoef", {}),
        ),
        _of_label_pairs(
            "macro_f1",
            "macro-F1",
            formulas.MACRO_F1,
            hub="f1",
            every_eval_ever_kind="f1",
            scikit_learn=("f1_score", {"average": "macro"}),
        ),
        Metric(
            "brier",
            "Brier score",
            False,
            of_share=lambda gold, share: (share - gold) ** 2,
            perfect=0.0,
            hub="brier_score",
            every_eval_ever_kind="brier_score",
        ),
        Metric("exact", "exact match", True, is_share=True, hub="exact_match"),
        Metric("HasAns_exact", "answerable exact match", True),
        Metric("HasAns_f1", "answerable token F1", True),
        Metric("NoAns_exact", "unanswerable exact match", True),
        Metric("NoAns_f1", "unanswerable token F1", True),
        _of_answers("meteor", "METEOR (exact, stem, synonym)"),
        _of_answers("meteor_exact_stem", "METEOR (exact, stem)"),
        _of_answers("rouge1", "ROUGE-1", every_eval_ever_kind=_OVERLAP),
        _of_answers("rouge2", "ROUGE-2", every_eval_ever_kind=_OVERLAP),
        _of_answers("rougeL", "ROUGE-L", every_eval_ever_kind=_OVERLAP),
        _of_answers("bleu", "BLEU", formulas.BLEU, every_eval_ever_kind=_OVERLAP),
        Metric(
            "ece",
            "calibration error (ECE)",
            False,
            formulas.ECE,
            scale=1.0,
            perfect=(1.0, 1.0),
            every_eval_ever_kind="calibration_error",
        ),
        # The overlap of words with the gold answer, from 0 to 1 by item: not the `f1` of labels.
        Metric("token_f1", "token F1", True, is_share=True, elsewhere={"Inspect": ("f1",), "lighteval": ("f1",)}),
        Metric(
            "exact_match", "exact match", True, is_share=True, elsewhere={"Inspect": ("exact",), "lighteval": ("em",)}
        ),
        # By lm_eval 0.4.13's register of metrics; by the tasks of lm_eval 0.3; by the cards of `evaluate`'s metrics.
        *_of_others("acc_norm acc_all acc_bytes acc_mutual_info em extractive_match pass@1", True, is_share=True),
        *_of_others("quasi_exact_match", None, is_share=True),
        *_of_others("chrf chrf++ likelihood best_exact best_f1 mc1 mc2 mrr rougelsum accuracy balanced_accuracy", True),
        *_of_others("bertscore pass_at_k squad_f1", True),
        *_of_others("brier_score ter cer wer", False),
        *_of_others("bits_per_byte byte_perplexity perplexity word_perplexity ppl mae mse", False, is_unbounded=True),
    )
}

_ELSEWHERE = {
    (harness, name): found.name
    for found in METRICS.values()
    for harness, names in found.elsewhere.items()
    for name in names
}
_BY_LOWER_CASE = {name.lower(): found for name, found in METRICS.items()}
