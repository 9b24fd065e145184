"""Brier score and expected calibration error of the choices' probabilities; 0 to 1, lower is better."""

import datasets
import evaluate

from harness_tasks.errors import UserError
from harness_tasks.metrics import brier, expected_calibration_error, signatures

_DESCRIPTION = """
How far probabilities can be believed. The Brier score is half the squared distance between an item's probabilities and
the truth, its mean over items. The expected calibration error is the mean distance between confidence (the largest
probability) and accuracy in ten bins of equal width, weighted by their items; it is biased upward when items are few.
"""

_CITATION = """\
@inproceedings{guo2017calibration,
  title={On Calibration of Modern Neural Networks},
  author={Guo, Chuan and Pleiss, Geoff and Sun, Yu and Weinberger, Kilian Q.},
  booktitle={Proceedings of ICML},
  year={2017}
}
"""

_INPUTS = """
Args:
    predictions: a list of lists: the probability of each choice, summing to 1
    references: a list of the right choices, counted from 0
Returns:
    a dict: `brier` and `ece`, 0 to 1
Example:
    metric = evaluate.load("harness_tasks/metrics/calibration")
    metric.compute(predictions=[[0.25, 0.75]], references=[1])
"""


class Calibration(evaluate.Metric):
    """Scores of probabilities; see `_INPUTS`."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_INPUTS,
            features=datasets.Features(
                {"predictions": datasets.Sequence(datasets.Value("float64")), "references": datasets.Value("int32")}
            ),
            reference_urls=["https://arxiv.org/abs/1706.04599"],
        )

    def _compute(self, *, predictions: list[list[float]], references: list[int]) -> dict[str, float]:
        for number, chances in enumerate(predictions):
            if min(chances, default=-1.0) < 0 or abs(sum(chances) - 1) > 1e-3:
                raise UserError(
                    f"the prediction {number} is {chances}, which are not probabilities of the choices",
                    "the Brier score and the calibration error are about probabilities",
                    "give numbers from 0 that sum to 1, such as the softmax of the log-likelihoods",
                )
        rows = list(zip(references, predictions, strict=True))
        confidences = [[max(chances), float(chances.index(max(chances)) == gold)] for gold, chances in rows]
        return {
            "brier": sum(brier(gold, chances) for gold, chances in rows) / len(rows),
            "ece": expected_calibration_error(confidences),
        }

    def signatures(self) -> dict[str, str]:
        """Returns what each score is computed with."""
        found = signatures("classification")
        return {"brier": found["brier"], "ece": found["ece"]}
