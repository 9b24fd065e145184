"""Accuracy, precision, recall, F1 and Matthews' correlation of two-class predictions."""

import datasets
import evaluate

from harness_tasks.metrics import f1, mcc, precision, recall, signatures

_DESCRIPTION = """
Scores of predictions with the labels 0 and 1, of which 1 is positive: accuracy, the positive class's precision, recall
and F1, and Matthews' correlation coefficient. A score whose denominator is 0 is 0.
"""

_CITATION = """\
@article{matthews1975comparison,
  title={Comparison of the predicted and observed secondary structure of {T4} phage lysozyme},
  author={Matthews, Brian W.},
  journal={Biochimica et Biophysica Acta},
  year={1975}
}
"""

_INPUTS = """
Args:
    predictions: a list of labels, 0 or 1
    references: a list of labels, 0 or 1
Returns:
    a dict: `acc`, `precision`, `recall`, `f1` (0 to 1) and `mcc` (-1 to 1)
Example:
    metric = evaluate.load("harness_tasks/metrics/classification")
    metric.compute(predictions=[1, 0], references=[1, 1])
"""


class Classification(evaluate.Metric):
    """Scores of two-class predictions; see `_INPUTS`."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_INPUTS,
            features=datasets.Features({"predictions": datasets.Value("int32"), "references": datasets.Value("int32")}),
            reference_urls=["https://scikit-learn.org/stable/modules/model_evaluation.html"],
        )

    def _compute(self, *, predictions: list[int], references: list[int]) -> dict[str, float]:
        pairs = list(zip(references, predictions, strict=True))
        scores = {"acc": sum(gold == predicted for gold, predicted in pairs) / len(pairs)}
        return scores | {"precision": precision(pairs), "recall": recall(pairs), "f1": f1(pairs), "mcc": mcc(pairs)}

    def signatures(self) -> dict[str, str]:
        """Returns what each score is computed with."""
        found = signatures("classification")
        return {name: found[name] for name in ("acc", "precision", "recall", "f1", "mcc")}
